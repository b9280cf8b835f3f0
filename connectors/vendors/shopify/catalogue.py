"""A product as Shopify tells it becomes listings.

The product itself is one listing: its SKU is its first variant's, or its handle where variants have pictures of their own. Then
each group of variants that shares a picture is one more listing: ref and SKU of its first variant, `variant_of` the handle. What
we publish to such a ref is that variant's; everything else on the product is the product's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as Table
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.sources.base import Row
from connectors.sources.build import build
from connectors.sources.mapping import ImageColumn, Mapping, tidy
from connectors.sources.markup import text_of
from connectors.sources.skus import Skus
from connectors.vendors.base import Listing, Shown, mark_in
from connectors.vendors.shopify.ledger import Ledger, read_ledger
from studio.errors import RowError

ATTRIBUTES = ("description", "tags", "product_category", "handle")
METAFIELD = re.compile(r"metafield\.([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
"""How a mapping names a metafield: `metafield.custom.width`; with `.unit` behind it, the unit of a dimension."""
_UNITS = {"MILLIMETERS": "mm", "CENTIMETERS": "cm", "INCHES": "in"}
Node = Table[str, Any]


def usual(options: Sequence[str]) -> Mapping:
    """The mapping without one of the user's: what the file export of a shop gives, too."""
    columns = {name: name for name in (*ATTRIBUTES, *options)}
    return Mapping(
        sku="sku", title="title", category="category", brand="vendor", attributes=columns, variant_of="variant_of",
        images=(ImageColumn(column="images", separator="\n"),),
    )  # fmt: skip


def with_own(mapping: Mapping) -> Mapping:
    """A user's mapping: pictures and family are the shop's where it does not say otherwise."""
    pictures = mapping.images or (ImageColumn(column="images", separator="\n"),)
    return mapping.model_copy(update={"images": pictures, "variant_of": mapping.variant_of or "variant_of"})


def metafields_of(mapping: Mapping | None) -> tuple[str, ...]:
    """The metafields that a mapping names, at most 25 (the page that is asked for)."""
    found = [METAFIELD.match(column) for column in mapping.columns()] if mapping else []
    return tuple(dict.fromkeys(match[1] for match in found if match))[:25]


def shown(node: Node, position: int, ledger: Ledger, variants: Table[str, Sequence[str]]) -> Shown:
    """A picture of a product. While Shopify works on it there is no address, and the mark is the ledger's."""
    url = str((node.get("image") or {}).get("url") or "")
    problems = [str(error.get("message") or error.get("code")) for error in node.get("fileErrors") or ()]
    failed = node.get("fileStatus") == "FAILED"
    return Shown(
        id=str(node["id"]),
        url=url,
        position=position,
        alt=str(node.get("alt") or ""),
        mark=ledger.marks.get(str(node["id"]), "") or mark_in(url),
        variants=tuple(variants.get(str(node["id"]), ())),
        ready=node.get("fileStatus") == "READY" and bool(url),
        problem=("; ".join(problems) or "Shopify could not process it") if failed else "",
    )


def pictures(media: Sequence[Node], variants: Sequence[Node], ledger: Ledger, *, films: bool = False) -> list[Shown]:
    """All images of a product in their order; with `films` its videos and models too, as ids that are ready."""
    on: dict[str, list[str]] = {}
    for variant in variants:
        for item in _nodes(variant.get("media")):
            on.setdefault(str(item["id"]), []).append(str(variant["id"]))
    wanted = [node for node in media if films or node.get("fileStatus")]
    return [
        shown(node, position, ledger, on) if node.get("fileStatus") else Shown(str(node["id"]), "", position)
        for position, node in enumerate(wanted)
    ]


def listings(node: Node, mapping: Mapping | None) -> list[Listing | RowError]:
    """The listings of one product, itself first."""
    ledger = read_ledger(node.get("metafield"))
    variants = _nodes(node.get("variants"))
    all_shown = pictures(_nodes(node.get("media")), variants, ledger)
    groups = _groups(variants, all_shown, ledger)
    family = str(node["handle"]) if groups else ""
    product = str(node["id"])
    mine = [picture for picture in all_shown if ledger.owners.get(picture.id, product) in {product, ""}]
    first = variants[0] if variants else {}
    sku = family or next((str(v["sku"]) for v in variants if v.get("sku")), "") or str(node["handle"])
    cells = _cells(node, first if len(variants) == 1 else {})
    found = [_listing(product, {**cells, "sku": sku}, mine, node, mapping)]
    for own, variant in groups:
        ref = str(variant["id"])
        theirs = [picture for picture in all_shown if picture.id == own or ledger.owners.get(picture.id) == ref]
        more = {"sku": str(variant.get("sku") or f"{family}-{ref.rpartition('/')[2]}"), "variant_of": family}
        found.append(_listing(ref, {**_cells(node, variant), **more}, theirs, node, mapping))
    return found


def _groups(variants: Sequence[Node], all_shown: Sequence[Shown], ledger: Ledger) -> list[tuple[str, Node]]:
    """The picture of a person and the first variant, of each group of variants that has one; none where all share it."""
    human = {picture.id for picture in all_shown if not picture.mark}
    firsts: dict[str, Node] = {}
    bare = False
    for variant in variants:
        attached = next((str(item["id"]) for item in _nodes(variant.get("media"))), "")
        own = attached if attached in human else ledger.before.get(str(variant["id"]), ("", ""))[0]
        if own in human:
            firsts.setdefault(own, variant)
        else:
            bare = True
    return list(firsts.items()) if len(firsts) > 1 or (firsts and bare) else []


def _listing(ref: str, cells: dict[str, str], there: Sequence[Shown], node: Node, mapping: Mapping | None) -> Listing | RowError:
    options = [name.removeprefix("option.") for name in cells if name.startswith("option.")]
    cells |= {"images": "\n".join(picture.url for picture in there if picture.url)}
    cells |= {name: cells[f"option.{name}"] for name in options if name not in cells}
    row = Row(file=ref, line=1, cells={name: value.strip() for name, value in cells.items()})
    made = build(row, with_own(mapping) if mapping else usual(options), Path("/"), Skus())
    return made if isinstance(made, RowError) else Listing(ref, made, tuple(there), time_of(node.get("updatedAt")))


def _cells(node: Node, variant: Node) -> dict[str, str]:
    """A product, or one of its variants, as named cells: what a mapping may use."""
    kind = str(node.get("productType") or "")
    standard = str((node.get("category") or {}).get("fullName") or "")
    options = {tidy(str(option["name"])): str(option["value"]) for option in variant.get("selectedOptions") or ()}
    return {
        "id": str(node["id"]),
        "handle": str(node.get("handle") or ""),
        "title": str(node.get("title") or ""),
        "description": text_of(str(node.get("descriptionHtml") or "")),
        "vendor": str(node.get("vendor") or ""),
        "category": kind or standard,
        "product_category": standard if kind else "",
        "tags": ", ".join(map(str, node.get("tags") or ())),
        **{f"option.{name}": value for name, value in options.items() if name and value != "Default Title"},
        **_metafields(node),
    }


def _metafields(node: Node) -> dict[str, str]:
    cells: dict[str, str] = {}
    for field in _nodes(node.get("metafields")):
        name, value = f"metafield.{field.get('namespace')}.{field.get('key')}", str(field.get("value") or "")
        cells[name] = value
        if field.get("type") == "dimension":
            try:
                data = json.loads(value)
                cells |= {name: str(data["value"]), f"{name}.unit": _UNITS.get(str(data["unit"]).upper(), str(data["unit"]))}
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
    return cells


def time_of(text: Any) -> datetime | None:
    """A time of Shopify's, or None."""
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def _nodes(connection: Any) -> list[Node]:
    found = connection.get("nodes") if isinstance(connection, dict) else None
    return [node for node in found or () if isinstance(node, dict)]
