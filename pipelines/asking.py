"""What a person says on the command line about one product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.single import Subject
from studio.errors import InputError
from studio.product import Dimensions, ImageRole

_PLAIN = ("title", "category", "brand", "variant_of")


def subject_of(image: str, photos: Sequence[str], facts: Sequence[str], catalog: str, sku: str) -> Subject:
    """Photos as ROLE=PATH, facts as NAME=VALUE. Raises InputError naming the option that is wrong."""
    if bool(image) == bool(catalog):
        raise InputError("give a photo, or --catalog FILE with --sku SKU")
    if catalog and (not sku or photos):
        raise InputError("--catalog needs --sku, and no --photo: the product has its own")
    return Subject(image, [_photo(text) for text in photos], catalog, sku, _facts(facts))


def _photo(text: str) -> tuple[ImageRole, str]:
    role, sign, uri = text.partition("=")
    if not sign or role not in set(ImageRole) or not uri:
        raise InputError(f"--photo {text}: ROLE=PATH is wanted, with a role of {', '.join(ImageRole)}")
    return ImageRole(role), uri


def _facts(texts: Sequence[str]) -> dict[str, Any]:
    """Fields of Product; what is none of them is an attribute."""
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise InputError(f"--fact {text}: NAME=VALUE is wanted")
        if name in Dimensions.model_fields:
            found.setdefault("dimensions", {})[name] = _millimetres(text, value)
        elif name in _PLAIN:
            found[name] = value
        else:
            found.setdefault("attributes", {})[name] = value
    return found


def _millimetres(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError(f"--fact {text}: a number of millimetres is wanted") from None
