"""Messages of every vendor: good, repeated, forged, stale, out of order, cut, for somebody else. What is taken is counted by a model."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, permutations
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from connectors.sync_state import Seen
from connectors.vendors.connection import Connection
from serve_apps.hook_admin import add_source, hook_addresses
from serve_apps.http.api import make_api
from serve_apps.parts import Parts, open_parts
from serve_apps.routes.vendor_hooks import MAX_BODY
from studio.product import Product
from tests import sample
from tests.doubles.serving import serving
from tests.senders import SENDERS, STANDARD, AdobeKeys, News, Sender, Sent, forged_by_another_key, standard

NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
Places = dict[tuple[str, str], tuple[str, datetime | None, int]]


class Idle:
    async def start(self, order_id: str) -> None: ...

    async def cancel(self, order_id: str) -> bool:
        return False

    async def wait(self, order_id: str, seconds: float) -> bool:
        return False


def secret(vendor: str, name: str) -> str:
    text = f"{vendor}-{name}-secret-of-24-bytes"
    return "whsec_" + base64.b64encode(text.encode()).decode() if vendor == "vendure" else text


def connections(folder: Path, adobe: str) -> dict[str, Connection]:
    """Of every vendor: `own`, `other` with another secret and store, `turning` with two secrets, `bare` with none."""
    found = {}
    (folder / "login").write_text("login")
    for sender in SENDERS.values():
        for name, keys in {"own": ["own"], "other": ["other"], "turning": ["new", "old"], "bare": []}.items():
            paths = []
            for key in keys:
                paths.append(folder / f"{sender.vendor}-{name}-{key}")
                paths[-1].write_text(secret(sender.vendor, key) + "\n")
            said = sender.settings("other" if name == "other" else "own")
            said["secrets"] = dict.fromkeys(said["secrets"], f"file:{folder / 'login'}")
            said["options"] = {"hook-keys": adobe} if sender.vendor == "magento" else {}
            whole = f"{sender.vendor}-{name}"
            found[whole] = Connection(
                name=whole, vendor=sender.vendor, hook_secrets=tuple(f"file:{path}" for path in paths), **said
            )
    return found


@dataclass
class Desk:
    """The service, and a model of what must wait because of what was sent."""

    parts: Parts
    http: TestClient
    folder: Path
    waits: Places = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=lambda: count(1000))

    def news(self, **more: object) -> News:
        number = next(self.numbers)
        return replace(News(number, NOON, f"msg-{number}", time.time()), **more)

    def post(self, path: str, sent: Sent) -> httpx.Response:
        return self.http.post(f"/hooks/{path}", headers=dict(sent.headers), content=sent.body)

    def taken(self, sender: Sender, connection: str, news: News, sent: Sent, kind: str) -> None:
        """It is answered with 200 and makes exactly one product wait, anew or once more."""
        answer = self.post(f"{sender.vendor}/{connection}", sent)
        assert (answer.status_code, answer.json()) == (200, {"new": 1, "repeated": 0, "stale": 0}), (connection, answer.text)
        at = None if news.deleted and not sender.dated else news.at
        before = self.waits.get((connection, sender.ref(news.product)))
        said = "deleted" if news.deleted else "changed"
        self.waits[connection, sender.ref(news.product)] = (
            said,
            at or (before[1] if before else None),
            before[2] + 1 if before else 1,
        )
        self.counts[f"{sender.vendor} {kind}"] += 1

    def passed_over(self, sender: Sender, connection: str, sent: Sent, kind: str) -> None:
        """It is answered with 200 and nothing comes of it."""
        answer = self.post(f"{sender.vendor}/{connection}", sent)
        said = {"new": 0, "repeated": kind == "repeated", "stale": kind == "stale"}
        assert (answer.status_code, answer.json()) == (200, said), (kind, answer.text)
        self.counts[f"{sender.vendor} {kind}"] += 1

    def refused(self, path: str, sent: Sent, kind: str, *statuses: int) -> None:
        answer = self.post(path, sent)
        assert answer.status_code in (statuses or (401,)), (path, kind, answer.status_code, sent)
        assert answer.headers["content-type"] == "application/problem+json"
        self.counts[f"{path.partition('/')[0]} {kind}"] += 1

    def check(self) -> None:
        found: Places = {}
        for name in self.parts.settings.connections:
            for one in self.parts.sync.all_waiting(name):
                found[name, one.ref] = one.kind, one.at, one.turn
        assert found == self.waits


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Desk]:
    folder, adobe = tmp_path_factory.mktemp("hooks"), AdobeKeys()
    with serving(adobe):
        settings = sample.settings(folder, connections=connections(folder, adobe.url))
        parts = open_parts(settings, Idle())
        with TestClient(make_api(parts), raise_server_exceptions=False) as http:
            made = Desk(parts, http, folder)
            yield made
            made.check()
            reporter = request.config.pluginmanager.get_plugin("terminalreporter")
            kinds: Counter[str] = Counter()
            for kind, n in made.counts.items():
                kinds[kind.partition(" ")[2]] += n
            said = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
            with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
                reporter.write_line(f"\n{made.counts.total()} messages, none taken or refused wrongly: {said}")


@pytest.fixture(params=sorted(SENDERS))
def sender(request: pytest.FixtureRequest) -> Sender:
    return SENDERS[request.param]


def from_(sender: Sender, news: News, key: str = "own", store: str = "own") -> Sent:
    return sender.send(news, secret(sender.vendor, key), store)


def test_good_and_repeated(desk: Desk, sender: Sender) -> None:
    own = f"{sender.vendor}-own"
    for deleted in (False, True):
        for shift in (timedelta(0), timedelta(minutes=7)):
            news = desk.news(at=NOON + shift, deleted=deleted)
            sent = from_(sender, news)
            desk.taken(sender, own, news, sent, "good")
            for _ in range(3):
                desk.passed_over(sender, own, sent, "repeated")
    if sender.window:
        # Sent again by the vendor: the same id, another time of sending.
        again = from_(sender, replace(news, sent=news.sent - 60))
        desk.passed_over(sender, own, again, "repeated")
    desk.check()


def test_of_an_order_only_the_newest_counts(desk: Desk, sender: Sender) -> None:
    own = f"{sender.vendor}-own"
    for order in permutations(range(3)):
        number, newest = next(desk.numbers), None
        for step in order:
            news = desk.news(product=number, at=NOON + timedelta(minutes=step))
            if newest is not None and step < newest:
                desk.passed_over(sender, own, from_(sender, news), "stale")
            else:
                desk.taken(sender, own, news, from_(sender, news), "in order")
                newest = step
    desk.check()


def test_what_is_older_than_what_was_taken_is_stale(desk: Desk, sender: Sender) -> None:
    own, name = f"{sender.vendor}-own", sender.ref
    for seconds, kind in ((-3600, "stale"), (-1, "stale"), (0, "as new as known"), (1, "newer than known")):
        news = desk.news(at=NOON + timedelta(seconds=seconds))
        product = Product(sku=f"S-{news.product}")
        desk.parts.sync.keep([Seen(own, name(news.product), product.sku, "d" * 64, NOON, False, product)])
        if kind == "stale":
            desk.passed_over(sender, own, from_(sender, news), kind)
        else:
            desk.taken(sender, own, news, from_(sender, news), kind)
    desk.check()


def flips(text: bytes, most: int) -> Iterator[bytes]:
    """The text with one bit of one byte turned, at up to `most` places all over it."""
    for at in range(0, len(text), max(1, len(text) // most)):
        yield text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]


def same(one: bytes, other: bytes) -> bool:
    """Base64 has spellings of the same bytes; those are no forgeries."""
    try:
        kinds = [text.rpartition(b",")[::2] for text in (one, other)]
        return kinds[0][0] == kinds[1][0] and len({base64.b64decode(text, validate=True) for _, text in kinds}) == 1
    except ValueError:
        return False


def test_forged_and_cut(desk: Desk, sender: Sender) -> None:
    path = f"{sender.vendor}/{sender.vendor}-own"
    for deleted in (False, True):
        good = from_(sender, desk.news(deleted=deleted))
        for body in flips(good.body, 40):
            desk.refused(path, replace(good, body=body), "forged body", 401)
        cuts = [*range(0, len(good.body), max(1, len(good.body) // 12)), len(good.body) - 1]
        for end in cuts:
            desk.refused(path, replace(good, body=good.body[:end]), "cut", 401)
        for more in (b" ", b"\n", b"\0", b"{}"):
            desk.refused(path, replace(good, body=good.body + more), "lengthened", 401)
        for name in sender.proof:
            value = str(good.headers[name]).encode()
            for text in flips(value, 25):
                if not same(text, value):
                    # Keys of unknown names are looked up for a while, and then not at all.
                    desk.refused(path, good.having(name, text), "forged header", 401, 503)
            for text in (b"", b"x", value[:-3], value + value, b"\xff\xfe\x00"[:2], b"v1,", "ü".encode()):
                desk.refused(path, good.having(name, text), "forged header", 401, 503)
    desk.check()


def test_a_missing_header_is_no_signature(desk: Desk, sender: Sender) -> None:
    good = from_(sender, desk.news())
    for name in sender.proof:
        less = replace(good, headers={key: value for key, value in good.headers.items() if key != name})
        if name == "x-akeneo-signature-algorithm":
            continue  # there is only one
        desk.refused(f"{sender.vendor}/{sender.vendor}-own", less, "unsigned")
    desk.refused(f"{sender.vendor}/{sender.vendor}-own", Sent({}, good.body), "unsigned")
    desk.check()


def test_another_secret_store_connection_or_vendor(desk: Desk, sender: Sender) -> None:
    vendor = sender.vendor
    own, other, bare = (f"{vendor}-{name}" for name in ("own", "other", "bare"))
    good = from_(sender, desk.news())
    for key in ("other", "new", "old"):
        desk.refused(f"{vendor}/{own}", from_(sender, desk.news(), key), "wrong secret")
    for path in (f"{vendor}/{other}", f"{vendor}/{bare}", f"{vendor}/{vendor}-nobody", f"{vendor}/nobody"):
        desk.refused(path, good, "wrong connection")
    for one in SENDERS:
        if one != vendor:
            desk.refused(f"{one}/{own}", good, "wrong vendor")
            desk.refused(f"{one}/{one}-own", good, "wrong vendor")
    desk.refused(f"nothing/{own}", good, "wrong vendor")
    if vendor in ("shopify", "bigcommerce"):
        desk.refused(f"{vendor}/{own}", from_(sender, desk.news(), store="other"), "wrong store")
    if vendor == "magento":
        desk.refused(f"{vendor}/{own}", forged_by_another_key(good), "wrong key")
    desk.check()


def test_all_refusals_look_the_same(desk: Desk, sender: Sender) -> None:
    vendor, good = sender.vendor, from_(sender, desk.news())
    bodies = []
    for path in (f"{vendor}/{vendor}-own", f"{vendor}/{vendor}-bare", f"{vendor}/nobody", f"nothing/{vendor}-own"):
        answer = desk.post(path, replace(good, body=good.body + b" "))
        assert answer.status_code == 401
        said = {name: value for name, value in answer.json().items() if name not in ("trace", "instance")}
        bodies.append((said, sorted(answer.headers)))
        desk.counts[f"{vendor} refused alike"] += 1
    assert all(body == bodies[0] for body in bodies)
    desk.check()


def test_secrets_rotate(desk: Desk, sender: Sender) -> None:
    vendor, turning = sender.vendor, f"{sender.vendor}-turning"
    for key in ("old", "new", "old"):
        news = desk.news()
        desk.taken(sender, turning, news, from_(sender, news, key), "rotated")
    kept = desk.folder / f"{vendor}-turning-old"
    before = kept.read_text()
    kept.write_text(secret(vendor, "other"))
    desk.refused(f"{vendor}/{turning}", from_(sender, desk.news(), "old"), "retired secret")
    for key in ("new", "other"):
        news = desk.news()
        desk.taken(sender, turning, news, from_(sender, news, key), "rotated")
    kept.write_text(before)
    desk.check()


def test_the_time_of_sending_is_bounded_where_it_is_signed(desk: Desk, sender: Sender) -> None:
    own = f"{sender.vendor}-own"
    for shift in (-86_400, -301, -250, 0, 250, 400, 86_400):
        news = desk.news(sent=time.time() + shift)
        if sender.window and not -sender.window[0] <= shift <= sender.window[1]:
            desk.refused(f"{sender.vendor}/{own}", from_(sender, news), "out of the window")
        else:
            desk.taken(sender, own, news, from_(sender, news), "in the window")
    if sender.vendor == "akeneo":
        for days in (-2, 2):
            news = desk.news(at=NOON + timedelta(days=days))
            desk.refused(f"akeneo/{own}", from_(sender, news), "out of the window")
    desk.check()


def test_a_time_to_come_makes_nothing_stale(desk: Desk, sender: Sender) -> None:
    own, number = f"{sender.vendor}-own", next(desk.numbers)
    ahead = desk.news(product=number, at=NOON + timedelta(days=400))
    if sender.vendor == "akeneo":
        desk.refused(f"akeneo/{own}", from_(sender, ahead), "out of the window")
        return
    answer = desk.post(f"{sender.vendor}/{own}", from_(sender, ahead))
    assert answer.json()["new"] == 1
    desk.counts[f"{sender.vendor} ahead of time"] += 1
    desk.waits[own, sender.ref(number)] = "changed", None, 1
    news = desk.news(product=number)
    desk.taken(sender, own, news, from_(sender, news), "after a time to come")
    desk.check()


def test_signed_nonsense_and_other_topics(desk: Desk, sender: Sender) -> None:
    own = f"{sender.vendor}/{sender.vendor}-own"
    for body in (
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"id": "x"}',
        b'{"data": 5}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"id": true}',
        b"null",
    ):
        # What names its addressee in the body is signed for nobody then.
        desk.refused(own, from_(sender, desk.news(raw=body)), "nonsense", 400, 401)
    topic = {"magento": "com.adobe.commerce.observer.sales_order_save_after"}.get(sender.vendor, "order.created")
    desk.passed_over(sender, f"{sender.vendor}-own", from_(sender, desk.news(topic=topic)), "of something else")
    desk.check()


def test_what_is_not_signed_changes_nothing_of_note(desk: Desk) -> None:
    """Shopify and WooCommerce sign the body alone. A topic made into a deletion is a look at the product, as a change is."""
    shopify, news = SENDERS["shopify"], desk.news()
    desk.taken(shopify, "shopify-own", news, from_(shopify, news).having("x-shopify-topic", "products/delete"), "unsigned topic")
    woo, news = SENDERS["woocommerce"], desk.news()
    desk.taken(woo, "woocommerce-own", news, from_(woo, news).having("x-wc-webhook-topic", "product.deleted"), "unsigned topic")
    again = from_(woo, news).having("x-wc-webhook-delivery-id", "f" * 32)
    desk.passed_over(woo, "woocommerce-own", again, "repeated")
    desk.check()


def test_signed_products(desk: Desk) -> None:
    """Standard Webhooks from anybody, as `/hooks/generic` takes them: each good message is one order, however often it comes."""
    key = secret("generic", "own").encode()
    add_source(desk.parts.settings, "pim", secret="whsec_" + base64.b64encode(key).decode(), template="tiny-grey")
    made: set[str] = set()

    def send(news: News) -> Sent:
        said = {"sku": f"GEN-{news.product}", "images": [{"url": "https://shop.example/mug.jpg"}]}
        body = json.dumps(said).encode() if news.raw is None else news.raw
        return Sent(standard(key, news, body) | {"content-type": "application/json"}, body)

    for _ in range(4):
        good = send(desk.news())
        for kind in ("good", "repeated", "repeated"):
            answer = desk.post("generic/pim", good)
            assert answer.status_code == 202
            made.add(answer.json()["order"])
            desk.counts[f"generic {kind}"] += 1
    good = send(desk.news())
    for body in (*flips(good.body, 40), *(good.body[:end] for end in range(0, len(good.body), 7)), good.body + b" "):
        desk.refused("generic/pim", replace(good, body=body), "forged body", 401)
    for name in STANDARD:
        value = str(good.headers[name]).encode()
        for text in (*flips(value, 25), b"", b"v1,", b"\xff\xfe"):
            if not same(text, value):
                desk.refused("generic/pim", good.having(name, text), "forged header", 401)
    for shift in (-86_400, -301, 400, 86_400):
        desk.refused("generic/pim", send(desk.news(sent=time.time() + shift)), "out of the window", 401)
    desk.refused("generic/nobody", good, "wrong connection", 401)
    for raw in (b"", b"[]", b"{}", b"no JSON", b"\xff"):
        desk.refused("generic/pim", send(desk.news(raw=raw)), "nonsense", 422)
    orders, _ = desk.parts.orders.list(limit=100)
    assert {order.id for order in orders} == made
    assert len(made) == 4
    desk.check()


def test_handshakes(desk: Desk) -> None:
    magento = desk.http.get("/hooks/magento/magento-own", params={"challenge": "8ec8d794-e0ab-42df-9017-e3dada8e84f7"})
    assert (magento.status_code, magento.json()) == (200, {"challenge": "8ec8d794-e0ab-42df-9017-e3dada8e84f7"})
    hostile = desk.http.get("/hooks/magento/magento-own", params={"challenge": "<script>alert(1)</script>"})
    assert hostile.status_code == 401
    ping = desk.http.post("/hooks/woocommerce/woocommerce-own", content=b"webhook_id=12")
    assert (ping.status_code, ping.content) == (200, b"")
    for method in ("GET", "HEAD"):
        for path in ("shopify/shopify-own", "magento/nobody", "woocommerce/woocommerce-own", "nothing/magento-own"):
            answer = desk.http.request(method, f"/hooks/{path}", params={"challenge": "abc"} if "magento/" not in path else {})
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Webhook realm="packshot"')
    assert desk.http.post("/hooks/woocommerce/nobody", content=b"webhook_id=12").status_code == 401
    assert desk.http.get("/hooks/generic/pim").status_code == 405
    desk.check()


def test_too_long_is_not_read(desk: Desk) -> None:
    sent = Sent({}, b"x" * (MAX_BODY + 1))
    desk.refused("shopify/shopify-own", sent, "too long", 413)

    def chunks() -> Iterator[bytes]:
        for _ in range(MAX_BODY // 65536 + 1):
            yield b"x" * 65536

    assert desk.http.post("/hooks/shopify/shopify-own", content=chunks()).status_code == 413
    desk.check()


def test_addresses_are_listed_with_what_is_missing(desk: Desk) -> None:
    found = {one.name: one for one in hook_addresses(desk.parts.settings)}
    assert set(found) == set(desk.parts.settings.connections)
    assert found["shopify-own"].address == "/hooks/shopify/shopify-own"
    assert {one.problem == "" for one in found.values() if not one.name.endswith("-bare")} == {True}
    assert found["akeneo-bare"].problem == "connections.akeneo-bare.hook_secrets is not set"
