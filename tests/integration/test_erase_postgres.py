"""Erasing with records and workflows on a real PostgreSQL, store and runs on a real S3: set PACKSHOT_TEST_POSTGRES and, for the
latter, PACKSHOT_TEST_S3."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from connectors.s3_client import s3_client
from tests import sample
from tests.erase_contract import COUNT, EraseContract, Kept, WalkedContract
from tests.integration.test_online_postgres import url
from tests.integration.test_s3_ceph import endpoint

__all__ = ["endpoint", "url"]
pytestmark = pytest.mark.integration


def on_postgres(url: str) -> dict[str, str]:
    return {"records_url": url, "online_url": url, "workflows_url": url}


class TestPostgres(EraseContract):
    @pytest.fixture
    def kept(self, url: str, tmp_path: Path) -> Kept:
        sample.catalogue(tmp_path, COUNT)
        return Kept(tmp_path, more=on_postgres(url))


class TestPostgresAndCeph(WalkedContract):
    """A bucket that keeps earlier versions, because a deletion there only hides."""

    @pytest.fixture
    def kept(self, url: str, endpoint: str, tmp_path: Path) -> Kept:
        sample.catalogue(tmp_path, COUNT)
        bucket = f"erase-{uuid4().hex}"
        client = s3_client(endpoint)
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return Kept(tmp_path, bucket, endpoint, on_postgres(url))
