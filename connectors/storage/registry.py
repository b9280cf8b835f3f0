"""Which backend a storage URI means."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from connectors.storage.base import Storage
from connectors.storage.folder import FolderStorage
from connectors.storage.s3 import S3Storage
from studio.errors import SettingsError


def open_storage(uri: str, *, endpoint_url: str = "") -> Storage:
    """A store by path, `file:///path` or `s3://bucket/prefix`. Nothing is created or contacted before the first use.

    `endpoint_url` is for S3 servers other than AWS. Raises SettingsError for any other scheme.
    """
    scheme, mark, _ = uri.partition("://")
    if not uri or (mark and scheme not in ("file", "s3")):
        raise SettingsError(f"storage {uri!r}: give a folder, file:///folder or s3://bucket/prefix")
    if scheme == "s3" and mark:
        return S3Storage(uri, endpoint_url=endpoint_url)
    return FolderStorage(unquote(urlsplit(uri).path) if mark else uri)
