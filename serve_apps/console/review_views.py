"""What a review shows of an item: its limits, its steps, and what failed drawn on the picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from cluster.reviewed import held_against_limits
from connectors.review import Item
from connectors.reviews import Reviews
from serve_apps.parts import Parts
from studio.destination import Destination
from studio.errors import PackshotError
from studio.imaging.codec import Limits, decode
from studio.imaging.pdf import picture_of
from studio.qa import policy
from studio.qa.agreement import Agreement
from studio.qa.annotate import annotated
from studio.qa.checks import CHECKS
from studio.qa.preflight import findings
from studio.qa.silhouette import silhouette
from studio.qa.upload import Upload
from templates.library import Library

PREVIEWS = (("source", "Photo"), ("cutout", "Cut-out"), ("result", "Result"))
LATEST = 2000
"""Decided pictures that the page about limits looks at; `packshot review thresholds` looks at all."""
_ABOUT = {check.name: (check.about, check.unit) for check in CHECKS}


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit and what was measured. `value` is None where nothing was."""

    name: str
    about: str
    unit: str
    value: float | None
    bounds: str
    passed: bool


@lru_cache(maxsize=4)
def agreed(reviews: Reviews, library: Library, _stamp: tuple[str, int]) -> tuple[Agreement, ...]:
    """How limits and people agree over the latest decisions, added up once for a stamp of the queue."""
    return tuple(held_against_limits(reviews, library, LATEST))


def rules_of(library: Library, item: Item) -> list[Rule]:
    """Today's limits for the item's look at its destination, broken ones first; [] where one of both is gone."""
    try:
        limits = policy.limits(library.template(item.template), library.destination(item.destination))
    except PackshotError:
        return []
    measured = item.report.get("measurements") or {}
    found: list[Rule] = []
    for name, limit in limits.items():
        about, unit = _ABOUT.get(name, ("", ""))
        ends = (("at least", limit.min), ("at most", limit.max))
        bounds = " and ".join(f"{words} {bound:.6g}" for words, bound in ends if bound is not None)
        found.append(Rule(name, about, unit, measured.get(name), bounds, policy.passes(measured, name, limit)))
    return sorted(found, key=lambda rule: (rule.passed, rule.name != item.reason, rule.name))


def steps_of(item: Item) -> list[tuple[str, float, str]]:
    """Steps with their seconds, in the order they ran; those from the store took none."""
    reused, seconds = item.report.get("reused") or (), item.report.get("seconds") or {}
    return [(name, 0.0, "from the store") for name in reused] + [(name, took, "") for name, took in seconds.items()]


def marked(parts: Parts, item: Item) -> bytes:
    """The delivered picture with what fails tinted, the product's box, and a line for each failed rule; JPEG, 1000 px wide.

    Rules of files are drawn, with the product as `silhouette` finds it. Raises NotStored, ImageError.
    """
    data = parts.storage.get_blob(item.digest)
    photo = decode(picture_of(data), Limits())
    upload = Upload(data, photo, alpha=silhouette(photo))
    where = _place(parts.library, item)
    broken = (
        [] if where is None else [finding for finding in findings(upload, where, without=("text_beside",)) if not finding.passed]
    )
    page = annotated(upload, broken, f"{item.sku}: {item.detail or item.reason}"[:160])
    out = io.BytesIO()
    Image.open(io.BytesIO(page)).convert("RGB").save(out, "JPEG", quality=88)
    return out.getvalue()


def _place(library: Library, item: Item) -> Destination | None:
    try:
        return library.destination(item.destination)
    except PackshotError:
        return None
