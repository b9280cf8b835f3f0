"""`Objects`: one connection's S3 bucket and prefix, with its errors as a vendor's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

from connectors.addresses import resolve
from connectors.s3_client import MISSING, error_code, is_busy, s3_client, split_s3
from connectors.vendors.connection import Connection
from studio.errors import FetchFailed, FetchRefused, SettingsError, VendorDenied, VendorError, VendorRefused, VendorUnavailable

_CHUNK = 1 << 20
Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Found:
    """An object of a listing. `key` is without the connection's prefix, `tag` the ETag without quotes."""

    key: str
    tag: str
    size: int
    changed: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """What an object's headers say. `details` are its user metadata."""

    tag: str
    size: int
    media_type: str
    details: Mapping[str, str]


class Objects:
    """`s3://bucket/prefix`. Options: `endpoint` for a store that is not AWS, `region`; secrets `key-id` and `secret-key`, without
    which boto3's usual chain is asked. Keys are relative to the prefix. Thread-safe.

    Raises SettingsError for an address or a pair of keys that is none, VendorError's kinds from every call.
    """

    def __init__(self, connection: Connection) -> None:
        self._name, self._connection = connection.name, connection
        try:
            self.bucket, prefix = split_s3(connection.address)
        except ValueError as error:
            raise SettingsError(f"connections.{self._name}.address: {error}") from None
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.endpoint = connection.option("endpoint").rstrip("/")
        if ("key-id" in connection.secrets) != ("secret-key" in connection.secrets):
            raise SettingsError(f"connections.{self._name}.secrets: key-id and secret-key are set both or not at all")
        self._made: Any = None
        self._making = threading.Lock()

    def get(self, key: str, max_bytes: int) -> bytes | None:
        """An object's bytes, None when it is not there. Raises VendorRefused for more than `max_bytes`."""

        def read() -> bytes:
            answer = self._client().get_object(Bucket=self.bucket, Key=self.prefix + key)
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > max_bytes:
                    raise VendorRefused(f"{self._name}: {key} has {answer['ContentLength']} bytes, {max_bytes} are read")
                return bytes(body.read())

        return self._asked(key, read)

    def chunks(self, key: str, tag: str) -> Iterator[bytes]:
        """An object's bytes in pieces, as long as it is the one with this ETag. Raises VendorUnavailable when it is not."""
        answer = self._asked(
            key, lambda: self._client().get_object(Bucket=self.bucket, Key=self.prefix + key, IfMatch=f'"{tag}"')
        )
        if answer is None:
            raise VendorUnavailable(f"{self._name}: {key} was changed or removed while it was read")
        with self._mapped(key), closing(answer["Body"]) as body:
            yield from body.iter_chunks(_CHUNK)

    def head(self, key: str) -> Held | None:
        """An object's headers, None when it is not there."""
        answer = self._asked(key, lambda: self._client().head_object(Bucket=self.bucket, Key=self.prefix + key))
        return answer and Held(answer["ETag"].strip('"'), answer["ContentLength"], answer["ContentType"], answer["Metadata"])

    def listed(self, prefix: str, limit: int) -> list[Found]:
        """Objects below a prefix by key, in pages of 1,000. Raises VendorRefused for more than `limit`."""
        found: list[Found] = []
        with self._mapped(prefix):
            pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + prefix)
            for page in pages:
                found += [self._found(entry) for entry in page.get("Contents", ())]
                if len(found) > limit:
                    raise VendorRefused(f"{self._name}: more than {limit} objects below {self.prefix}{prefix}")
        return found

    def put(
        self, key: str, data: bytes, media_type: str, cache: str, *, details: Mapping[str, str] | None = None, new: bool = False
    ) -> None:
        """Write an object. `new`: one that is there stays as it is, also when somebody writes it at the same time."""
        more: dict[str, str] = {"IfNoneMatch": "*"} if new else {}
        self._asked(
            key,
            lambda: self._client().put_object(
                Bucket=self.bucket, Key=self.prefix + key, Body=data, ContentType=media_type, CacheControl=cache,
                Metadata=dict(details or {}), **more,
            ),
        )  # fmt: skip

    def copy(self, source: str, key: str, media_type: str, cache: str, details: Mapping[str, str]) -> str:
        """An object's bytes under another key with headers of its own, in one step of the store; its ETag."""
        answer = self._asked(
            key,
            lambda: self._client().copy_object(
                Bucket=self.bucket, Key=self.prefix + key, CopySource={"Bucket": self.bucket, "Key": self.prefix + source},
                MetadataDirective="REPLACE", ContentType=media_type, CacheControl=cache, Metadata=dict(details),
            ),
        )  # fmt: skip
        if answer is None:
            raise VendorUnavailable(f"{self._name}: {source} is not there to be copied")
        return str(answer["CopyObjectResult"]["ETag"]).strip('"')

    def delete(self, key: str) -> None:
        """Take an object away; none there is no error."""
        self._asked(key, lambda: self._client().delete_object(Bucket=self.bucket, Key=self.prefix + key))

    def _found(self, entry: Mapping[str, Any]) -> Found:
        key, changed = str(entry["Key"])[len(self.prefix) :], entry["LastModified"].astimezone(UTC)
        return Found(key, str(entry["ETag"]).strip('"'), int(entry["Size"]), changed)

    def _asked(self, key: str, work: Callable[[], Got]) -> Got | None:
        """None for an object that is not there, or not as the call's condition says."""
        try:
            with self._mapped(key):
                return work()
        except _Missed:
            return None

    def _client(self) -> Any:
        with self._making:
            if self._made is None:
                self._check_endpoint()
                self._made = self._opened()
            return self._made

    def _opened(self) -> Any:
        plain = s3_client(self.endpoint)
        region = self._connection.option("region")
        if "key-id" not in self._connection.secrets and not region:
            return plain
        import boto3

        keys = {}
        if "key-id" in self._connection.secrets:
            keys = {
                "aws_access_key_id": self._connection.secret("key-id"),
                "aws_secret_access_key": self._connection.secret("secret-key"),
            }
        return boto3.Session(**keys).client(
            "s3", endpoint_url=self.endpoint or None, region_name=region or plain.meta.region_name, config=plain.meta.config
        )

    def _check_endpoint(self) -> None:
        """boto3 resolves by itself: this refuses a private endpoint that nobody allowed, not one that moves later."""
        if not self.endpoint:
            return
        parts = urlsplit(self.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"connections.{self._name}.options.endpoint is not an http or https address")
        try:
            resolve(parts.hostname, parts.port or 443, allow_private=self._connection.allow_private)
        except FetchRefused as error:
            raise VendorDenied(f"{self._name}: {error.message}") from None
        except FetchFailed as error:
            raise VendorUnavailable(f"{self._name}: {error.message}") from None

    @contextmanager
    def _mapped(self, key: str) -> Iterator[None]:
        from botocore import exceptions as boto

        where = f"{self._name}: {key}"
        try:
            yield
        except boto.ClientError as error:
            raise _said(error, where) from None
        except (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError) as error:
            raise VendorUnavailable(f"{where}: {type(error).__name__}") from None
        except (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError) as error:
            raise VendorDenied(f"{where}: {type(error).__name__}") from None
        except boto.BotoCoreError as error:
            raise VendorRefused(f"{where}: {type(error).__name__}") from None


class _Missed(VendorRefused):
    """Not there, or not as it should be."""


def _said(error: Any, where: str) -> VendorError:
    code, status = error_code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in MISSING or status == HTTPStatus.PRECONDITION_FAILED:
        return _Missed(f"{where}: {code}")
    if is_busy(error) or status == HTTPStatus.CONFLICT:
        return VendorUnavailable(f"{where}: {code}")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return VendorDenied(f"{where}: {code}")
    return VendorRefused(f"{where}: {code}: {error.response.get('Error', {}).get('Message', '')}"[:500])
