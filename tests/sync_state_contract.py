"""What every database does with the state of connections. `state` is a fixture of the class that takes it up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sync_state import Seen, SyncState, Taken
from connectors.vendors.base import Told
from studio.product import Dimensions, Product, ProductImage

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def seen(ref: str = "1", **more: Any) -> Seen:
    product = Product(
        sku=f"SKU-{ref}", images=(ProductImage(uri="https://s/a.jpg", digest="d"),), dimensions=Dimensions(width_mm=3)
    )
    said = {
        "connection": "shop",
        "ref": ref,
        "sku": product.sku,
        "digest": "v1",
        "updated": NOON,
        "gone": False,
        "product": product,
    }
    return Seen(**{**said, **more})


def told(number: int, *refs: str, at: datetime | None = NOON, kind: str = "changed") -> Told:
    return Told(f"m{number}", kind, refs or ("1",), at)


class SyncStateContract:
    def test_products_come_back_as_they_were(self, state: SyncState) -> None:
        many = [seen(f"{number:04}") for number in range(1203)]
        state.keep([*many, seen("0003", connection="other"), seen("gone", gone=True)])
        assert list(state.all_seen("shop")) == many
        assert [one.ref for one in state.all_seen("shop", gone=True)] == ["gone"]
        assert state.seen("shop", "0003") == many[3]
        assert state.seen("shop", "none") is None
        assert state.digests("shop", ["0003", "none", "gone"]) == {"0003": "v1"}
        assert state.of_sku("shop", "SKU-0003") == [many[3]]
        state.forget("shop", ["0003"])
        assert state.of_sku("shop", "SKU-0003") == []
        state.keep([seen("0004", digest="")])
        assert [one.ref for one in state.promised("shop")] == ["0004"]

    def test_cursors(self, state: SyncState) -> None:
        assert state.cursor("shop") == ""
        state.keep_cursor("shop", "a")
        state.keep_cursor("shop", "b")
        state.keep_cursor("other", "c")
        assert state.cursor("shop") == "b"

    def test_a_message_is_taken_once_and_products_wait_once(self, state: SyncState) -> None:
        assert state.take("shop", [told(1, "1", "2")], now=NOON) == Taken(2, 0, 0)
        assert state.take("shop", [told(1, "1", "2"), told(2, "1", at=NOON + MINUTE)], now=NOON) == Taken(1, 1, 0)
        assert state.take("other", [told(1)], now=NOON) == Taken(1, 0, 0)
        assert (state.waiting("shop"), state.waiting()) == (2, 3)
        assert {one.ref: one.at for one in state.all_waiting("shop")} == {"1": NOON + MINUTE, "2": NOON}

    def test_two_products_of_one_message_may_be_told_apart(self, state: SyncState) -> None:
        assert state.take("shop", [told(1, "1"), told(1, "2")], now=NOON) == Taken(2, 0, 0)

    def test_what_is_older_than_what_we_know_is_stale(self, state: SyncState) -> None:
        state.keep([seen("1"), seen("2", digest="", updated=NOON)])
        earlier = NOON - MINUTE
        assert state.take("shop", [told(1, "1", at=earlier)], now=NOON) == Taken(0, 0, 1)
        assert state.take("shop", [told(2, "2", at=earlier)], now=NOON) == Taken(1, 0, 0), "promised is not made"
        assert state.take("shop", [told(3, "1", at=NOON), told(4, "1", at=None)], now=NOON) == Taken(2, 0, 0)
        assert state.take("shop", [told(5, "1", at=earlier), told(6, kind="other")], now=NOON) == Taken(0, 0, 1)

    def test_work_is_claimed_by_one_and_comes_back(self, state: SyncState) -> None:
        state.take("shop", [told(1, "1", "2", "3")], now=NOON)
        first = state.due(now=NOON, limit=2, hold_s=60)
        second = state.due(now=NOON, limit=9, hold_s=60)
        assert [one.ref for one in [*first, *second]] == ["1", "2", "3"]
        assert state.due(now=NOON, limit=9, hold_s=60) == []
        state.done(first[0])
        state.later(first[1], NOON + 5 * MINUTE, "vendor unavailable")
        late = state.due(now=NOON + 2 * MINUTE, limit=9, hold_s=60)
        assert [one.ref for one in late] == ["3"], "whose worker died"
        state.done(second[0])
        assert state.waiting() == 2, "a worker that lost its claim changes nothing"
        state.done(late[0])
        (again,) = state.due(now=NOON + 6 * MINUTE, limit=9, hold_s=60)
        assert (again.ref, again.tries, again.error) == ("2", 1, "vendor unavailable")

    def test_what_is_told_during_the_work_is_worked_on_again(self, state: SyncState) -> None:
        state.take("shop", [told(1)], now=NOON)
        (one,) = state.due(now=NOON, limit=1, hold_s=60)
        state.keep_orders(one, ["ord_1"], "v2")
        state.take("shop", [told(2, at=NOON + MINUTE, kind="deleted")], now=NOON)
        assert state.due(now=NOON, limit=1, hold_s=60) == [], "still held"
        state.done(one)
        (again,) = state.due(now=NOON, limit=1, hold_s=60)
        assert (again.kind, again.orders, again.digest, again.at) == ("deleted", (), "", NOON + MINUTE)
        state.done(again)
        assert state.waiting() == 0

    def test_orders_stay_while_a_row_waits_for_them(self, state: SyncState) -> None:
        state.take("shop", [told(1)], now=NOON)
        (one,) = state.due(now=NOON, limit=1, hold_s=60)
        state.keep_orders(one, ["a", "b"], "v2")
        state.later(one, NOON + MINUTE, "")
        assert state.due(now=NOON, limit=1, hold_s=60) == []
        state.take("shop", [told(2, at=NOON + MINUTE)], now=NOON)
        (again,) = state.due(now=NOON, limit=1, hold_s=60)
        assert (again.orders, again.digest, again.tries) == (("a", "b"), "v2", 0)

    def test_message_ids_are_kept_a_day(self, state: SyncState) -> None:
        now = datetime.now(UTC)
        state.take("shop", [told(1)], now=now - timedelta(hours=30))
        state.take("shop", [told(2)], now=now - timedelta(hours=20))
        assert state.prune(now) == 1
        assert state.take("shop", [told(1, at=None), told(2)], now=now) == Taken(1, 1, 0)
