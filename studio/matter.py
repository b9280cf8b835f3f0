"""What a product is made of, as far as light is concerned: said by its data or by the look, never guessed from pixels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from studio.product import Product
from studio.shot import Shot

Matter = Literal["glass", "metal", "fabric"]

ATTRIBUTES = ("material", "materials", "fabric", "composition")
"""Product attributes, case-insensitively, that say what it is made of, in parts joined by commas, slashes, `and` or `with`."""
_METALS = (
    "metal steel stainless chrome chromed aluminium aluminum brass copper bronze silver gold golden iron zinc tin titanium "
    "platinum pewter nickel"
)
_CLOTHS = (
    "fabric cotton linen wool silk velvet denim canvas fleece felt jersey polyester cashmere tweed corduroy satin textile "
    "knit suede viscose nylon hemp"
)
WORDS: Mapping[Matter, frozenset[str]] = {
    "glass": frozenset({"glass", "crystal", "glas", "verre", "vidrio", "vetro"}),
    "metal": frozenset(_METALS.split()),
    "fabric": frozenset(_CLOTHS.split()),
}
CLOUDED = frozenset({"opal", "frosted", "milk", "milky", "opaque", "painted", "lacquered", "mirrored", "fibreglass", "stained"})
"""Glass of these kinds lets no picture through."""
DULL = frozenset({"brushed", "matte", "matt", "painted", "powder", "printed", "coated", "lacquered", "cast", "tone", "look"})
"""Metal of these kinds mirrors nothing."""
TOPS = frozenset({"cap", "lid", "closure", "stopper", "cork", "pump", "sprayer", "dispenser", "top"})


def parts_of(product: Product) -> list[frozenset[str]]:
    """The words of each part that the data name, lower case, e.g. ({"glass"}, {"metal", "cap"})."""
    named = [value.lower() for name, value in sorted(product.attributes.items()) if name.lower() in ATTRIBUTES]
    pieces = [piece for text in named for piece in re.split(r"[,;/+&]|\band\b|\bwith\b", text)]
    return [frozenset(words) for piece in pieces if (words := re.findall(r"[a-z]+", piece))]


def matter_of(shot: Shot) -> frozenset[Matter]:
    """What the picture treats the product as; empty where nobody said anything. Glass counts where it is the first part named:
    a ring with a clear stone is metal."""
    said = shot.template.material
    if said == "photo":
        return frozenset()
    if said != "auto":
        return frozenset({said})
    found = [_matter(part) for part in parts_of(shot.product)]
    return frozenset(each for place, each in enumerate(found) if each is not None and (each != "glass" or place == 0))


def has_top(shot: Shot) -> bool:
    """Whether the data name a cap or lid as a part of its own."""
    return any(part & TOPS for part in parts_of(shot.product))


def _matter(part: frozenset[str]) -> Matter | None:
    """What a part is made of; None for anything else, and for a cap or lid, which says nothing about the product."""
    if part & TOPS:
        return None
    if part & WORDS["glass"]:
        return None if part & CLOUDED else "glass"
    if part & WORDS["metal"]:
        return None if part & DULL else "metal"
    return "fabric" if part & WORDS["fabric"] else None
