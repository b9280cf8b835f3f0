"""What every database does with the audit log. `url` is a fixture of the class that takes it up."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from connectors.audit import FIRST, Audit, Entry, append
from connectors.database import Database
from connectors.tables import SCHEMA_VERSION, metadata
from studio.errors import InputError, StorageError

FIELDS = {
    "at": "'2020-01-01 00:00:00.000000'", "actor": "'nobody'", "action": "'key.issued'", "target": "'SKU-X'", "detail": "'{}'",
    "previous": f"'{'1' * 64}'", "hash": f"'{'1' * 64}'", "seq": "seq + 100",
}  # fmt: skip
WRITERS, LINES = 6, 10


def entry(number: int = 0, **more: object) -> Entry:
    return Entry("user:ann@desk", "asset.released", f"SKU-{number}", {"digest": "ab" * 32, **more})  # type: ignore[dict-item]


def directly(url: str, *statements: str) -> None:
    """Past our own code."""
    parsed = make_url(url if "://" in url else f"sqlite:///{url}")
    engine = create_engine(parsed if parsed.get_backend_name() == "sqlite" else parsed.set(drivername="postgresql+psycopg"))
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


def behind_our_back(url: str, *statements: str) -> None:
    """What somebody with the database in hand can do: the triggers go first."""
    if url.startswith("postgresql"):
        guards = ["DROP TRIGGER IF EXISTS audit_lines_kept ON audit_lines"]
    else:
        guards = [f"DROP TRIGGER IF EXISTS audit_lines_{name}" for name in ("delete", "update")]
    directly(url, *guards, *statements)


class AuditContract:
    @pytest.fixture
    def audit(self, url: str) -> Iterator[Audit]:
        made = Audit(url)
        yield made
        made.close()

    def test_an_empty_log_is_whole(self, audit: Audit) -> None:
        assert (audit.verify().lines, audit.verify().head, audit.verify().broken) == (0, f"0:{FIRST}", "")

    def test_lines_are_chained_and_found(self, audit: Audit) -> None:
        first = audit.add([entry(1), entry(2)])
        second = audit.add([Entry("key:key_1", "key.revoked", "key_2")])
        lines = list(audit.lines())
        assert [line.previous for line in lines] == [FIRST, lines[0].hash, lines[1].hash]
        assert (audit.verify().head, audit.verify(first).broken, audit.verify(second).broken) == (second, "", "")
        assert [line.seq for line in audit.lines(action="key.revoked")] == [3]
        assert [line.seq for line in audit.lines(target="SKU-2")] == [2]
        assert [line.seq for line in audit.lines(actor="user:")] == [1, 2]
        assert [line.seq for line in audit.lines(target="SKU%")] == []

    def test_all_or_none(self, audit: Audit) -> None:
        with pytest.raises(InputError, match="no action"):
            audit.add([entry(1), Entry("x", "made.up", "y")])  # type: ignore[arg-type]
        assert audit.verify().lines == 0

    @pytest.mark.parametrize("statement", ["DELETE FROM audit_lines", "UPDATE audit_lines SET actor = 'nobody'"])
    def test_the_database_refuses_to_change_lines(self, audit: Audit, url: str, statement: str) -> None:
        audit.add([entry(1)])
        with pytest.raises(DBAPIError, match="only added"):
            directly(url, statement)
        assert audit.verify().lines == 1

    def test_a_line_goes_with_the_transaction_it_is_part_of(self, audit: Audit, url: str) -> None:
        audit.add([entry(1)])
        database = Database(url, metadata, "records", SCHEMA_VERSION)

        def half_way() -> None:
            with database.begin() as opened:
                append(opened, [entry(2)])
                raise StorageError("half way")

        with pytest.raises(StorageError, match="half way"):
            half_way()
        database.close()
        assert [line.entry.target for line in audit.lines()] == ["SKU-1"]

    @pytest.mark.parametrize("seq", [1, 5, 9])
    @pytest.mark.parametrize("field", FIELDS)
    def test_every_field_of_every_line_is_held_by_the_chain(self, audit: Audit, url: str, field: str, seq: int) -> None:
        head = audit.add(entry(number) for number in range(9))
        behind_our_back(url, f"UPDATE audit_lines SET {field} = {FIELDS[field]} WHERE seq = {seq}")
        assert audit.verify(head).broken
        if field != "seq":
            assert audit.verify().broken

    def test_lines_taken_from_the_end_show_against_a_noted_head(self, audit: Audit, url: str) -> None:
        head = audit.add(entry(number) for number in range(5))
        behind_our_back(url, "DELETE FROM audit_lines WHERE seq > 3")
        assert audit.verify().broken == ""
        assert "ends at line 3" in audit.verify(head).broken

    def test_a_chain_written_anew_shows_against_a_noted_head(self, audit: Audit, url: str) -> None:
        head = audit.add(entry(number) for number in range(5))
        behind_our_back(url, "DELETE FROM audit_lines")
        audit.add(entry(number, reason="made up") for number in range(7))
        assert audit.verify().broken == ""
        assert "line 5 is not the one" in audit.verify(head).broken

    @pytest.mark.parametrize("head", ["x", ":", "7", "7:abc", "-1:0"])
    def test_a_head_that_is_none_is_not_found(self, audit: Audit, head: str) -> None:
        audit.add([entry(1)])
        assert audit.verify(head).broken

    def test_writers_do_not_fork_the_chain(self, url: str) -> None:
        def write(name: int) -> None:
            own = Audit(url)
            for number in range(LINES):
                own.add([entry(number, writer=name)])
            own.close()

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))
        found = Audit(url).verify()
        assert (found.lines, found.broken) == (WRITERS * LINES, "")

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        texts=st.lists(
            st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)] * 3), min_size=1, max_size=5
        )
    )
    def test_any_text_is_kept_and_verified(self, audit: Audit, texts: list[tuple[str, str, str]]) -> None:
        before = audit.verify().lines
        audit.add(Entry(actor, "erase.done", target, {"why": why}) for actor, target, why in texts)
        found = [(line.entry.actor, line.entry.target, line.entry.detail["why"]) for line in audit.lines(after=before)]
        assert found == texts
        assert audit.verify().broken == ""
