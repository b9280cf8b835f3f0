"""A night whose store and run files are in S3, on a real Ceph RADOS gateway: `.ci/ceph.sh start DIR`, PACKSHOT_TEST_S3."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.s3_client import s3_client
from pipelines.ledger import read_ledger
from pipelines.nightly import Night, Request
from pipelines.runfiles import RunFiles
from pipelines.screen import Quiet
from tests import sample

pytestmark = pytest.mark.integration
BUCKET = "packshot-night"


@pytest.fixture
def endpoint(ceph: str) -> str:
    s3_client(ceph).create_bucket(Bucket=BUCKET)
    return ceph


def test_a_night_is_planned_carried_out_and_read_back(endpoint: str, tmp_path: Path) -> None:
    catalog = sample.catalogue(tmp_path, 3)
    storage = {"uri": f"s3://{BUCKET}/store", "endpoint_url": endpoint}
    settings = sample.settings(tmp_path, storage=storage, runs_uri=f"s3://{BUCKET}/runs")
    summary = Night(settings, Request(catalog=str(catalog), mode="inline", out=tmp_path / "out"), Quiet()).run()
    assert (summary.released, summary.state) == (3, "done")
    files = RunFiles(settings.runs, summary.run, endpoint_url=endpoint)
    assert [row["status"] for row in read_ledger(files)] == ["released"] * 3
    assert files.read_json("run.json")["released"] == 3
