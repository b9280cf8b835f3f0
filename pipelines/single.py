"""One product, its finished images, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.engine import fetcher, host_threads, open_renderer, storage
from cluster.settings import Settings
from connectors.names import asset_name
from connectors.sources.registry import open_source
from connectors.storage.base import Storage
from pipelines.relatives import CatalogueRelatives
from studio.errors import InputError
from studio.keys import digest_bytes
from studio.product import ImageRole, Product, ProductImage
from studio.setups import fitting, nothing_to_make, taken
from studio.shot import Failed, Outcome, Shot
from studio.template import Template
from templates.library import Library
from templates.shotlist import NoRelatives, Relatives, ShotList

_WORST = ("failed", "rejected", "released")


@dataclass(frozen=True, slots=True)
class Subject:
    """What to shoot: a photo and further ones by role, or a product of a catalogue; and facts over what is known of it."""

    image: str = ""
    photos: Sequence[tuple[ImageRole, str]] = ()
    catalog: str = ""
    sku: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Product`; `attributes` are joined with the known ones."""


def shoot(settings: Settings, subject: Subject, template: str, to: Path, *, destination: str = "") -> dict[str, Any]:
    """Render everything a template makes of the subject, at its first destination unless one is named. One image is written to
    `to`, several into the folder `to`; a rejected image gets the suffix `.rejected`. Raises PackshotError."""
    library = Library.default(extra=settings.template_folders, fonts=settings.weights_folder)
    store = storage(settings)
    for digest, data in library.assets():
        if not store.has_blob(digest):
            store.put_blob(data)
    shots = _shots(settings, subject, library, template, destination)

    async def render() -> list[Outcome]:
        host_threads(2)
        return await open_renderer(settings).render(shots)

    outcomes = asyncio.run(render())
    if len(shots) == 1:
        return _result(store, outcomes[0], to)
    images = {shot.id: _result(store, outcome, to / _name(shot, outcome)) for shot, outcome in zip(shots, outcomes, strict=True)}
    worst = min((image["status"] for image in images.values()), key=_WORST.index)
    return {"status": worst, "images": images, "message": "\n".join(image["message"] for image in images.values())}


def _shots(settings: Settings, subject: Subject, library: Library, name: str, destination: str) -> list[Shot]:
    relatives: Relatives = NoRelatives()
    if subject.catalog:
        relatives = CatalogueRelatives(lambda: open_source(subject.catalog))
    read = fetcher(settings).read
    product = _product(subject)
    look = library.for_product(library.template(name), product)
    shotlist = ShotList(library, relatives)

    def known(image: ProductImage) -> ProductImage:
        return image.model_copy(update={"digest": digest_bytes(read(image.uri))})

    shots: list[Shot] = []
    setups = shotlist.setups(product, look, _photos(subject, product, look))
    if not setups:
        raise nothing_to_make(product, look)
    for setup in setups:
        asked = setup if setup.outputs else setup.model_copy(update={"outputs": (destination or look.outputs[0],)})
        shots += shotlist.shots(product, look, asked.with_photos(known))
    return shots


def _photos(subject: Subject, product: Product, look: Template) -> Sequence[ProductImage]:
    """The photos that the look is made from. A photo of the command line is what the look wants it to be."""
    if not subject.catalog:
        return (taken(product, look),)
    photos = fitting(product, look, named=True)
    if not photos:
        raise InputError(f"{product.sku} has no photo for template {look.key}, which wants {', '.join(look.applies_to.roles)}")
    return photos


def _product(subject: Subject) -> Product:
    known: dict[str, Any]
    if subject.catalog:
        rows = (row for row in open_source(subject.catalog) if isinstance(row, Product))
        found = next((row for row in rows if row.sku == subject.sku), None)
        if found is None:
            raise InputError(f"{subject.sku!r} is not in {subject.catalog}")
        known = found.model_dump()
    else:
        images = [{"uri": subject.image}, *({"uri": uri, "role": role} for role, uri in subject.photos)]
        known = {"sku": subject.sku or Path(subject.image).stem or "photo", "images": images}
    attributes = {**known.get("attributes", {}), **subject.facts.get("attributes", {})}
    return Product.model_validate({**known, **subject.facts, "attributes": attributes})


def _name(shot: Shot, outcome: Outcome) -> str:
    media_type = "image/jpeg" if isinstance(outcome, Failed) or outcome.asset is None else outcome.asset.media_type
    return asset_name(shot.template.id, shot.destination.id, shot.slot, media_type)


def _result(store: Storage, outcome: Outcome, to: Path) -> dict[str, Any]:
    result: dict[str, Any] = {"status": outcome.status, "report": outcome.report.model_dump(mode="json")}
    if isinstance(outcome, Failed):
        return {**result, "code": outcome.code, "message": f"failed [{outcome.code}]: {outcome.message}"}
    assert outcome.asset is not None
    written = to if outcome.status == "released" else to.with_name(to.name + ".rejected")
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_bytes(store.get_blob(outcome.asset.digest))
    if outcome.status == "rejected":
        return {**result, "path": str(written), "reason": outcome.reason, "message": f"{written} (rejected: {outcome.detail})"}
    return {**result, "path": str(written), "message": str(written)}
