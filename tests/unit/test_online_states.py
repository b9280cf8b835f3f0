"""States of an order: whatever is called in whatever order, the store does what a dict with the rules of the docstrings does."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from connectors.online.endpoints import Endpoints
from connectors.online.orders import ENDED, OPEN, NewOrder, Orders, OrderState
from connectors.online.outbox import Outbox
from connectors.online.store import online
from studio.errors import Conflict

STATES = st.sampled_from(list(OrderState))


@dataclass
class Model:
    priority: str
    state: OrderState = OrderState.QUEUED
    generation: int = 0
    attempts: int = 0
    claimed: bool = False
    events: list[str] = field(default_factory=lambda: ["order.queued"])
    published: set[str] = field(default_factory=set)


class OrderMachine(RuleBasedStateMachine):
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = online(str(Path(self.folder.name) / "online.db"))
        self.store, self.outbox = Orders(self.database), Outbox(self.database)
        self.endpoint = Endpoints(self.database).create("key", "https://shop.example/", ["*"]).id
        self.known: dict[str, Model] = {}
        self.sent: list[str] = []

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    @rule(target=orders, priority=st.sampled_from(["urgent", "standard"]), key=st.sampled_from(["", "a", "b"]))
    def accept(self, priority: str, key: str) -> str:
        new = NewOrder("key", priority, {}, "SKU", "t@1", idempotency_key=key, request_digest=key)
        order, created = self.store.accept(new)
        assert created == (order.id not in self.known)
        assert created or key
        self.known.setdefault(order.id, Model(priority))
        return order.id

    @rule(
        order=orders,
        to=STATES,
        only_from=st.none() | st.frozensets(STATES, max_size=3),
        generation=st.none() | st.integers(0, 2),
        attempts=st.none() | st.integers(0, 9),
        tell=st.booleans(),
    )
    def move(
        self,
        order: str,
        to: OrderState,
        only_from: frozenset[OrderState] | None,
        generation: int | None,
        attempts: int | None,
        tell: bool,
    ) -> None:
        model = self.known[order]
        free = model.state in OPEN and (only_from is None or model.state in only_from)
        expected = free and generation in (None, model.generation)
        event = (f"order.{to}", {}) if tell else None
        assert self.store.move(order, to, only_from=only_from, generation=generation, attempts=attempts, event=event) == expected
        if expected:
            model.state = to
            model.attempts = model.attempts if attempts is None else attempts
            if tell:
                model.events.append(f"order.{to}")
                self.sent.append(f"order.{to}")

    @rule(order=orders)
    def again(self, order: str) -> None:
        model = self.known[order]
        try:
            fresh = self.store.again(order, by="somebody")
        except Conflict:
            assert model.state in OPEN
            return
        assert model.state in ENDED
        model.state, model.attempts, model.claimed = OrderState.QUEUED, 0, False
        model.generation += 1
        model.events.append("order.retried")
        self.sent.append("order.retried")
        assert fresh.generation == model.generation

    @rule(order=orders)
    def claim(self, order: str) -> None:
        self.store.claim([order])
        self.known[order].claimed = True

    @rule(order=orders, shot=st.sampled_from("xy"))
    def publish(self, order: str, shot: str) -> None:
        model = self.known[order]
        first = self.store.publish(order, shot, place="folder", digest="d", path=shot)
        assert first == (shot not in model.published)
        model.published.add(shot)
        if first:
            model.events.append("asset.published")
            self.sent.append("asset.published")

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        stored, cursor = self.store.list(limit=100)
        assert cursor == ""
        assert {o.id: (o.state, o.generation, o.attempts) for o in stored} == {
            name: (m.state, m.generation, m.attempts) for name, m in self.known.items()
        }
        for name, model in self.known.items():
            assert [event.type for event in self.store.events(name)] == model.events
        waiting = [m.priority for m in self.known.values() if m.state in OPEN]
        assert self.store.waiting() == {tier: waiting.count(tier) for tier in ("urgent", "standard")}
        due = {name for name, m in self.known.items() if m.state is OrderState.QUEUED and not m.claimed}
        assert {order.id for order in self.store.unstarted(60)} == due
        deliveries, _ = self.outbox.deliveries(self.endpoint, limit=1000)
        assert [delivery.type for delivery in deliveries[::-1]] == self.sent


TestOrderStates = OrderMachine.TestCase
TestOrderStates.settings = settings(max_examples=10, stateful_step_count=15, deadline=None)
