"""Source images in S3."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from connectors.files import missing
from connectors.s3_client import MISSING, error_code, is_busy, s3_client, split_s3
from studio.errors import FetchFailed, FetchRefused, FileTooLarge

_FEW = 8
"""Up to so many objects of one folder are asked for one by one; more are listed."""
_MAX_PAGES = 50
"""Pages of 1000 keys listed for a folder before asking for the rest one by one."""


class Buckets:
    """Reads `s3://bucket/key`. Thread-safe."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._made: Any = None
        self._making = threading.Lock()

    def read(self, uri: str, max_bytes: int) -> bytes:
        """Bytes of an object. Raises FetchRefused, FetchFailed or FileTooLarge."""
        bucket, key = _split(uri)
        with _mapped(uri):
            answer = self._client().get_object(Bucket=bucket, Key=key)
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > max_bytes:
                    raise FileTooLarge(f"{uri}: {answer['ContentLength']} bytes, {max_bytes} are allowed")
                return bytes(body.read())

    def stamp(self, uri: str) -> str:
        """The ETag, or "" when the object cannot be seen."""
        try:
            bucket, key = _split(uri)
            with _mapped(uri):
                return str(self._client().head_object(Bucket=bucket, Key=key)["ETag"])
        except (FetchFailed, FetchRefused):
            return ""

    def stamps(self, uris: Iterable[str]) -> dict[str, str]:
        """ETags of many objects: a folder is listed, a thousand keys a request, from its first wanted key to its last."""
        folders: dict[str, list[str]] = defaultdict(list)
        for uri in uris:
            folders[uri.rpartition("/")[0]].append(uri)
        found: dict[str, str] = {}
        for wanted in folders.values():
            listed = self._listed(wanted) if len(wanted) > _FEW else {}
            found.update({uri: listed[uri] if uri in listed else self.stamp(uri) for uri in wanted})
        return found

    def _listed(self, wanted: list[str]) -> dict[str, str]:
        try:
            bucket, first = _split(min(wanted))
            last = max(wanted).removeprefix(f"s3://{bucket}/")
            tags: dict[str, str] = {}
            with _mapped(wanted[0]):
                pages = (
                    self._client()
                    .get_paginator("list_objects_v2")
                    .paginate(
                        Bucket=bucket,
                        Prefix=first.rpartition("/")[0],
                        StartAfter=first[:-1],
                        PaginationConfig={"MaxItems": _MAX_PAGES * 1000},
                    )
                )
                for page in pages:
                    entries = page.get("Contents", [])
                    tags.update({f"s3://{bucket}/{entry['Key']}": str(entry["ETag"]) for entry in entries})
                    if entries and entries[-1]["Key"] >= last:
                        break
            return {uri: tags[uri] for uri in wanted if uri in tags}
        except (FetchFailed, FetchRefused):
            return {}

    def _client(self) -> Any:
        with self._making:
            if self._made is None:
                self._made = s3_client(self._endpoint_url)
            return self._made


def _split(uri: str) -> tuple[str, str]:
    try:
        bucket, key = split_s3(uri)
    except ValueError as error:
        raise FetchRefused(str(error)) from None
    if not key:
        raise FetchRefused(f"{uri!r} names a bucket, not an object")
    return bucket, key


@contextmanager
def _mapped(uri: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError, ParamValidationError
    from botocore.exceptions import ConnectionError as NoConnection

    try:
        yield
    except ClientError as error:
        if is_busy(error):
            raise FetchFailed(f"{uri}: {error}") from None
        reason = "there is no such object" if error_code(error) in MISSING else str(error)
        raise missing(f"{uri}: {reason}") from None
    except ParamValidationError as error:
        raise FetchRefused(f"{uri}: {error}") from None
    except (HTTPClientError, IncompleteReadError, NoConnection) as error:
        raise FetchFailed(f"{uri}: {error}") from None
    except BotoCoreError as error:
        raise missing(f"{uri}: {error}") from None
