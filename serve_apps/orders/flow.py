"""The durable order: resolve -> render -> decide -> publish -> notify, every step kept by the workflow engine.

The order's row says where it stands, and moves only by compare-and-set; the engine brings an unfinished workflow back after a
crash and hands it the results of the steps it had done. A step that was under way is done again, which is free where the
action store knows the result, and harmless where something was published.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter

from cluster.logs import about
from connectors.online.orders import Order, Orders, OrderState
from connectors.storage.base import BLOB
from serve_apps.orders.steps import OrderSteps
from serve_apps.orders.telling import ended
from serve_apps.orders.workflows import EngineError, Workflows
from serve_apps.request.schema import OrderResult, OrderSpec, ShotResult
from serve_apps.request.shots import shot_key, shot_result, shots
from studio.errors import PackshotError, StorageUnavailable
from studio.recipes.base import Cards
from studio.shot import Done, Failed, Outcome, Rejected, Shot

log = logging.getLogger(__name__)
T = TypeVar("T")
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)

FLOW = "fulfil"
"""Name of the workflow."""
SQL_PAUSE_S = 1.0
"""Between attempts to reach the database: without it there is nothing to do but wait."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a step is tried whose error says `retryable`, and the pauses between: first_s, then `factor` times as long."""

    tries: int = 5
    first_s: float = 0.5
    factor: float = 3.0
    most_s: float = 30.0

    def pause_s(self, tried: int) -> float:
        """Seconds after `tried` attempts."""
        return min(self.first_s * self.factor ** (tried - 1), self.most_s)


class _Left(Exception):
    """The order is not this workflow's any more: cancelled, past its deadline, or ended elsewhere."""


class _Dead(Exception):
    """A step failed for good."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.error = {"code": error["code"], "message": error["message"]}


@dataclass(slots=True)
class OrderFlow:
    """The workflow and what must not run beside it. One a process; all of it on one event loop."""

    orders: Orders
    steps: OrderSteps
    flows: Workflows
    cards: Cards
    rooms: dict[str, asyncio.Semaphore]
    """How many orders of each priority are worked on at a time."""
    retry: Retry = field(default_factory=Retry)
    ended: Callable[[str], None] = lambda _id: None
    """Told about every order that ends here."""
    active: set[str] = field(default_factory=set)
    """Orders with a workflow in this process."""
    _publishing: set[str] = field(default_factory=set)
    _gate: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, order_id: str, generation: int) -> str:
        """The workflow. Returns the state the order was left in."""
        order = await sql(self.orders.get, order_id)
        if order.generation != generation or order.state.ended:
            return str(order.state)
        self.active.add(order_id)
        try:
            with about(order=order_id, sku=order.sku, trace=order.trace):
                async with self.rooms[order.priority]:
                    await self._carried(order)
        finally:
            self.active.discard(order_id)
            self._publishing.discard(order_id)
        self.ended(order_id)
        return str((await sql(self.orders.get, order_id)).state)

    async def cancel(self, order_id: str) -> bool:
        """Cancel an open order, unless it has begun to publish."""
        async with self._gate:
            if await self._has_begun_to_publish(order_id):
                return False
            event = ("order.cancelled", {"order": order_id, "state": str(OrderState.CANCELLED)})
            moved = await sql(self.orders.move, order_id, OrderState.CANCELLED, event=event)
        if moved:
            self.ended(order_id)
        return moved

    async def expire(self, order_id: str) -> bool:
        """End an order that nobody has begun: its deadline has passed."""
        error = {"code": "deadline_passed", "message": "the deadline passed before the order was started"}
        event = ("order.failed", {"order": order_id, "state": str(OrderState.FAILED), "error": error})
        moved = await sql(self.orders.move, order_id, OrderState.FAILED, only_from={OrderState.QUEUED}, error=error, event=event)
        if moved:
            self.ended(order_id)
        return moved

    async def _has_begun_to_publish(self, order_id: str) -> bool:
        """Here, or in an earlier process; what was published before a retry does not count."""
        if order_id in self._publishing:
            return True
        order = await sql(self.orders.get, order_id)
        published = await sql(self.orders.publications, order_id)
        return order.state is OrderState.RUNNING and any(one.at >= order.updated for one in published)

    async def _carried(self, order: Order) -> None:
        run = _Run(self, order)
        try:
            await run.begin()
            await run.end(await run.results())
        except _Left:
            log.info("order %s is no longer to be carried out", order.id)
        except _Dead as dead:
            await run.failed(dead.error)
        except PackshotError as error:
            await run.failed({"code": error.code, "message": error.message})
        except EngineError:
            raise
        except Exception as error:
            log.exception("order %s", order.id)
            await run.failed({"code": "internal_error", "message": f"{type(error).__name__}: {error}"[:500]})


class _Run:
    """One order on its way."""

    def __init__(self, flow: OrderFlow, order: Order) -> None:
        self._flow, self._order = flow, order
        self._renders = 0

    async def begin(self) -> None:
        """Take the order up, unless it is too late or somebody else's."""
        order, flow = self._order, self._flow
        if order.state is OrderState.RUNNING:
            return
        if order.deadline is not None and order.deadline <= datetime.now(UTC):
            await flow.expire(order.id)
            raise _Left
        waited = round((datetime.now(UTC) - order.created).total_seconds(), 3)
        data = {"order": order.id, "state": str(OrderState.RUNNING), "waited_s": waited, "generation": order.generation}
        if not await sql(
            flow.orders.move,
            order.id,
            OrderState.RUNNING,
            only_from={OrderState.QUEUED},
            generation=order.generation,
            event=("order.started", data),
        ):
            raise _Left

    async def results(self) -> list[ShotResult]:
        """Every shot made and judged, under the ordered look or one of the fallbacks, and published when released."""
        spec = await self._resolved(OrderSpec.model_validate(self._order.spec))
        results = await self._rendered(shots(spec))
        for look in spec.ladder if spec.on_fail == "retry" else ():
            held = [place for place, result in enumerate(results) if isinstance(result.outcome, Rejected)]
            if not held:
                break
            again = shots(spec.model_copy(update={"template": look}))
            for place, other in zip(held, await self._rendered([again[place] for place in held]), strict=True):
                results[place] = other if isinstance(other.outcome, Done) else results[place]
        if not any(isinstance(result.outcome, Done) for result in results):
            return results
        await self._point_of_no_return()
        paths = await self._step("publish", self._flow.steps.publish, self._order, results)
        return [result.model_copy(update={"published": tuple(paths.get(result.key, ()))}) for result in results]

    async def end(self, results: Sequence[ShotResult]) -> None:
        """Write down the result, with the event that tells about it, in one transaction."""
        state, error = verdict(results, str(self._order.spec["on_fail"]))
        reused = [result.outcome.report.reused == ("shot",) for result in results]
        result = OrderResult(shots=tuple(results), cache_hit=all(reused))
        await self._moved(state, error, result.model_dump(mode="json"))

    async def failed(self, error: dict[str, Any]) -> None:
        """End as a dead order: to be looked at, and replayed."""
        await self._moved(OrderState.FAILED, error, {})

    async def _resolved(self, spec: OrderSpec) -> OrderSpec:
        """The spec with every photo in the store, where they were only addresses."""
        if spec.resolved:
            return spec
        digests = await self._step("resolve", self._flow.steps.resolve, spec, self._order.priority)
        return spec.with_photos(
            {
                image.uri: image if image.digest else image.model_copy(update={"digest": digest, "uri": BLOB + digest})
                for image, digest in zip(spec.photos, digests, strict=True)
            }
        )

    async def _rendered(self, wanted: Sequence[Shot]) -> list[ShotResult]:
        cards = self._flow.cards
        keys = [shot_key(shot, cards) for shot in wanted]
        asked = dict(zip(keys, wanted, strict=True))
        made = await self._step("render", self._flow.steps.render, asked, self._order.priority)
        if len(made) != len(asked):
            raise _Dead({"code": "interrupted", "message": "an earlier version rendered this order otherwise; retry the order"})
        # A process of an earlier version may have rendered before it ended: its keys are others, in the same order.
        names = dict(zip(asked, made, strict=True))
        outcomes = {key: _OUTCOME.validate_python(outcome) for key, outcome in made.items()}
        return [shot_result(s, names[k], cards, outcomes[names[k]]) for s, k in zip(wanted, keys, strict=True)]

    async def _step(self, name: str, do: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
        """One step, tried again after errors that may pass; the engine keeps every attempt and every pause."""
        flow, tries = self._flow, self._flow.retry.tries
        for tried in range(1, tries + 1):
            await self._still_wanted()
            answer = await self._attempt(name, tried, do, *args)
            error = answer.get("error")
            if error is None or (tried == tries and "value" in answer):
                break
            if not error["retryable"] or tried == tries:
                raise _Dead(error)
            log.info("order %s: %s failed (%s), attempt %d", self._order.id, name, error["code"], tried)
            await flow.flows.sleep(flow.retry.pause_s(tried))
        value: T = answer["value"]
        return value

    async def _attempt(self, name: str, tried: int, do: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> dict[str, Any]:
        self._renders += name == "render"
        data = {"order": self._order.id, "step": name, "attempt": tried}
        telling = asyncio.create_task(sql(self._flow.orders.add_event, self._order.id, "order.step", data))
        try:
            with about(step=name):
                return await self._flow.flows.step(name, _answered, do, *args)
        finally:
            await telling

    async def _still_wanted(self) -> None:
        order = await sql(self._flow.orders.get, self._order.id)
        if order.state.ended or order.generation != self._order.generation:
            raise _Left

    async def _point_of_no_return(self) -> None:
        """From here on the order cannot be cancelled."""
        async with self._flow._gate:
            await self._still_wanted()
            self._flow._publishing.add(self._order.id)

    async def _moved(self, state: OrderState, error: dict[str, Any], result: dict[str, Any]) -> None:
        order = self._order
        await sql(
            self._flow.orders.move,
            order.id,
            state,
            result=result,
            error=error,
            attempts=self._renders,
            generation=order.generation,
            event=ended(order, state, result, error),
        )
        log.info("order %s", state, extra={"took_s": round((datetime.now(UTC) - order.created).total_seconds(), 3)})


async def sql(call: Callable[..., T], *args: Any, **named: Any) -> T:
    """A database call in a thread, again and again while the database does not answer."""
    while True:
        try:
            return await asyncio.to_thread(call, *args, **named)
        except StorageUnavailable as error:
            log.warning("%s", error.message)
            await asyncio.sleep(SQL_PAUSE_S)


def verdict(results: Sequence[ShotResult], on_fail: str) -> tuple[OrderState, dict[str, Any]]:
    """State and error of an order by its shots: what failed weighs more than what is held back."""
    for result in results:
        if isinstance(result.outcome, Failed):
            return OrderState.FAILED, {"code": result.outcome.code, "message": result.outcome.message}
    if any(isinstance(result.outcome, Rejected) for result in results):
        return (OrderState.REJECTED if on_fail == "reject" else OrderState.REVIEW), {}
    return OrderState.SUCCEEDED, {}


async def _answered(do: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> dict[str, Any]:
    """`{"value"}`, `{"error"}`, or both where only some shots failed with an error that may pass: JSON for the engine."""
    try:
        value = await do(*args)
    except PackshotError as error:
        return {"error": {"code": error.code, "message": error.message, "retryable": error.retryable}}
    for outcome in value.values() if isinstance(value, dict) else ():
        if isinstance(outcome, dict) and outcome.get("retryable"):
            return {"value": value, "error": {name: outcome[name] for name in ("code", "message", "retryable")}}
    return {"value": value}
