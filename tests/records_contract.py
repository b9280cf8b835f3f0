"""What every database does with records. `url` is a fixture of the class that takes it up."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from connectors.records import ImageRecord, Records, ShotRecord
from studio.errors import StorageError

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def shot(n: int, **changes: object) -> ShotRecord:
    row = {
        "shot_id": f"SKU-{n:05}/t/d/front",
        "key": f"{n:064x}",
        "status": "released",
        "parts": {"image": "a"},
        "updated_at": NOON,
    }
    return ShotRecord(**{**row, **changes})  # type: ignore[arg-type]


class RecordsContract:
    @pytest.fixture
    def records(self, url: str) -> Iterator[Records]:
        made = Records(url)
        yield made
        made.close()

    def test_images_are_replaced_and_found_in_bulk(self, records: Records) -> None:
        rows = [ImageRecord(f"/photos/{n} ü'; DROP TABLE images.jpg", f"{n}-1", f"{n:064x}") for n in range(2500)]
        records.remember_images(rows)
        records.remember_images([ImageRecord(rows[7].uri, "new", "f" * 64)])
        known = records.images()
        assert len(known) == 2500
        assert known[rows[7].uri] == ImageRecord(rows[7].uri, "new", "f" * 64)
        wanted = [row.uri for row in rows[:1200]]
        assert records.image_digests([*wanted, "/photos/absent.jpg", wanted[0]]) == {uri: known[uri].digest for uri in wanted}
        assert records.image_digests([]) == {}

    def test_shots_of_one_catalogue_in_order(self, records: Records) -> None:
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

    def test_times_are_utc_whatever_zone_they_came_in(self, records: Records) -> None:
        records.remember_shots("c", [shot(1, updated_at=NOON.astimezone(timezone(timedelta(hours=5))))])
        (row,) = records.shots("c")
        assert row.updated_at == NOON
        assert row.updated_at.utcoffset() == timedelta(0)

    def test_writing_while_reading(self, records: Records) -> None:
        records.remember_shots("c", [shot(n) for n in range(2500)])
        for row in records.shots("c"):
            if row.key.endswith("00"):
                records.remember_shots("c", [shot(int(row.key, 16), status="failed")])
        assert sum(row.status == "failed" for row in records.shots("c")) == len(range(0, 2500, 256))

    def test_runs(self, records: Records) -> None:
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

    def test_threads_and_copies_share_one_new_database(self, records: Records) -> None:
        copies = [pickle.loads(pickle.dumps(records)) for _ in range(4)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: copies[n % 4].remember_shots("c", [shot(i) for i in range(n * 50, n * 50 + 50)]), range(16)))
        assert [row.shot_id for row in records.shots("c")] == [shot(n).shot_id for n in range(800)]

    def test_a_batch_is_all_or_nothing(self, records: Records) -> None:
        def rows() -> object:
            yield from (shot(n) for n in range(1500))
            raise RuntimeError("the source broke")

        with pytest.raises(RuntimeError):
            records.remember_shots("c", rows())  # type: ignore[arg-type]
        assert list(records.shots("c")) == []

    def test_named_shots_by_id(self, records: Records) -> None:
        records.remember_shots("c", [shot(n) for n in range(1200)])
        wanted = [shot(n).shot_id for n in range(0, 1300, 2)]
        assert records.shots_of("c", wanted) == {shot(n).shot_id: shot(n) for n in range(0, 1200, 2)}
        assert records.shots_of("other", wanted) == {}
