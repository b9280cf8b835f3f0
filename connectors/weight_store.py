"""Weights out of object storage: every file in several ranges at once, checked against its card, then in place at one stroke."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.s3_client import MISSING, error_code, is_busy, s3_client, split_s3
from studio.errors import PackshotError, SettingsError, StorageError, StorageUnavailable, WeightsCorrupt, WeightsMissing
from studio.models.base import ModelCard
from studio.models.cached import weight_bytes, weight_path

PART = 16 << 20
"""Bytes of one range. AWS counts 85 to 90 MB/s for one stream and advises ranges of 8 or 16 MB side by side ("Performance design
patterns for Amazon S3", read 2026-11)."""
THREADS = 16


@dataclass(frozen=True, slots=True)
class _Object:
    client: Any
    bucket: str
    key: str

    def head(self) -> tuple[int, str]:
        """Length and ETag."""
        with _mapped(self.key):
            found = self.client.head_object(Bucket=self.bucket, Key=self.key)
        return found["ContentLength"], found["ETag"]

    def copy_part(self, handle: int, start: int, length: int, etag: str) -> None:
        """A range of the object, of this ETag, into the same place of an open file."""
        span = f"bytes={start}-{start + length - 1}"
        with _mapped(self.key):
            answer = self.client.get_object(Bucket=self.bucket, Key=self.key, Range=span, IfMatch=etag)
            with closing(answer["Body"]) as body:
                data = body.read()
        os.pwrite(handle, data, start)


def bring(cards: Iterable[ModelCard], uri: str, into: Path, *, endpoint_url: str = "", part: int = PART) -> list[str]:
    """Names of the models whose files were brought from `uri` (`s3://bucket/prefix`, a file a model) into the folder. What is
    there and right is left alone, cards without a file are passed over; several processes may do so at once.

    Raises WeightsMissing, WeightsCorrupt, StorageUnavailable, StorageError; SettingsError for an address that is not S3's.
    """
    wanted = [card for card in cards if card.file and card.sha256 and _lacks(card, into)]
    if not wanted:
        return []
    try:
        bucket, prefix = split_s3(uri)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    client = s3_client(endpoint_url)
    into.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(THREADS, "weights") as threads:
        for card in wanted:
            _bring(card, _Object(client, bucket, f"{prefix.rstrip('/')}/{card.file}".lstrip("/")), into, threads, part)
    return [card.name for card in wanted]


def _lacks(card: ModelCard, folder: Path) -> bool:
    try:
        weight_bytes(card, folder)
    except PackshotError:
        return True
    return False


def _bring(card: ModelCard, source: _Object, into: Path, threads: ThreadPoolExecutor, part: int) -> None:
    length, etag = source.head()
    handle, name = tempfile.mkstemp(dir=into, prefix=f".{card.file}-")
    try:
        try:
            parts = [(start, min(part, length - start)) for start in range(0, length, part)]
            for done in [threads.submit(source.copy_part, handle, start, size, etag) for start, size in parts]:
                done.result()
            found = _sha256(handle)
        finally:
            os.close(handle)
        if found != card.sha256:
            raise WeightsCorrupt(f"{card.name}: {source.key} has sha256 {found}, pinned is {card.sha256}")
        Path(name).chmod(0o644)
        Path(name).replace(weight_path(card, into))
    finally:
        Path(name).unlink(missing_ok=True)


def _sha256(handle: int) -> str:
    digest, place = hashlib.sha256(), 0
    while data := os.pread(handle, 1 << 20, place):
        digest.update(data)
        place += len(data)
    return digest.hexdigest()


@contextmanager
def _mapped(key: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
    from botocore.exceptions import ConnectionError as NoConnection

    try:
        yield
    except ClientError as error:
        if error_code(error) in MISSING:
            raise WeightsMissing(f"{key} is not in object storage") from None
        kind = StorageUnavailable if is_busy(error) or error_code(error) in ("PreconditionFailed", "412") else StorageError
        raise kind(f"{key}: {error}") from None
    except (HTTPClientError, IncompleteReadError, NoConnection) as error:
        raise StorageUnavailable(f"{key}: {error}") from None
    except BotoCoreError as error:
        raise StorageError(f"{key}: {error}") from None
