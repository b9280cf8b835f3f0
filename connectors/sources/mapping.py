"""`Mapping`: which column of a catalogue means what. Written as YAML beside the catalogue or given by the user."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from studio.errors import InputError
from studio.product import Frozen, ImageRole

Unit = Literal["mm", "cm", "in"]
MM = {"mm": 1.0, "cm": 10.0, "in": 25.4}
Column = Annotated[str, Field(min_length=1)]


class ImageColumn(Frozen):
    """A column of image addresses. With `separator` it holds several: the first has `role`, the others of a `front` column are
    details. `basename_in` keeps only the file name of the address and looks for it in that folder beside the catalogue.
    """

    column: Column
    role: ImageRole = ImageRole.FRONT
    separator: str = ""
    basename_in: str = ""


class DimensionColumns(Frozen):
    """Columns of the product's outer size, and their unit: fixed, or read from `unit_column` where that is filled."""

    width: str = ""
    height: str = ""
    depth: str = ""
    unit: Unit = "mm"
    unit_column: str = ""


class SwatchColumn(Frozen):
    """A column of sRGB colours (`#rrggbb`, `rrggbb` or `#rgb`), and the column that names the colour."""

    column: Column
    name: str = ""
    separator: str = ""


class BundleColumn(Frozen):
    """A column of SKUs that are sold together with a product."""

    column: Column
    separator: Annotated[str, Field(min_length=1)] = "|"


class Inherit(Frozen):
    """Rows that share `key` with the row above take their empty `columns` from the first row of that group."""

    key: Column
    columns: tuple[Column, ...]


class Mapping(Frozen):
    """How to read a catalogue. Column names are compared without case; a column that does not exist is an error.

    `attributes` maps our name to a column, or lists columns that keep their name. `require` names columns without which a row
    is passed over (price rows of the same product, for instance).
    """

    version: Literal[1] = 1
    format: str = ""
    delimiter: Annotated[str, Field(max_length=1)] = ""
    sku: Column
    title: str = ""
    category: str = ""
    brand: str = ""
    attributes: dict[str, Column] | tuple[Column, ...] = ()
    dimensions: DimensionColumns = DimensionColumns()
    images: tuple[ImageColumn, ...] = ()
    swatches: tuple[SwatchColumn, ...] = ()
    bundle: BundleColumn | None = None
    variant_of: str = ""
    inherit: Inherit | None = None
    require: tuple[Column, ...] = ()

    @property
    def attribute_columns(self) -> dict[str, str]:
        """Attribute name -> column."""
        if isinstance(self.attributes, dict):
            return self.attributes
        return {tidy(column): column for column in self.attributes}

    def columns(self) -> list[str]:
        """Every column the mapping names."""
        size = self.dimensions
        named = [self.sku, self.title, self.category, self.brand, size.width, size.height, size.depth, size.unit_column]
        named += self.attribute_columns.values()
        named += [image.column for image in self.images]
        named += [name for swatch in self.swatches for name in (swatch.column, swatch.name)]
        named += [self.variant_of, self.bundle.column if self.bundle else ""]
        named += [self.inherit.key, *self.inherit.columns] if self.inherit else []
        return [name for name in [*named, *self.require] if name]


def tidy(column: str) -> str:
    """A column's name as an attribute name: `Frame colour` -> `frame_colour`."""
    return "_".join(column.casefold().replace("-", " ").split())


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises InputError that names the file and each wrong field."""
    try:
        return Mapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as a column mapping: {error}") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
        raise InputError(f"{path}: {wrong}") from None


def sidecar(catalog: Path) -> Path | None:
    """The mapping that lies beside a catalogue: `catalog.csv.mapping.yaml` or `catalog.mapping.yaml`."""
    beside = (catalog.with_name(f"{catalog.name}.mapping.yaml"), catalog.with_name(f"{catalog.stem}.mapping.yaml"))
    return next((path for path in beside if path.is_file()), None)
