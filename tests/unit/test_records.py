"""Records: bulk upserts, streaming reads, runs, concurrent writers, schema version."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from connectors.records import Records
from studio.errors import SettingsError, StorageError
from tests.records_contract import RecordsContract


class TestSqlite(RecordsContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "new folder" / "records.db")


def test_a_newer_schema_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    records = Records(f"sqlite:///{path}")
    records.start_run("r1", "c", {})
    records.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE packshot_schema SET version = 99")
    with pytest.raises(StorageError, match="99"):
        records.runs()


@pytest.mark.parametrize("url", ["mysql://host/db", "nonsense://x", "postgresql+nodriver://host/db"])
def test_urls_we_cannot_use(url: str) -> None:
    with pytest.raises(SettingsError):
        Records(url).runs()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(StorageError):
        Records(str(tmp_path / "x.db")).runs()
