"""JSON-like records as products: a `Product` as it is, or flat columns through a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connectors.sources.base import Draft, Item, Row
from connectors.sources.build import image_at, invalid, one_front
from connectors.sources.drafts import Made, Reading
from connectors.sources.flat import renamed
from connectors.sources.guess import guess_mapping
from connectors.sources.mapping import Mapping
from connectors.sources.skus import Skus
from studio.errors import InputError, RowError
from studio.product import Product

Record = dict[str, Any]
Records = Callable[[], Iterator[tuple[int, Record] | RowError]]
"""Opens the catalogue; gives (1-based line, record) or the error of one that cannot be read."""

_NESTED = ("images", "attributes", "dimensions", "swatches")


class RecordSource:
    """JSON Lines or Parquet. Without a mapping, a record with nested parts is a `Product`; else its columns are guessed."""

    def __init__(self, path: Path, records: Records, mapping: Mapping | None) -> None:
        self._path = path
        self._base = path.resolve().parent
        self._records = records
        self._mapping = mapping

    def __iter__(self) -> Iterator[Item]:
        return (draft if isinstance(draft, RowError) else draft.make() for draft in self.drafts())

    def drafts(self) -> Iterator[Draft | RowError]:
        """Records that can be made into products, in order."""
        readings: dict[tuple[str, ...], Reading] = {}
        skus = Skus()
        for item in self._records():
            if isinstance(item, RowError):
                yield item
                continue
            line, record = item
            row = Row(str(self._path), line, {})
            if self._mapping is None and _is_nested(record):
                yield self._nested(row, record, skus)
            else:
                yield self._flat(row, record, readings, skus)

    def _flat(self, row: Row, record: Record, readings: dict[tuple[str, ...], Reading], skus: Skus) -> Draft | RowError:
        names = tuple(record)
        try:
            row.cells.update({name: _text(row, name, value) for name, value in record.items()})
            if names not in readings:
                known = {name.casefold(): name for name in names}
                readings.clear()
                mapping = renamed(self._mapping, known) if self._mapping else guess_mapping(self._path, names)
                readings[names] = Reading(mapping, self._base, skus)
            return readings[names].draft(row)
        except RowError as error:
            return error
        except InputError as error:
            return row.error(error.message, "sku")

    def _nested(self, row: Row, record: Record, skus: Skus) -> Draft | RowError:
        try:
            product = Product.model_validate({name: value for name, value in record.items() if value is not None})
            row.cells["sku"] = product.sku
            skus.take(row, "sku")
            images = [
                image_at(row, f"images.{n}.uri", image.uri, image.role, self._base) for n, image in enumerate(product.images)
            ]
            return Made(product.model_copy(update={"images": one_front(images)}))
        except ValidationError as error:
            return invalid(row, error)
        except RowError as error:
            return error


def _is_nested(record: Record) -> bool:
    parts = [record.get(name) for name in _NESTED]
    return any(
        isinstance(part, dict) or (isinstance(part, list) and any(isinstance(item, dict) for item in part)) for part in parts
    )


def _text(row: Row, name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "|".join(value)
    if isinstance(value, dict | list | bytes):
        raise row.error("holds a nested value where text is expected", name)
    return str(value)
