"""Pictures onto a product: files that no shopper sees, then references, variants and order.

A file's name holds its mark and is taken once in a shop, so a file is never made twice; what is taken off a product stays in
Files, and a rollback finds it there. Shoppers see new pictures last for the moment between being referenced and being put in
order. Shopify serves pictures in the format that the browser likes best, so what is read back is not what was sent (`fetch`).
A ref may be a variant's: its pictures are those that were published to it (`Ledger`), its first becomes the variant's own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.vendors.base import Picture, Placing, Shown, mark_in
from connectors.vendors.shopify import queries
from connectors.vendors.shopify.catalogue import pictures, shown
from connectors.vendors.shopify.client import Admin, Declined
from connectors.vendors.shopify.ledger import KEY, NAMESPACE, Ledger, read_ledger
from studio.errors import ProductGone, VendorRefused, VendorUnavailable

PAUSES_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses before looking again for a file, an order or a ledger that somebody else is at."""
MAX_BYTES = 20 << 20
"""Bytes of an image (https://help.shopify.com/en/manual/products/product-media/product-media-types, read 2026-09)."""
MAX_STAGED = 1000
NOT_THERE = "(not on the product yet)"
"""Alt text under which `read` shows what is not on the product, so that nobody takes it for being in its place."""
_VARIANT = "gid://shopify/ProductVariant/"
_TAKEN = "FILENAME_ALREADY_EXISTS"


@dataclass(frozen=True, slots=True)
class _State:
    """A product's gallery as it is, all owners' pictures in it."""

    product: str
    shown: tuple[Shown, ...]
    order: tuple[str, ...]
    ledger: Ledger

    def owned(self, ref: str) -> list[Shown]:
        """What belongs to a ref; to the product belongs all that belongs to no variant."""
        owners = self.ledger.owners
        return [picture for picture in self.shown if (owners.get(picture.id) or self.product) == ref]

    def is_ours(self, ident: str | None) -> bool:
        """Whether a picture bears a mark of ours."""
        return any(picture.mark for picture in self.shown if picture.id == ident)

    def replaced(self, ref: str) -> dict[str, str]:
        """Pictures of people that this ref's took the place of, by variant."""
        return {variant: media for variant, (media, owner) in self.ledger.before.items() if owner == ref}


class ShopifyGallery:
    """Galleries of one shop."""

    def __init__(self, shop: Admin) -> None:
        self._shop = shop
        self._lock = threading.Lock()
        self._staged: dict[tuple[str, str], str] = {}

    def read(self, ref: str) -> tuple[Shown, ...]:
        """See `Gallery`. What this process has made and not referenced yet comes last."""
        state = self._state(ref)
        found = state.owned(ref)
        there = {picture.id for picture in found}
        waiting = {ident: mark for (owner, ident), mark in list(self._staged.items()) if owner == ref and ident not in there}
        found += self._files(waiting)
        return tuple(replace(picture, position=position) for position, picture in enumerate(found))

    def add(self, ref: str, picture: Picture) -> str:
        """See `Gallery`. Raises VendorRefused for more than 20 MB."""
        data = picture.data()
        if len(data) > MAX_BYTES:
            raise VendorRefused(f"{self._shop.name}: {picture.name} has {len(data)} bytes, Shopify takes {MAX_BYTES}")
        try:
            ident = self._create(picture, self._upload(picture, data))
        except Declined as error:
            if _TAKEN not in error.codes:
                raise
            ident = self._named(picture) or self._create(picture, self._upload(picture, data))
        with self._lock:
            self._staged[ref, ident] = picture.mark
            while len(self._staged) > MAX_STAGED:
                self._staged.pop(next(iter(self._staged)))
        return ident

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        """See `Gallery`."""
        ours = [(placing.id, placing.picture) for placing in order if placing.picture]
        state = self._state(ref)
        wanted, replaced = _wanted(ref, ours), state.replaced(ref)
        attached = self._attached({*wanted, *replaced})
        given_back = {v: media for v, media in replaced.items() if v not in wanted and state.is_ours(attached.get(v))}
        people = {v: attached[v] for v in wanted if attached.get(v) and not state.is_ours(attached[v])}
        kept = {v: media for v, media in replaced.items() if v in wanted}
        state = self._write(ref, state, {ident: picture.mark for ident, picture in ours}, {**given_back, **kept, **people})
        self._reference(state, ours, later=set(wanted.values()))
        self._forget(ref, [ident for ident, _ in ours])
        present = [*state.order, *(ident for ident, _ in ours if ident not in state.order)]
        self._attach(state.product, present, attached, {**given_back, **wanted})
        self._reorder(state.product, present, _target(state, ref, present, [placing.id for placing in order]))
        texts = {picture.id: picture.alt for picture in state.shown}
        self._change([{"id": i, "alt": p.alt} for i, p in ours if i in wanted.values() and texts.get(i, "") != p.alt])

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        """See `Gallery`. Only what bears a mark of ours is ever taken off; variants get back what they had before."""
        state = self._state(ref)
        there = [picture.id for picture in state.owned(ref) if picture.id in ids and picture.mark]
        self._forget(ref, ids)
        if not there:
            return
        replaced = state.replaced(ref)
        attached = self._attached(set(replaced))
        freed = {variant: media for variant, media in replaced.items() if attached.get(variant) in there}
        self._attach(state.product, state.order, attached, freed)
        self._shop.do(queries.UPDATE, {"files": [{"id": ident, "referencesToRemove": [state.product]} for ident in there]})
        left = replace(state, order=tuple(ident for ident in state.order if ident not in there))
        self._write(ref, left, {}, {variant: media for variant, media in replaced.items() if variant not in freed})

    def fetch(self, shown: Shown) -> bytes | None:
        """None: Shopify re-encodes."""
        return None

    def _state(self, ref: str) -> _State:
        node = self._shop.ask(queries.GALLERY, {"id": self._product(ref)}).get("product")
        if not node:
            raise ProductGone(f"{self._shop.name}: {ref} is not there")
        media = node["media"]
        found = list(media["nodes"])
        while media["pageInfo"]["hasNextPage"]:
            after = {"id": node["id"], "after": media["pageInfo"]["endCursor"]}
            more = self._shop.ask(queries.MORE_MEDIA, after).get("product")
            if not more:
                raise ProductGone(f"{self._shop.name}: {ref} is not there")
            media = more["media"]
            found += media["nodes"]
        ledger = read_ledger(node.get("metafield"))
        images = pictures(found, node["variants"]["nodes"], ledger, films=True)
        return _State(str(node["id"]), tuple(images), tuple(image.id for image in images), ledger)

    def _product(self, ref: str) -> str:
        if not ref.startswith(_VARIANT):
            return ref
        variant = self._shop.ask(queries.OWNER, {"id": ref}).get("productVariant")
        if not variant:
            raise ProductGone(f"{self._shop.name}: {ref} is not there")
        return str(variant["product"]["id"])

    def _files(self, waiting: Mapping[str, str]) -> list[Shown]:
        if not waiting:
            return []
        nodes = self._shop.ask(queries.FILES, {"ids": list(waiting)[:250]})["nodes"]
        found = [shown(node, 0, Ledger(marks=waiting), {}) for node in nodes if node]
        return [replace(picture, alt=NOT_THERE) for picture in found]

    def _upload(self, picture: Picture, data: bytes) -> str:
        target = {
            "resource": "IMAGE", "filename": picture.name, "mimeType": picture.media_type, "fileSize": str(len(data)),
            "httpMethod": "POST",
        }  # fmt: skip
        staged = self._shop.do(queries.STAGE, {"input": [target]})["stagedTargets"][0]
        self._shop.send_file(staged["url"], staged["parameters"], picture.name, picture.media_type, data)
        return str(staged["resourceUrl"])

    def _create(self, picture: Picture, source: str) -> str:
        file = {
            "originalSource": source, "contentType": "IMAGE", "filename": picture.name,
            "duplicateResolutionMode": "RAISE_ERROR",
        }  # fmt: skip
        return str(self._shop.do(queries.CREATE, {"files": [file]})["files"][0]["id"])

    def _named(self, picture: Picture) -> str:
        """The file that has this picture's name already; "" after one that Shopify could not process was deleted."""
        for pause in PAUSES_S:
            self._shop.sleep(pause) if pause else None
            nodes = self._shop.ask(queries.NAMED, {"query": f'filename:"{picture.name}"'})["files"]["nodes"]
            named = [node for node in nodes if node and mark_in(_url(node)) in {picture.mark, ""}]
            failed = [str(node["id"]) for node in named if node["fileStatus"] == "FAILED"]
            if found := [str(node["id"]) for node in named if node["fileStatus"] != "FAILED"]:
                return found[0]
            if failed:
                self._shop.do(queries.DELETE, {"ids": failed})
                return ""
        raise VendorUnavailable(f"{self._shop.name}: a file is named {picture.name}, and cannot be found yet")

    def _reference(self, state: _State, ours: Sequence[tuple[str, Picture]], later: set[str]) -> None:
        """Put ours on the product, last, and give them their texts; those of variants later, as the sign that all is done."""
        texts = {picture.id: picture.alt for picture in state.shown}
        files: list[dict[str, Any]] = []
        for ident, picture in ours:
            text = {} if ident in later or texts.get(ident) == picture.alt else {"alt": picture.alt}
            reference = {} if ident in texts else {"referencesToAdd": [state.product]}
            if text or reference:
                files.append({"id": ident, **text, **reference})
        self._change(files)

    def _change(self, files: Sequence[Mapping[str, Any]]) -> None:
        if files:
            self._shop.do(queries.UPDATE, {"files": list(files)})

    def _write(self, ref: str, state: _State, marks: Mapping[str, str], before: Mapping[str, str]) -> _State:
        """Note what is this ref's, by compare-and-set: another ref of the product may be published at the same time."""
        for pause in PAUSES_S:
            if pause:
                self._shop.sleep(pause)
                state = self._state(ref)
            ledger = _merged(state, ref, marks, before)
            if ledger.text() == state.ledger.text():
                return state
            value = {
                "ownerId": state.product, "namespace": NAMESPACE, "key": KEY, "type": "json", "value": ledger.text(),
                "compareDigest": state.ledger.digest,
            }  # fmt: skip
            try:
                self._shop.do(queries.LEDGER, {"metafields": [value]})
            except VendorUnavailable:
                continue
            return replace(state, ledger=ledger)
        raise VendorUnavailable(f"{self._shop.name}: the metafield of {ref} is being changed by others")

    def _attached(self, variants: set[str]) -> dict[str, str]:
        """The picture that each of these variants shows; variants that are gone are left out."""
        found: dict[str, str] = {}
        names = sorted(variants)
        for start in range(0, len(names), 250):
            for node in self._shop.ask(queries.VARIANT_MEDIA, {"ids": names[start : start + 250]})["nodes"]:
                if node:
                    found[str(node["id"])] = str(next((item["id"] for item in node["media"]["nodes"]), ""))
        return found

    def _attach(self, product: str, present: Sequence[str], attached: Mapping[str, str], wanted: Mapping[str, str]) -> None:
        """A variant shows one picture: what is there goes first. Between the two calls it shows the product's first."""
        changes = {v: media for v, media in wanted.items() if attached.get(v) != media and v in attached and media in present}
        off = [{"variantId": v, "mediaIds": [attached[v]]} for v in changes if attached[v]]
        if off:
            self._shop.do(queries.DETACH, {"id": product, "pairs": off}, repeatable=False)
        if changes:
            pairs = [{"variantId": variant, "mediaIds": [media]} for variant, media in changes.items()]
            self._shop.do(queries.ATTACH, {"id": product, "pairs": pairs}, repeatable=False)

    def _reorder(self, product: str, present: Sequence[str], target: Sequence[str]) -> None:
        moves, now = [], list(present)
        for position, ident in enumerate(target):
            if now[position] != ident:
                now.remove(ident)
                now.insert(position, ident)
                moves.append({"id": ident, "newPosition": str(position)})
        if not moves:
            return
        job = self._shop.do(queries.REORDER, {"id": product, "moves": moves})["job"]
        ident, done = (job["id"], job["done"]) if job else ("", True)
        for pause in PAUSES_S:
            if done:
                return
            self._shop.sleep(pause) if pause else None
            done = (self._shop.ask(queries.JOB, {"id": ident}).get("job") or {"done": True})["done"]
        raise VendorUnavailable(f"{self._shop.name}: the pictures of {product} are still being put in order")

    def _forget(self, ref: str, ids: Sequence[str]) -> None:
        with self._lock:
            for ident in ids:
                self._staged.pop((ref, ident), None)


def _wanted(ref: str, ours: Sequence[tuple[str, Picture]]) -> dict[str, str]:
    """Which variant is to show which picture: the first that names it; a variant's own set is about that variant."""
    found: dict[str, str] = {}
    for ident, picture in ours:
        for variant in [ref] if ref.startswith(_VARIANT) else picture.variants:
            found.setdefault(variant, ident)
    return found


def _merged(state: _State, ref: str, marks: Mapping[str, str], before: Mapping[str, str]) -> Ledger:
    """The ledger with this ref's part renewed, without pictures that are not on the product any more."""
    old = state.ledger
    kept = [ident for ident in old.marks if ident in state.order]
    others = {variant: entry for variant, entry in old.before.items() if entry[1] != ref}
    return Ledger(
        {**{ident: old.marks[ident] for ident in kept}, **marks},
        {**{ident: old.owners.get(ident, "") for ident in kept}, **dict.fromkeys(marks, ref)},
        {**others, **{variant: (media, ref) for variant, media in before.items()}},
        old.digest,
    )


def _target(state: _State, ref: str, present: Sequence[str], named: Sequence[str]) -> list[str]:
    """The whole order. A product's set goes to the front; a variant's set only changes places within itself."""
    first = [ident for ident in named if ident in present]
    if not ref.startswith(_VARIANT):
        return [*first, *(ident for ident in present if ident not in first)]
    mine = {*first, *(picture.id for picture in state.owned(ref))}
    turn = iter([*first, *(ident for ident in present if ident in mine and ident not in first)])
    return [next(turn) if ident in mine else ident for ident in present]


def _url(node: Mapping[str, Any]) -> str:
    return str((node.get("image") or {}).get("url") or "")
