"""What every storage backend must do. A test class inherits this and gives the fixtures `storage` and `damage`."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.storage.base import Storage
from studio.errors import NotStored, StorageError
from studio.keys import digest_bytes, digest_of

Damage = Callable[[str, bytes], None]
"""Overwrites the stored bytes of a blob behind the storage's back."""


class StorageContract:
    def test_blob_comes_back_under_its_own_hash(self, storage: Storage) -> None:
        data = bytes(range(256)) * 50
        digest = storage.put_blob(data, media_type="image/webp")
        assert digest == digest_bytes(data)
        assert storage.has_blob(digest)
        assert storage.get_blob(digest) == data
        assert storage.put_blob(data) == digest

    def test_empty_blob(self, storage: Storage) -> None:
        assert storage.get_blob(storage.put_blob(b"")) == b""

    def test_missing(self, storage: Storage) -> None:
        absent = digest_of("absent")
        assert not storage.has_blob(absent)
        with pytest.raises(NotStored):
            storage.get_blob(absent)
        assert storage.get_action(absent) is None
        storage.drop_action(absent)

    def test_action_keeps_the_first_value_until_it_is_dropped(self, storage: Storage) -> None:
        key = digest_of("first value")
        storage.drop_action(key)
        assert storage.put_action(key, b"first")
        assert not storage.put_action(key, b"second")
        assert storage.get_action(key) == b"first"
        storage.drop_action(key)
        assert storage.get_action(key) is None
        assert storage.put_action(key, b"third")
        assert storage.get_action(key) == b"third"

    def test_eight_racing_threads_leave_one_winner(self, storage: Storage) -> None:
        for attempt in range(2):
            key = digest_of(["race", attempt])
            storage.drop_action(key)
            together = threading.Barrier(8)

            def write(n: int, key: str = key, together: threading.Barrier = together) -> bool:
                together.wait()
                return storage.put_action(key, f"writer {n}".encode() * 1000)

            with ThreadPoolExecutor(8) as pool:
                won = list(pool.map(write, range(8)))
            assert won.count(True) == 1
            assert storage.get_action(key) == f"writer {won.index(True)}".encode() * 1000

    def test_racing_writers_of_one_blob_all_succeed(self, storage: Storage) -> None:
        data = b"the same picture" * 4096
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: storage.put_blob(data), range(16))) == {digest_bytes(data)}
        assert storage.get_blob(digest_bytes(data)) == data

    @pytest.mark.parametrize("broken", [b"", b"cut sho", b"Damaged picture"], ids=["empty", "truncated", "same length"])
    def test_damaged_blob_is_noticed_and_healed(self, storage: Storage, damage: Damage, broken: bytes) -> None:
        data = b"perfect picture"
        digest = storage.put_blob(data)
        damage(digest, broken)
        with pytest.raises(StorageError) as caught:
            storage.get_blob(digest)
        assert not isinstance(caught.value, NotStored)
        storage.put_blob(data)
        assert storage.get_blob(digest) == data

    def test_another_process_opens_the_same_store(self, storage: Storage) -> None:
        digest = storage.put_blob(b"seen by both")
        other = pickle.loads(pickle.dumps(storage))
        assert other.uri == storage.uri
        assert other.get_blob(digest) == b"seen by both"

    @pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", "ab/cd", ".hidden", "a" * 300, "nul\0nul", "line\nline"])
    def test_keys_that_could_leave_the_store_are_refused(self, storage: Storage, key: str) -> None:
        for use in (storage.get_blob, storage.has_blob, storage.get_action, storage.drop_action):
            with pytest.raises(StorageError):
                use(key)
        with pytest.raises(StorageError):
            storage.put_action(key, b"x")
