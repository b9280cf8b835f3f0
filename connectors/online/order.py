"""`Order`: a durable piece of work for one product, its states, and what happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from connectors.online.ids import new_id

Priority = Literal["urgent", "standard"]


class OrderState(StrEnum):
    """SUCCEEDED: every shot released. REVIEW, REJECTED: made, at least one shot is held back. FAILED: dead, can be replayed."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REVIEW = "review"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Nothing more happens by itself."""
        return self not in OPEN


OPEN = frozenset({OrderState.QUEUED, OrderState.RUNNING})
ENDED = frozenset(OrderState) - OPEN


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What `Orders.accept` stores. The same `key_id` and `idempotency_key` (if not empty) is the same order."""

    key_id: str
    priority: Priority
    spec: Mapping[str, Any]
    sku: str
    template: str
    batch: str = ""
    trace: str = ""
    deadline: datetime | None = None
    idempotency_key: str = ""
    request_digest: str = ""
    id: str = field(default_factory=lambda: new_id("ord"))


@dataclass(frozen=True, slots=True)
class Order:
    """An order as stored. Times are UTC; `spec`, `result`, `error` are JSON ({} when there is none); `template` is `id@version`;
    `trace` is a W3C trace id (32 hex digits).
    """

    id: str
    key_id: str
    priority: Priority
    state: OrderState
    spec: Mapping[str, Any]
    sku: str
    template: str
    batch: str
    trace: str
    created: datetime
    updated: datetime
    deadline: datetime | None
    attempts: int
    result: Mapping[str, Any]
    error: Mapping[str, Any]
    generation: int
    idempotency_key: str

    @property
    def workflow_id(self) -> str:
        """Id of the workflow that carries this order out: another one after each retry or replay."""
        return f"{self.id}.{self.generation}"


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to an order; `seq` rises from 1 without gaps."""

    seq: int
    at: datetime
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Publication:
    """An asset that was published: to `place`, under `path`, once."""

    shot_key: str
    place: str
    digest: str
    path: str
    at: datetime
