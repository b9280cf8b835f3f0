"""How a gallery differs from the set that we published to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.findings import Kind
from connectors.publications import GalleryRecord, Item
from connectors.vendors.base import Shown


def differences(record: GalleryRecord, shown: Sequence[Shown], people: str) -> list[tuple[Kind, str]]:
    """How a gallery differs from the set that is live on it: kind and detail, each kind once."""
    there = {item.digest: picture for item in record.live if (picture := _found(record, item, shown))}
    missing = [item.name for item in record.live if item.digest not in there]
    placed = {picture.id for picture in there.values()}
    ours = [picture for picture in shown if picture.mark or picture.id in record.ids.values()]
    found: list[tuple[Kind, str]] = []
    if missing:
        found.append((Kind.MISSING, f"{len(missing)} of {len(record.live)} taken off: {_some(missing)}"))
    if stray := [picture.id for picture in ours if picture.id not in placed]:
        found.append((Kind.STRAY, f"{len(stray)} that no set names: {_some(stray)}"))
    wanted = [there[item.digest].id for item in record.live if item.digest in there]
    if wanted != [picture.id for picture in shown if picture.id in placed]:
        found.append((Kind.MOVED, "ours stand in another order"))
    elif count := _in_our_place(shown, placed, {picture.id for picture in ours}, people):
        found.append((Kind.DISPLACED, f"{count} pictures of people stand {'behind' if people == 'first' else 'before'} ours"))
    return found + _texts(record, there)


def _texts(record: GalleryRecord, there: Mapping[str, Shown]) -> list[tuple[Kind, str]]:
    pairs = [(item, there[item.digest]) for item in record.live if item.digest in there]
    texts = [item.name for item, picture in pairs if picture.alt is not None and picture.alt != item.alt]
    variants = [i.name for i, picture in pairs if picture.variants is not None and not set(i.variants) <= set(picture.variants)]
    found = [(Kind.REWRITTEN, f"alt text of {_some(texts)}")] if texts else []
    return found + ([(Kind.UNASSIGNED, f"not on its variants: {_some(variants)}")] if variants else [])


def _found(record: GalleryRecord, item: Item, shown: Sequence[Shown]) -> Shown | None:
    """By its id, or, where the vendor made it anew, by its mark."""
    fit = [picture for picture in shown if picture.placed and not picture.problem]
    known = {item.id, record.ids.get(item.digest, "")} - {""}
    by_id = next((picture for picture in fit if picture.id in known), None)
    return by_id or next((picture for picture in fit if picture.mark == item.digest[:16]), None)


def _in_our_place(shown: Sequence[Shown], placed: set[str], ours: set[str], people: str) -> int:
    """Pictures of people on our side of the gallery; those that were to be hidden are nowhere in particular."""
    places = [place for place, picture in enumerate(shown) if picture.id in placed]
    if not places or people == "hide":
        return 0
    theirs = [place for place, picture in enumerate(shown) if picture.id not in ours]
    return sum(place > places[0] for place in theirs) if people == "first" else sum(place < places[-1] for place in theirs)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
