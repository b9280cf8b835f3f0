"""A run's files, read a page at a time: the same rows as reading everything, whatever is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.run_ledger import CHANGES, FACETS, RunLog
from pipelines.ledger import SCHEMA, LedgerWriter
from pipelines.runfiles import RunFiles
from studio.errors import NotFound

STATUS, TEMPLATES = ("released", "rejected", "failed"), ("a@1", "b@2")


def row(number: int, status: str, template: str, asset: str = "x") -> dict[str, Any]:
    """A ledger row; what it does not say is empty."""
    empty = {"string": "", "int64": 0, "double": 0.0, "bool": False}
    values: dict[str, Any] = {one.name: {} if pa.types.is_map(one.type) else empty.get(str(one.type), []) for one in SCHEMA}
    maps: dict[str, Any] = {"seconds": {"decode": 0.5}, "previews": {"result": asset}}
    named = {"sku": f"SKU-{number:03}", "title": f"Thing {number}", "slot": "front", "shot_id": f"{number:03}/{template}"}
    reason = "" if status == "released" else f"why-{status}"
    return {
        **values, **maps, **named, "status": status, "reason": reason, "template": template,
        "destination": "tiny", "asset": asset,
    }  # fmt: skip


def written(folder: Path, run: str, rows: Sequence[dict[str, Any]], groups: int = 3, *, ended: bool = True) -> None:
    """A run with this ledger in row groups of `groups`."""
    files = RunFiles(str(folder), run)
    files.make()
    writer = LedgerWriter(files)
    for first in range(0, len(rows), groups):
        writer.write(list(rows[first : first + groups]))
    writer.close()
    files.write_json("plan.json", {"due": len(rows), "chunks": 2, "plan": {}})
    if ended:
        files.write_json("run.json", {"run": run})


ROWS = st.lists(st.tuples(st.sampled_from(STATUS), st.sampled_from(TEMPLATES)), max_size=12)


@settings(max_examples=10, deadline=None)
@given(
    made=ROWS,
    wanted=st.fixed_dictionaries({}, optional={"status": st.sampled_from(STATUS), "template": st.sampled_from(TEMPLATES)}),
    text=st.sampled_from(["", "00", "thing 1", "SKU-003", "nowhere"]),
    first=st.integers(0, 6),
    size=st.integers(1, 5),
    groups=st.integers(1, 5),
)
def test_a_page_is_what_a_filter_over_all_rows_gives(
    tmp_path_factory: pytest.TempPathFactory,
    made: list[tuple[str, str]],
    wanted: Mapping[str, str],
    text: str,
    first: int,
    size: int,
    groups: int,
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    rows = [row(number, *one) for number, one in enumerate(made)]
    written(folder, "run", rows, groups)
    found = RunLog(str(folder)).page("run", wanted, text=text, first=first, size=size)
    fitting = [
        one["shot_id"]
        for one in rows
        if all(one[name] == value for name, value in wanted.items())
        and any(text.lower() in one[name].lower() for name in ("sku", "title", "slot"))
    ]
    assert [one["shot_id"] for one in found.items] == fitting[first : first + size]
    assert found.total == len(fitting)
    assert sum(found.facets["status"].values()) == len(rows) if rows else True
    assert all(one["seconds"] == {"decode": 0.5} for one in found.items)


@settings(max_examples=10, deadline=None)
@given(before=ROWS, after=ROWS, repainted=st.sets(st.integers(0, 11)), change=st.sampled_from(["", *CHANGES]))
def test_two_runs_differ_where_their_rows_do(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[str, str]],
    after: list[tuple[str, str]],
    repainted: set[int],
    change: str,
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    old = [row(number, *one) for number, one in enumerate(before)]
    new = [row(number, *one, asset="y" if number in repainted else "x") for number, one in enumerate(after)]
    written(folder, "old", old)
    written(folder, "new", new)
    found = RunLog(str(folder)).compare("old", "new", change=change, size=100)
    left, right = ({one["shot_id"]: one for one in rows} for rows in (old, new))
    kinds = {name: kind(left.get(name), right.get(name)) for name in left.keys() | right.keys()}
    assert {name: count for name, count in found.counts.items() if count} == {
        name: list(kinds.values()).count(name) for name in set(kinds.values())
    }
    expected = sorted(name for name, one in kinds.items() if one == change or (not change and one != "same"))
    assert [one.row["shot_id"] for one in found.items] == expected
    assert found.total == len(expected)
    for one in found.items:
        name = one.row["shot_id"]
        assert one.change == kinds[name]
        assert (one.before or {}).get("shot_id") == (name if name in left else None)
        assert (one.after or {}).get("asset") == (right[name]["asset"] if name in right else None)


def kind(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    if before is None or after is None:
        return "gone" if before else "added"
    if before["status"] != after["status"]:
        return "status"
    return "same" if before["asset"] == after["asset"] else "picture"


def test_facets_count_the_whole_ledger(tmp_path: Path) -> None:
    written(tmp_path, "run", [row(number, "rejected" if number % 3 else "released", "a@1") for number in range(9)])
    found = RunLog(str(tmp_path)).page("run", {"status": "released"}, size=1)
    assert set(found.facets) == set(FACETS)
    assert found.facets["status"] == {"rejected": 6, "released": 3}
    assert found.facets["reason"] == {"why-rejected": 6}, "no reason is no choice"


def test_a_run_that_goes_on_has_progress_and_no_rows(tmp_path: Path) -> None:
    """Its ledger has no footer yet: reading it would fail."""
    files, log = RunFiles(str(tmp_path), "run"), RunLog(str(tmp_path))
    assert log.progress("run") is None
    files.make()
    files.write_json("plan.json", {"due": 5, "chunks": 2, "plan": {}})
    (tmp_path / "run" / "ledger.parquet").write_bytes(b"PAR1")
    assert log.page("run", {}).total == 0
    results = [{"outcome": {"status": status}} for status in ("released", "released", "failed")]
    files.append_journal("one", json.dumps(results))
    found = log.progress("run")
    assert found is not None
    assert (found.chunks_done, found.chunks, found.due, dict(found.status)) == (1, 2, 5, {"released": 2, "failed": 1})
    with pytest.raises(NotFound):
        log.compare("run", "run")


@pytest.mark.parametrize("run", ["..", ".", "", "a/b", "../../etc", "a\x00b", "x" * 65])
def test_only_names_of_runs_become_paths(tmp_path: Path, run: str) -> None:
    log = RunLog(str(tmp_path))
    for look in (log.plan, log.summary, log.progress):
        with pytest.raises(NotFound):
            look(run)


def test_rows_of_earlier_versions_are_filled_up(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    written(tmp_path, "run", [row(1, "released", "a@1")])
    path = tmp_path / "run" / "ledger.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["category", "tried", "uncertainty"]), path)
    (found,) = RunLog(str(tmp_path)).page("run", {}).items
    assert (found["category"], found["tried"], found["uncertainty"]) == ("", [], 0.0)
