"""The servers of this lane: an S3 endpoint with its keys, and a shop with Vendure, started once and filled once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url

from tests.doubles.serving import serving
from tests.integration.vendure.shop import OURS, Ear, Shop, database


@pytest.fixture
def ceph(monkeypatch: pytest.MonkeyPatch) -> str:
    """The endpoint of a real Ceph RADOS gateway; its keys are in the environment."""
    url = os.environ.get("PACKSHOT_TEST_S3", "")
    if not url:
        if os.environ.get("CI") == "true":
            pytest.fail("PACKSHOT_TEST_S3 is not set, and CI must not skip this")
        pytest.skip("needs an S3 server: .ci/ceph.sh start DIR, then PACKSHOT_TEST_S3=<endpoint>")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "packshot")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "packshot-secret")
    return url


@pytest.fixture(scope="session")
def ear() -> Iterator[Ear]:
    """Where the shop's messages go."""
    hears = Ear()
    with serving(hears):
        yield hears


@pytest.fixture(scope="session")
def running_shop(ear: Ear, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with Vendure's 54 products and an account of ours."""
    folder, given = os.environ.get("PACKSHOT_TEST_VENDURE", ""), os.environ.get("PACKSHOT_TEST_POSTGRES", "")
    if not folder or not given:
        if os.environ.get("CI") == "true":
            pytest.fail("PACKSHOT_TEST_VENDURE or PACKSHOT_TEST_POSTGRES is not set, and CI must not skip this")
        pytest.skip("PACKSHOT_TEST_VENDURE and PACKSHOT_TEST_POSTGRES are not both set")
    with database(make_url(given), f"shop_{uuid4().hex}") as url:
        shop = Shop(Path(folder), tmp_path_factory.mktemp("shop"), url)
        shop.populate()
        shop.start(ear.url)
        shop.account(*OURS)
        try:
            yield shop
        finally:
            shop.kill()


@pytest.fixture
def shop(running_shop: Shop, ear: Ear) -> Shop:
    """Running, whatever an earlier test did to it."""
    ear.onward, ear.statuses = "", []
    if running_shop.process is None:
        running_shop.start()
    return running_shop
