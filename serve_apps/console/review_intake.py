"""What was held back comes into the review queue: from the records of nights, and from orders."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from connectors.online.orders import Order, OrderState
from connectors.records import ShotRecord
from connectors.review import Item
from serve_apps.parts import Parts
from serve_apps.request.schema import OrderResult
from studio.errors import NotFound, PackshotError
from studio.shot import Done, Rejected

log = logging.getLogger(__name__)
MOST = 400
"""Items that one call takes in: a page must not wait for a whole night's. The next page takes in more."""
THREADS = 16
FOLLOWS = "review"
"""Name of an order's metadata under which it says which item it is made instead of."""


def take_in(parts: Parts, most: int = MOST) -> bool:
    """Bring the queue up to date; whether everything is in it now. See `passed` for what is not to be decided any more."""
    nights = _nights(parts, most)
    orders = _orders(parts, most)
    _settle(parts)
    return nights and orders


def passed(parts: Parts, items: Sequence[Item]) -> bool:
    """Close those of a page's open items that were made anew since, by a night or by their order; whether there were some."""
    open_items = [item for item in items if item.state == "open"]
    of_nights = [item.id for item in open_items if item.origin == "night"]
    of_orders = [item for item in open_items if item.origin == "order"]
    still = parts.held_orders.still(list({item.place for item in of_orders}))
    gone = [item.id for item in of_orders if item.place not in still]
    parts.reviews.close_items(gone, "superseded")
    return bool(of_nights and parts.reviews.supersede(of_nights)) or bool(gone)


def _nights(parts: Parts, most: int) -> bool:
    begun = datetime.now(UTC)
    found = parts.reviews.held_shots(most)
    if found:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="review") as threads:
            parts.reviews.add(list(threads.map(lambda one: _of_night(parts, *one), found)))
        parts.reviews.supersede()
    whole = len(found) < most
    parts.reviews.looked("night", begun if whole else found[-1][1].updated_at)
    return whole


def _of_night(parts: Parts, catalog: str, record: ShotRecord) -> Item:
    sku, template, destination, slot = record.shot_id.rsplit("/", 3)
    made = _recorded(parts, record)
    report = made.get("report") or {}
    return Item(
        origin="night",
        place=catalog,
        shot=record.shot_id,
        key=record.key,
        digest=record.digest,
        media_type=record.media_type,
        sku=sku,
        template=template,
        destination=destination,
        slot=slot,
        reason=record.reason,
        detail=str(made.get("detail", "")),
        thumb=report.get("previews", {}).get("result", ""),
        uncertainty=float(report.get("uncertainty") or 0.0),
        report=report,
        run=record.run,
        at=record.updated_at,
    )


def _recorded(parts: Parts, record: ShotRecord) -> dict[str, Any]:
    """What the store says about the shot, {} where it says nothing of this picture."""
    try:
        stored = parts.storage.get_action(record.key)
        made: dict[str, Any] = json.loads(stored) if stored else {}
    except (PackshotError, ValueError) as error:
        log.warning("%s: its report cannot be read: %s", record.shot_id, error)
        return {}
    return made if (made.get("asset") or {}).get("digest") == record.digest else {}


def _orders(parts: Parts, most: int) -> bool:
    begun = datetime.now(UTC)
    ids = parts.held_orders.since(parts.reviews.since("order"), most * 4)
    taken, upto = 0, begun
    for order_id, updated in ids:
        items = items_of(parts.orders.get(order_id))
        known = parts.reviews.known([item.id for item in items])
        fresh = [item for item in items if item.id not in known]
        parts.reviews.add(fresh)
        taken += len(fresh)
        if taken >= most:
            upto = updated
            break
    whole = taken < most and len(ids) < most * 4
    parts.reviews.looked("order", begun if whole else min(upto, ids[-1][1]))
    return whole


def items_of(order: Order) -> list[Item]:
    """An order's pictures that are held back."""
    if order.state not in (OrderState.REVIEW, OrderState.REJECTED):
        return []
    try:
        result = OrderResult.model_validate(order.result)
    except ValidationError:
        log.warning("order %s: its result is of another version and cannot be reviewed", order.id)
        return []
    found: list[Item] = []
    for shot in result.shots:
        outcome = shot.outcome
        if not isinstance(outcome, Rejected) or outcome.asset is None:
            continue
        found.append(
            Item(
                origin="order",
                place=order.id,
                shot=f"{shot.slot}/{shot.destination}",
                key=shot.key,
                digest=outcome.asset.digest,
                media_type=outcome.asset.media_type,
                sku=order.sku,
                template=shot.template.id,
                destination=shot.destination,
                slot=shot.slot,
                reason=outcome.reason,
                detail=outcome.detail,
                source=shot.source,
                thumb=outcome.report.previews.get("result", ""),
                uncertainty=outcome.report.uncertainty,
                report=outcome.report.model_dump(mode="json"),
                owner=order.key_id,
                follows=str(order.spec.get("metadata", {}).get(FOLLOWS, "")),
                at=order.updated,
            )
        )
    return found


def _settle(parts: Parts) -> None:
    """Items that were made anew: what is released now takes their place, and what failed lets them be decided again."""
    for name, order_id in parts.reviews.under_way():
        try:
            order = parts.orders.get(order_id)
        except NotFound:
            continue
        if order.state is OrderState.SUCCEEDED:
            made = [shot.outcome for shot in OrderResult.model_validate(order.result).shots]
            assets = [outcome.asset for outcome in made if isinstance(outcome, Done)]
            if assets:
                parts.reviews.replace(name, assets[0].digest, assets[0].media_type)
        elif order.state in (OrderState.FAILED, OrderState.CANCELLED):
            parts.reviews.close_items([name], "open", only_from="regenerated")
