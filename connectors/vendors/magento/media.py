"""Media entries of a product: as pictures, and in the order and uses that are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.vendors.base import Placing, Shown, mark_in
from studio.errors import VendorRefused, VendorUnavailable

Entry = dict[str, Any]
MAIN = ("image", "small_image", "thumbnail")
"""Uses that the product page, lists and the basket take."""
_ROLES = {"main": MAIN, "swatch": ("swatch_image",)}
_OWN = (*MAIN, "swatch_image")
MAX_LABEL = 255
"""Characters; the column of labels in Magento's database."""
STAGED = "packshot: not shown yet"
"""Label of a hidden entry of ours: nobody's text, so that it never passes for a finished one."""


def shown(entries: Sequence[Entry], media: str) -> tuple[Shown, ...]:
    """Pictures in their order, hidden ones included; videos are none."""
    pictures = [entry for entry in in_order(entries) if entry.get("media_type", "image") == "image"]
    return tuple(
        Shown(
            id=str(entry["id"]),
            url=f"{media}{entry.get('file') or ''}" if media else "",
            position=n,
            alt=entry.get("label") or "",
            mark=mark_in(entry.get("file") or ""),
        )
        for n, entry in enumerate(pictures)
    )


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """By position, then as they were added."""
    return sorted(entries, key=lambda entry: (int(entry.get("position") or 0), int(entry["id"])))


def arranged(entries: Sequence[Entry], order: Sequence[Placing], *, hide: bool) -> list[Entry]:
    """The whole gallery after an arrangement: a save takes off every entry that it does not name.

    Our old pictures are hidden in the same save; people's that are not named stay behind, or are hidden. Raises VendorUnavailable
    for a picture of ours that is not there (yet), VendorRefused for a text that the shop would not keep.
    """
    long = next((placing.picture for placing in order if placing.picture and len(placing.picture.alt) > MAX_LABEL), None)
    if long:
        raise VendorRefused(f"{long.name}: a label has at most {MAX_LABEL} characters, this one {len(long.alt)}")
    left = {str(entry["id"]): dict(entry) for entry in in_order(entries)}
    missing = [placing.id for placing in order if placing.picture and placing.id not in left]
    if missing:
        raise VendorUnavailable(f"pictures that were added are not there: {', '.join(missing)}")
    placed = [(left.pop(placing.id), placing) for placing in order if placing.id in left]
    for entry, placing in placed:
        if placing.picture:
            entry |= {"label": placing.picture.alt, "disabled": False, "types": []}
    for entry in left.values():
        if mark_in(entry.get("file") or ""):
            entry |= {"label": STAGED, "disabled": True, "types": []}
        elif hide and entry.get("media_type", "image") == "image":
            entry |= {"disabled": True, "types": []}
    _give_roles(placed, list(left.values()))
    found = [entry for entry, _ in placed] + list(left.values())
    return [entry | {"position": n} for n, entry in enumerate(found, 1)]


def _give_roles(placed: Sequence[tuple[Entry, Placing]], rest: Sequence[Entry]) -> None:
    """Every use to one picture: where ours come first, to those that ask for it, the page's own uses at least to the first."""
    if not placed:
        return
    first, placing = placed[0]
    wanted: dict[str, Entry] = {}
    for entry, other in placed:
        asked = other.picture.types if other.picture else ()
        for role in (role for name in asked for role in _ROLES.get(name, (name,) if name in _OWN else ())):
            if placing.picture or role not in MAIN:
                wanted.setdefault(role, entry)
    held = {role for entry in [*(entry for entry, _ in placed), *rest] for role in entry.get("types") or []}
    for role in MAIN:
        if placing.picture or role not in held:
            wanted.setdefault(role, first)
    for entry in [*(entry for entry, _ in placed), *rest]:
        kept = [role for role in entry.get("types") or [] if role not in wanted]
        entry["types"] = [*kept, *(role for role, holder in wanted.items() if holder is entry)]


def without(entries: Sequence[Entry], ids: Sequence[str]) -> list[Entry] | None:
    """The gallery in which those that go are hidden, and the first that is seen has their uses; None where it is so already."""
    going = [entry for entry in entries if str(entry["id"]) in set(ids)]
    stays = next((e for e in in_order(entries) if e not in going and not e.get("disabled")), None)
    lost = [role for entry in going for role in entry.get("types") or [] if role in MAIN]
    if all(entry.get("disabled") for entry in going) and not (lost and stays):
        return None
    after = []
    for entry in in_order(entries):
        kept = [role for role in entry.get("types") or [] if not (stays and entry in going and role in MAIN)]
        hidden = {"label": STAGED, "disabled": True} if entry in going else {}
        after.append(entry | hidden | {"types": [*kept, *(lost if entry is stays else [])]})
    return after
