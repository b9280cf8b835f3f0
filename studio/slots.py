"""Which of a product's photos a template is for, and the names of their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from studio.product import Product, ProductImage
from studio.template import Template


def fitting(product: Product, template: Template) -> list[ProductImage]:
    """The photos of the template's roles, in order; none when the product is of another category."""
    categories = template.applies_to.categories
    if categories and not any(product.category.lower().startswith(c.lower()) for c in categories):
        return []
    return [image for image in product.images if image.role in template.applies_to.roles]


def slots(images: Iterable[ProductImage]) -> tuple[str, ...]:
    """A name for each photo: its role, with a number from the second of the same role on (front, front-2, back)."""
    seen: Counter[str] = Counter()
    names = []
    for image in images:
        seen[image.role] += 1
        names.append(str(image.role) if seen[image.role] == 1 else f"{image.role}-{seen[image.role]}")
    return tuple(names)
