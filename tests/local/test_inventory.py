"""What is in a store, and that it is gone when it was taken out: a folder, moto's S3, and a bucket with versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.storage.base import Storage
from connectors.storage.inventory import FolderInventory, inventory
from connectors.storage.registry import open_storage
from studio.errors import StorageError
from studio.keys import digest_of
from tests.local.test_storage import client, credentials, s3_server

__all__ = ["client", "credentials", "s3_server"]


@pytest.fixture(params=["folder", "s3", "versions"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage(str(tmp_path / "store"))
    request.getfixturevalue("credentials")
    s3: Any = request.getfixturevalue("client")
    bucket = f"inventory-{request.param}"
    s3.create_bucket(Bucket=bucket)
    if request.param == "versions":
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return open_storage(f"s3://{bucket}/{tmp_path.name}", endpoint_url=request.getfixturevalue("s3_server"))


def test_everything_is_listed_and_what_is_dropped_is_gone(storage: Storage) -> None:
    blobs = {storage.put_blob(f"blob {number}".encode()) for number in range(5)}
    keys = {digest_of(number): f"value {number}".encode() for number in range(5)}
    for key, value in keys.items():
        storage.put_action(key, value)
    found = inventory(storage)
    assert (set(found.blobs()), dict(found.actions())) == (blobs, keys)
    gone, lost = next(iter(blobs)), next(iter(keys))
    for _ in range(2):
        found.drop("blobs", gone)
        found.drop("actions", lost)
    assert (set(found.blobs()), set(dict(found.actions()))) == (blobs - {gone}, set(keys) - {lost})
    assert (storage.has_blob(gone), storage.get_action(lost)) == (False, None)


def test_earlier_versions_go_too(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    request.getfixturevalue("credentials")
    s3: Any = request.getfixturevalue("client")
    s3.create_bucket(Bucket="inventory-history")
    s3.put_bucket_versioning(Bucket="inventory-history", VersioningConfiguration={"Status": "Enabled"})
    store = open_storage("s3://inventory-history", endpoint_url=request.getfixturevalue("s3_server"))
    digest, other = store.put_blob(b"a person"), store.put_blob(b"somebody else")
    name = f"blobs/{digest[:2]}/{digest}"
    s3.put_object(Bucket="inventory-history", Key=name, Body=b"a damaged copy")
    s3.delete_object(Bucket="inventory-history", Key=name)
    inventory(store).drop("blobs", digest)
    left = s3.list_object_versions(Bucket="inventory-history")
    assert {version["Key"] for version in (*left.get("Versions", ()), *left.get("DeleteMarkers", ()))} == {
        f"blobs/{other[:2]}/{other}"
    }


def test_half_written_files_are_no_blobs_and_are_found(tmp_path: Path) -> None:
    store = open_storage(str(tmp_path))
    digest = store.put_blob(b"whole")
    part = tmp_path / "blobs" / digest[:2] / ".part-0123"
    part.write_bytes(b"half of a ph")
    found = inventory(store)
    assert isinstance(found, FolderInventory)
    assert (list(found.blobs()), list(found.parts())) == ([digest], [part])


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "a/b", ".part-1"])
def test_only_keys_are_dropped(tmp_path: Path, key: str) -> None:
    with pytest.raises(StorageError):
        inventory(open_storage(str(tmp_path))).drop("blobs", key)


def test_a_store_that_does_not_answer_is_said(credentials: None, s3_server: str) -> None:
    with pytest.raises(StorageError):
        list(inventory(open_storage("s3://nobody-has-this", endpoint_url=s3_server)).blobs())
