"""What a connection looks like before anything is made of it: settings, what the vendor can do, a sample of its products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cluster.connections import open_connection
from cluster.settings import Settings
from connectors.photos import Photos
from connectors.sync import without_ours
from connectors.vendors.base import Listing
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor
from studio.errors import PackshotError, RowError
from studio.product import Dimensions, Product
from studio.selection import AUTO
from studio.setups import fitting
from templates.library import Library

FIELDS = ("title", "category", "brand", "attributes", "dimensions", "images", "swatches", "variant_of")


@dataclass(slots=True)
class Check:
    """`fields` counts sample products that have a field, `fits` those that a template has a photo for."""

    connection: str
    vendor: str
    can: tuple[str, ...] = ()
    hook: str = ""
    sample: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, int] = field(default_factory=dict)
    attributes: dict[str, int] = field(default_factory=dict)
    fits: dict[str, int] = field(default_factory=dict)
    photo_bytes: int = 0
    """Bytes of the first photo, which is read to see that photos can be had."""
    problems: list[str] = field(default_factory=list)

    @property
    def empty(self) -> list[str]:
        """Fields that no product of the sample has: the vendor does not keep them, or the mapping does not name them."""
        return [name for name in FIELDS if self.sample and name not in self.fields]


def check(settings: Settings, name: str, limit: int) -> Check:
    """Reads at most so many products and one photo, and writes nothing. Raises NotFound for an unknown connection; what else is
    wrong is in the report."""
    connection = settings.connection(name)
    found = Check(name, connection.vendor)
    library = Library.default(extra=settings.template_folders, fonts=settings.weights_folder)
    try:
        found.problems += _wrong(connection, library)
        opened = open_connection(settings, name)
        found.can = tuple(part for part in ("source", "gallery", "inbound") if getattr(opened.vendor, part) is not None)
        found.hook = f"/hooks/{connection.vendor}/{name}" if opened.vendor.inbound else ""
        if opened.vendor.inbound and not connection.hook_secrets:
            found.problems.append(f"connections.{name}.hook_secrets is not set: messages of the vendor are refused")
        for listing in _sampled(opened.vendor, limit):
            _note(found, connection, library, listing)
        _read_one(found, opened.photos)
    except PackshotError as error:
        found.problems.append(f"{error.message} ({error.code})")
    return found


def _wrong(connection: Connection, library: Library) -> Iterator[str]:
    for field_name in (*connection.secrets, *(["hook_secrets"] if connection.hook_secrets else [])):
        try:
            _ = connection.live_hook_secrets if field_name == "hook_secrets" else connection.secret(field_name)
        except PackshotError as error:
            yield error.message
    for template in connection.templates:
        try:
            _ = template == AUTO or library.template(template)
        except PackshotError as error:
            yield error.message


def _sampled(vendor: Vendor, limit: int) -> Iterator[Listing | RowError]:
    """The first products of a pull from the start; no cursor is kept."""
    if vendor.source is None:
        return
    left = limit
    for page in vendor.source.pages():
        yield from page.listings[:left]
        left -= len(page.listings)
        if left <= 0:
            return


def _note(found: Check, connection: Connection, library: Library, item: Listing | RowError) -> None:
    if isinstance(item, RowError):
        found.problems.append(str(item))
        return
    product = without_ours(item)
    ours = len(item.product.images) - len(product.images)
    _count(found.fields, [name for name in FIELDS if _has(product, name)])
    _count(found.attributes, product.attributes)
    named = [name for name in connection.templates if name != AUTO]
    _count(found.fits, [name for name in named if fitting(product, library.template(name))])
    row = {
        "ref": item.ref,
        "sku": product.sku,
        "title": product.title,
        "category": product.category,
        "photos": len(product.images),
    }
    found.sample.append({**row, "ours": ours, "photo": product.images[0].uri if product.images else ""})


def _read_one(found: Check, photos: Photos) -> None:
    """The first photo of the sample, so that an address that is out of reach is known now."""
    url = next((row["photo"] for row in found.sample if row["photo"]), "")
    try:
        found.photo_bytes = len(photos.read(url)) if url else 0
    except PackshotError as error:
        found.problems.append(f"{url}: {error.message} ({error.code})")


def _count(counts: dict[str, int], names: Iterable[str]) -> None:
    for name in names:
        counts[name] = counts.get(name, 0) + 1


def _has(product: Product, name: str) -> bool:
    value = getattr(product, name)
    return value != Dimensions() if isinstance(value, Dimensions) else bool(value)
