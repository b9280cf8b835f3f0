"""A shop that fails: the strict double of BigCommerce's API, with faults, and an eye on people's pictures."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from pydantic import SecretStr

from connectors.vendors.base import mark_in
from connectors.vendors.connection import Connection
from tests.doubles.bigcommerce import BASE, TOKEN, Store
from tests.doubles.rest import Reply, Request, contract_of

FAULTS = ("429", "500", "503", "dropped", "lost", "late")
"""`dropped`: no answer and no effect. `lost`: the effect without the answer. `late`: a list without the newest picture."""
QUOTA = 1_000_000


def connection_to(url: str) -> Connection:
    """Settings that reach it."""
    secrets = {"token": SecretStr(TOKEN)}
    return Connection(name="shop", vendor="bigcommerce", address=f"{url}/stores/abc123", secrets=secrets, allow_private=True)


class Shop(Store):
    """`share` of all calls go wrong, in equal parts as `FAULTS`; `disturbed` counts calls after which a person's picture was not
    as they left it."""

    def __init__(self, *, share: float, seed: int = 1) -> None:
        super().__init__(contract_of("bigcommerce"))
        self._random, self.share = random.Random(seed), share
        self.injected: Counter[str] = Counter()
        self.disturbed = self.writes = 0
        self.sent: Counter[tuple[int, str]] = Counter()
        self._people: dict[int, tuple[tuple[Any, ...], ...]] = {}
        self.headers |= {"x-rate-limit-requests-quota": str(QUOTA), "x-rate-limit-requests-left": str(QUOTA - 1)}

    def take(self, request: Request) -> Reply | None:
        """As the store, or a fault."""
        with self.lock:
            kind = self._random.choice(FAULTS) if self._random.random() < self.share else ""
            if kind == "late" and not (request.method == "GET" and request.path.endswith("/images")):
                kind = "lost"
            if kind:
                self.injected[kind] += 1
            if kind == "dropped":
                return None
            if kind.isdigit():
                return Reply(int(kind), {"title": "no"}, {"x-rate-limit-time-reset-ms": "300"} if kind == "429" else {})
            self.hides = kind == "late"
            reply = super().take(request)
            self._watch(request, reply)
            return None if kind == "lost" else reply

    def people_come(self) -> None:
        """From now on these pictures are to stay as they are."""
        self._people = {number: self.people(number) for number in self.products}

    def people(self, number: int) -> tuple[tuple[Any, ...], ...]:
        """Pictures without a mark of ours, in their order: id, text, bytes."""
        shown = sorted(self.images[number], key=lambda image: (image["sort_order"], image["id"]))
        theirs = [image for image in shown if not mark_in(image["image_file"])]
        return tuple((image["id"], image["description"], self.files[image["id"]]) for image in theirs)

    def untouched(self, number: int) -> bool:
        """Whether people's pictures of a product are as they left them."""
        return self.people(number) == self._people[number]

    def _watch(self, request: Request, reply: Reply | None) -> None:
        if request.method == "GET":
            return
        self.writes += 1
        number = int(request.path.removeprefix(f"{BASE}/products/").split("/")[0])
        if request.method == "POST" and reply is not None and reply.status == 200:
            self.sent[number, mark_in(reply.body["data"]["image_file"])] += 1
        if number in self._people and not self.untouched(number):
            self.disturbed += 1
