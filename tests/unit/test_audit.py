"""The audit log: lines are only added, and whatever is done to them behind our back shows."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.audit import FIRST, Audit, Entry, acting_as, actor, append
from connectors.database import Database
from connectors.tables import SCHEMA_VERSION, metadata
from studio.errors import InputError, StorageError


def entry(number: int = 0, **more: object) -> Entry:
    return Entry("user:ann@desk", "asset.released", f"SKU-{number}", {"digest": "ab" * 32, **more})  # type: ignore[dict-item]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def audit(path: Path) -> Audit:
    return Audit(str(path))


def behind_our_back(path: Path, *statements: str) -> None:
    """What somebody with the database in hand can do: the triggers go first."""
    with sqlite3.connect(path) as database:
        for trigger in ("audit_lines_delete", "audit_lines_update"):
            database.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            database.execute(statement)


def test_an_empty_log_is_whole(audit: Audit) -> None:
    assert (audit.verify().lines, audit.verify().head, audit.verify().broken) == (0, f"0:{FIRST}", "")


def test_lines_are_chained_and_found(audit: Audit) -> None:
    first = audit.add([entry(1), entry(2)])
    second = audit.add([Entry("key:key_1", "key.revoked", "key_2")])
    lines = list(audit.lines())
    assert [line.previous for line in lines] == [FIRST, lines[0].hash, lines[1].hash]
    assert (audit.verify().head, audit.verify(first).broken, audit.verify(second).broken) == (second, "", "")
    assert [line.seq for line in audit.lines(action="key.revoked")] == [3]
    assert [line.seq for line in audit.lines(target="SKU-2")] == [2]
    assert [line.seq for line in audit.lines(actor="user:")] == [1, 2]
    assert [line.seq for line in audit.lines(target="SKU%")] == []


def test_all_or_none(audit: Audit) -> None:
    with pytest.raises(InputError, match="no action"):
        audit.add([entry(1), Entry("x", "made.up", "y")])  # type: ignore[arg-type]
    assert audit.verify().lines == 0


@pytest.mark.parametrize("statement", ["DELETE FROM audit_lines", "UPDATE audit_lines SET actor = 'nobody'"])
def test_the_database_refuses_to_change_lines(audit: Audit, path: Path, statement: str) -> None:
    audit.add([entry(1)])
    with sqlite3.connect(path) as database, pytest.raises(sqlite3.IntegrityError, match="only added"):
        database.execute(statement)
    assert audit.verify().lines == 1


def test_a_line_goes_with_the_transaction_it_is_part_of(audit: Audit, path: Path) -> None:
    audit.add([entry(1)])
    database = Database(str(path), metadata, "records", SCHEMA_VERSION)

    def half_way() -> None:
        with database.begin() as opened:
            append(opened, [entry(2)])
            raise StorageError("half way")

    with pytest.raises(StorageError, match="half way"):
        half_way()
    assert [line.entry.target for line in audit.lines()] == ["SKU-1"]


FIELDS = {
    "at": "'2020-01-01 00:00:00.000000'", "actor": "'nobody'", "action": "'key.issued'", "target": "'SKU-X'", "detail": "'{}'",
    "previous": f"'{'1' * 64}'", "hash": f"'{'1' * 64}'", "seq": "seq + 100",
}  # fmt: skip


@pytest.mark.parametrize("seq", [1, 5, 9])
@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_every_line_is_held_by_the_chain(audit: Audit, path: Path, field: str, seq: int) -> None:
    head = audit.add(entry(number) for number in range(9))
    behind_our_back(path, f"UPDATE audit_lines SET {field} = {FIELDS[field]} WHERE seq = {seq}")
    assert audit.verify(head).broken
    if field != "seq":
        assert audit.verify().broken


def test_lines_taken_from_the_end_show_against_a_noted_head(audit: Audit, path: Path) -> None:
    head = audit.add(entry(number) for number in range(5))
    behind_our_back(path, "DELETE FROM audit_lines WHERE seq > 3")
    assert audit.verify().broken == ""
    assert "ends at line 3" in audit.verify(head).broken


def test_a_chain_written_anew_shows_against_a_noted_head(audit: Audit, path: Path) -> None:
    head = audit.add(entry(number) for number in range(5))
    behind_our_back(path, "DELETE FROM audit_lines")
    audit.add(entry(number, reason="made up") for number in range(7))
    assert audit.verify().broken == ""
    assert "line 5 is not the one" in audit.verify(head).broken


@pytest.mark.parametrize("head", ["x", ":", "7", "7:abc", "-1:0"])
def test_a_head_that_is_none_is_not_found(audit: Audit, head: str) -> None:
    audit.add([entry(1)])
    assert audit.verify(head).broken


def test_writers_do_not_fork_the_chain(path: Path) -> None:
    def write(name: int) -> None:
        own = Audit(str(path))
        for number in range(10):
            own.add([entry(number, writer=name)])

    threads = [threading.Thread(target=write, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (Audit(str(path)).verify().lines, Audit(str(path)).verify().broken) == (60, "")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)] * 3), min_size=1, max_size=5
    )
)
def test_any_text_is_kept_and_verified(tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str, str]]) -> None:
    audit = Audit(str(tmp_path_factory.mktemp("audit") / "records.db"))
    audit.add(Entry(actor, "erase.done", target, {"why": why}) for actor, target, why in texts)
    assert [(line.entry.actor, line.entry.target, line.entry.detail["why"]) for line in audit.lines()] == texts
    assert audit.verify().broken == ""


def test_who_acts_is_said_or_is_the_user_of_the_process() -> None:
    with acting_as("key:key_1"):
        assert actor() == "key:key_1"
        with acting_as("order:ord_1"):
            assert actor() == "order:ord_1"
        assert actor() == "key:key_1"
    assert actor().startswith("user:")
