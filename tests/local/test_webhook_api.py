"""Webhook endpoints and inbound hooks over HTTP: who sees what, secrets shown once, hostile payloads, repeated messages."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import standardwebhooks
from starlette.testclient import TestClient

from cluster.settings import ApiSettings
from connectors.online.hook_secrets import new_secret
from connectors.webhooks.signature import signed_headers
from serve_apps.hook_admin import add_source
from serve_apps.http.api import make_api
from serve_apps.orders.deliveries import Deliveries
from serve_apps.parts import Parts, open_parts
from serve_apps.routes.webhooks import MAX_ENDPOINTS, MAX_SECRETS
from studio.errors import InputError, NotFound, UnknownTemplate
from tests import sample
from tests.local.receiver import receiving

HOOK = "https://1.1.1.1/hook"
MUG = {
    "sku": "MUG-01",
    "title": "Becher “Nord”",
    "category": "Home/Kitchen",
    "attributes": {"material": "stoneware"},
    "images": [{"url": "https://shop.example/mug.jpg"}, {"url": "https://shop.example/mug-back.jpg", "role": "back"}],
}


@dataclass
class StillDesk:
    """Takes orders and leaves them queued."""

    started: list[str] = field(default_factory=list)

    async def start(self, order_id: str) -> None:
        self.started.append(order_id)

    async def cancel(self, order_id: str) -> bool:
        return False

    async def wait(self, order_id: str, seconds: float) -> bool:
        return False


@dataclass
class Service:
    parts: Parts
    desk: StillDesk
    http: TestClient
    secrets: dict[str, str]

    def call(self, method: str, path: str, body: object = None, *, key: str = "anna") -> httpx.Response:
        headers = {"authorization": f"Bearer {self.secrets[key]}"}
        return self.http.request(method, path, json=body, headers=headers)

    def endpoint(self, url: str = HOOK, *, key: str = "anna", **more: object) -> dict[str, Any]:
        answer = self.call("POST", "/v1/webhooks", {"url": url, **more}, key=key)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


def service(tmp_path: Path, **api: Any) -> Service:
    desk = StillDesk()
    parts = open_parts(sample.settings(tmp_path, api=ApiSettings(**api)), desk)
    secrets = {}
    for name, scopes in {"anna": {"write"}, "bert": {"write"}, "reader": {"read"}, "root": {"admin"}}.items():
        secrets[name] = parts.keys.issue(name, scopes)[1]
    return Service(parts, desk, TestClient(make_api(parts), raise_server_exceptions=False), secrets)


@pytest.fixture
def made(tmp_path: Path) -> Service:
    return service(tmp_path)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """For calls that are all refused."""
    return service(tmp_path_factory.mktemp("strict"))


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert answer.json()["code"] == code


class TestEndpoints:
    def test_the_secret_is_shown_once(self, made: Service) -> None:
        new = made.endpoint(events=["order.*"], description="PIM")
        shown = made.call("GET", f"/v1/webhooks/{new['id']}")
        assert new["secret"].startswith("whsec_")
        assert {**shown.json(), "secret": new["secret"]} == new
        assert new["secret"] not in shown.text + made.call("GET", "/v1/webhooks").text

    def test_location(self, made: Service) -> None:
        answer = made.call("POST", "/v1/webhooks", {"url": HOOK})
        assert made.call("GET", answer.headers["location"]).json()["url"] == HOOK

    def test_others_see_nothing_and_administrators_everything(self, made: Service) -> None:
        new = made.endpoint()
        path = f"/v1/webhooks/{new['id']}"
        for method, rest in [
            ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test"), ("GET", "/deliveries")
        ]:  # fmt: skip
            refused(made.call(method, path + rest, {} if method == "PATCH" else None, key="bert"), 404, "not_found")
        assert made.call("GET", "/v1/webhooks", key="bert").json()["items"] == []
        assert [item["id"] for item in made.call("GET", "/v1/webhooks", key="root").json()["items"]] == [new["id"]]

    def test_a_reader_registers_nothing(self, strict: Service) -> None:
        refused(strict.call("POST", "/v1/webhooks", {"url": HOOK}, key="reader"), 403, "forbidden")

    @pytest.mark.parametrize(
        "body",
        [
            {}, [], None, "x", {"url": 5}, {"url": HOOK, "events": []}, {"url": HOOK, "events": ["a b"]}, {"url": HOOK, "x": 1},
            {"url": HOOK, "events": ["*"] * 21}, {"url": HOOK, "description": "x" * 201}, {"url": HOOK, "description": "a\0b"},
            {"url": "http://1.1.1.1/hook"}, {"url": "https://user:pw@1.1.1.1/"}, {"url": "x" * 10_000}, {"url": "https://1.1.1.1:22/"},
        ],
    )  # fmt: skip
    def test_bad_endpoints(self, strict: Service, body: object) -> None:
        refused(strict.call("POST", "/v1/webhooks", body), 422, "invalid_input")

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]", "2130706433", "10.1.2.3"])
    def test_private_hosts(self, strict: Service, host: str) -> None:
        refused(strict.call("POST", "/v1/webhooks", {"url": f"https://{host}/"}), 422, "fetch_refused")
        new = strict.endpoint()
        refused(strict.call("PATCH", f"/v1/webhooks/{new['id']}", {"url": f"https://{host}/"}), 422, "fetch_refused")

    @pytest.mark.parametrize("name", ["we_" + "a" * 100, "..", "we_%00", "%2e%2e", "ord_01hzxw6q3v7n5t8k2m4p9r0s1b"])
    def test_odd_ids(self, strict: Service, name: str) -> None:
        answer = strict.call("GET", f"/v1/webhooks/{name}/deliveries")
        assert answer.status_code in (404, 422)

    def test_changes(self, made: Service) -> None:
        path = f"/v1/webhooks/{made.endpoint()['id']}"
        changed = made.call("PATCH", path, {"events": ["order.failed"], "enabled": False, "description": "off"}).json()
        assert (changed["events"], changed["enabled"], changed["description"], changed["url"]) == (
            ["order.failed"],
            False,
            "off",
            HOOK,
        )
        refused(made.call("POST", f"{path}/test"), 409, "conflict")
        assert made.call("PATCH", path, {"enabled": True}).json()["disabled_reason"] == ""
        assert made.call("DELETE", path).status_code == 204
        refused(made.call("DELETE", path), 404, "not_found")

    def test_a_key_has_a_bounded_number(self, made: Service) -> None:
        for _ in range(MAX_ENDPOINTS):
            made.endpoint()
        refused(made.call("POST", "/v1/webhooks", {"url": HOOK}), 409, "conflict")
        made.endpoint(key="bert")

    def test_rotation(self, made: Service) -> None:
        new = made.endpoint()
        path = f"/v1/webhooks/{new['id']}"
        second = made.call("POST", f"{path}/rotate").json()
        assert second["secret"] != new["secret"]
        assert second["rotating_until"] is not None
        assert made.parts.endpoints.get(new["id"]).live_secrets == (second["secret"], new["secret"])
        for _ in range(MAX_SECRETS - 2):
            made.call("POST", f"{path}/rotate", {"grace_s": 60})
        refused(made.call("POST", f"{path}/rotate", {"grace_s": 60}), 409, "conflict")
        last = made.call("POST", f"{path}/rotate", {"grace_s": 0}).json()
        assert made.parts.endpoints.get(new["id"]).live_secrets == (last["secret"],)
        assert last["rotating_until"] is None
        for grace in (-1, 10**12, "soon", None):
            refused(made.call("POST", f"{path}/rotate", {"grace_s": grace}), 422, "invalid_input")

    def test_a_test_event_arrives_signed_and_can_be_sent_again(self, tmp_path: Path) -> None:
        with receiving() as receiver:
            made = service(tmp_path, private_webhooks=True)
            new = made.endpoint(f"{receiver.url}/hook", events=["order.*"])
            path = f"/v1/webhooks/{new['id']}"
            event = made.call("POST", f"{path}/test").json()["event"]
            deliveries = Deliveries(made.parts.endpoints, made.parts.outbox, retries_s=(), allow_private=True)
            (listed,) = made.call("GET", f"{path}/deliveries").json()["items"]
            assert (listed["event"], listed["type"], listed["state"], listed["attempts"]) == (event, "webhook.test", "pending", 0)
            again = f"{path}/deliveries/{listed['id']}/redeliver"
            refused(made.call("POST", again), 409, "conflict")
            asyncio.run(deliveries.deliver(listed["id"], 0))
            (done,) = made.call("GET", f"{path}/deliveries?state=delivered").json()["items"]
            assert (done["attempts"], done["last_status"], done["next_attempt"]) == (1, 204, None)
            refused(made.call("POST", again.replace("dlv_", "dlv_x")), 404, "not_found")
            refused(made.call("POST", again.replace(new["id"], made.endpoint(f"{receiver.url}/b")["id"])), 404, "not_found")
            assert made.call("POST", again).status_code == 202
            asyncio.run(deliveries.deliver(listed["id"], 0))
            deliveries.close()
            assert [got.headers["webhook-id"] for got in receiver.got] == [event, event]
            for got in receiver.got:
                assert standardwebhooks.Webhook(new["secret"]).verify(got.body, got.headers)["type"] == "webhook.test"

    @pytest.mark.parametrize("query", ["state=lost", "limit=0", "limit=1e9", "cursor=%00", "cursor=abc", "cursor=" + "a" * 3000])
    def test_bad_listings(self, strict: Service, query: str) -> None:
        answer = strict.call("GET", f"/v1/webhooks/{strict.endpoint()['id']}/deliveries?{query}")
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"] == "application/problem+json"


class Sender:
    """A PIM that signs what it sends, with the published library."""

    def __init__(self, made: Service, **more: str) -> None:
        self.made = made
        self.secret = add_source(made.parts.settings, "pim", **more).secrets[0].secret

    def send(
        self, body: bytes | object, *, message: str = "msg_1", path: str = "/hooks/generic/pim", **headers: str
    ) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = signed_headers([self.secret], message=message, timestamp=int(time.time()), body=raw)
        sent = {name: value.encode("latin-1") for name, value in (signed | headers).items()}
        return self.made.http.post(path, content=raw, headers=sent)


@pytest.fixture
def pim(made: Service) -> Sender:
    return Sender(made, template="tiny-grey")


@pytest.fixture(scope="module")
def forger(strict: Service) -> Sender:
    return Sender(strict, template="tiny-grey")


class TestHooks:
    def test_a_product_becomes_an_order(self, made: Service, pim: Sender) -> None:
        answer = pim.send(MUG | {"priority": "urgent", "metadata": {"run": "7"}})
        assert answer.status_code == 202, answer.text
        order = made.parts.orders.get(answer.json()["order"])
        assert answer.headers["location"] == answer.json()["url"] == f"/v1/orders/{order.id}"
        assert (order.sku, order.template, order.priority, order.state) == ("MUG-01", "tiny-grey@1", "urgent", "queued")
        assert [image["uri"] for image in order.spec["setups"][0]["images"]] == ["https://shop.example/mug.jpg"]
        assert made.desk.started == [order.id]
        known = made.parts.products.get("MUG-01")
        assert (known.title, known.attributes) == (MUG["title"], MUG["attributes"])
        assert [(image.uri[-12:], image.role) for image in known.images] == [("mple/mug.jpg", "front"), ("mug-back.jpg", "back")]

    def test_the_published_library_as_sender(self, made: Service, pim: Sender) -> None:
        from datetime import UTC, datetime

        now, body = datetime.now(UTC), json.dumps(MUG, ensure_ascii=False)
        signature = standardwebhooks.Webhook(pim.secret).sign("msg_9", now, body)
        headers = {"webhook-id": "msg_9", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
        assert made.http.post("/hooks/generic/pim", content=body.encode(), headers=headers).status_code == 202

    def test_a_repeated_message_is_the_same_order(self, made: Service, pim: Sender) -> None:
        first = pim.send(MUG)
        pim.send(MUG | {"title": "Newer"}, message="msg_2")
        again = pim.send(MUG)
        assert (again.status_code, again.json()) == (202, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert len(made.desk.started) == 2
        assert made.parts.products.get("MUG-01").title == "Newer"

    def test_the_same_id_for_another_product_is_a_conflict(self, pim: Sender) -> None:
        pim.send(MUG)
        refused(pim.send(MUG | {"sku": "MUG-02"}), 422, "idempotency_conflict")

    def test_a_message_of_two_senders_is_two_orders(self, made: Service, pim: Sender) -> None:
        other = add_source(made.parts.settings, "shop", template="tiny-grey", secret=pim.secret)
        assert other.live_secrets == (pim.secret,)
        orders = {pim.send(MUG, path=f"/hooks/generic/{name}").json()["order"] for name in ("pim", "shop")}
        assert len(orders) == 2

    def test_orders_belong_to_the_key_of_the_sender(self, made: Service) -> None:
        anna = next(key for key in made.parts.keys.list() if key.name == "anna")
        url = Sender(made, key_id=anna.id, template="tiny-grey").send(MUG).json()["url"]
        assert made.call("GET", url, key="anna").status_code == 200
        assert made.call("GET", url, key="bert").status_code == 404

    def test_both_secrets_are_good_while_they_rotate(self, made: Service, pim: Sender) -> None:
        fresh = made.parts.hook_sources.rotate("pim", overlap_s=60)
        assert pim.send(MUG).status_code == 202
        pim.secret = fresh.secrets[0].secret
        assert pim.send(MUG).status_code == 202

    def test_a_sender_has_so_many_messages_a_minute(self, tmp_path: Path) -> None:
        made = service(tmp_path, rate_per_minute=2)
        pim = Sender(made, template="tiny-grey")
        forged = pim.send(MUG, **{"webhook-signature": "v1,AAAA"})
        answers = [pim.send(MUG, message=f"msg_{n}") for n in range(3)]
        assert [answer.status_code for answer in (forged, *answers)] == [401, 202, 202, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert len(made.desk.started) == 2

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_unsigned_and_forged_messages(self, strict: Service, forger: Sender, name: str) -> None:
        for value in ("", "x", "0", "\xff", "v1,AAAA", "9" * 1000):
            refused(forger.send(MUG, **{name: value}), 401, "unauthenticated")
        assert strict.http.post("/hooks/generic/pim", json=MUG).headers["www-authenticate"]
        assert strict.desk.started == []

    def test_unknown_senders_are_answered_like_forged_messages(self, forger: Sender) -> None:
        known = forger.send(MUG, **{"webhook-signature": "v1,AAAA"}).json()
        unknown = forger.send(MUG, path="/hooks/generic/nobody").json()
        varying = {"instance", "trace"}
        assert {k: v for k, v in known.items() if k not in varying} == {k: v for k, v in unknown.items() if k not in varying}

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"\0", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, b"NaN",
            json.dumps(MUG | {"title": "x" * 10_000}).encode(), json.dumps(MUG | {"sku": "a\0b"}).encode(),
            json.dumps(MUG | {"title": "a\0b"}).encode(), json.dumps(MUG | {"attributes": {"a\0b": "c"}}).encode(),
            b'{"sku": "\\ud800", "images": [{"url": "https://a.example/x"}]}',
            b'{"sku": ' + b"9" * 5000 + b', "images": [{"url": "https://a.example/x"}]}',
        ],
        ids=lambda body: str(body[:24]),
    )  # fmt: skip
    def test_hostile_bodies(self, strict: Service, forger: Sender, body: bytes) -> None:
        refused(forger.send(body), 422, "invalid_input")
        assert strict.desk.started == []

    @pytest.mark.parametrize(
        "change",
        [
            {"sku": ""}, {"sku": 5}, {"sku": None}, {"sku": ["a"]}, {"sku": "x" * 201}, {"sku": "a\nb"}, {"title": 10**400}, {"title": {}},
            {"images": []}, {"images": [{}]}, {"images": "x"}, {"images": [{"url": "file:///etc/passwd"}]}, {"images": [{"url": "x"}]},
            {"images": [{"url": "https://a.example/x", "role": "top"}]}, {"images": [MUG["images"][0]] * 21},
            {"images": [{"url": "https://a.example/" + "x" * 2000}]}, {"attributes": {"a": 1}}, {"attributes": [["a"]]},
            {"attributes": {str(i): "" for i in range(101)}}, {"attributes": {"a": {"b": {"c": "d"}}}}, {"priority": "now"},
            {"template": "../x"}, {"template": "X" * 10_000}, {"destinations": ["../x"]}, {"metadata": {"a": 1}}, {"unknown": 1},
        ],
        ids=lambda change: str(change)[:40],
    )  # fmt: skip
    def test_hostile_fields(self, strict: Service, forger: Sender, change: dict[str, object]) -> None:
        refused(forger.send(MUG | change), 422, "invalid_input")
        assert strict.desk.started == []

    def test_unknown_templates_and_destinations(self, forger: Sender) -> None:
        refused(forger.send(MUG | {"template": "no-such"}), 404, "unknown_template")
        refused(forger.send(MUG | {"destinations": ["no-such"]}), 404, "unknown_template")

    def test_too_large_a_body(self, strict: Service, forger: Sender) -> None:
        refused(forger.send(b"x" * ((1 << 20) + 1)), 413, "body_too_large")

    @pytest.mark.parametrize(
        "path", ["/hooks/generic/", "/hooks/generic/PIM", "/hooks/generic/a%00b", "/hooks/generic/" + "a" * 100]
    )
    def test_odd_sources(self, forger: Sender, path: str) -> None:
        assert 400 <= forger.send(MUG, path=path).status_code < 500

    def test_other_methods(self, strict: Service, forger: Sender) -> None:
        refused(strict.http.get("/hooks/generic/pim"), 405, "method_not_allowed")


class TestSources:
    def test_a_secret_the_sender_dictates(self, made: Service) -> None:
        secret = new_secret()
        assert add_source(made.parts.settings, "pim", secret=secret).live_secrets == (secret,)

    def test_nothing_wrong_is_stored(self, made: Service) -> None:
        with pytest.raises(InputError):
            add_source(made.parts.settings, "pim", secret="whsec_short")
        with pytest.raises(UnknownTemplate):
            add_source(made.parts.settings, "pim", template="no-such")
        with pytest.raises(InputError):
            add_source(made.parts.settings, "../pim")
        with pytest.raises(NotFound):
            made.parts.hook_sources.get("pim")
