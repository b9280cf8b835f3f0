"""What every database must do for batches, events on their way, endpoints, keys and products."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.database import Database
from connectors.online.batches import Batches, ItemError, NewBatch
from connectors.online.endpoints import Endpoints
from connectors.online.hooks import HookSources
from connectors.online.keys import ApiKeys
from connectors.online.orders import Orders
from connectors.online.outbox import DeliveryState, Outbox
from connectors.online.products import Products
from connectors.online.store import online
from studio.errors import Conflict, IdempotencyConflict, InputError, InvalidCursor, NotFound, Unauthenticated
from studio.product import Dimensions, ImageRole, Product, ProductImage
from tests.online_contract import DONE, S, kinds, new


class OnlinePartsContract:
    @pytest.fixture
    def database(self, url: str) -> Iterator[Database]:
        database = online(url)
        yield database
        database.close()

    @pytest.fixture
    def orders(self, database: Database) -> Orders:
        return Orders(database)

    def test_batches_count_orders_and_keep_errors(self, orders: Orders, database: Database) -> None:
        batches = Batches(database)
        batch, created = batches.create(NewBatch("key_a", total=9, idempotency_key="k", request_digest="d", data={"file": "x"}))
        assert (created, batch.state({}), batch.data) == (True, "accepting", {"file": "x"})
        assert batches.create(NewBatch("key_a", total=9, idempotency_key="k", request_digest="d")) == (batch, False)
        with pytest.raises(IdempotencyConflict):
            batches.create(NewBatch("key_a", total=9, idempotency_key="k", request_digest="another"))
        ids = orders.accept_many([new(n, batch=batch.id) for n in range(6)])
        wrong = [ItemError(n, "invalid_input", "no", field=name) for n in (8, 7, 9) for name in ("sku", "url")]
        batches.add_errors(batch.id, wrong)
        batches.add_errors(batch.id, wrong)
        batches.update(batch.id, accepted=6)
        assert (batches.get(batch.id).errors, batches.get(batch.id).accepted) == (3, 6)
        assert batches.counts(batch.id) == {"queued": 6}
        assert batches.get(batch.id).state(batches.counts(batch.id)) == "running"
        for order_id in ids:
            orders.move(order_id, S.SUCCEEDED if order_id != ids[0] else S.FAILED)
        assert batches.counts(batch.id) == {"succeeded": 5, "failed": 1}
        assert batches.get(batch.id).state(batches.counts(batch.id)) == "finished"
        page, cursor = batches.errors(batch.id, limit=2)
        assert [(e.line, e.field) for e in page] == [(7, "sku"), (7, "url"), (8, "sku"), (8, "url")]
        rest, end = batches.errors(batch.id, cursor, limit=2)
        assert ([e.line for e in rest], end) == ([9, 9], "")
        assert batches.errors("bat_nothing") == ([], "")
        with pytest.raises(InvalidCursor):
            batches.errors(batch.id, orders.list(limit=1)[1])

    def test_batches_are_listed_and_belong_to_keys(self, database: Database) -> None:
        batches = Batches(database)
        made = [batches.create(NewBatch("key_a", total=0, kind=kind))[0] for kind in ("orders", "job", "job")]
        other = batches.create(NewBatch("key_b", total=0, job_id="raysubmit_1"))[0]
        assert batches.list(key_id="key_a", kind="job") == ([made[2], made[1]], "")
        first, cursor = batches.list(limit=3)
        assert [b.id for b in first + batches.list(limit=3, cursor=cursor)[0]] == [b.id for b in (other, *made[::-1])]
        batches.update(made[1].id, job_id="raysubmit_2", total=30_000)
        assert (batches.get(made[1].id).job_id, batches.get(made[1].id).total) == ("raysubmit_2", 30_000)
        with pytest.raises(NotFound):
            batches.get(other.id, "key_a")
        with pytest.raises(NotFound):
            batches.update("bat_nothing", total=1)
        with pytest.raises(NotFound):
            batches.add_errors("bat_nothing", [ItemError(1, "c", "m")])

    def test_events_reach_the_endpoints_that_want_them(self, orders: Orders, database: Database) -> None:
        endpoints, outbox = Endpoints(database), Outbox(database)
        everything = endpoints.create("key_a", "https://a.example/", ["*"])
        failures = endpoints.create("key_a", "https://b.example/", ["order.failed", "order.rej*"])
        silent = endpoints.create("key_a", "https://c.example/", ["*"])
        stranger = endpoints.create("key_b", "https://d.example/", ["*"])
        endpoints.disable(silent.id, "410")
        order, _ = orders.accept(new())
        orders.add_event(order.id, "step.finished", {})
        orders.move(order.id, S.RUNNING)
        orders.publish(order.id, "a", place="folder", digest="d", path="x.jpg")
        assert orders.move(order.id, S.FAILED, event=("order.failed", {"order": order.id}))
        assert not orders.move(order.id, S.FAILED, event=("order.failed", {"order": order.id}))
        mine, _ = outbox.deliveries(everything.id)
        assert [d.type for d in mine] == ["order.failed", "asset.published"]
        theirs, _ = outbox.deliveries(failures.id)
        assert [(d.type, d.event_id) for d in theirs] == [("order.failed", mine[0].event_id)]
        assert outbox.deliveries(silent.id) == outbox.deliveries(stranger.id) == ([], "")
        event = outbox.event(mine[0].event_id)
        assert (event.data, event.order_id, event.key_id) == ({"order": order.id}, order.id, "key_a")
        assert len(outbox.due()) == 3
        with pytest.raises(NotFound):
            outbox.event("evt_nothing")

    def test_an_undone_change_leaves_no_event(self, orders: Orders, database: Database) -> None:
        endpoint = Endpoints(database).create("key_a", "https://a.example/")
        order, _ = orders.accept(new())
        with pytest.raises(InputError):
            orders.move(order.id, S.FAILED, event=("order.\ud800", {}))
        assert orders.get(order.id).state is S.QUEUED
        assert kinds(orders, order.id) == ["order.queued"]
        assert Outbox(database).deliveries(endpoint.id) == ([], "")

    def test_a_delivery_keeps_its_event_over_attempts(self, database: Database) -> None:
        outbox = Outbox(database)
        endpoint = Endpoints(database).create("key_a", "https://a.example/", ["never"])
        other = Endpoints(database).create("key_a", "https://b.example/", ["*"])
        event_id = outbox.add("key_a", "webhook.test", {"n": 1}, endpoint_id=endpoint.id)
        (due,) = outbox.due()
        assert (due.event_id, due.endpoint_id, due.attempts, due.last_status) == (event_id, endpoint.id, 0, None)
        assert outbox.deliveries(other.id)[0] == []
        outbox.claim([due.id], 60)
        assert outbox.due() == []
        later = datetime.now(UTC) + timedelta(minutes=5)
        assert outbox.attempted(due.id, DeliveryState.PENDING, status=500, error="oops", next_at=later)
        tried = outbox.get(due.id)
        assert (tried.attempts, tried.last_status, tried.last_error, tried.next_at) == (1, 500, "oops", later)
        with pytest.raises(Conflict):
            outbox.redeliver(due.id)
        assert outbox.attempted(due.id, DeliveryState.DELIVERED, status=200)
        assert not outbox.attempted(due.id, DeliveryState.FAILED, status=500), "what was delivered stays delivered"
        again = outbox.redeliver(due.id)
        assert (again.event_id, again.state, again.attempts) == (event_id, DeliveryState.PENDING, 0)
        assert again.workflow_id != due.workflow_id
        assert [d.id for d in outbox.due()] == [due.id]
        assert outbox.add("key_b", "webhook.test", {}) == ""
        with pytest.raises(NotFound):
            outbox.redeliver("dlv_nothing")

    def test_deliveries_are_paged(self, database: Database) -> None:
        outbox = Outbox(database)
        endpoint = Endpoints(database).create("key_a", "https://a.example/")
        events = [outbox.add("key_a", f"e.{n}", {}) for n in range(5)]
        outbox.attempted(outbox.due()[0].id, DeliveryState.DELIVERED, status=204)
        first, cursor = outbox.deliveries(endpoint.id, limit=3)
        rest, end = outbox.deliveries(endpoint.id, limit=3, cursor=cursor)
        assert ([d.event_id for d in first + rest], end) == (events[::-1], "")
        assert [d.event_id for d in outbox.deliveries(endpoint.id, state=DeliveryState.DELIVERED)[0]] == events[:1]

    def test_endpoints_change_rotate_and_go(self, database: Database) -> None:
        endpoints = Endpoints(database)
        one = endpoints.create("key_a", "https://a.example/", description="shop")
        (old,) = one.live_secrets
        assert old.startswith("whsec_")
        assert one.enabled
        both = endpoints.rotate(one.id)
        assert both.live_secrets[1:] == (old,)
        assert both.live_secrets[0] != old
        assert endpoints.rotate(one.id, overlap_s=-1).live_secrets == endpoints.get(one.id).live_secrets
        assert len(endpoints.get(one.id).live_secrets) == 1
        assert endpoints.disable(one.id, "410 Gone").disabled_reason == "410 Gone"
        changed = endpoints.update(one.id, url="https://z.example/", events=["order.*"], enabled=True)
        assert (changed.url, changed.events, changed.enabled, changed.disabled_reason) == (
            "https://z.example/",
            ("order.*",),
            True,
            "",
        )
        assert not endpoints.update(one.id, enabled=False).enabled
        two = endpoints.create("key_b", "https://b.example/", secret="whsec_given")
        assert two.live_secrets == ("whsec_given",)
        assert [e.id for e in endpoints.list(key_id="key_b")] == [two.id]
        assert [e.id for e in endpoints.list()] == [one.id, two.id]
        Outbox(database).add("key_b", "x", {})
        for call in (
            lambda: endpoints.get(two.id, "key_a"),
            lambda: endpoints.update(two.id, key_id="key_a", url="https://evil.example/"),
            lambda: endpoints.rotate(two.id, key_id="key_a"),
            lambda: endpoints.delete(two.id, key_id="key_a"),
        ):
            with pytest.raises(NotFound):
                call()
        assert endpoints.get(two.id) == two
        endpoints.delete(two.id)
        assert (endpoints.list(key_id="key_b"), Outbox(database).due()) == ([], [])

    def test_hook_sources(self, database: Database) -> None:
        sources = HookSources(database)
        made = sources.add("my-pim", key_id="key_a", data={"template": "amazon-white"})
        assert sources.get("my-pim") == made
        assert len(made.live_secrets) == 1
        with pytest.raises(Conflict):
            sources.add("my-pim")
        for name in ("", "A", "a/b", "a" * 65, "ü"):
            with pytest.raises(InputError):
                sources.add(name)
        assert sources.rotate("my-pim").live_secrets[1:] == made.live_secrets
        assert [source.name for source in sources.list()] == ["my-pim"]
        sources.remove("my-pim")
        for call in (sources.get, sources.remove, sources.rotate):
            with pytest.raises(NotFound):
                call("my-pim")

    def test_keys_open_until_they_expire_or_are_revoked(self, database: Database) -> None:
        keys = ApiKeys(database)
        key, secret = keys.issue("shop", {"write"}, rate_per_minute=60, expires=datetime.now(UTC) + timedelta(hours=1))
        assert keys.verify(secret).id == key.id
        assert keys.get(key.id).last_used is not None
        used = keys.get(key.id).last_used
        keys.verify(secret)
        assert keys.get(key.id).last_used == used, "noted at most once a minute"
        old, expired = keys.issue("old", {"read"}, expires=datetime.now(UTC) - timedelta(seconds=1))
        lost, revoked = keys.issue("lost", {"admin"})
        when = keys.revoke(lost.id).revoked
        assert keys.revoke(lost.id).revoked == when
        last = "A" if secret[-1] != "A" else "B"
        for wrong in (
            expired,
            revoked,
            "",
            "pk_",
            secret[:-1] + last,
            secret + " ",
            secret.upper(),
            "pk_ü",
            "\ud800",
            "pk_" + "0" * 70,
        ):
            with pytest.raises(Unauthenticated):
                keys.verify(wrong)
        assert [k.id for k in keys.list()] == [key.id, old.id, lost.id]
        with pytest.raises(NotFound):
            keys.revoke("key_nothing")

    def test_products_are_found_by_sku(self, database: Database) -> None:
        products = Products(database)
        one = Product(
            sku="MUG-1",
            title="Kännchen",
            attributes={"colour": "weiß"},
            dimensions=Dimensions(width_mm=80.5),
            images=(ProductImage(uri="https://x.example/1.jpg", role=ImageRole.BACK),),
        )
        products.remember([one, *(Product(sku=f"S-{n}") for n in range(1200))], "autumn")
        assert products.get("MUG-1") == one
        newer = one.model_copy(update={"title": "Mug"})
        products.remember([one, newer], "spring")
        assert products.get("MUG-1") == newer
        with pytest.raises(NotFound):
            products.get("mug-1")

    def test_stores_travel_by_their_url(self, url: str) -> None:
        orders = Orders(url)
        order, _ = orders.accept(new())
        twin = pickle.loads(pickle.dumps(orders))
        assert twin.get(order.id) == order
        for store in (orders, twin):
            store.close()
        assert orders.get(order.id) == order, "closed connections open again"
        orders.close()

    def test_what_ended_long_ago_is_forgotten(self, orders: Orders, database: Database) -> None:
        outbox = Outbox(database)
        endpoint = Endpoints(database).create("key_a", "https://a.example/", ["*"])
        done, running = (orders.accept(new(n))[0] for n in range(2))
        for order in (done, running):
            orders.move(order.id, S.RUNNING)
        orders.move(done.id, S.SUCCEEDED, result=DONE, event=("order.succeeded", {"order": done.id}))
        sent = outbox.due()
        assert sent
        kept = outbox.add("key_a", "still.pending", {})
        for delivery in sent:
            outbox.attempted(delivery.id, DeliveryState.DELIVERED, status=200)
        past, future = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
        assert (orders.forget_events(past), outbox.forget(past)) == (False, False)
        assert orders.events(done.id), "young events stay"
        assert orders.forget_events(future, limit=1), "a full page: there may be more"
        outbox.forget(future)
        assert orders.events(done.id) == []
        assert orders.get(done.id).result == DONE
        assert orders.events(running.id), "an open order keeps its events"
        assert [d.event_id for d in outbox.deliveries(endpoint.id)[0]] == [kept]
        for delivery in sent:
            with pytest.raises(NotFound):
                outbox.event(delivery.event_id)
