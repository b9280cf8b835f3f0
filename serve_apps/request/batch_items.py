"""Items of a batch: lines of JSON, or a product catalogue as JSON Lines or CSV. A wrong item is an item too, with its fault."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from connectors.online.batches import ItemError
from connectors.sources.jsonl import jsonl_records
from connectors.sources.registry import open_source
from serve_apps.request.schema import BatchDefaults, BatchItem, ImageInput, ImageRequest, ProductFacts
from studio.errors import InputError, RowError
from studio.product import Product

Kind = Literal["csv", "jsonl"]
KINDS: dict[str, Kind] = {
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}
"""Upload formats by media type."""


@dataclass(frozen=True, slots=True)
class Item:
    """One order of a batch: which line (or item) it is, what is wanted, and its product where the batch brings it along."""

    line: int
    wanted: ImageRequest
    product: Product | None = None


def given(items: tuple[BatchItem, ...], defaults: BatchDefaults) -> Iterator[Item | ItemError]:
    """Items of a JSON request."""
    for number, item in enumerate(items, 1):
        yield _wanted(number, item, defaults)


@contextmanager
def uploaded(data: bytes, kind: Kind) -> Iterator[Upload]:
    """An uploaded file for as long as it is read. InputErrors about it name no path of ours."""
    with tempfile.TemporaryDirectory(prefix="packshot-batch-") as folder:
        path = Path(folder) / f"upload.{kind}"
        path.write_bytes(data)
        try:
            yield Upload(path, kind)
        except InputError as error:
            if str(path) not in error.message:
                raise
            raise InputError(error.message.replace(str(path), "the file")) from None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of items. Lines of JSON that have an `input` are orders; anything else is a catalogue of products."""

    path: Path
    kind: Kind

    @property
    def is_catalogue(self) -> bool:
        """Whether the nightly pipeline could read it."""
        if self.kind == "csv":
            return True
        first = next(iter(jsonl_records(self.path)), None)
        return isinstance(first, tuple) and "input" not in first[1]

    def items(self, defaults: BatchDefaults) -> Iterator[Item | ItemError]:
        """Every item in order."""
        return self._products(defaults) if self.is_catalogue else self._orders(defaults)

    def _orders(self, defaults: BatchDefaults) -> Iterator[Item | ItemError]:
        for record in jsonl_records(self.path):
            if isinstance(record, RowError):
                yield _row_error(record)
                continue
            line, values = record
            try:
                yield _wanted(line, BatchItem.model_validate(values), defaults)
            except ValidationError as error:
                yield _invalid(line, error, values)

    def _products(self, defaults: BatchDefaults) -> Iterator[Item | ItemError]:
        source = open_source(self.path, format=None if self.kind == "csv" else "jsonl")
        for number, product in enumerate(source, 1):
            if isinstance(product, RowError):
                yield _row_error(product)
                continue
            # Whoever uploads a catalogue must not make us read our own files.
            strange = [image.uri for image in product.images if not image.uri.startswith(("https://", "http://"))]
            if strange or not product.images:
                fault = "photos must have http or https addresses" if strange else "no photo"
                yield ItemError(number, "fetch_refused" if strange else "invalid_row", fault, "images", product.sku)
                continue
            item = BatchItem(input=ImageInput(sku=product.sku), product=ProductFacts())
            wanted = _wanted(number, item, defaults)
            yield Item(number, wanted.wanted, product) if isinstance(wanted, Item) else wanted


def _wanted(line: int, item: BatchItem, defaults: BatchDefaults) -> Item | ItemError:
    try:
        return Item(line, item.request(defaults))
    except ValidationError as error:
        return _invalid(line, error, {})
    except InputError as error:
        return ItemError(line, error.code, error.message)


def _invalid(line: int, error: ValidationError, values: dict[str, Any]) -> ItemError:
    first = error.errors(include_url=False, include_input=False)[0]
    product = values.get("product")
    sku = product.get("sku") if isinstance(product, dict) else ""
    return ItemError(
        line, "invalid_item", str(first["msg"]), ".".join(map(str, first["loc"])), sku if isinstance(sku, str) else ""
    )


def _row_error(error: RowError) -> ItemError:
    return ItemError(error.line, error.code, error.problem, error.field)
