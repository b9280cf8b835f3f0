"""Both storage backends against one contract: a folder, and moto's S3 server on loopback."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from connectors.buckets import Buckets
from connectors.destinations.folder import FolderDestination
from connectors.names import safe_name
from connectors.s3_client import s3_client
from connectors.storage.base import Storage
from connectors.storage.folder import FolderStorage
from connectors.storage.registry import open_storage
from studio.errors import FetchFailed, InputError, SettingsError, StorageError, StorageUnavailable
from studio.keys import digest_bytes, digest_of
from tests.storage_contract import Damage, StorageContract


def blob(root: Path, digest: str) -> Path:
    return root / "blobs" / digest[:2] / digest


class TestFolder(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return open_storage(str(tmp_path / "store"))

    @pytest.fixture
    def damage(self, tmp_path: Path) -> Damage:
        def overwrite(digest: str, data: bytes) -> None:
            blob(tmp_path / "store", digest).write_bytes(data)

        return overwrite

    def test_no_half_written_files_are_left(self, storage: Storage, tmp_path: Path) -> None:
        digest = storage.put_blob(b"one")
        storage.put_blob(b"one")
        storage.put_action(digest, b"two")
        storage.put_action(digest, b"three")
        files = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
        assert files == [digest, digest]

    def test_file_uri_and_fsync(self, tmp_path: Path) -> None:
        folder = tmp_path / "with space"
        digest = open_storage(f"file://{tmp_path}/with%20space").put_blob(b"x")
        assert FolderStorage(folder, fsync=True).get_blob(digest) == b"x"
        assert FolderStorage(folder, fsync=True).put_action(digest, b"y")

    def test_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a folder")
        with pytest.raises(StorageError):
            open_storage(str(tmp_path / "file")).put_blob(b"x")

    def test_a_full_disk_passes(self, tmp_path: Path) -> None:
        """The limit on the size of files stands for the disk: both are the kernel's refusal of one more byte."""
        code = (
            "import resource, signal, sys\n"
            "from connectors.storage.registry import open_storage\n"
            "from studio.errors import StorageUnavailable\n"
            "store = open_storage(sys.argv[1])\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 4000))\n"
            "try:\n    store.put_blob(bytes(5000))\nexcept StorageUnavailable as error:\n    assert error.retryable\n"
            "else:\n    sys.exit('written')\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
            "print(store.put_blob(bytes(3000)))\n"
        )
        folder = tmp_path / "store"
        run = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
        assert open_storage(str(folder)).get_blob(run.stdout.strip()) == bytes(3000)
        assert [path.name for path in folder.rglob(".part-*")] == []


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def client(s3_server: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        made = s3_client(s3_server)
        made.create_bucket(Bucket="photos")
    return made


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("credentials")
class TestS3(StorageContract):
    @pytest.fixture
    def storage(self, s3_server: str, client: Any) -> Storage:
        return open_storage("s3://photos/nightly", endpoint_url=s3_server)

    @pytest.fixture
    def damage(self, client: Any) -> Damage:
        def overwrite(digest: str, data: bytes) -> None:
            client.put_object(Bucket="photos", Key=f"nightly/blobs/{digest[:2]}/{digest}", Body=data)

        return overwrite

    def test_objects_are_served_with_their_type(self, storage: Storage, client: Any) -> None:
        digest = storage.put_blob(b"picture", media_type="image/webp")
        head = client.head_object(Bucket="photos", Key=f"nightly/blobs/{digest[:2]}/{digest}")
        assert head["ContentType"] == "image/webp"
        assert "immutable" in head["CacheControl"]

    def test_a_bucket_that_is_not_there(self, s3_server: str) -> None:
        with pytest.raises(StorageError) as caught:
            open_storage("s3://nobody", endpoint_url=s3_server).put_blob(b"x")
        assert not caught.value.retryable

    def test_a_server_that_is_not_there(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(StorageUnavailable):
            open_storage("s3://photos", endpoint_url=f"http://127.0.0.1:{port}").get_action(digest_of("x"))


@pytest.mark.parametrize("uri", ["", "gs://bucket", "http://host/x", "s3://"])
def test_unknown_stores_are_refused(uri: str) -> None:
    with pytest.raises(SettingsError):
        open_storage(uri)


class TestFolderDestination:
    def test_publish_is_idempotent_and_replaces_what_is_ours(self, tmp_path: Path) -> None:
        place = FolderDestination(tmp_path)
        path = place.publish("NL/MUG 01", "front.jpg", b"one")
        assert path == tmp_path / safe_name("NL/MUG 01") / "front.jpg"
        before = path.stat()
        assert place.publish("NL/MUG 01", "front.jpg", b"one") == path
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        FolderDestination(tmp_path).publish("NL/MUG 01", "front.jpg", b"two")
        assert path.read_bytes() == b"two"
        assert len(list(path.parent.rglob("*@*"))) == 1
        assert stat.S_IMODE(path.stat().st_mode) & 0o400

    def test_files_of_others_stay(self, tmp_path: Path) -> None:
        place = FolderDestination(tmp_path)
        theirs = tmp_path / "A" / "front.jpg"
        theirs.parent.mkdir()
        theirs.write_bytes(b"the user's own")
        with pytest.raises(InputError):
            place.publish("A", "front.jpg", b"ours")
        assert not place.retract("A", "front.jpg")
        assert theirs.read_bytes() == b"the user's own"

    def test_a_file_edited_by_hand_is_not_removed(self, tmp_path: Path) -> None:
        place = FolderDestination(tmp_path)
        path = place.publish("A", "front.jpg", b"ours")
        path.write_bytes(b"retouched")
        assert not place.retract("A", "front.jpg")
        assert path.read_bytes() == b"retouched"

    def test_retract_removes_ours_and_the_empty_folder(self, tmp_path: Path) -> None:
        place = FolderDestination(tmp_path)
        place.publish("A", "front.jpg", b"ours")
        place.publish("A", "front.jpg.webp", b"ours too")
        assert place.retract("A", "front.jpg")
        assert (tmp_path / "A" / "front.jpg.webp").exists()
        assert place.retract("A", "front.jpg.webp")
        assert list(tmp_path.iterdir()) == []
        assert not place.retract("A", "front.jpg")

    @pytest.mark.parametrize("name", ["", "..", "../x.jpg", "a/b.jpg", ".packshot", "x\0.jpg"])
    def test_names_that_leave_the_folder(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InputError):
            FolderDestination(tmp_path).publish("A", name, b"x")

    def test_a_crash_before_the_write_leaves_nothing_unknown(self, tmp_path: Path) -> None:
        """A mark without its file, as a crash leaves it, does not stop the next try."""
        marks = tmp_path / "A" / ".packshot"
        marks.mkdir(parents=True)
        (marks / f"front.jpg@{digest_bytes(b'ours')}").touch()
        assert FolderDestination(tmp_path).publish("A", "front.jpg", b"ours").read_bytes() == b"ours"


class _Short(BaseHTTPRequestHandler):
    """An S3 whose answers end early."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "100")
        self.send_header("etag", '"e"')
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def test_an_answer_that_ends_early_is_told_and_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with HTTPServer(("127.0.0.1", 0), _Short) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(StorageUnavailable):
            open_storage("s3://b/p", endpoint_url=address).get_blob("a" * 64)
        with pytest.raises(FetchFailed) as refused:
            Buckets(address).read("s3://b/photo.jpg", 1000)
        assert refused.value.retryable
        server.shutdown()
