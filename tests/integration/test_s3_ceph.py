"""The storage contract on a real Ceph RADOS gateway: `.ci/ceph.sh start DIR`, then set PACKSHOT_TEST_S3 to what it prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from connectors.fetch import Fetcher
from connectors.s3_client import s3_client
from connectors.storage.base import Storage
from connectors.storage.registry import open_storage
from studio.errors import StorageError
from studio.keys import digest_of
from tests.storage_contract import Damage, StorageContract

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
BUCKET = "packshot-contract"
RACER = """
import sys
from connectors.storage.registry import open_storage
endpoint, uri, number, *keys = sys.argv[1:]
storage = open_storage(uri, endpoint_url=endpoint)
storage.get_action(keys[0])
print("ready", flush=True)
sys.stdin.readline()
print(*[int(storage.put_action(key, f"process {number}".encode())) for key in keys])
"""


@pytest.fixture
def endpoint(ceph: str) -> str:
    s3_client(ceph).create_bucket(Bucket=BUCKET)
    return ceph


class TestCeph(StorageContract):
    @pytest.fixture
    def storage(self, endpoint: str) -> Storage:
        return open_storage(f"s3://{BUCKET}/contract", endpoint_url=endpoint)

    @pytest.fixture
    def damage(self, endpoint: str) -> Damage:
        def overwrite(digest: str, data: bytes) -> None:
            s3_client(endpoint).put_object(Bucket=BUCKET, Key=f"contract/blobs/{digest[:2]}/{digest}", Body=data)

        return overwrite

    def test_eight_racing_processes_leave_one_winner(self, storage: Storage, endpoint: str) -> None:
        keys = [digest_of(["process race", n]) for n in range(10)]
        for key in keys:
            storage.drop_action(key)
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", RACER, endpoint, storage.uri, str(n), *keys],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(8)
        ]
        assert [racer.stdout.readline() for racer in racers if racer.stdout] == ["ready\n"] * 8
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("go\n")
            racer.stdin.flush()
        won = [racer.communicate(timeout=60)[0].split() for racer in racers]
        for at, key in enumerate(keys):
            winners = [n for n in range(8) if won[n][at] == "1"]
            assert len(winners) == 1
            assert storage.get_action(key) == f"process {winners[0]}".encode()

    def test_wrong_credentials_are_not_worth_another_try(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        with pytest.raises(StorageError) as caught:
            open_storage(f"s3://{BUCKET}", endpoint_url=endpoint).put_action(digest_of("x"), b"x")
        assert not caught.value.retryable

    def test_source_images_are_read_and_stamped_by_listing(self, endpoint: str) -> None:
        client = s3_client(endpoint)
        keys = [f"source/photo {n:02} ü.jpg" for n in range(12)]
        for key in keys:
            client.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
        uris = [f"s3://{BUCKET}/{key}" for key in keys]
        with Fetcher(s3_endpoint_url=endpoint) as fetcher:
            stamps = fetcher.stamps([*uris, f"s3://{BUCKET}/source/absent.jpg"])
            assert fetcher.read(uris[3]) == keys[3].encode()
            assert stamps == {**{uri: fetcher.stamp(uri) for uri in uris}, f"s3://{BUCKET}/source/absent.jpg": ""}
        assert len(set(stamps.values())) == len(uris) + 1
