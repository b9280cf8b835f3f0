"""SQLite's one lock: whoever waits for it gets it, and what is no wait is said at once."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from connectors.database import PATIENCE_S, Database
from connectors.records import Records, ShotRecord
from connectors.tables import SCHEMA_VERSION, metadata
from studio.errors import StorageUnavailable


def shot(number: int) -> ShotRecord:
    return ShotRecord(f"S-{number}/t/d/front", f"{number:064x}", "released")


def test_a_writer_waits_for_another_and_then_writes(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    records = Records(str(path))
    records.remember_shots("c", [shot(0)])
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    writer = threading.Thread(target=records.remember_shots, args=("c", [shot(1)]))
    writer.start()
    assert [one.shot_id for one in records.shots("c")] == ["S-0/t/d/front"], "readers do not wait"
    other.execute("COMMIT")
    writer.join()
    other.close()
    assert len(list(records.shots("c"))) == 2


def test_a_writer_that_begins_again_at_once_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    records = Records(str(path))
    records.remember_shots("c", [shot(0)])
    done = threading.Event()

    def hog() -> None:
        other = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S)
        while not done.is_set():
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE shots SET reason = reason")
            other.execute("COMMIT")
        other.close()

    hogging = threading.Thread(target=hog)
    hogging.start()
    try:
        for number in range(1, 20):
            records.remember_shots("c", [shot(number)])
    finally:
        done.set()
        hogging.join()
    assert len(list(records.shots("c"))) == 20


def test_what_is_not_locked_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    Records(str(path)).remember_shots("c", [shot(0)])
    database = Database(f"sqlite:///file:{path}?mode=ro&uri=true", metadata, "records", SCHEMA_VERSION)
    with pytest.raises(StorageUnavailable, match="readonly"), database.begin():
        pass
    database.close()
