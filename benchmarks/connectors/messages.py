"""Signed messages of three shops, as their vendors send them: some repeated, some older than what came before, some forged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.webhooks.signature import signed_headers

SECRET = "a-client-secret-of-a-benchmark-32"
VARIABLE = "PACKSHOT_BENCH_SECRET"
VENDORS = ("shopify", "woocommerce", "bigcommerce")
REPEATED, STALE, FORGED = 0.05, 0.03, 0.02
SHOPIFY_BODY, WOO_BODY = 10_000, 6_000
"""Bytes that a description adds, so that bodies are as long as usual."""


@dataclass(frozen=True, slots=True)
class Message:
    """`kind`: new, repeated, stale, forged. `ref` and `at` are what it says."""

    kind: str
    vendor: str
    ref: str
    at: datetime
    body: bytes
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """Where it is sent."""
        return f"/hooks/{self.vendor}/{self.vendor}"


def connections() -> dict[str, dict[str, Any]]:
    """Settings of the three shops; nobody asks them anything."""
    where = {"shopify": "https://shop.test", "woocommerce": "https://woo.test", "bigcommerce": "https://big.test/stores/abc123"}
    secret = f"env:{VARIABLE}"
    secrets = {"shopify": ["token"], "woocommerce": ["key", "secret", "user", "password"], "bigcommerce": ["token"]}
    return {
        name: {"vendor": name, "address": where[name], "hook_secrets": [secret], "secrets": dict.fromkeys(secrets[name], secret)}
        for name in VENDORS
    }


def messages(count: int, products: int, *, seed: int = 1) -> list[Message]:
    """In the order in which they are to be sent. A repeated one comes at least 200 messages after the first; a stale one says an
    hour before everything else; sources' times never go back otherwise."""
    rng, start = random.Random(seed), datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=count)
    found: list[Message] = []
    for number in range(count):
        draw = rng.random()
        fresh = [one for one in found[-600:-200] if one.kind == "new"]
        if draw < REPEATED and fresh:
            found.append(replace(rng.choice(fresh), kind="repeated"))
            continue
        old = REPEATED < draw < REPEATED + STALE and number > count // 2
        at = start + timedelta(seconds=number) - (timedelta(seconds=count) if old else timedelta())
        some = [one for one in found[-1000:-200] if one.kind == "new"]
        vendor, product = rng.choice(VENDORS), rng.randrange(1, products // len(VENDORS) + 1)
        if old and some:
            known = rng.choice(some)
            vendor, product = known.vendor, int(known.ref.rpartition("/")[2])
        message = _message("stale" if old and some else "new", vendor, product, at if some or not old else start, number)
        forged = rng.random() < FORGED
        found.append(replace(message, kind="forged", body=message.body[:-1] + b" }") if forged else message)
    return found


def _message(kind: str, vendor: str, product: int, at: datetime, number: int) -> Message:
    if vendor == "shopify":
        said = {"id": product, "title": f"Mug {number}", "body_html": "x" * SHOPIFY_BODY, "updated_at": at.isoformat()}
        body = json.dumps(said).encode()
        headers = {
            "x-shopify-hmac-sha256": _mac(body),
            "x-shopify-webhook-id": f"msg-{number}",
            "x-shopify-topic": "products/update",
        }
        return Message(kind, vendor, f"gid://shopify/Product/{product}", at, body, headers)
    if vendor == "woocommerce":
        gmt = at.replace(tzinfo=None).isoformat()
        body = json.dumps({"id": product, "description": f"{number}" + "x" * WOO_BODY, "date_modified_gmt": gmt}).encode()
        headers = {"x-wc-webhook-signature": _mac(body), "x-wc-webhook-topic": "product.updated", "x-wc-webhook-delivery-id": "1"}
        return Message(kind, vendor, str(product), at, body, headers)
    said = {"scope": "store/product/updated", "store_id": "1", "producer": "stores/abc123", "created_at": int(at.timestamp())}
    body = json.dumps(said | {"data": {"type": "product", "id": product}, "hash": str(number)}).encode()
    key = "whsec_" + base64.b64encode(SECRET.encode()).decode()
    stamp = int(datetime.now(UTC).timestamp())
    return Message(
        kind, vendor, str(product), at, body, signed_headers([key], message=f"msg-{number}", timestamp=stamp, body=body)
    )


def _mac(body: bytes) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()


def newest(sent: Sequence[Message]) -> dict[tuple[str, str], datetime]:
    """Per product, the newest time that a message said that was not forged."""
    found: dict[tuple[str, str], datetime] = {}
    for one in sent:
        if one.kind != "forged":
            place = one.vendor, one.ref
            found[place] = max(one.at, found.get(place, one.at))
    return found
