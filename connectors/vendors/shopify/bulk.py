"""Results of a bulk query, read in pieces from any byte on: JSON lines, each product followed by what belongs to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from studio.errors import VendorError

PART = 8 << 20
"""Bytes that are asked for at a time."""
MAX_LINE = 4 << 20
_CHILDREN = ("media", "variants", "metafields")


def read_products(part: Callable[[int, int], bytes], start: int, size: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Products from byte `start` on, each with the byte where the next begins. `part(start, length)` gives bytes.

    Raises VendorError for a file that is not what was asked for.
    """
    product: dict[str, Any] | None = None
    parents: dict[str, dict[str, Any]] = {}
    at = start
    for line in _lines(part, start, size):
        data = _record(line)
        parent = data.pop("__parentId", None)
        if parent is None:
            if product is not None:
                yield product, at
            product = {**data, **{name: {"nodes": []} for name in _CHILDREN}}
            parents = {str(data.get("id")): product}
        else:
            _adopt(parents, str(parent), data)
        at += len(line) + 1
    if product is not None:
        yield product, size


def _adopt(parents: dict[str, dict[str, Any]], parent: str, data: dict[str, Any]) -> None:
    owner = parents.get(parent)
    if owner is None:
        raise VendorError("a bulk result has a line whose parent is not the product before it")
    ref = str(data.get("id", ""))
    kind = "variants" if "/ProductVariant/" in ref else "metafields" if "/Metafield/" in ref else "media"
    if kind == "variants":
        data["media"] = {"nodes": []}
        parents[ref] = data
    if data:
        owner[kind]["nodes"].append(data)


def _record(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise VendorError("a bulk result has a line that is no JSON object")
    return data


def _lines(part: Callable[[int, int], bytes], start: int, size: int) -> Iterator[bytes]:
    rest = b""
    while start < size:
        data = part(start, min(PART, size - start))
        if not data:
            raise VendorError("a bulk result ends too early")
        start += len(data)
        *whole, rest = (rest + data).split(b"\n")
        if len(rest) > MAX_LINE:
            raise VendorError(f"a bulk result has a line of more than {MAX_LINE} bytes")
        yield from whole
    if rest:
        yield rest
