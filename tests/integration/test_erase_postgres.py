"""Erasing with the records on a real PostgreSQL: set PACKSHOT_TEST_POSTGRES to the URL of a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from pipelines.erase import Eraser, Wish
from pipelines.nightly import Night, Request
from pipelines.screen import Quiet
from tests import sample
from tests.integration.test_online_postgres import url

__all__ = ["url"]
pytestmark = pytest.mark.integration
COUNT, GONE = 4, "SKU-00002"


def naming(url: str, what: str) -> list[str]:
    """Tables with rows that hold these words, the audit log left out."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        names = [name for name in inspect(engine).get_table_names() if name != "audit_lines"]
        query = "SELECT count(*) FROM {0} WHERE {0}::text LIKE :what"
        found = [name for name in names if connection.execute(text(query.format(name)), {"what": f"%{what}%"}).scalar()]
    engine.dispose()
    return found


def test_no_row_of_an_erased_product_is_left(url: str, tmp_path: Path) -> None:
    sample.catalogue(tmp_path, COUNT)
    settings = sample.settings(tmp_path, records_url=url, online_url=url)
    Night(settings, Request(str(tmp_path / "catalog.csv"), mode="inline"), Quiet()).run()
    assert sorted(naming(url, GONE)) == ["products", "shots"]
    erased = Eraser(settings, Wish(skus=(GONE,))).erase("user:ann@desk")
    assert (erased.exit_code, erased.blobs, naming(url, GONE)) == (0, 5, [])
    assert sorted(naming(url, "SKU-00001")) == ["products", "shots"]
