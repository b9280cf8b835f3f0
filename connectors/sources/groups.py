"""Rows that continue the product above them, a group at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.sources.base import Row
from studio.errors import RowError

MAX_GROUP = 5000
"""Rows of one product. Shopify allows 2048 variants and 250 images."""


def grouped(rows: Iterator[Row | RowError], continues: Callable[[Row, Row], bool]) -> Iterator[list[Row] | RowError]:
    """Consecutive rows where `continues(first, row)` holds. Errors come as soon as they are met; a row too many is one."""
    group: list[Row] = []
    for row in rows:
        if isinstance(row, RowError):
            yield row
        elif not group:
            group = [row]
        elif not continues(group[0], row):
            yield group
            group = [row]
        elif len(group) == MAX_GROUP:
            yield row.error(f"more than {MAX_GROUP} rows for one product")
        else:
            group.append(row)
    if group:
        yield group
