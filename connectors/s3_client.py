"""One way to make an S3 client, and what its errors mean."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

_making = threading.Lock()
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
BUSY = frozenset(
    {
        "RequestTimeout",
        "InternalError",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "429",
        "500",
        "502",
        "503",
    }
)


def s3_client(endpoint_url: str = "") -> Any:
    """A boto3 client (thread-safe): timeouts, four tries on botocore's list of passing errors, path-style for own endpoints.

    Credentials and region come from boto3's usual chain; an own endpoint needs no region.
    """
    import boto3
    import botocore.session
    from botocore.config import Config

    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 4},
        max_pool_connections=32,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"} if endpoint_url else None,
    )
    with _making:
        core = botocore.session.Session()
        core.register_component("data_loader", _service_descriptions())
        session = boto3.Session(botocore_session=core)
        region = session.region_name or ("us-east-1" if endpoint_url else None)
        return session.client("s3", endpoint_url=endpoint_url or None, region_name=region, config=config)


def arrow_s3(endpoint_url: str = "") -> Any:
    """The same S3 as Arrow's filesystem; credentials and region come from its usual chain.

    Its SDK would send checksums in chunks after the body, which Ceph 16 refuses over HTTP (411 MissingContentLength, found
    2026-11-23); what the environment says about checksums stays.
    """
    import pyarrow.fs as pafs

    os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    os.environ.setdefault("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
    scheme, _, host = endpoint_url.rpartition("://")
    return pafs.S3FileSystem(**({"endpoint_override": host, "scheme": scheme or "https"} if endpoint_url else {}))


@cache
def _service_descriptions() -> Any:
    """Botocore's parsed service files: most of the time that a client takes to make."""
    from botocore.loaders import create_loader

    return create_loader()


def split_s3(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of `s3://bucket/key`. Raises ValueError."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise ValueError(f"{uri!r} is not like s3://bucket/key")
    return bucket, key


def error_code(error: Any) -> str:
    """The S3 error code of a botocore ClientError."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_busy(error: Any) -> bool:
    """Whether a ClientError is of the passing kind."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error_code(error) in BUSY or status in (429, 500, 502, 503, 504)
