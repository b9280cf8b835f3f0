"""`Reviews`: the review queue and what people decided, in the record database beside the shots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, exists, func, insert, literal, or_, select, tuple_, update

from connectors.audit import Entry, append
from connectors.database import Database, batched, insert_new, upsert
from connectors.online.ids import new_id
from connectors.records import ShotRecord
from connectors.review import AFTER, STATES, Action, Decision, Item, Reviewer, Wanted, item_id
from connectors.review_tables import review_decisions, review_items, review_marks
from connectors.tables import SCHEMA_VERSION, metadata, shots
from studio.errors import Conflict, NotFound

_SOME = 500
"""Values in one IN list."""
OVERLAP = timedelta(minutes=1)
"""How far back of the last look the next one begins: writers' clocks differ, and a transaction ends after its rows' times."""
_I, _D = review_items.c, review_decisions.c
_BRIEF = [column for column in review_items.columns if column.name not in ("report", "id")]
_WHOLE = [column for column in review_items.columns if column.name != "id"]
_RENEWED = ("reason", "detail", "uncertainty", "report", "run")
_AGAIN = (
    update(review_items)
    .where(_I.id == bindparam("which"), _I.state == "approved")
    .values(state="open", decided=None, **{name: bindparam(f"new_{name}", type_=_I[name].type) for name in _RENEWED})
)
_UNDONE: Mapping[Action, str] = {"approve": "reject", "reject": "", "regenerate": ""}
"""What taking a decision back is to the audit log: the picture is released no more."""
_ORDERS = {"doubt": (_I.uncertainty, _I.id), "newest": (_I.at, _I.id), "sku": (_I.sku, _I.id)}
_FALL = ("doubt", "newest")
"""Orders in which both columns fall; in others both rise. So an index gives a page without sorting the rest."""


class Reviews:
    """SQLite or PostgreSQL by URL. Safe for many threads and processes: a decision is a compare-and-set."""

    def __init__(self, url: str | Database) -> None:
        self._database = url if isinstance(url, Database) else Database(url, metadata, "records", SCHEMA_VERSION)

    def held_shots(self, limit: int) -> list[tuple[str, ShotRecord]]:
        """Rejected shots of nights that are not in the queue as they are now, with their catalogues, oldest first; at most
        `limit` of them. `looked` says how far that was."""
        since, c = self._mark("night"), shots.c
        query = select(shots).where(c.status == "rejected", c.updated_at >= since - OVERLAP).order_by(c.updated_at, c.shot_id)
        found: list[tuple[str, ShotRecord]] = []
        for some in batched(self._database.rows(query), _SOME):
            names = [item_id(row.catalog, row.shot_id, row.key, row.digest) for row in some]
            known = self._decided(names)
            for row, name in zip(some, names, strict=True):
                # Rejected again after somebody approved it: today's limits are others, so it is asked anew.
                if name not in known or (known[name][0] == "approved" and row.updated_at > (known[name][1] or row.updated_at)):
                    values = row._asdict()
                    found.append((values.pop("catalog"), ShotRecord(**values)))
            if len(found) >= limit:
                break
        return found[:limit]

    def looked(self, origin: str, upto: datetime) -> None:
        """Everything up to this time was taken in."""
        with self._database.begin() as connection:
            connection.execute(upsert(review_marks, connection.dialect.name), {"origin": origin, "upto": upto})

    def since(self, origin: str) -> datetime:
        """From when on there may be something that was not taken in."""
        return self._mark(origin) - OVERLAP

    def add(self, items: Sequence[Item]) -> None:
        """Put items into the queue. One that is there stays; one that was approved and is held back again is open again,
        for what holds it back now."""
        with self._database.begin() as connection:
            # In one order for everybody: who locks the same rows in another waits for the other for ever (PostgreSQL).
            for some in batched(sorted({item.id: item for item in items}.items()), _SOME):
                connection.execute(insert_new(review_items, connection.dialect.name), [_row(name, item) for name, item in some])
                connection.execute(_AGAIN, [_held_again(name, item) for name, item in some])

    def known(self, ids: Sequence[str]) -> set[str]:
        """Those of these that are in the queue, in any state."""
        return set(self._decided(ids))

    def supersede(self, ids: Sequence[str] | None = None) -> bool:
        """Open items of nights, all or those of a page (at most 500), whose shot was made anew or released since are not to be
        decided any more. Whether there were some."""
        s = shots.c
        same = and_(s.catalog == _I.place, s.shot_id == _I.shot, s.key == _I.key, s.digest == _I.digest, s.status == "rejected")
        which = [_I.origin == "night", _I.state == "open", ~exists().where(same)] + ([] if ids is None else [_I.id.in_(ids)])
        # Looked at first: a page that is shown should not wait for who writes.
        if self._database.first(select(_I.id).where(*which).limit(1)) is None:
            return False
        with self._database.begin() as connection:
            return bool(connection.execute(update(review_items).where(*which).values(state="superseded")).rowcount)

    def close_items(self, ids: Sequence[str], state: str, *, only_from: str = "open") -> None:
        """Move items to a state without a decision."""
        with self._database.begin() as connection:
            for some in batched(ids, _SOME):
                change = update(review_items).where(_I.id.in_(some), _I.state == only_from)
                connection.execute(change.values(state=state))

    def page(self, wanted: Wanted, *, number: int = 1, size: int = 50) -> list[Item]:
        """One page of items without their reports; the doubtful first unless `order` says otherwise."""
        query = select(*_BRIEF).where(*_where(wanted)).order_by(*_sorted(wanted.order))
        return [_item(row) for row in self._database.all(query.limit(size).offset((number - 1) * size))]

    def count(self, wanted: Wanted) -> int:
        """How many there are."""
        row = self._database.first(select(func.count()).select_from(review_items).where(*_where(wanted)))
        return int(row[0]) if row else 0

    def next_to(self, item: Item, wanted: Wanted) -> tuple[str, str]:
        """Ids of the items before and after one in the order of a listing, "" at its ends."""
        columns = _ORDERS[wanted.order]
        here = tuple_(*(literal(getattr(item, column.name), column.type) for column in columns))
        up, down = tuple_(*columns) > here, tuple_(*columns) < here
        before, after = (up, down) if wanted.order in _FALL else (down, up)
        base = select(_I.id).where(*_where(wanted)).limit(1)
        queries = (
            base.where(before).order_by(*_sorted(wanted.order, back=True)),
            base.where(after).order_by(*_sorted(wanted.order)),
        )
        found = [self._database.first(query) for query in queries]
        return (found[0][0] if found[0] else ""), (found[1][0] if found[1] else "")

    def choices(self, columns: Sequence[str], state: str = "", sees: str | None = None) -> dict[str, list[tuple[str, int]]]:
        """Values of these columns (`reason`, `template`, `destination`, `origin`) and how many items have them, the most first;
        in one look at the queue."""
        found: dict[str, Counter[str]] = {name: Counter() for name in columns}
        query = (
            select(*(_I[name] for name in columns), func.count()).where(*_seen_by(sees)).group_by(*(_I[name] for name in columns))
        )
        for row in self._database.all(query.where(_I.state == state) if state else query):
            for name, value in zip(columns, row, strict=False):
                found[name][value] += row[-1]
        return {name: sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) for name, counts in found.items()}

    def states(self, sees: str | None = None, *, template: str = "") -> dict[str, int]:
        """How many items there are by state, of one template or of all."""
        query = select(_I.state, func.count()).where(*_seen_by(sees)).group_by(_I.state)
        return {row[0]: row[1] for row in self._database.all(query.where(_I.template == template) if template else query)}

    def get(self, name: str, sees: str | None = None) -> Item:
        """An item with its report. Raises NotFound, also for what the key `sees` may not see."""
        return self.some([name], sees)[0]

    def some(self, ids: Sequence[str], sees: str | None = None) -> list[Item]:
        """Items with their reports, in the order of the ids. Raises NotFound, also for what the key `sees` may not see."""
        queries = (select(_I.id, *_WHOLE).where(_I.id.in_(some), *_seen_by(sees)) for some in batched(dict.fromkeys(ids), _SOME))
        found = {row.id: _item(row) for query in queries for row in self._database.all(query)}
        if missing := [name for name in ids if name not in found]:
            raise NotFound(f"no item {missing[0]!r} in the review queue")
        return [found[name] for name in ids]

    def of(self, *, sku: str = "", place: str = "", state: str = "", sees: str | None = None, limit: int = 200) -> list[Item]:
        """Items of a product, of an order or of a catalogue, newest first, without reports."""
        given = {_I.sku: sku, _I.place: place, _I.state: state}
        query = select(*_BRIEF).where(*(column == value for column, value in given.items() if value), *_seen_by(sees))
        return [_item(row) for row in self._database.all(query.order_by(_I.at.desc()).limit(limit))]

    def decide(
        self,
        ids: Sequence[str],
        action: Action,
        by: Reviewer,
        *,
        reason: str = "",
        note: str = "",
        change: Mapping[str, Any] | None = None,
        sees: str | None = None,
    ) -> list[Decision]:
        """Decide about those of these items that are open; the others were somebody else's. What a night held back and is
        approved is released in the same transaction; for what is left to do see `unapplied` and `applied`. Raises NotFound."""
        self.some(ids, sees)
        now, batch = datetime.now(UTC), new_id("rvb")
        told: list[Entry] = []
        made: list[dict[str, Any]] = []
        with self._database.begin() as connection:
            for some in batched(sorted(set(ids)), _SOME):
                lock = select(_I.id, *_BRIEF).where(_I.id.in_(some), _I.state == "open").with_for_update()
                rows = connection.execute(lock).all()
                for row in rows:
                    item = _item(row)
                    if action == "approve" and item.origin == "night":
                        _turn(connection, item, released=True)
                    told += _told(item, action, by, reason)
                    values = {"item": row.id, "batch": batch, "action": action, "at": now, "applied": False}
                    made.append(values | {"reason": reason[:64], "note": note[:1000], "change": dict(change or {})} | _by(by))
                names = [row.id for row in rows]
                connection.execute(update(review_items).where(_I.id.in_(names)).values(state=AFTER[action], decided=now))
            if made:
                connection.execute(insert(review_decisions), made)
            if told:
                append(connection, told)
        return [Decision(**line) for line in made]

    def undo(self, batch: str, by: Reviewer, *, anybodys: bool = False) -> list[Decision]:
        """Take a batch of decisions back, as far as nobody has decided since; those items are open again. Raises Conflict when
        nothing of it can be taken back, NotFound for an unknown batch, and for another key's unless `anybodys`."""
        now = datetime.now(UTC)
        with self._database.begin() as connection:
            rows = connection.execute(select(review_decisions).where(_D.batch == batch).with_for_update()).all()
            if not rows or not (anybodys or rows[0].by_key == by.key_id):
                raise NotFound(f"no decisions {batch!r}")
            back = [_decision(row) for row in rows if row.undone is None]
            items = {
                name: item for some in batched([one.item for one in back], _SOME) for name, item in _locked(connection, some)
            }
            back = [one for one in back if items[one.item].state == AFTER[one.action]]
            if not back:
                raise Conflict("these decisions were taken back before, or what came of them is done")
            for one in back:
                if one.action == "approve" and items[one.item].origin == "night":
                    _turn(connection, items[one.item], released=False)
            told = [line for one in back for line in _told(items[one.item], _UNDONE[one.action], by, "taken back")]
            if told:
                append(connection, told)
            for some in batched(back, _SOME):
                taken = update(review_decisions).where(_D.id.in_([one.id for one in some]))
                connection.execute(taken.values(undone=now, undone_by=by.name, applied=False))
                again = update(review_items).where(_I.id.in_([one.item for one in some]))
                connection.execute(again.values(state="open", decided=None))
        return back

    def undo_one(self, decision: str, why: str) -> None:
        """Take one decision back that could not be carried out; `why` is kept as who did. Raises Conflict where it was taken
        back before."""
        now = datetime.now(UTC)
        with self._database.begin() as connection:
            taken = update(review_decisions).where(_D.id == decision, _D.undone.is_(None))
            values = {"undone": now, "undone_by": why[:500], "applied": True}
            row = connection.execute(taken.values(**values).returning(_D.item, _D.action)).first()
            if row is None:
                raise Conflict("this decision was taken back before")
            ((_, item),) = _locked(connection, [row.item])
            if row.action == "approve" and item.origin == "night":
                _turn(connection, item, released=False)
            connection.execute(update(review_items).where(_I.id == row.item).values(state="open", decided=None))

    def last_batch(self, key_id: str) -> str:
        """The batch that this key decided last and did not take back, "" where there is none."""
        query = select(_D.batch).where(_D.by_key == key_id, _D.undone.is_(None)).order_by(_D.id.desc()).limit(1)
        row = self._database.first(query)
        return row[0] if row else ""

    def history(self, name: str) -> list[Decision]:
        """Decisions about an item, newest first."""
        query = select(review_decisions).where(_D.item == name).order_by(_D.id.desc())
        return [_decision(row) for row in self._database.all(query)]

    def unapplied(self, limit: int = 100) -> list[Decision]:
        """Decisions with something left to be done, oldest first: a process may have died after them. Approvals that were taken
        back are among them."""
        open_ones = or_(_D.undone.is_(None), _D.action == "approve")
        query = select(review_decisions).where(_D.applied.is_(False), open_ones).order_by(_D.id).limit(limit)
        return [_decision(row) for row in self._database.all(query)]

    def under_way(self, limit: int = 500) -> list[tuple[str, str]]:
        """Items that are being made anew, with the order that does so."""
        query = select(_D.item, _D.order_id).join(review_items, _I.id == _D.item)
        query = query.where(_I.state == "regenerated", _D.action == "regenerate", _D.undone.is_(None), _D.order_id != "")
        return [(row[0], row[1]) for row in self._database.all(query.order_by(_D.id).limit(limit))]

    def applied(self, decision: str, *, order_id: str = "") -> None:
        """Nothing is left to be done; `order_id` makes the item anew."""
        with self._database.begin() as connection:
            connection.execute(update(review_decisions).where(_D.id == decision).values(applied=True, order_id=order_id))

    def replace(self, name: str, digest: str, media_type: str) -> None:
        """What was made instead of an item is released: it takes the shot's place in a night's records."""
        (item,) = self.some([name])
        with self._database.begin() as connection:
            moved = update(review_items).where(_I.id == name, _I.state == "regenerated").values(state="replaced")
            if connection.execute(moved).rowcount and item.origin == "night":
                values = {"status": "released", "reason": "", "path": "", "digest": digest, "media_type": media_type}
                now = datetime.now(UTC)
                connection.execute(
                    update(shots).where(_shot(item), shots.c.status == "rejected").values(**values, updated_at=now)
                )

    def decided(self, sees: str | None = None) -> Iterator[tuple[Item, Decision]]:
        """Every item with a decision that stands, with its report, oldest first."""
        query = select(review_decisions, *_WHOLE).join(review_items, _I.id == _D.item).where(_D.undone.is_(None), *_seen_by(sees))
        width = len(review_decisions.columns)
        for row in self._database.rows(query.order_by(_D.id)):
            values = dict(zip([column.name for column in _WHOLE], row[width:], strict=True))
            decision = dict(zip([column.name for column in review_decisions.columns], row[:width], strict=True))
            yield Item(**values), Decision(**decision)

    def verdicts(self, most: int) -> list[tuple[str, str, Mapping[str, float], bool]]:
        """Template, destination, measurements and whether a person let it through, of the `most` pictures decided about last."""
        latest = select(func.max(_D.id).label("id")).where(_D.undone.is_(None)).group_by(_D.item).subquery()
        measured = _I.report["measurements"]
        query = select(_I.template, _I.destination, measured, _D.action).join(latest, latest.c.id == _D.id)
        query = query.join(review_items, _I.id == _D.item).order_by(_D.id.desc()).limit(most)
        return [(row[0], row[1], row[2] or {}, row[3] == "approve") for row in self._database.all(query)]

    def stamp(self) -> tuple[str, int]:
        """Changes whenever something is decided or taken back."""
        row = self._database.first(select(func.max(_D.id), func.count(_D.undone)))
        return (row[0] or "", row[1]) if row else ("", 0)

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()

    def _mark(self, origin: str) -> datetime:
        row = self._database.first(select(review_marks.c.upto).where(review_marks.c.origin == origin))
        return row[0] if row else datetime(1970, 1, 2, tzinfo=UTC)

    def _decided(self, ids: Sequence[str]) -> dict[str, tuple[str, datetime | None]]:
        queries = (select(_I.id, _I.state, _I.decided).where(_I.id.in_(some)) for some in batched(ids, _SOME))
        return {row.id: (row.state, row.decided) for query in queries for row in self._database.all(query)}


def _sorted(order: str, *, back: bool = False) -> list[ColumnElement[Any]]:
    """The columns of an order as they fall or rise; `back`: the other way round."""
    falls = (order in _FALL) is not back
    return [column.desc() if falls else column.asc() for column in _ORDERS[order]]


def _where(wanted: Wanted) -> list[ColumnElement[bool]]:
    equal = {
        _I.origin: wanted.origin, _I.template: wanted.template, _I.destination: wanted.destination, _I.reason: wanted.reason,
        _I.state: wanted.state if wanted.state in STATES else "",
    }  # fmt: skip
    found: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value]
    found += _seen_by(wanted.sees)
    return [*found, _I.sku.contains(wanted.text, autoescape=True)] if wanted.text else found


def _seen_by(key_id: str | None) -> list[ColumnElement[bool]]:
    return [] if key_id is None else [_I.owner.in_(["", key_id])]


def _told(item: Item, action: str, by: Reviewer, reason: str) -> list[Entry]:
    """The line of the audit log; making something anew has none."""
    about = {
        "item": item.id,
        "asset": item.digest,
        "place": item.place,
        "shot": item.shot,
        "held_by": item.reason,
        "reason": reason,
    }
    if action == "approve":
        return [Entry(f"key:{by.key_id}", "asset.approved", f"sku:{item.sku}", about)]
    return [Entry(f"key:{by.key_id}", "asset.rejected", f"sku:{item.sku}", about)] if action == "reject" else []


def _turn(connection: Connection, item: Item, *, released: bool) -> None:
    """Release a night's shot, or hold it back again, if it is still this picture."""
    before, after = ("rejected", "released") if released else ("released", "rejected")
    values = {"status": after, "reason": "" if released else item.reason, "updated_at": datetime.now(UTC)}
    connection.execute(update(shots).where(_shot(item), shots.c.status == before).values(**values))


def _shot(item: Item) -> ColumnElement[bool]:
    c = shots.c
    return and_(c.catalog == item.place, c.shot_id == item.shot, c.key == item.key, c.digest == item.digest)


def _by(reviewer: Reviewer) -> dict[str, Any]:
    nothing_yet = {"order_id": "", "undone": None, "undone_by": ""}
    return {"id": new_id("rvd"), "by_key": reviewer.key_id, "by_name": reviewer.name, **nothing_yet}


def _locked(connection: Connection, ids: Sequence[str]) -> list[tuple[str, Item]]:
    rows = connection.execute(select(_I.id, *_BRIEF).where(_I.id.in_(ids)).with_for_update()).all()
    return [(row.id, _item(row)) for row in rows]


def _held_again(name: str, item: Item) -> dict[str, Any]:
    return {f"new_{column}": getattr(item, column) for column in _RENEWED} | {"new_report": dict(item.report), "which": name}


def _row(name: str, item: Item) -> dict[str, Any]:
    return {"id": name} | {column.name: getattr(item, column.name) for column in _WHOLE} | {"report": dict(item.report)}


def _item(row: Row[Any]) -> Item:
    values = row._asdict()
    values.pop("id", None)
    return Item(**values)


def _decision(row: Row[Any]) -> Decision:
    found = Decision(**row._asdict())
    assert found.action in get_args(Action)
    return found
