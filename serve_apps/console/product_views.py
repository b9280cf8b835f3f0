"""What the page of a product shows: what nights and orders made, with its lineage, and what is on which shop."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from connectors.online.orders import Order
from connectors.publications import GalleryRecord, Publication, Publications
from connectors.records import ShotRecord
from serve_apps.parts import Parts
from serve_apps.request.schema import OrderResult, ShotResult
from studio.errors import PackshotError
from studio.product import Product, ProductImage
from studio.shot import Failed, Report

THREADS = 8
Step = tuple[str, float, str]
"""Name, seconds, and a word where it took none."""


@dataclass(frozen=True, slots=True)
class NightMade:
    """A night's latest picture of one place, and the report of how it was made ({} fields where the store has none)."""

    catalog: str
    record: ShotRecord
    report: Report
    template: str
    destination: str
    slot: str

    @property
    def steps(self) -> tuple[Step, ...]:
        """Steps with their seconds, in the order they ran; those from the store took none."""
        return _steps(self.report)


@dataclass(frozen=True, slots=True)
class Version:
    """One picture that an order made. `digest` is "" where it failed."""

    order: str
    at: datetime
    template: str
    status: str
    why: str
    digest: str
    thumb: str
    key: str
    engine: str
    models: dict[str, str]
    steps: tuple[Step, ...]
    published: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownGallery:
    """A product's place in a shop, and what was there over time. `back`: there is an earlier set to go back to."""

    record: GalleryRecord
    history: tuple[Publication, ...]
    back: bool


def made_by_nights(parts: Parts, shots: Sequence[tuple[str, ShotRecord]]) -> list[NightMade]:
    """Nights' pictures with their reports out of the store."""
    if not shots:
        return []
    with ThreadPoolExecutor(THREADS, thread_name_prefix="product") as threads:
        return list(threads.map(lambda one: _of_night(parts, *one), shots))


def made_by_orders(orders: Iterable[Order]) -> dict[str, list[Version]]:
    """Versions by place (`template-id destination slot`), newest first; results of other versions of the service are left out."""
    found: dict[str, list[Version]] = {}
    for order in orders:
        try:
            result = OrderResult.model_validate(order.result) if order.result else OrderResult(shots=())
        except ValidationError:
            continue
        for shot in result.shots:
            place = f"{shot.template.id} · {shot.destination} · {shot.slot}"
            found.setdefault(place, []).append(_version(order, shot))
    return found


def shown_galleries(publications: Publications, sku: str) -> list[ShownGallery]:
    """Where the product is published."""
    shown: list[ShownGallery] = []
    for record in publications.of_sku(sku):
        history = tuple(publications.history(record.connection, record.ref)[:20])
        now = tuple(item.wanted for item in record.live)
        earlier = [line for line in history if line.outcome != "failed" and tuple(item.wanted for item in line.items) != now]
        shown.append(ShownGallery(record, history, bool(earlier)))
    return shown


def shown_photos(parts: Parts, product: Product | None) -> list[tuple[ProductImage, bool]]:
    """A product's photos, and whether the store has their bytes."""
    images = product.images if product else ()
    return [(image, bool(image.digest) and parts.storage.has_blob(image.digest)) for image in images]


def _of_night(parts: Parts, catalog: str, record: ShotRecord) -> NightMade:
    _, template, destination, slot = record.shot_id.rsplit("/", 3)
    try:
        stored = parts.storage.get_action(record.key)
        report = Report.model_validate(json.loads(stored)["report"]) if stored else Report()
    except (PackshotError, ValueError, KeyError):
        report = Report()
    return NightMade(catalog, record, report, template, destination, slot)


def _version(order: Order, shot: ShotResult) -> Version:
    outcome = shot.outcome
    report = outcome.report
    asset = None if isinstance(outcome, Failed) else outcome.asset
    why = outcome.message if isinstance(outcome, Failed) else getattr(outcome, "detail", "") or getattr(outcome, "reason", "")
    return Version(
        order=order.id,
        at=order.updated,
        template=shot.template.key,
        status=outcome.status,
        why=why,
        digest=asset.digest if asset else "",
        thumb=report.previews.get("result", ""),
        key=shot.key,
        engine=report.engine,
        models=shot.models,
        steps=_steps(report),
        published=shot.published,
    )


def _steps(report: Report) -> tuple[Step, ...]:
    known = tuple((name, 0.0, "from the store") for name in report.reused)
    return known + tuple((name, seconds, "") for name, seconds in report.seconds.items())
