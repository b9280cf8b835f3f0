"""Records: bulk upserts, streaming reads, runs, concurrent writers, schema version."""

from __future__ import annotations

import pickle
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from connectors.records import ImageRecord, Records, ShotRecord
from studio.errors import SettingsError, StorageError

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(str(tmp_path / "new folder" / "records.db"))


def shot(n: int, **changes: object) -> ShotRecord:
    row = {
        "shot_id": f"SKU-{n:05}/t/d/front",
        "key": f"{n:064x}",
        "status": "released",
        "parts": {"image": "a"},
        "updated_at": NOON,
    }
    return ShotRecord(**{**row, **changes})  # type: ignore[arg-type]


def test_images_are_replaced_and_found_in_bulk(records: Records) -> None:
    rows = [ImageRecord(f"/photos/{n} ü'; DROP TABLE images.jpg", f"{n}-1", f"{n:064x}") for n in range(2500)]
    records.remember_images(rows)
    records.remember_images([ImageRecord(rows[7].uri, "new", "f" * 64)])
    known = records.images()
    assert len(known) == 2500
    assert known[rows[7].uri] == ImageRecord(rows[7].uri, "new", "f" * 64)
    wanted = [row.uri for row in rows[:1200]]
    assert records.image_digests([*wanted, "/photos/absent.jpg", wanted[0]]) == {uri: known[uri].digest for uri in wanted}
    assert records.image_digests([]) == {}


def test_shots_of_one_catalogue_in_order(records: Records) -> None:
    rows = [shot(n) for n in range(3000)]
    records.remember_shots("autumn", reversed(rows))
    records.remember_shots("spring", [shot(1, status="failed")])
    assert list(records.shots("autumn")) == rows
    changed = shot(
        1, status="rejected", reason="halo", path="SKU-00001/front.jpg", run="r2", digest="b" * 64, media_type="image/jpeg"
    )
    records.remember_shots("autumn", [changed])
    assert list(records.shots("autumn")) == [rows[0], changed, *rows[2:]]
    assert [row.status for row in records.shots("spring")] == ["failed"]
    assert list(records.shots("winter")) == []


def test_times_are_utc_whatever_zone_they_came_in(records: Records) -> None:
    records.remember_shots("c", [shot(1, updated_at=NOON.astimezone(timezone(timedelta(hours=5))))])
    (row,) = records.shots("c")
    assert row.updated_at == NOON
    assert row.updated_at.utcoffset() == timedelta(0)


def test_writing_while_reading(records: Records) -> None:
    records.remember_shots("c", [shot(n) for n in range(2500)])
    for row in records.shots("c"):
        if row.key.endswith("00"):
            records.remember_shots("c", [shot(int(row.key, 16), status="failed")])
    assert sum(row.status == "failed" for row in records.shots("c")) == len(range(0, 2500, 256))


def test_runs(records: Records) -> None:
    assert records.run("r1") is None
    records.start_run("r1", "autumn", {"profile": "laptop"}, started=NOON)
    records.finish_run("r1", "interrupted", {"released": 3}, finished=NOON + timedelta(minutes=1))
    resumed = records.start_run("r1", "autumn", {"profile": "other"}, started=NOON + timedelta(hours=1))
    assert (resumed.state, resumed.started, resumed.finished, resumed.counts) == ("running", NOON, None, {"released": 3})
    assert resumed.settings == {"profile": "laptop"}
    records.finish_run("r1", "done", {"released": 9, "failed": 1}, finished=NOON + timedelta(hours=2))
    records.start_run("r2", "autumn", {}, started=NOON + timedelta(days=1))
    assert [run.id for run in records.runs()] == ["r2", "r1"]
    assert [run.id for run in records.runs(limit=1)] == ["r2"]
    done = records.run("r1")
    assert done
    assert (done.state, done.counts, done.finished) == ("done", {"released": 9, "failed": 1}, NOON + timedelta(hours=2))
    with pytest.raises(StorageError):
        records.finish_run("never", "done", {})


def test_threads_and_copies_share_one_new_database(records: Records) -> None:
    copies = [pickle.loads(pickle.dumps(records)) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: copies[n % 4].remember_shots("c", [shot(i) for i in range(n * 50, n * 50 + 50)]), range(16)))
    assert [row.shot_id for row in records.shots("c")] == [shot(n).shot_id for n in range(800)]


def test_a_batch_is_all_or_nothing(records: Records) -> None:
    def rows() -> object:
        yield from (shot(n) for n in range(1500))
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        records.remember_shots("c", rows())  # type: ignore[arg-type]
    assert list(records.shots("c")) == []


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


def test_named_shots_by_id(records: Records) -> None:
    records.remember_shots("c", [shot(n) for n in range(1200)])
    wanted = [shot(n).shot_id for n in range(0, 1300, 2)]
    assert records.shots_of("c", wanted) == {shot(n).shot_id: shot(n) for n in range(0, 1200, 2)}
    assert records.shots_of("other", wanted) == {}
