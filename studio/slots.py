"""Which of a product's photos a template is for, and the names of their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from studio.product import Product, ProductImage
from studio.selection import has_attributes
from studio.template import Template


def fitting(product: Product, template: Template, *, named: bool = False) -> list[ProductImage]:
    """The photos of the template's roles, in order; none when the product has another category or not its attributes.

    `named`: somebody, or a rule, gave this product this template, so that only the photos matter.
    """
    wanted = template.applies_to
    if not named:
        if wanted.categories and not any(product.category.lower().startswith(c.lower()) for c in wanted.categories):
            return []
        if not has_attributes(product, wanted.attributes):
            return []
    return [image for image in product.images if image.role in wanted.roles]


def slots(images: Iterable[ProductImage]) -> tuple[str, ...]:
    """A name for each photo: its role, with a number from the second of the same role on (front, front-2, back)."""
    seen: Counter[str] = Counter()
    names = []
    for image in images:
        seen[image.role] += 1
        names.append(str(image.role) if seen[image.role] == 1 else f"{image.role}-{seen[image.role]}")
    return tuple(names)
