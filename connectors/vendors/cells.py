"""A vendor's record as cells, so that the column mappings of file sources make the product."""

from __future__ import annotations

from collections.abc import Mapping as Cells
from pathlib import Path
from typing import Any

from connectors.sources.base import Row
from connectors.sources.build import build
from connectors.sources.flat import renamed
from connectors.sources.mapping import Mapping, load_mapping
from connectors.sources.skus import Skus
from connectors.vendors.connection import Connection
from studio.errors import RowError
from studio.product import Product


def mapping_for(connection: Connection, usual: Mapping) -> Mapping:
    """The connection's mapping file, or the vendor's usual fields. Raises InputError for a file that is wrong."""
    return load_mapping(Path(connection.mapping)) if connection.mapping else usual


def product_from(cells: Cells[str, str], mapping: Mapping, where: str) -> Product | RowError:
    """The product of one record; `where` names it in errors. Pictures come by http(s) only: a vendor names no file of ours."""
    row = Row(where, 1, dict(cells))
    built = build(row, renamed(mapping, {name.casefold(): name for name in cells}), Path("/"), Skus())
    if isinstance(built, Product) and any(not image.uri.startswith(("https://", "http://")) for image in built.images):
        return row.error("a picture has an address that is not http or https", "images")
    return built if isinstance(built, Product | RowError) else row.error("no product")


def cell(value: Any) -> str:
    """A scalar as text; nested values are none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() if isinstance(value, str | int | float) else ""
