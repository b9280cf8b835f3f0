"""The online tables on SQLite, and what only a file can show."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from connectors.database import insert_new, upsert
from connectors.online.keys import ApiKeys
from connectors.online.orders import Orders, OrderState
from connectors.online.store import online
from connectors.online.tables import metadata
from connectors.records import Records
from studio.errors import InputError
from tests.online_contract import OnlineContract, new
from tests.online_parts_contract import OnlinePartsContract


class TestSqlite(OnlineContract, OnlinePartsContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'home' / 'online.db'}"


def test_secrets_of_keys_are_not_in_the_file(tmp_path: Path) -> None:
    keys = ApiKeys(str(tmp_path / "online.db"))
    key, secret = keys.issue("shop", {"read"})
    keys.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert key.id.encode() in stored
    assert secret.encode() not in stored
    assert secret[-43:].encode() not in stored


@pytest.mark.parametrize(
    ("own", "allowed"),
    [({"read"}, "read"), ({"write"}, "read write"), ({"admin"}, "read write admin"), ({"read", "write"}, "read write")],
)
def test_scopes_include_others(tmp_path: Path, own: set[str], allowed: str) -> None:
    key, secret = ApiKeys(str(tmp_path / "online.db")).issue("shop", own)
    assert [scope for scope in ("read", "write", "admin") if key.allows(scope)] == allowed.split()
    assert secret.startswith(f"pk_{key.id.removeprefix('key_')}_")
    assert len(secret) == 3 + 26 + 1 + 43


def test_keys_need_known_scopes_and_a_rate(tmp_path: Path) -> None:
    keys = ApiKeys(str(tmp_path / "online.db"))
    for scopes, rate in ((set(), None), ({"root"}, None), ({"read"}, 0)):
        with pytest.raises(InputError):
            keys.issue("shop", scopes, rate_per_minute=rate)
    assert keys.list() == []


def test_lists_and_the_sweeper_read_along_an_index(tmp_path: Path) -> None:
    """A sort of every order would take seconds once there are a million."""
    database = online(str(tmp_path / "online.db"))
    Orders(database).accept(new())
    seen = []
    for query in (
        "SELECT id, spec FROM orders WHERE key_id = 'a' AND id < 'b' ORDER BY id DESC LIMIT 51",
        "SELECT id, spec FROM orders WHERE state = 'failed' ORDER BY id DESC LIMIT 51",
        "SELECT id, spec FROM orders WHERE sku = 'a' ORDER BY id DESC LIMIT 51",
        "SELECT id, spec FROM orders WHERE state = 'queued' AND priority = 'urgent' AND claimed < 'x' ORDER BY claimed, id LIMIT 5",
        "SELECT priority, count(*) FROM orders WHERE state IN ('queued', 'running') GROUP BY priority",
    ):
        plan = " ".join(row.detail for row in database.all(text(f"EXPLAIN QUERY PLAN {query}")))
        seen.append((" USING " in plan, "FOR ORDER BY" in plan, "SCAN orders" in plan))
    assert seen == [(True, False, False)] * 5


def test_records_and_online_tables_may_share_a_database(tmp_path: Path) -> None:
    url = str(tmp_path / "all.db")
    orders, records = Orders(url), Records(url)
    order, _ = orders.accept(new())
    records.start_run("r1", "autumn", {})
    assert orders.get(order.id).state is OrderState.QUEUED
    assert [run.id for run in records.runs()] == ["r1"]


def test_tables_compile_for_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in metadata.sorted_tables:
        written = str(CreateTable(table).compile(dialect=dialect))
        assert table.name in written
        assert all(str(index.name) in str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)
        assert "ON CONFLICT DO NOTHING" in str(insert_new(table, "postgresql").compile(dialect=dialect))
        if len(table.primary_key.columns) < len(table.columns):
            assert "DO UPDATE SET" in str(upsert(table, "postgresql").compile(dialect=dialect))
    assert 'VARCHAR(40) COLLATE "C"' in str(CreateTable(metadata.tables["orders"]).compile(dialect=dialect))
