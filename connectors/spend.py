"""`Spend`: what was spent, day by day, by step, model, tier, template, destination, brand and run, in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Select, case, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from connectors.database import Database, added, batched, upsert
from connectors.tables import SCHEMA_VERSION, metadata, spend, spend_seen
from studio.errors import InputError

Group = Literal["run", "day", "tier", "brand", "template", "destination", "step", "model"]
GROUPS: tuple[Group, ...] = get_args(Group)
ORDERS = "orders"
"""The run of everything that orders spent."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a sum is about. `day` is UTC; `step` "" is the line that counts images."""

    run: str
    day: date
    tier: str
    brand: str
    template: str
    destination: str
    step: str
    model: str


@dataclass(frozen=True, slots=True)
class Amount:
    """Seconds and price. `runs` counts how often a step ran; on the line of images it counts those made, `released` those of
    them that were released. `lost_s` are seconds of attempts that died, in `price` and in nothing else.
    """

    runs: int = 0
    released: int = 0
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    lost_s: float = 0.0
    price: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Amount)))


Amounts = Mapping[Place, Amount]


@dataclass(frozen=True, slots=True)
class Sum:
    """A group and what was spent on it. `images` were made (not found in the store), `released` of them released."""

    group: tuple[str, ...]
    images: int
    released: int
    runs: int
    cpu_s: float
    gpu_s: float
    lost_s: float
    price: float


class Spend:
    """SQLite or PostgreSQL by URL, in the record database. Safe for many threads and processes; raises what `Database` raises."""

    def __init__(self, url: str | Database) -> None:
        self._database = url if isinstance(url, Database) else Database(url, metadata, "records", SCHEMA_VERSION)

    def put(self, amounts: Amounts) -> None:
        """Write sums as they are now, over what was there: a run that goes on or is taken up again counts nothing twice."""
        with self._database.begin() as connection:
            statement = upsert(spend, connection.dialect.name)
            for some in batched(_rows(amounts)):
                connection.execute(statement, some)

    def add(self, name: str, amounts: Amounts) -> bool:
        """Add to what is there, once for a name; whether it was the first time."""
        with self._database.begin() as connection:
            if not added(connection, spend_seen, {"name": name, "at": datetime.now(UTC)}):
                return False
            new = postgresql.insert(spend) if connection.dialect.name == "postgresql" else sqlite.insert(spend)
            grown = {one.name: spend.c[one.name] + new.excluded[one.name] for one in fields(Amount)}
            statement = new.on_conflict_do_update(index_elements=list(spend.primary_key.columns), set_=grown)
            connection.execute(statement, _rows(amounts))
        return True

    def sums(
        self,
        by: Sequence[str] = (),
        *,
        since: date | None = None,
        until: date | None = None,
        only: Mapping[str, str] = MappingProxyType({}),
        first: int = 0,
        most: int | None = None,
    ) -> list[Sum]:
        """Sums by group, the dearest first, after `first` of them at most `most`; `until` is included. `only` keeps one value of
        a group. Raises InputError for a group that there is not.
        """
        query = _summed(by, _wanted(by, since, until, only))
        query = query.order_by(query.selected_columns.price.desc(), *(spend.c[name] for name in by))
        return [_sum(row, len(by)) for row in self._database.all(query.offset(first).limit(most))]

    def count(
        self,
        by: Sequence[str],
        *,
        since: date | None = None,
        until: date | None = None,
        only: Mapping[str, str] = MappingProxyType({}),
    ) -> int:
        """How many groups `sums` has. Raises InputError for a group that there is not."""
        query = _summed(by, _wanted(by, since, until, only))
        row = self._database.first(select(func.count()).select_from(query.subquery()))
        return int(row[0]) if row else 0

    def price(self, *, since: date | None = None, **only: str) -> float:
        """The price of everything, from a day on, of one run or brand."""
        return sum(one.price for one in self.sums(since=since, only=only))

    def forget(self, before: datetime) -> None:
        """Forget names of `add` older than that; the sums stay."""
        with self._database.begin() as connection:
            connection.execute(delete(spend_seen).where(spend_seen.c.at < before))

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()


def merged(into: dict[Place, Amount], amounts: Iterable[tuple[Place, Amount]]) -> None:
    """Add amounts to sums."""
    for place, amount in amounts:
        into[place] = into[place] + amount if place in into else amount


def _rows(amounts: Amounts) -> list[dict[str, Any]]:
    """In one order for everybody: who locks the same rows in another waits for the other for ever (PostgreSQL)."""
    rows = [{**asdict(place), "day": str(place.day), **asdict(amount)} for place, amount in amounts.items()]
    return sorted(rows, key=lambda row: [row[name] for name in GROUPS])


def _wanted(by: Sequence[str], since: date | None, until: date | None, only: Mapping[str, str]) -> list[ColumnElement[bool]]:
    if unknown := [name for name in (*by, *only) if name not in GROUPS]:
        raise InputError(f"no such group: {', '.join(unknown)}; known: {', '.join(GROUPS)}")
    found = [spend.c[name] == value for name, value in only.items()]
    found += [spend.c.day >= str(since)] if since else []
    return found + ([spend.c.day <= str(until)] if until else [])


def _summed(by: Sequence[str], wanted: Sequence[ColumnElement[bool]]) -> Select[Any]:
    c, groups = spend.c, [spend.c[name] for name in by]
    runs = func.sum(case((c.step != "", c.runs), else_=0))
    spent = [func.sum(c[name]).label(name) for name in ("cpu_s", "gpu_s", "lost_s", "price")]
    images = func.sum(case((c.step == "", c.runs), else_=0)).label("images")
    query = select(*groups, images, func.sum(c.released).label("released"), runs.label("runs"), *spent)
    query = query.where(*wanted).group_by(*groups)
    # The line that counts images is no step and has no model.
    return query.having(or_(runs > 0, *(one != 0 for one in spent))) if {"step", "model"} & set(by) else query


def _sum(row: Any, groups: int) -> Sum:
    values = tuple(row)
    images, released, runs, *rest = (value or 0 for value in values[groups:])
    return Sum(tuple(map(str, values[:groups])), int(images), int(released), int(runs), *(float(value) for value in rest))
