"""SKUs of one reading of a catalogue: well formed, and each counted once."""

from __future__ import annotations

import re

from blake3 import blake3

from connectors.sources.base import Row

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
MAX_SKU = 200
"""Characters; the limit of `Product.sku`."""


class Skus:
    """Remembers 16 bytes and a line for each SKU, so that a million of them fit in memory."""

    def __init__(self) -> None:
        self._lines: dict[bytes, int] = {}

    def take(self, row: Row, column: str) -> str:
        """The SKU in a row's column, 1 .. 200 characters on one line. Raises RowError, which names both lines of a duplicate."""
        sku = row.cells.get(column, "").strip()
        if not sku:
            raise row.error("the SKU is empty", column)
        if len(sku) > MAX_SKU:
            raise row.error(f"the SKU has {len(sku)} characters, {MAX_SKU} are allowed", column)
        if _CONTROL.search(sku):
            raise row.error("the SKU contains a line break or another control character", column)
        first = self._lines.setdefault(blake3(sku.encode()).digest(16), row.line)
        if first != row.line:
            raise row.error(f"SKU {sku!r} is already on line {first}; the row on line {row.line} is left out", column)
        return sku
