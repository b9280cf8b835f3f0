"""An Akeneo product as cells with names, for one channel and locale."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Named
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.sources.mapping import DimensionColumns, ImageColumn, Mapping, load_mapping, tidy
from connectors.vendors.connection import Connection

MM = {
    "MICROMETER": 0.001, "MILLIMETER": 1.0, "CENTIMETER": 10.0, "DECIMETER": 100.0, "METER": 1000.0, "INCH": 25.4, "FEET": 304.8,
}  # fmt: skip
"""Units of the measurement family Length that sizes come in, in millimetres."""
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp")
_OWN = ("sku", "name", "brand", "width", "height", "depth", "length")


@dataclass(frozen=True, slots=True)
class Reading:
    """Which of a value's versions is read, and which attribute holds the SKU."""

    channel: str = ""
    locale: str = ""
    identifier: str = "sku"

    @classmethod
    def of(cls, connection: Connection) -> Reading:
        """As the options say."""
        option = connection.option
        return cls(option("channel"), option("locale"), option("identifier", "sku"))

    def value(self, values: Named[str, Any], attribute: str) -> Any:
        """The value of an attribute in our channel and locale, those that have neither included; None where there is none."""
        for value in values.get(attribute) or ():
            if value.get("scope") in (None, self.channel) and value.get("locale") in (None, self.locale):
                return value
        return None

    def scoped(self, attribute: Named[str, Any]) -> dict[str, str | None]:
        """Scope and locale of a value that is written, by what the attribute is."""
        return {
            "scope": self.channel or None if attribute.get("scopable") else None,
            "locale": self.locale or None if attribute.get("localizable") else None,
        }


def mapping_of(connection: Connection) -> Mapping | None:
    """The user's mapping; None for the usual attributes, which differ from product to product. Raises InputError."""
    return load_mapping(Path(connection.mapping)) if connection.mapping else None


def usual_mapping(cells: Named[str, str]) -> Mapping:
    """`name`, `brand`, `width`, `height`, `depth` (or `length`) where a product has them; other texts as attributes."""
    depth = "depth:mm" if cells.get("depth:mm") else "length:mm"
    plain = [name for name in cells if name not in _OWN and name not in ("images", "uuid", "parent") and ":" not in name]
    return Mapping(
        sku="sku",
        title="name",
        category="family",
        brand="brand",
        attributes={tidy(name): name for name in plain},
        dimensions=DimensionColumns(width="width:mm", height="height:mm", depth=depth),
        images=(ImageColumn(column="images", separator="\n"),),
        variant_of="parent",
    )


def product_cells(product: Named[str, Any], reading: Reading, images: list[str]) -> dict[str, str]:
    """One cell for an attribute, its option's label where the PIM gives it; lengths once more in millimetres as `<name>:mm`."""
    values = product.get("values") or {}
    cells = {name: text for attribute in values for name, text in _cells(attribute, reading.value(values, attribute), reading)}
    identifier = (reading.value(values, reading.identifier) or {}).get("data")
    own = {
        "uuid": product["uuid"],
        "sku": str(identifier or product.get("identifier") or product["uuid"]),
        "family": product.get("family") or "",
        "categories": ", ".join(product.get("categories") or ()),
        "parent": product.get("parent") or "",
        "images": "\n".join(images),
    }
    return {**cells, **own}


def media_in(values: Named[str, Any], reading: Reading) -> Iterator[tuple[str, str]]:
    """Attribute and file code of every picture in our channel and locale, in the order of their names."""
    for attribute in sorted(values):
        value = reading.value(values, attribute)
        if value and is_file(value) and str(value["data"]).lower().endswith(_PICTURES):
            yield attribute, value["data"]


def is_file(value: Named[str, Any]) -> bool:
    """Whether a value is a media file: it says where to download it."""
    return isinstance(value.get("data"), str) and "download" in (value.get("_links") or {})


def _cells(attribute: str, value: Any, reading: Reading) -> Iterator[tuple[str, str]]:
    if value is None or is_file(value):
        return
    data, labels = value.get("data"), value.get("linked_data") or {}
    if isinstance(data, dict) and "unit" in data:
        yield attribute, f"{data.get('amount')} {str(data['unit']).lower()}"
        if data["unit"] in MM:
            yield f"{attribute}:mm", f"{float(data.get('amount') or 0) * MM[data['unit']]:.3f}"
    elif isinstance(data, list):
        texts = [_label(labels.get(item), item, reading) for item in data if isinstance(item, str)]
        yield attribute, ", ".join(texts)
    elif isinstance(data, bool):
        yield attribute, "yes" if data else "no"
    elif isinstance(data, str | int | float):
        yield attribute, _label(labels, str(data), reading)


def _label(linked: Any, code: str, reading: Reading) -> str:
    """An option's label in our locale, its code where it has none."""
    labels = linked.get("labels") if isinstance(linked, dict) else None
    return str((labels or {}).get(reading.locale) or code).strip()
