"""What reviewers decided, made use of: held against today's limits, and written out as examples for the defect classifier."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from connectors.reviews import Reviews
from studio.errors import PackshotError
from studio.qa import policy
from studio.qa.agreement import Agreement, Judged, agreements
from studio.qa.defects import FACTS, VERSION
from templates.library import Library

log = logging.getLogger(__name__)
KINDS: tuple[str, ...] = tuple(sorted(set(FACTS["alarms"]) - {"any"}))
"""Kinds of defect that the classifier knows."""
OTHER = ("wrong_product", "bad_photo", "look", "other")
"""Further reasons to reject a picture; no examples for the classifier."""


def held_against_limits(reviews: Reviews, library: Library, most: int = 1_000_000) -> list[Agreement]:
    """Every bound that held back what people decided about, the latest `most` pictures. Pictures made anew count as not
    accepted."""
    return agreements(_judged(reviews, library, most))


def training_rows(reviews: Reviews, sees: str | None = None) -> Iterator[dict[str, Any]]:
    """One example a decided picture, JSON-able, oldest first. `kind` is the defect, "" for a picture that a person let through;
    `measured` are the checks' values as the classifier's features have them. Its traces and embedding are made of the bytes
    (`asset`, `photo`) when it is trained. Rejections for reasons that are no defect of the picture are left out, and with `sees`
    what that API key may not see."""
    for item, decision in reviews.decided(sees):
        kind = "" if decision.action == "approve" else decision.reason
        if decision.action != "approve" and kind not in KINDS:
            continue
        yield {
            "item": item.id,
            "photo": item.source,
            "product": item.sku,
            "style": item.template,
            "destination": item.destination,
            "kind": kind,
            "measured": dict(item.report.get("measurements") or {}),
            "asset": item.digest,
            "media_type": item.media_type,
            "held_by": item.reason,
            "key": item.key,
            "by": decision.by_name,
            "at": decision.at.isoformat(),
            "classifier": VERSION,
        }


def _judged(reviews: Reviews, library: Library, most: int) -> Iterator[Judged]:
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for template, destination, measured, accepted in reviews.verdicts(most):
        if (template, destination) not in known:
            try:
                known[template, destination] = policy.limits(library.template(template), library.destination(destination))
            except PackshotError as error:
                log.info("decisions about %s at %s are left out: %s", template, destination, error.message)
                known[template, destination] = {}
        yield Judged(measured, known[template, destination], accepted)
