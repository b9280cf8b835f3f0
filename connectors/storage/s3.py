"""`S3Storage`: blobs and actions as objects; conditional puts decide races."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from connectors.s3_client import MISSING, error_code, is_busy, s3_client, split_s3
from connectors.storage.keys import checked
from studio.errors import NotStored, SettingsError, StorageError, StorageUnavailable
from studio.keys import digest_bytes

_LOST = frozenset({"PreconditionFailed", "412"})
_CONFLICT = frozenset({"ConditionalRequestConflict", "OperationAborted", "409"})
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


class S3Storage:
    """`s3://bucket/prefix/blobs/ab/<digest>` and `.../actions/ab/<key>`. Needs `If-None-Match: *` on PUT (AWS, Ceph, MinIO).

    Thread-safe; pickles as its URI, so another process opens its own connections with its own credentials.
    """

    def __init__(self, uri: str, *, endpoint_url: str = "") -> None:
        try:
            self._bucket, prefix = split_s3(uri)
        except ValueError as error:
            raise SettingsError(str(error)) from None
        self.uri = uri
        self.endpoint_url = endpoint_url
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._made: Any = None
        self._making = threading.Lock()

    def put_blob(self, data: bytes, *, media_type: str = "application/octet-stream") -> str:
        """Keep bytes; what is there with the same length and MD5 is left alone, a damaged copy is replaced."""
        digest = digest_bytes(data)
        if not self._holds(digest, data):
            key = self._key("blobs", digest)
            with _mapped(key):
                self._client().put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=data,
                    ContentType=media_type,
                    CacheControl="public, max-age=31536000, immutable",
                )
        return digest

    def get_blob(self, digest: str) -> bytes:
        """Bytes by digest. Raises NotStored, or StorageError when they no longer have that digest."""
        data = self._get(self._key("blobs", digest))
        if digest_bytes(data) != digest:
            raise StorageError(f"blob {digest} is damaged in {self.uri}; writing it again repairs it")
        return data

    def has_blob(self, digest: str) -> bool:
        """Whether the blob is there (its bytes are not checked)."""
        return self._head(self._key("blobs", digest)) is not None

    def put_action(self, key: str, value: bytes) -> bool:
        """Record an action; False when somebody else was first, or is just now writing the same key and gets there."""
        name = self._key("actions", key)
        for _ in range(3):
            try:
                with _mapped(name):
                    self._client().put_object(Bucket=self._bucket, Key=name, Body=value, IfNoneMatch="*")
                return True
            except _LostRace as lost:
                if not lost.undecided or self._head(name) is not None:
                    return False
        raise StorageUnavailable(f"{name}: other writers keep interfering")

    def get_action(self, key: str) -> bytes | None:
        """What was recorded under a key, or None."""
        try:
            return self._get(self._key("actions", key))
        except NotStored:
            return None

    def drop_action(self, key: str) -> None:
        """Forget an action."""
        name = self._key("actions", key)
        with _mapped(name):
            self._client().delete_object(Bucket=self._bucket, Key=name)

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (self.uri, self.endpoint_url)

    def _key(self, kind: str, key: str) -> str:
        return f"{self._prefix}{kind}/{checked(key)[:2]}/{key}"

    def _get(self, key: str) -> bytes:
        with _mapped(key), closing(self._client().get_object(Bucket=self._bucket, Key=key)["Body"]) as body:
            return bytes(body.read())

    def _head(self, key: str) -> Any:
        try:
            with _mapped(key):
                return self._client().head_object(Bucket=self._bucket, Key=key)
        except NotStored:
            return None

    def _holds(self, digest: str, data: bytes) -> bool:
        """Whether the object is there and looks undamaged. An ETag that is no MD5 (KMS, multipart) is not compared."""
        head = self._head(self._key("blobs", digest))
        if head is None or head["ContentLength"] != len(data):
            return False
        tag = _MD5.fullmatch(head["ETag"])
        encrypted = head.get("ServerSideEncryption", "").startswith("aws:kms")
        return tag is None or encrypted or tag[1] == hashlib.md5(data, usedforsecurity=False).hexdigest()

    def _client(self) -> Any:
        with self._making:
            if self._made is None:
                self._made = s3_client(self.endpoint_url)
            return self._made


class _LostRace(StorageError):
    """The conditional put did not go through; `undecided` when another write was still under way (409)."""

    def __init__(self, message: str, undecided: bool) -> None:
        super().__init__(message)
        self.undecided = undecided


def _reopen(uri: str, endpoint_url: str) -> S3Storage:
    return S3Storage(uri, endpoint_url=endpoint_url)


@contextmanager
def _mapped(key: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
    from botocore.exceptions import ConnectionError as NoConnection

    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code in MISSING:
            raise NotStored(f"{key} is not stored") from None
        if code in _LOST or code in _CONFLICT:
            raise _LostRace(f"{key}: {code}", undecided=code in _CONFLICT) from None
        if is_busy(error):
            raise StorageUnavailable(f"{key}: {error}") from None
        raise StorageError(f"{key}: {error}") from None
    except (HTTPClientError, IncompleteReadError, NoConnection) as error:
        raise StorageUnavailable(f"{key}: {error}") from None
    except BotoCoreError as error:
        raise StorageError(f"{key}: {error}") from None
