"""What follows from a decision: orders amended, made anew, undone. Every step may be repeated after a crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.approvals import Approvals
from connectors.destinations.folder import FolderDestination
from connectors.names import asset_name
from connectors.online.orders import Order, OrderState
from connectors.review import Decision, Item
from connectors.vendors.base import Told
from serve_apps.console.review_intake import FOLLOWS
from serve_apps.orders.steps import STORE
from serve_apps.orders.telling import ended
from serve_apps.parts import Parts
from serve_apps.request.edits import BackgroundEdit, CutoutEdit, Edits, LayoutEdit, ShadowEdit
from serve_apps.request.intake import Incoming, admit, new_order, spec_of
from serve_apps.request.overrides import apply_edits
from serve_apps.request.schema import ImageInput, ImageRequest, OrderResult, OrderSpec, ShotResult
from serve_apps.request.shots import shot_key, shots
from studio.errors import BudgetExhausted, Conflict, InputError, NotFound, PackshotError
from studio.models.registry import ROWS
from studio.shot import Done, Rejected

log = logging.getLogger(__name__)
RESUME_S = 120.0
"""Age from which a decision that is not carried out is taken to be a dead process's."""
AT_ONCE = 8
"""Decisions that are carried out at a time."""
TRIES = 5
"""Attempts at an order that others amend at the same time."""


async def carry_out(parts: Parts, decisions: Sequence[Decision]) -> dict[str, str]:
    """Do what is left of these decisions; what could not be done, as sentences by item. Those items are open again."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one_of(decision: Decision) -> str:
        async with room:
            return await _carried(parts, decision)

    told = await asyncio.gather(*map(one_of, decisions), return_exceptions=True)
    for error in told:
        if isinstance(error, BaseException):
            raise error
    return {one.item: str(problem) for one, problem in zip(decisions, told, strict=True) if problem}


async def _carried(parts: Parts, decision: Decision) -> str:
    try:
        order_id = await asyncio.to_thread(apply, parts, decision)
    except PackshotError as error:
        if _passes(error):
            raise
        await asyncio.to_thread(_give_back, parts, decision, error)
        return error.message
    if order_id:
        await parts.desk.start(order_id)
    return ""


def resume(parts: Parts, older_s: float = RESUME_S) -> None:
    """Carry out what a process that died has left of its decisions; orders that are placed here are started by the sweeper."""
    before = datetime.now(UTC) - timedelta(seconds=older_s)
    for one in parts.reviews.unapplied():
        if (one.undone or one.at) > before:
            continue
        try:
            (take_back if one.undone else apply)(parts, one)
        except PackshotError as error:
            if _passes(error):
                raise
            _give_back(parts, one, error)


def _passes(error: PackshotError) -> bool:
    """Whether it is worth waiting for. A budget may be spent until the end of the month."""
    return error.retryable and not isinstance(error, BudgetExhausted)


def apply(parts: Parts, decision: Decision) -> str:
    """Carry one decision out; the id of the order that makes the picture anew, "" where none does."""
    item = parts.reviews.get(decision.item)
    order_id = ""
    if decision.action == "approve":
        release(parts, item, decision.by_name)
        Approvals(parts.storage).grant(item.key, item.digest, item.reason)
    elif decision.action == "reject":
        Approvals(parts.storage).withdraw(item.key, item.digest)
    elif decision.action == "regenerate":
        order_id = make_anew(parts, item, decision)
    parts.reviews.applied(decision.id, order_id=order_id)
    return order_id


def take_back(parts: Parts, decision: Decision) -> str:
    """Undo what was done outside the queue; the id of an order to be cancelled, "" where there is none. May be repeated."""
    if decision.action != "approve":
        return decision.order_id if decision.action == "regenerate" else ""
    item = parts.reviews.get(decision.item)
    if item.state != "approved":
        Approvals(parts.storage).withdraw(item.key, item.digest)
        if item.origin == "order":
            hold_again(parts, item, decision.by_name)
    parts.reviews.applied(decision.id)
    return ""


def release(parts: Parts, item: Item, by: str) -> None:
    """An order's picture is released: published, and the order has succeeded once nothing of it is held back. Raises Conflict
    where the order was made again since."""
    if item.origin == "night":
        return

    def released(shot: ShotResult) -> ShotResult:
        outcome = shot.outcome
        assert isinstance(outcome, Rejected)
        assert outcome.asset is not None
        paths = _published(parts, item, shot)
        return shot.model_copy(update={"outcome": Done(asset=outcome.asset, report=outcome.report), "published": paths})

    _amend(parts, item, released, from_status="rejected", by=by)


def hold_again(parts: Parts, item: Item, by: str) -> None:
    """The other way round, for an approval of an order's picture that is taken back."""

    def held(shot: ShotResult) -> ShotResult:
        outcome = shot.outcome
        assert isinstance(outcome, Done)
        folder = parts.settings.api.publish
        if folder:
            FolderDestination(folder).retract(item.sku, _name(item, shot))
        again = Rejected(reason=item.reason, detail=item.detail, asset=outcome.asset, report=outcome.report)
        return shot.model_copy(update={"outcome": again, "published": ()})

    _amend(parts, item, held, from_status="released", by=by)


def make_anew(parts: Parts, item: Item, decision: Decision) -> str:
    """Id of the order that makes this one picture with another seed or setting; the same order for the same decision.

    Raises InputError where the change makes no difference, NotFound for a product that is not known any more, BadEdit, and
    BudgetExhausted.
    """
    edits = edits_of(decision.change)
    spec = _spec(parts, item)
    setup = next((one for one in spec.setups if one.slot == item.slot), None)
    if setup is None:
        raise InputError(f"{item.sku}: the look makes no picture {item.slot!r} of this product any more")
    places = [place for place in (*spec.named.values(), *spec.destinations) if place.id == item.destination]
    look, (place,) = apply_edits(
        setup.template or spec.template,
        places[:1] or [parts.library.destination(item.destination)],
        edits,
        has_blob=parts.storage.has_blob,
        generator=_generator(parts),
    )
    alone = setup.model_copy(update={"template": None, "outputs": ()})
    metadata = {FOLLOWS: item.id}
    new = OrderSpec(product=spec.product, setups=(alone,), template=look, destinations=(place,), webhook=False, metadata=metadata)
    if new.resolved and shot_key(shots(new)[0], parts.hits.cards) == item.key:
        raise InputError(f"{item.sku}: this change makes no difference to the picture; change something else")
    wanted = ImageRequest(input=ImageInput(sku=item.sku), template=look.id, priority="urgent", webhook=False, metadata=metadata)
    incoming = Incoming(wanted, decision.by_key, idempotency_key=decision.id)
    admit(parts, new, incoming)
    order, _ = parts.orders.accept(new_order(new, incoming))
    return order.id


def edits_of(change: Mapping[str, Any]) -> Edits:
    """The edits of a change: `{"seed": 7}`, `{"fill": 0.8}`, `{"shadow": "soft"}`, `{"refiner": "closed_form"}` or
    `{"ground": "#ffffff"}`. Raises InputError for anything else."""
    try:
        ((name, value),) = dict(change).items()
        if name == "seed":
            return Edits(background=BackgroundEdit(seed=int(value)))
        if name == "fill":
            return Edits(layout=LayoutEdit(target_fill=float(value)))
        if name == "shadow":
            return Edits(shadow=ShadowEdit(mode=value))
        if name == "refiner":
            return Edits(cutout=CutoutEdit(refiner=value))
        if name == "ground":
            return Edits(background=BackgroundEdit(color=value))
    except ValueError:
        pass
    raise InputError("say what to change: a seed (a whole number), fill (0.05 to 1), shadow, refiner or ground (#rrggbb)")


def promise_again(parts: Parts, item: Item) -> None:
    """A shop's product is looked at again, so that what was released now gets there. A shop that is not known any more is
    passed over."""
    metadata = parts.orders.get(item.place).spec.get("metadata", {})
    name, ref = metadata.get("connection", ""), metadata.get("ref", "")
    if not (name and ref and parts.connections.get(name)):
        return
    now = datetime.now(UTC)
    if seen := parts.sync.seen(name, ref):
        parts.sync.keep([replace(seen, digest="")])
    parts.sync.take(name, [Told(f"{item.id}:{now.isoformat()}", "changed", (ref,))], now=now)


def _give_back(parts: Parts, decision: Decision, error: PackshotError) -> None:
    log.warning("review %s of %s: %s", decision.action, decision.item, error)
    if decision.undone:
        parts.reviews.applied(decision.id)
        return
    try:
        parts.reviews.undo_one(decision.id, error.message)
    except Conflict:
        log.info("review %s was taken back meanwhile", decision.id)


def _amend(parts: Parts, item: Item, change: Callable[[ShotResult], ShotResult], *, from_status: str, by: str) -> None:
    for _ in range(TRIES):
        order = parts.orders.get(item.place)
        result = OrderResult.model_validate(order.result) if order.result else OrderResult(shots=())
        there = [shot for shot in result.shots if _is(shot, item)]
        if not there:
            raise Conflict(f"order {order.id} was made again since; its new pictures are in the queue")
        if there[0].outcome.status != from_status:
            return
        changed = tuple(change(shot) if _is(shot, item) else shot for shot in result.shots)
        if _write(parts, order, result.model_copy(update={"shots": changed}), by):
            if from_status == "rejected":
                promise_again(parts, item)
            return
    raise Conflict(f"order {item.place} is being changed by somebody else; try again")


def _write(parts: Parts, order: Order, result: OrderResult, by: str) -> bool:
    held = any(isinstance(shot.outcome, Rejected) for shot in result.shots)
    rejected = OrderState.REJECTED if order.spec.get("on_fail") == "reject" else OrderState.REVIEW
    state = rejected if held else OrderState.SUCCEEDED
    data = result.model_dump(mode="json")
    name, about = ended(order, state, data)
    ends = {OrderState.REVIEW, OrderState.REJECTED, OrderState.SUCCEEDED}
    event = (name, about | {"reviewed_by": by})
    return parts.held_orders.amend(order.id, data, state, seen=order.updated, only_from=ends, event=event)


def _is(shot: ShotResult, item: Item) -> bool:
    asset = None if shot.outcome.status == "failed" else shot.outcome.asset
    return f"{shot.slot}/{shot.destination}" == item.shot and shot.key == item.key and bool(asset and asset.digest == item.digest)


def _published(parts: Parts, item: Item, shot: ShotResult) -> tuple[str, ...]:
    paths = {STORE: f"/v1/assets/{item.digest}"}
    folder = parts.settings.api.publish
    if folder:
        out = FolderDestination(folder)
        path = out.publish(item.sku, _name(item, shot), parts.storage.get_blob(item.digest))
        paths["folder"] = path.relative_to(out.root).as_posix()
    for place, path_there in paths.items():
        parts.orders.publish(item.place, item.key, place=place, digest=item.digest, path=path_there)
    return tuple(paths.values())


def _name(item: Item, shot: ShotResult) -> str:
    return asset_name(shot.template.id, item.destination, item.slot, item.media_type)


def _spec(parts: Parts, item: Item) -> OrderSpec:
    """What the picture was made from: as its order had it, or as the product and the look are now."""
    if item.origin == "order":
        order = parts.orders.get(item.place)
        spec = OrderSpec.model_validate(order.spec)
        result = OrderResult.model_validate(order.result)
        made = next((shot for shot in result.shots if _is(shot, item)), None)
        return spec if made is None else _as_made(spec, made)
    wanted = ImageRequest(input=ImageInput(sku=item.sku), template=item.template, destinations=(item.destination,))
    try:
        return spec_of(parts, wanted)
    except NotFound:
        raise NotFound(
            f"{item.sku} is not known to the service: a night that runs against this database makes it known"
        ) from None


def _as_made(spec: OrderSpec, made: ShotResult) -> OrderSpec:
    setups = tuple(
        setup.model_copy(update={"template": made.template}) if setup.slot == made.slot else setup for setup in spec.setups
    )
    return spec.model_copy(update={"setups": setups})


def _generator(parts: Parts) -> str:
    given = parts.settings.models.configured
    return next((name for name in given if name in ROWS and ROWS[name].card.task == "generation"), "")
