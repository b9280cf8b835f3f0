"""`Inventory`: what is in a store, and how it is taken out for good. Nothing but an erasure needs this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from connectors.s3_client import s3_client, split_s3
from connectors.storage.base import Storage
from connectors.storage.folder import FolderStorage
from connectors.storage.keys import checked
from connectors.storage.s3 import S3Storage
from studio.errors import SettingsError, StorageError

THREADS = 16
_PAGE = 512


class Inventory(Protocol):
    """Raises StorageError's kinds."""

    def actions(self) -> Iterator[tuple[str, bytes]]:
        """Every action's key and value, in no order."""
        ...

    def blobs(self) -> Iterator[str]:
        """Digests of every blob, in no order."""
        ...

    def drop(self, kind: str, key: str) -> None:
        """Take out a blob or an action (`blobs`, `actions`), earlier versions of it too; missing ones are fine."""
        ...


class FolderInventory:
    """Of a `FolderStorage`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def actions(self) -> Iterator[tuple[str, bytes]]:
        """Every action's key and value."""
        for path in self._files("actions"):
            try:
                yield path.name, path.read_bytes()
            except FileNotFoundError:
                continue

    def blobs(self) -> Iterator[str]:
        """Digests of every blob."""
        return (path.name for path in self._files("blobs"))

    def drop(self, kind: str, key: str) -> None:
        """Take a file out. A copy that a killed writer left half written has another name and is no blob; see `parts`."""
        try:
            (self._root / kind / checked(key)[:2] / key).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{key}: {error.strerror or error}") from None

    def parts(self) -> Iterator[Path]:
        """Files that killed writers left half written: nobody reads them, but their bytes are somebody's."""
        for kind in ("blobs", "actions"):
            yield from (self._root / kind).glob("*/.part-*")

    def _files(self, kind: str) -> Iterator[Path]:
        for path in (self._root / kind).glob("*/*"):
            if not path.name.startswith("."):
                yield path


class S3Inventory:
    """Of an `S3Storage`. Needs `s3:ListBucket` and `s3:DeleteObject`; on a bucket with versions also `s3:ListBucketVersions` and
    `s3:DeleteObjectVersion`, because a deletion there only hides."""

    def __init__(self, uri: str, endpoint_url: str) -> None:
        self._bucket, prefix = split_s3(uri)
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client: Any = s3_client(endpoint_url)

    def actions(self) -> Iterator[tuple[str, bytes]]:
        """Every action's key and value, sixteen read at a time."""
        names = self._names("actions")
        with ThreadPoolExecutor(THREADS, thread_name_prefix="inventory") as pool:
            while page := list(islice(names, _PAGE)):
                for name, value in zip(page, pool.map(self._read, page), strict=True):
                    if value is not None:
                        yield name.rpartition("/")[2], value

    def blobs(self) -> Iterator[str]:
        """Digests of every blob."""
        return (name.rpartition("/")[2] for name in self._names("blobs"))

    def drop(self, kind: str, key: str) -> None:
        """Delete an object and every earlier version of it."""
        name = f"{self._prefix}{kind}/{checked(key)[:2]}/{key}"
        with _told(name):
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=name)
            versions = [found for found in _versions(pages) if found["Key"] == name]
            _delete(self._client, self._bucket, versions)

    def _names(self, kind: str) -> Iterator[str]:
        with _told(kind):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{self._prefix}{kind}/")
            for page in pages:
                yield from (found["Key"] for found in page.get("Contents", ()))

    def _read(self, name: str) -> bytes | None:
        with _told(name):
            try:
                return bytes(self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read())
            except self._client.exceptions.NoSuchKey:
                return None


def inventory(storage: Storage) -> FolderInventory | S3Inventory:
    """The inventory of a store. Raises SettingsError for a kind that has none."""
    if isinstance(storage, FolderStorage):
        return FolderInventory(Path(storage.uri))
    if isinstance(storage, S3Storage):
        return S3Inventory(storage.uri, storage.endpoint_url)
    raise SettingsError(f"nothing can be erased from {type(storage).__name__}")


def drop_earlier_versions(uri: str, endpoint_url: str) -> int:
    """Delete what objects under an S3 prefix held before, and what says that one was deleted. Returns how many; a bucket without
    versions has none. Raises StorageError."""
    bucket, prefix = split_s3(uri)
    client: Any = s3_client(endpoint_url)
    with _told(uri):
        root = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=root)
        earlier = [found for found in _versions(pages) if not found["IsLatest"] or "Size" not in found]
        _delete(client, bucket, earlier)
    return len(earlier)


def _versions(pages: Iterable[Any]) -> Iterator[Any]:
    """Versions of objects and, without a size, marks of their deletion."""
    for page in pages:
        yield from page.get("Versions", ())
        yield from page.get("DeleteMarkers", ())


def _delete(client: Any, bucket: str, versions: Iterable[Any]) -> None:
    for found in versions:
        client.delete_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])


class _told:  # noqa: N801 - used as a block
    """Errors of the S3 client as ours."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, BotoCoreError | ClientError):
            raise StorageError(f"{self._name}: {error}") from None
