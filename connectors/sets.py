"""A product's finished images as the set that goes onto its page: their order, names, alternative texts and uses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connectors.names import extension_of
from connectors.publications import Item
from connectors.vendors.base import marked
from studio.alt_text import alt_text
from studio.briefs.callouts import CalloutsBrief
from studio.destination import Destination
from studio.errors import MissingInput
from studio.product import ImageRole, Product
from studio.steps.labels import said
from studio.template import Template

MAX_STEM = 80
"""Characters of a file name before the mark; shops cut long ones."""
_ROLES = sorted(ImageRole, key=len, reverse=True)


@dataclass(frozen=True, slots=True)
class Finished:
    """One released image: what it is of, and its bytes by digest."""

    template: Template
    destination: Destination
    slot: str
    digest: str
    media_type: str


def gallery_set(
    product: Product,
    finished: Sequence[Finished],
    *,
    ref: str,
    destinations: Collection[str] = (),
    language: str = "en",
) -> tuple[Item, ...]:
    """The set for a product page: main pictures first, each look's front first, else in the given order.

    A picture that was made for several destinations is shown once, as made for the first; with `destinations`, only what was made
    for those. The first is `main`; `details` tell a DAM what each one is. Raises InputError for a language without phrases.
    """
    chosen = _chosen(finished, destinations)
    counts: Counter[tuple[str, ImageRole]] = Counter()
    items: list[Item] = []
    for one in chosen:
        role = role_of(one.slot)
        counts[one.template.id, role] += 1
        alt = alt_text(
            product,
            one.template,
            role,
            limit=one.destination.alt_text,
            language=language,
            number=counts[one.template.id, role],
            features=_features(product, one.template),
        )
        details = {
            "sku": product.sku,
            "template": one.template.key,
            "slot": one.slot,
            "destination": one.destination.id,
            "ref": ref,
        }
        items.append(
            Item(
                digest=one.digest,
                media_type=one.media_type,
                name=file_name(product, one),
                alt=alt,
                types=() if items else ("main",),
                details=details,
            )
        )
    return tuple(items)


def role_of(slot: str) -> ImageRole:
    """What a picture shows, by the name of its place: `back-2` shows the back; what is no role is a front."""
    return next((role for role in _ROLES if slot == role or slot.startswith(f"{role}-")), ImageRole.FRONT)


def file_name(product: Product, one: Finished) -> str:
    """Plain letters, with the mark by which we know it again."""
    words = "-".join(re.findall(r"[a-z0-9]+", f"{product.sku} {one.template.id} {one.slot}".lower()))
    return marked(f"{words[:MAX_STEM].strip('-')}{extension_of(one.media_type)}", one.digest)


def _features(product: Product, template: Template) -> tuple[str, ...]:
    """Words that a picture of features shows."""
    if not isinstance(template.brief, CalloutsBrief):
        return ()
    try:
        return tuple(text for _, text in said(product, template.brief))
    except MissingInput:
        return ()


def _chosen(finished: Sequence[Finished], destinations: Collection[str]) -> list[Finished]:
    """Each picture once, in the order of the page."""
    kept: dict[str, Finished] = {}
    places: set[tuple[str, str]] = set()
    for one in finished:
        place = one.template.id, one.slot
        if one.destination.id not in destinations if destinations else place in places:
            continue
        places.add(place)
        kept.setdefault(one.digest, one)
    return sorted(kept.values(), key=_rank)


def _rank(one: Finished) -> tuple[bool, bool]:
    return one.template.use != "main", role_of(one.slot) is not ImageRole.FRONT
