"""`Drift`: whether what is live on a product is what would be made of it now, from the store alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from cluster.journal import load_outcome
from connectors.publications import GalleryRecord
from connectors.storage.base import Storage
from connectors.sync import in_store
from connectors.sync_state import Seen
from pipelines.choosing import Desk
from studio.errors import MissingInput, PackshotError
from studio.product import Product
from studio.recipes.base import Cards
from studio.recipes.catalogue import recipe
from studio.shot import Done, Shot
from templates.shotlist import ShotList


class Drift:
    """Looks made pictures up by the keys of a product's shots: no picture is read, no model is called."""

    def __init__(self, shotlist: ShotList, templates: Sequence[str], storage: Storage, cards: Cards) -> None:
        self._problems: list[PackshotError] = []
        self._desk = Desk(shotlist, templates, Counter(), self._problems)
        self._shotlist, self._storage, self._cards = shotlist, storage, cards

    def __call__(self, seen: Seen, record: GalleryRecord) -> str:
        """Why what is live is old, "" where it is not, or where that cannot be told without reading photos."""
        if any(not image.digest for image in seen.product.images):
            return ""
        released: set[str] = set()
        for shot in self._shots(in_store(seen.product)):
            try:
                outcome = load_outcome(self._storage, recipe(shot.template.recipe).key(shot, self._cards), shot)
            except MissingInput:
                continue
            if outcome is None:
                return f"{shot.template.key} would be made anew for {shot.slot} at {shot.destination.id}"
            if isinstance(outcome, Done):
                released.add(outcome.asset.digest)
        live = {item.digest for item in record.live}
        if not released or released == live:
            return ""
        return f"{len(released - live)} pictures are made and not live, {len(live - released)} are live and not made any more"

    def _shots(self, product: Product) -> Iterator[Shot]:
        for look in self._desk.wanted(product):
            for setup in look.setups:
                yield from self._shotlist.shots(product, look.template, setup)
