"""Erasing: afterwards no byte of it is anywhere we keep bytes, and nothing of anybody else's is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner

from pipelines.erase_cli import register
from studio.keys import digest_bytes
from tests import sample
from tests.erase_contract import COUNT, GONE, EraseContract, Kept, WalkedContract
from tests.local.test_storage import client, credentials, s3_server

__all__ = ["client", "credentials", "s3_server"]


class TestFolder(EraseContract):
    @pytest.fixture
    def kept(self, tmp_path: Path) -> Kept:
        sample.catalogue(tmp_path, COUNT)
        return Kept(tmp_path)

    def test_the_report_is_drawn_again(self, kept: Kept) -> None:
        summary = kept.night()
        assert GONE in Path(summary.report).read_text()
        kept.erase(skus=(GONE,))
        assert GONE not in Path(summary.report).read_text()


@pytest.mark.usefixtures("credentials")
class TestBucket(WalkedContract):
    """Store and runs in S3, where earlier versions of objects are kept."""

    @pytest.fixture
    def kept(self, tmp_path: Path, client: Any, s3_server: str) -> Kept:
        sample.catalogue(tmp_path, COUNT)
        bucket = f"erase-{uuid4().hex}"
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return Kept(tmp_path, bucket, s3_server)


def test_the_command_takes_a_photo_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample.catalogue(tmp_path, 1)
    kept = Kept(tmp_path)
    kept.night()
    photo = tmp_path / "images" / "p00000.png"
    monkeypatch.setenv("PACKSHOT_HOME", str(kept.settings.home))
    monkeypatch.setenv("PACKSHOT_TEMPLATE_FOLDERS", json.dumps([str(tmp_path / "art")]))
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    register(app)
    done = CliRunner().invoke(app, ["--photo", str(photo), "--yes", "--json"], catch_exceptions=False)
    told = json.loads(done.stdout)
    assert (done.exit_code, told["blobs"], told["run_rows"] > 0) == (0, 5, True)
    assert kept.rows(digest_bytes(photo.read_bytes())) == []
