"""The looks that pictures are made in: shipped styles, at sizes that a CPU renders by the hundred."""

from __future__ import annotations

from functools import lru_cache

from studio.destination import Destination
from studio.keys import digest_bytes
from studio.product import Product, ProductImage
from studio.shot import Shot
from studio.template import Template
from templates.library import Library

STYLES = {
    "amazon-white": ("amazon-main", 1000),
    "shopify-square": ("shopify", 1100),
    "soft-gradient": ("shopify", 1000),
    "dark-luxury": ("shopify", 1000),
    "lifestyle-wood": ("shopify", 1000),
}
"""Style -> its destination and the side of the canvas in pixels."""


@lru_cache(maxsize=16)
def look(style: str, side: int = 0) -> tuple[Template, Destination]:
    """Template and destination; the canvas is `side` px square, 0: the size above. Enlarging is left to Lanczos."""
    name, usual = STYLES[style]
    library = Library.default()
    template, destination = library.template(style), library.destination(name)
    template = template.model_copy(update={"upscale": template.upscale.model_copy(update={"above": 99.0})})
    qa = {key: limit for key, limit in destination.qa.items() if not key.startswith(("pixels", "megapixels"))}
    return template, destination.model_copy(update={"width": side or usual, "height": side or usual, "qa": qa})


PIECES = {"spree-multigroom-kit-black": 9, "spree-multigroom-kit-grey": 7}
"""What the data of a set would say: the things that its photo shows, counted by a person."""


def shot(name: str, data: bytes, style: str, side: int = 0) -> Shot:
    """The shot of one photo in one style."""
    template, destination = look(style, side)
    said = {"pieces": str(PIECES[name])} if name in PIECES else {}
    image = ProductImage(uri=f"mem:{name}", digest=digest_bytes(data))
    return Shot(product=Product(sku=name, attributes=said), template=template, destination=destination, images=(image,))
