"""The audit log on a real PostgreSQL: set PACKSHOT_TEST_POSTGRES to the URL of a server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from connectors.audit import Audit, Entry
from tests.integration.test_online_postgres import url

__all__ = ["url"]
pytestmark = pytest.mark.integration
WRITERS, LINES = 6, 30


def test_writers_do_not_fork_the_chain(url: str) -> None:
    def write(writer: int) -> None:
        audit = Audit(url)
        for number in range(LINES):
            audit.add([Entry(f"key:{writer}", "asset.released", f"SKU-{number}", {"digest": "é\u2028"})])
        audit.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    audit = Audit(url)
    found = audit.verify()
    audit.close()
    assert (found.lines, found.broken) == (WRITERS * LINES, "")


@pytest.mark.parametrize("statement", ["DELETE FROM audit_lines", "UPDATE audit_lines SET actor = 'x'", "TRUNCATE audit_lines"])
def test_the_database_refuses_to_change_lines(url: str, statement: str) -> None:
    audit = Audit(url)
    audit.add([Entry("key:1", "key.revoked", "key_2")])
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection, pytest.raises(DBAPIError, match="only added"):
        connection.execute(text(statement))
    engine.dispose()
    assert audit.verify().lines == 1
    audit.close()
