"""What the double shop is made of: products, files, pages of a connection, lines of a bulk result."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import GraphQLError

from tests.doubles.shopify_schema import complaints, official, parsed

MAX_ITEMS = 250


@dataclass
class File:
    id: str
    name: str
    alt: str = ""
    data: bytes = b""
    reads: int = 0
    status: str = "UPLOADED"
    errors: list[dict[str, str]] = field(default_factory=list)
    kind: str = "MediaImage"


@dataclass
class Variant:
    id: str
    sku: str
    options: dict[str, str]
    media: list[str] = field(default_factory=list)


@dataclass
class Goods:
    id: str
    handle: str
    facts: dict[str, Any]
    updated: str
    media: list[str] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)
    metafields: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)


@cache
def wrong_with(query: str) -> tuple[str, ...]:
    return tuple(error.message for error in complaints(official(), parsed(query)))


def refused(code: str, **empty: None) -> dict[str, Any]:
    return {**empty, "userErrors": [{"code": code, "message": code.replace("_", " ").capitalize()}]}


def within(items: list[Any]) -> list[Any]:
    if len(items) > MAX_ITEMS:
        raise GraphQLError(f"The input array size of {len(items)} is greater than the maximum allowed of {MAX_ITEMS}")
    return items


def page(items: list[Any], args: dict[str, Any]) -> dict[str, Any]:
    start = int(args.get("after") or -1) + 1
    end = min(len(items), start + args["first"]) if args.get("first") is not None else len(items)
    chosen = items[start:end]
    info = {"hasNextPage": end < len(items), "endCursor": str(end - 1) if chosen else None}
    return {"nodes": chosen, "edges": [{"node": item} for item in chosen], "pageInfo": info}


def flat(node: dict[str, Any], parent: str = "") -> list[dict[str, Any]]:
    """An object and what is below it as JSON lines, grouped."""
    own = {name: value for name, value in node.items() if not (isinstance(value, dict) and "edges" in value)}
    below = [edge["node"] for value in node.values() if isinstance(value, dict) and "edges" in value for edge in value["edges"]]
    lines = [{**own, **({"__parentId": parent} if parent else {})}]
    return lines + [line for child in below for line in flat(child, str(node.get("id")))]


def number(ident: str) -> int:
    return int(ident.rpartition("/")[2])
