"""What catalogue readers give, sorted for tests."""

from __future__ import annotations

from pathlib import Path

from connectors.sources.base import Item
from connectors.sources.registry import open_source
from studio.errors import RowError
from studio.product import Product


def read(path: Path, text: str | bytes, **how: object) -> list[Item]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(open_source(path, **how))  # type: ignore[arg-type]


def products(items: list[Item]) -> list[Product]:
    return [item for item in items if isinstance(item, Product)]


def errors(items: list[Item]) -> list[tuple[int, str]]:
    return [(item.line, item.field) for item in items if isinstance(item, RowError)]


def skus(items: list[Item]) -> list[str]:
    return [item.sku for item in products(items)]
