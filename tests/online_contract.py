"""What every database of the online tables must do. Subclasses give the fixture `url` of an empty database."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.database import Database
from connectors.online.cursors import cursor_at
from connectors.online.endpoints import Endpoints
from connectors.online.ids import new_id
from connectors.online.orders import NewOrder, Orders, OrderState
from connectors.online.outbox import Outbox
from connectors.online.store import online
from studio.errors import Conflict, IdempotencyConflict, InputError, InvalidCursor, NotFound

S = OrderState
DONE = {"outcomes": [{"status": "released", "digest": "d" * 64}]}


def new(n: int = 0, **changes: Any) -> NewOrder:
    row = {
        "key_id": "key_a",
        "priority": "standard",
        "spec": {"product": {"sku": f"SKU-{n}", "title": "Kännchen ☕"}},
        "sku": f"SKU-{n}",
        "template": "amazon-white@3",
        "trace": "0af7651916cd43dd8448eb211c80319c",
    }
    return NewOrder(**{**row, **changes})


def kinds(orders: Orders, order_id: str) -> list[str]:
    return [event.type for event in orders.events(order_id)]


class OnlineContract:
    @pytest.fixture
    def database(self, url: str) -> Iterator[Database]:
        database = online(url)
        yield database
        database.close()

    @pytest.fixture
    def orders(self, database: Database) -> Orders:
        return Orders(database)

    def test_an_accepted_order_reads_back_as_it_was_given(self, orders: Orders) -> None:
        deadline = datetime(2026, 11, 22, 18, 0, 0, 123456, tzinfo=UTC)
        given = new(1, priority="urgent", deadline=deadline, batch="bat_1", idempotency_key="k", request_digest="d")
        order, created = orders.accept(given)
        assert created
        assert orders.get(order.id) == order
        assert (order.id, order.state, order.generation, order.attempts) == (given.id, S.QUEUED, 0, 0)
        assert (order.spec, order.deadline, order.trace) == (given.spec, deadline, given.trace)
        assert (order.result, order.error, order.workflow_id) == ({}, {}, f"{order.id}.0")
        assert abs((datetime.now(UTC) - order.created).total_seconds()) < 60
        assert kinds(orders, order.id) == ["order.queued"]

    def test_orders_of_another_key_do_not_exist(self, orders: Orders) -> None:
        order, _ = orders.accept(new())
        assert orders.get(order.id, "key_a").id == order.id
        for order_id, key in ((order.id, "key_b"), (order.id, ""), ("ord_nothing", None)):
            with pytest.raises(NotFound):
                orders.get(order_id, key)

    def test_the_same_idempotency_key_is_the_same_order(self, orders: Orders) -> None:
        first, created = orders.accept(new(1, idempotency_key="k", request_digest="d"))
        assert orders.move(first.id, S.RUNNING)
        again, repeated = orders.accept(new(1, idempotency_key="k", request_digest="d"))
        assert (created, repeated, again.id, again.state) == (True, False, first.id, S.RUNNING)
        with pytest.raises(IdempotencyConflict):
            orders.accept(new(1, idempotency_key="k", request_digest="another"))
        assert orders.accept(new(1, idempotency_key="k", request_digest="another", key_id="key_b"))[1]
        assert [orders.accept(new(1, request_digest="d"))[1] for _ in range(3)] == [True] * 3, "an empty key never matches"
        assert kinds(orders, first.id) == ["order.queued"]

    def test_an_acceptance_whose_answer_was_lost_can_be_repeated(self, orders: Orders) -> None:
        given = new(1)
        assert [orders.accept(given)[1] for _ in range(2)] == [True, False]

    def test_many_threads_with_one_idempotency_key_make_one_order(self, orders: Orders) -> None:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: orders.accept(new(1, idempotency_key="k", request_digest="d")), range(24)))
        assert len({order.id for order, _ in answers}) == 1
        assert sum(created for _, created in answers) == 1

    def test_bulk_acceptance_is_idempotent_line_by_line(self, orders: Orders) -> None:
        some = [new(n, batch="bat_1", idempotency_key=f"bat_1:{n}", request_digest=str(n)) for n in range(1500)]
        early = orders.accept(new(7, batch="bat_1", idempotency_key="bat_1:7", request_digest="7"))[0]
        ids = orders.accept_many([*some, new(3, batch="bat_1", idempotency_key="bat_1:3", request_digest="3")])
        assert ids[7] == early.id
        assert ids[-1] == ids[3]
        assert ids[:7] == [order.id for order in some[:7]]
        repeated = [new(n, batch="bat_1", idempotency_key=f"bat_1:{n}", request_digest=str(n)) for n in range(1500)]
        assert orders.accept_many(repeated) == ids[:-1]
        assert orders.waiting() == {"urgent": 0, "standard": 1500}
        assert [kinds(orders, order_id) for order_id in (ids[0], ids[7])] == [["order.queued"]] * 2
        with pytest.raises(IdempotencyConflict):
            orders.accept_many([new(2000), new(1, idempotency_key="bat_1:1", request_digest="another")])
        assert orders.waiting() == {"urgent": 0, "standard": 1500}, "a refused thousand leaves nothing behind"
        assert orders.accept_many([]) == []

    def test_a_cache_hit_is_stored_in_its_end_state(self, orders: Orders, database: Database) -> None:
        endpoint = Endpoints(database).create("key_a", "https://shop.example/hook", ["order.*"])
        order = orders.finished(new(1, idempotency_key="k", request_digest="d"), DONE)
        assert (order.state, order.result) == (S.SUCCEEDED, DONE)
        assert orders.get(order.id) == order
        assert orders.finished(new(1, idempotency_key="k", request_digest="d"), {}) == order
        assert kinds(orders, order.id) == ["order.succeeded"]
        assert [d.type for d in Outbox(database).deliveries(endpoint.id)[0]] == ["order.succeeded"]
        review = orders.finished(new(2), DONE, state=S.REVIEW, event=("order.review", {"why": "halo"}))
        assert orders.events(review.id)[0].data == {"why": "halo"}
        assert orders.waiting() == {"urgent": 0, "standard": 0}

    def test_moves_are_compare_and_set(self, orders: Orders) -> None:
        order, _ = orders.accept(new())
        assert not orders.move(order.id, S.SUCCEEDED, only_from={S.RUNNING})
        assert orders.move(order.id, S.RUNNING, attempts=2, only_from={S.QUEUED})
        assert not orders.move(order.id, S.CANCELLED, only_from={S.QUEUED})
        assert not orders.move(order.id, S.FAILED, only_from={S.SUCCEEDED}), "an ended state is never left"
        assert orders.move(order.id, S.REVIEW, result=DONE, error={"code": "halo"}, event=("order.review", {"n": 1}))
        ended = orders.get(order.id)
        assert (ended.state, ended.attempts, ended.result, ended.error) == (S.REVIEW, 2, DONE, {"code": "halo"})
        for state in S:
            assert not orders.move(order.id, state, event=("never", {}))
        assert kinds(orders, order.id) == ["order.queued", "order.review"]
        with pytest.raises(NotFound):
            orders.move("ord_nothing", S.RUNNING)

    def test_a_retried_order_starts_over_in_a_new_generation(self, orders: Orders) -> None:
        order, _ = orders.accept(new(1, deadline=datetime.now(UTC) - timedelta(hours=1)))
        with pytest.raises(Conflict):
            orders.again(order.id, by="key_a")
        orders.claim([order.id])
        orders.move(order.id, S.FAILED, error={"code": "deadline_passed"}, result=DONE, attempts=4)
        fresh = orders.again(order.id, by="key_a")
        assert (fresh.state, fresh.generation, fresh.workflow_id) == (S.QUEUED, 1, f"{order.id}.1")
        assert (fresh.error, fresh.result, fresh.attempts, fresh.deadline) == ({}, {}, 0, None)
        assert [o.id for o in orders.unstarted(60)] == [order.id]
        assert not orders.move(order.id, S.SUCCEEDED, generation=0), "the workflow of an earlier generation changes nothing"
        assert orders.move(order.id, S.RUNNING, generation=1)
        assert orders.events(order.id)[-1].data == {"order": order.id, "by": "key_a", "generation": 1}
        with pytest.raises(NotFound):
            orders.again("ord_nothing", by="key_a")

    def test_waiting_counts_open_orders_by_priority(self, orders: Orders) -> None:
        ids = orders.accept_many([new(n, priority="urgent" if n < 2 else "standard") for n in range(6)])
        orders.move(ids[0], S.RUNNING)
        orders.move(ids[2], S.CANCELLED)
        assert orders.waiting() == {"urgent": 2, "standard": 3}

    def test_the_sweeper_sees_what_nobody_claimed_urgent_first(self, orders: Orders) -> None:
        ids = orders.accept_many([new(n, priority="urgent" if n in (2, 4) else "standard") for n in range(6)])
        orders.move(ids[0], S.RUNNING)
        orders.claim([ids[1], ids[2]])
        assert [o.id for o in orders.unstarted(60)] == [ids[4], ids[3], ids[5]]
        assert [o.id for o in orders.unstarted(60, limit=2)] == [ids[4], ids[3]]
        assert {o.id for o in orders.unstarted(-60)} == set(ids[1:]), "claims made long ago"
        assert [o.id for o in orders.unstarted(-60)][:2] == [ids[4], ids[2]]

    def test_events_are_numbered_without_gaps(self, orders: Orders) -> None:
        order, _ = orders.accept(new())
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda n: orders.add_event(order.id, "step.finished", {"step": n}), range(30)))
        events = orders.events(order.id)
        assert [event.seq for event in events] == list(range(1, 32))
        assert {event.data["step"] for event in events[1:]} == set(range(30))
        assert orders.events(order.id, after=30) == events[30:]
        assert orders.events("ord_nothing") == []
        with pytest.raises(NotFound):
            orders.add_event("ord_nothing", "step.finished", {})

    def test_an_asset_is_published_once(self, orders: Orders) -> None:
        order, _ = orders.accept(new())

        def publish(n: int) -> bool:
            return orders.publish(order.id, "a" * 64, place="folder", digest="d" * 64, path=f"{n}.jpg")

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(publish, range(12))) == 1
        assert orders.publish(order.id, "a" * 64, place="store", digest="d" * 64, path="x")
        assert [(p.shot_key, p.place, p.digest) for p in orders.publications(order.id)] == [
            ("a" * 64, "folder", "d" * 64),
            ("a" * 64, "store", "d" * 64),
        ]
        assert kinds(orders, order.id) == ["order.queued", "asset.published", "asset.published"]
        with pytest.raises(NotFound):
            orders.publish("ord_nothing", "a" * 64, place="folder", digest="d" * 64, path="x")
        assert orders.publications("ord_nothing") == [], "undone with the event that has no order"

    def test_pages_are_stable_while_orders_come_in(self, orders: Orders) -> None:
        ids = orders.accept_many([new(n) for n in range(25)])
        seen: list[str] = []
        cursor = ""
        for _ in range(3):
            page, cursor = orders.list(limit=10, cursor=cursor)
            seen += [order.id for order in page]
            orders.accept_many([new(n) for n in range(7)])
        assert seen == ids[::-1]
        assert cursor == ""
        exact, end = orders.list(limit=46)
        assert (len(exact), end) == (46, "")
        for wrong in ("x", "b3JkXw", "!!", "é", "\udcff", "MTI", exact[0].id, cursor_at(new_id("bat")), cursor_at("line_7")):
            with pytest.raises(InvalidCursor):
                orders.list(cursor=wrong)

    def test_lists_are_filtered(self, orders: Orders) -> None:
        before = datetime.now(UTC) - timedelta(seconds=1)
        a = orders.accept(new(1, priority="urgent", batch="bat_1"))[0].id
        b = orders.accept(new(2, key_id="key_b", template="amazon-white-2@1"))[0].id
        c = orders.accept(new(2, template="amazon-white@4"))[0].id
        orders.move(c, S.FAILED)
        after = datetime.now(UTC) + timedelta(seconds=1)

        def found(**filters: Any) -> list[str]:
            return [order.id for order in orders.list(**filters)[0]]

        assert found(key_id="key_a") == [c, a]
        assert found(key_id="key_b") == [b]
        assert found(state=S.FAILED) == [c]
        assert found(priority="urgent") == [a]
        assert found(sku="SKU-2") == [c, b]
        assert found(batch="bat_1") == [a]
        assert found(template="amazon-white") == [c, a]
        assert found(template="amazon-white@3") == [a]
        assert found(template="%") == found(template="amazon_white") == []
        assert found(created_after=before, created_before=after) == [c, b, a]
        assert found(created_before=before) == found(created_after=after) == []
        assert found(created_after=orders.get(b).created, sku="SKU-2", key_id="key_b") == [b]
        assert found(created_after=datetime.min.replace(tzinfo=UTC), created_before=datetime.max.replace(tzinfo=UTC)) == [c, b, a]

    def test_values_no_database_holds_are_bad_input(self, orders: Orders) -> None:
        with pytest.raises(InputError):
            orders.accept(new(1, sku="lone \ud800 surrogate"))
        earliest = datetime.fromisoformat("0001-01-01T00:00:00+14:00")
        with pytest.raises(InputError):
            orders.accept(new(1, deadline=earliest))
        order = orders.finished(new(1), {"psnr": math.inf, "all": [math.nan, 1.5, {"x": -math.inf}], "text": "\0 \ud800"})
        assert orders.get(order.id).result == {"psnr": None, "all": [None, 1.5, {"x": None}], "text": "\0 \ud800"}
