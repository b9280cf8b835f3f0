"""`Spend`: a page of sums is the same piece of all of them, whatever they are grouped by."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from connectors import tables
from connectors.spend import GROUPS, Amount, Place, Spend
from studio.errors import InputError

DAY = date(2026, 11, 23)
AMOUNTS = st.builds(
    Amount,
    runs=st.integers(0, 2),
    released=st.integers(0, 2),
    cpu_s=st.sampled_from([0.0, 0.5]),
    price=st.sampled_from([0, 1.0, 2.0]),
)
PLACES = st.builds(
    Place,
    run=st.sampled_from(["r1", "r2", "orders"]),
    day=st.integers(0, 3).map(lambda back: DAY - timedelta(days=back)),
    tier=st.sampled_from(["urgent", "standard"]),
    brand=st.sampled_from(["", "Acme", "Bolt", "acme"]),
    template=st.sampled_from(["a@1", "b@2"]),
    destination=st.just("tiny"),
    step=st.sampled_from(["", "cutout"]),
    model=st.sampled_from(["", "net"]),
)


@pytest.fixture(scope="module")
def spend(tmp_path_factory: pytest.TempPathFactory) -> Spend:
    return Spend(str(tmp_path_factory.mktemp("spend") / "spend.db"))


@settings(max_examples=25, deadline=None)
@given(
    amounts=st.dictionaries(PLACES, AMOUNTS, max_size=12),
    by=st.lists(st.sampled_from(GROUPS), unique=True, max_size=3),
    size=st.integers(2, 5),
)
def test_pages_put_together_are_all_sums_the_dearest_first(
    spend: Spend, amounts: dict[Place, Amount], by: list[str], size: int
) -> None:
    with spend._database.begin() as connection:
        connection.execute(delete(tables.spend))
    spend.put(amounts)
    for since in (None, DAY - timedelta(days=1)):
        whole = spend.sums(by, since=since)
        assert spend.count(by, since=since) == len(whole)
        assert whole == sorted(whole, key=lambda one: (-one.price, one.group))
        pages = [spend.sums(by, since=since, first=first, most=size) for first in range(0, len(whole) + size, size)]
        assert [one for page in pages for one in page] == whole
        wanted = [amount for place, amount in amounts.items() if since is None or place.day >= since]
        assert sum(one.price for one in whole) == pytest.approx(sum(amount.price for amount in wanted))


def test_a_step_that_took_nothing_is_no_line(tmp_path: Path) -> None:
    spend = Spend(str(tmp_path / "spend.db"))
    images = Place("r", DAY, "standard", "", "a@1", "tiny", "", "")
    spend.put({images: Amount(runs=3, released=2)})
    assert spend.sums(("step",)) == []
    assert spend.count(("step",)) == 0
    (one,) = spend.sums(("template",))
    assert (one.images, one.released, one.runs) == (3, 2, 0)
    with pytest.raises(InputError):
        spend.count(("colour",))
