"""Deliveries against a receiver on loopback that fails, redirects, is slow, talks nonsense or is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
import standardwebhooks

from connectors.online.endpoints import Endpoint, Endpoints
from connectors.online.hook_secrets import new_secret
from connectors.online.orders import NewOrder, Orders, OrderState
from connectors.online.outbox import Delivery, Outbox
from connectors.webhooks.delivery import Delivered, Gone, Message, Retry, deliver, webhook_client
from connectors.webhooks.signature import verify
from serve_apps.orders.deliveries import PER_ENDPOINT, TEST_EVENT, Deliveries
from studio.errors import Unauthenticated
from tests.local.receiver import Receiver, receiving

OLD, NEW = new_secret(), new_secret()
NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC).timestamp()
MESSAGE = Message("evt_1", "order.succeeded", datetime(2026, 11, 22, 17, 59, tzinfo=UTC), {"id": "ord_1", "sku": "Tasse “Blau”"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with webhook_client(allow_private=True) as made:
        yield made


send = partial(deliver, keys=[NEW, OLD], message=MESSAGE, now=NOW, total_s=10)


class TestAttempt:
    def test_a_message_arrives_signed_with_both_secrets(self, receiver: Receiver, client: httpx.Client) -> None:
        at = datetime.now(UTC).timestamp()
        assert deliver(client, f"{receiver.url}/ok?a=1", [NEW, OLD], MESSAGE, now=at) == Delivered(204)
        (got,) = receiver.got
        assert got.path == "/ok?a=1"
        assert got.headers["content-type"] == "application/json"
        assert got.headers["webhook-id"] == "evt_1"
        assert json.loads(got.body)["data"] == {"id": "ord_1", "sku": "Tasse “Blau”"}
        for secret in (OLD, NEW):
            assert standardwebhooks.Webhook(secret).verify(got.body, got.headers)["type"] == "order.succeeded"
            assert verify([secret], got.headers, got.body, now=at) == "evt_1"
        with pytest.raises(Unauthenticated):
            verify([new_secret()], got.headers, got.body, now=at)

    def test_only_the_signature_changes_between_attempts(self, receiver: Receiver, client: httpx.Client) -> None:
        for later in (0, 700):
            deliver(client, f"{receiver.url}/ok", [NEW], MESSAGE, now=NOW + later)
        first, second = receiver.got
        assert first.body == second.body
        assert {name for name in first.headers if first.headers[name] != second.headers[name]} == {
            "webhook-timestamp",
            "webhook-signature",
        }

    @pytest.mark.parametrize("status", [200, 201, 202, 299])
    def test_every_2xx_is_success(self, receiver: Receiver, client: httpx.Client, status: int) -> None:
        receiver.failures["/ok"] = [status]
        assert send(client, f"{receiver.url}/ok") == Delivered(status)

    @pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 422, 500, 502, 599])
    def test_everything_else_is_tried_again(self, receiver: Receiver, client: httpx.Client, status: int) -> None:
        receiver.failures["/bad"] = [status]
        answer = send(client, f"{receiver.url}/bad")
        assert isinstance(answer, Retry)
        assert (answer.status, answer.after_s) == (status, 0)

    def test_redirects_are_refused(self, receiver: Receiver, client: httpx.Client) -> None:
        answer = send(client, f"{receiver.url}/moved")
        assert isinstance(answer, Retry)
        assert "redirect" in answer.reason
        assert [got.path for got in receiver.got] == ["/moved"]

    def test_gone(self, receiver: Receiver, client: httpx.Client) -> None:
        assert send(client, f"{receiver.url}/gone") == Gone()

    @pytest.mark.parametrize(("path", "after_s"), [("/busy", 120), ("/dated", 600), ("/vague", 0)])
    def test_retry_after(self, receiver: Receiver, client: httpx.Client, path: str, after_s: float) -> None:
        answer = send(client, receiver.url + path)
        assert isinstance(answer, Retry)
        assert answer.after_s == after_s
        assert "secret" not in answer.reason

    @pytest.mark.parametrize("path", ["/silent", "/slow-head"])
    def test_the_whole_attempt_has_one_time_limit(self, receiver: Receiver, client: httpx.Client, path: str) -> None:
        answer = send(client, receiver.url + path, total_s=0.3)
        assert isinstance(answer, Retry)
        assert "within 0.3 s" in answer.reason

    def test_an_endless_answer_is_dropped_and_its_status_counts(self, receiver: Receiver, client: httpx.Client) -> None:
        assert send(client, f"{receiver.url}/endless") == Delivered(200)

    @pytest.mark.parametrize("path", ["/huge-head", "/nonsense", "/hang-up"])
    def test_broken_receivers(self, receiver: Receiver, client: httpx.Client, path: str) -> None:
        answer = send(client, receiver.url + path)
        assert isinstance(answer, Retry)
        assert answer.status == 0
        assert send(client, f"{receiver.url}/ok") == Delivered(204)

    def test_nobody_listens_and_unknown_names(self, client: httpx.Client) -> None:
        for url in ("http://127.0.0.1:1/hook", "http://nowhere.invalid/hook"):
            assert isinstance(send(client, url), Retry)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"])
    def test_private_addresses_are_refused_at_delivery_too(self, receiver: Receiver, host: str) -> None:
        with webhook_client(allow_private=False) as guarded:
            answer = send(guarded, receiver.url.replace("127.0.0.1", host) + "/ok")
        assert isinstance(answer, Retry)
        assert "not a public address" in answer.reason
        assert receiver.got == []


class Desk:
    """Runs what `start_due` starts at once, in order, the way the workflow engine does from its queue."""

    def __init__(self, deliveries: Deliveries) -> None:
        self.deliveries = deliveries
        self.started: list[tuple[str, str, int]] = []

    async def start(self, workflow_id: str, delivery_id: str, attempts: int) -> None:
        self.started.append((workflow_id, delivery_id, attempts))

    async def sweep(self) -> list[str]:
        first = len(self.started)
        await self.deliveries.start_due(self.start)
        return [await self.deliveries.deliver(delivery, attempts) for _, delivery, attempts in self.started[first:]]


@dataclass
class Post:
    """Endpoints, outbox and deliveries over one SQLite file; pauses are zero, so that every retry is due at once."""

    endpoints: Endpoints
    outbox: Outbox
    deliveries: Deliveries
    url: str

    def event(self, path: str, **data: str) -> tuple[Endpoint, str]:
        endpoint = self.endpoints.create("key_1", self.url + path, ("order.*",))
        event = self.outbox.add("key_1", "order.succeeded", data or {"id": "ord_1"}, endpoint_id=endpoint.id)
        return endpoint, event

    def only(self, endpoint: Endpoint) -> Delivery:
        (delivery,) = self.outbox.deliveries(endpoint.id)[0]
        return delivery

    def run(self, sweeps: int) -> list[str]:
        async def go() -> list[str]:
            desk = Desk(self.deliveries)
            return [state for _ in range(sweeps) for state in await desk.sweep()]

        return asyncio.run(go())


@pytest.fixture
def post(tmp_path: Path, receiver: Receiver) -> Iterator[Post]:
    url = f"sqlite:///{tmp_path / 'online.db'}"
    endpoints, outbox = Endpoints(url), Outbox(url)
    deliveries = Deliveries(endpoints, outbox, retries_s=(0, 0, 0), allow_private=True, total_s=10)
    yield Post(endpoints, outbox, deliveries, receiver.url)
    deliveries.close()


class TestDeliveries:
    def test_a_flaky_endpoint_gets_the_same_event_until_it_takes_it(self, post: Post, receiver: Receiver) -> None:
        receiver.failures["/flaky"] = [500, 302]
        endpoint, event = post.event("/flaky")
        assert post.run(5) == ["pending", "pending", "delivered"]
        got = receiver.at("/flaky")
        assert [one.headers["webhook-id"] for one in got] == [event] * 3
        assert len({one.body for one in got}) == 1
        delivery = post.only(endpoint)
        assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 3, 204)

    def test_links_are_absolute_where_the_address_is_known(self, post: Post, receiver: Receiver) -> None:
        assets = [{"hash": "ab", "url": "/v1/assets/ab"}, {"hash": "", "url": ""}]
        endpoint = post.endpoints.create("key_1", post.url + "/links", ("order.*",))
        post.outbox.add("key_1", "order.succeeded", {"assets": assets}, endpoint_id=endpoint.id)
        abroad = Deliveries(
            post.endpoints, post.outbox, retries_s=(), allow_private=True, total_s=10, base_url="https://shots.example/"
        )
        post.deliveries, plain = abroad, post.deliveries
        assert post.run(1) == ["delivered"]
        abroad.close()
        post.deliveries = plain
        (got,) = receiver.at("/links")
        assert [one["url"] for one in json.loads(got.body)["data"]["assets"]] == ["https://shots.example/v1/assets/ab", ""]

    def test_the_schedule_ends_in_failed_and_redelivery_keeps_the_event_id(self, post: Post, receiver: Receiver) -> None:
        receiver.failures["/down"] = [500] * 4
        endpoint, event = post.event("/down")
        assert post.run(9) == ["pending"] * 3 + ["failed"]
        failed = post.only(endpoint)
        assert (failed.state, failed.attempts, failed.last_status) == ("failed", 4, 500)
        post.outbox.redeliver(failed.id)
        assert post.run(2) == ["delivered"]
        assert {got.headers["webhook-id"] for got in receiver.at("/down")} == {event}
        assert post.endpoints.get(endpoint.id).enabled

    def test_gone_disables_the_endpoint_and_ends_what_waits_for_it(self, post: Post, receiver: Receiver) -> None:
        endpoint, _ = post.event("/gone")
        post.outbox.add("key_1", "order.failed", {}, endpoint_id=endpoint.id)
        assert post.run(3) == ["failed", "failed"]
        assert len(receiver.at("/gone")) == 1
        found = post.endpoints.get(endpoint.id)
        assert (found.enabled, "410" in found.disabled_reason) == (False, True)
        assert post.outbox.add("key_1", "order.succeeded", {}, endpoint_id=endpoint.id) == ""

    def test_retry_after_holds_the_whole_endpoint(self, post: Post, receiver: Receiver) -> None:
        endpoint, _ = post.event("/busy")
        assert post.run(1) == ["pending"]
        assert (post.only(endpoint).next_at - datetime.now(UTC)).total_seconds() > 110
        post.outbox.add("key_1", "order.failed", {}, endpoint_id=endpoint.id)
        other, _ = post.event("/ok")
        assert post.run(2) == ["delivered"]
        assert post.only(other).state == "delivered"
        assert len(receiver.at("/busy")) == 1

    def test_one_endpoint_cannot_take_all_places(self, post: Post) -> None:
        endpoint, _ = post.event("/ok")
        for _ in range(9):
            post.outbox.add("key_1", "order.failed", {}, endpoint_id=endpoint.id)
        other, _ = post.event("/other")
        desk = Desk(post.deliveries)
        assert asyncio.run(post.deliveries.start_due(desk.start)) == PER_ENDPOINT + 1
        assert asyncio.run(post.deliveries.start_due(desk.start)) == 0
        assert post.only(other).id in {delivery for _, delivery, _ in desk.started}

    def test_a_repeated_workflow_sends_nothing_twice(self, post: Post, receiver: Receiver) -> None:
        endpoint, _ = post.event("/ok")
        delivery = post.only(endpoint)
        states = [asyncio.run(post.deliveries.deliver(delivery.id, 0)) for _ in range(3)]
        assert states == ["delivered", "skipped", "skipped"]
        assert len(receiver.at("/ok")) == 1

    def test_an_attempt_lost_in_a_crash_is_started_again_under_another_workflow_id(self, post: Post, tmp_path: Path) -> None:
        endpoint, _ = post.event("/ok")
        lost = Desk(post.deliveries)
        assert asyncio.run(post.deliveries.start_due(lost.start)) == 1
        post.outbox.claim([post.only(endpoint).id], 0)  # the lease runs out
        again = Deliveries(post.endpoints, post.outbox, retries_s=(), allow_private=True)
        desk = Desk(again)
        assert asyncio.run(desk.sweep()) == ["delivered"]
        again.close()
        assert lost.started[0][1:] == desk.started[0][1:]
        assert lost.started[0][0] != desk.started[0][0]

    def test_both_secrets_sign_while_they_rotate(self, post: Post, receiver: Receiver) -> None:
        endpoint, _ = post.event("/ok")
        rotated = post.endpoints.rotate(endpoint.id, overlap_s=60)
        assert post.run(1) == ["delivered"]
        (got,) = receiver.got
        for secret in (endpoint.secrets[0].secret, rotated.secrets[0].secret):
            assert standardwebhooks.Webhook(secret).verify(got.body, got.headers)
        post.endpoints.rotate(endpoint.id, overlap_s=0)
        post.outbox.add("key_1", "order.failed", {}, endpoint_id=endpoint.id)
        assert post.run(1) == ["delivered"]
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(rotated.secrets[0].secret).verify(receiver.got[1].body, receiver.got[1].headers)

    def test_test_events_are_tried_once(self, post: Post, receiver: Receiver) -> None:
        receiver.failures["/hook"] = [500]
        endpoint = post.endpoints.create("key_1", f"{post.url}/hook")
        post.outbox.add("key_1", TEST_EVENT, {}, endpoint_id=endpoint.id)
        assert post.run(3) == ["failed"]

    def test_a_deleted_endpoint_gets_nothing_more(self, post: Post, receiver: Receiver) -> None:
        endpoint, _ = post.event("/ok")
        desk = Desk(post.deliveries)
        asyncio.run(post.deliveries.start_due(desk.start))
        post.endpoints.delete(endpoint.id)
        assert asyncio.run(post.deliveries.deliver(*desk.started[0][1:])) == "skipped"
        assert receiver.got == []

    def test_neither_log_nor_record_holds_secrets_or_answers(
        self, post: Post, receiver: Receiver, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG", "serve_apps")
        caplog.set_level("DEBUG", "connectors")
        endpoint, _ = post.event("/vague?token=hidden")
        receiver.failures["/vague?token=hidden"] = [500]
        post.run(1)
        ours = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
        kept = repr([ours, post.only(endpoint)])
        assert "answered 500" in kept
        for secret in ("hidden", endpoint.secrets[0].secret, "secret of the endpoint"):
            assert secret not in kept

    def test_an_order_that_wants_no_webhooks_sends_none(self, post: Post, receiver: Receiver, tmp_path: Path) -> None:
        orders = Orders(f"sqlite:///{tmp_path / 'online.db'}")
        post.endpoints.create("key_1", f"{post.url}/ok", ("order.*",))
        for spec in ({"webhook": False}, {"webhook": True}, {}):
            order, _ = orders.accept(NewOrder("key_1", "urgent", spec, "MUG-01", "tiny-grey@1"))
            orders.move(order.id, OrderState.SUCCEEDED, event=("order.succeeded", {"wanted": spec.get("webhook", True)}))
        for spec in ({"webhook": False}, {"webhook": True}):
            orders.finished(
                NewOrder("key_1", "urgent", spec, "MUG-01", "tiny-grey@1"), {}, event=("order.succeeded", {"wanted": True})
            )
        assert post.run(2) == ["delivered"] * 3
        assert [json.loads(got.body)["data"] for got in receiver.got] == [{"wanted": True}] * 3
