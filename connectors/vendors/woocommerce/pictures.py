"""Pictures of the shop's gallery."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.vendors.base import Shown, mark_in

_DIGEST = re.compile(r"(?<![0-9a-f])([0-9a-f]{16})[0-9a-f]{48}(?![0-9a-f])")
SCALED = re.compile(r"-(scaled|rotated)(-\d+)?\.[a-z]+$")
"""WordPress replaces pictures of more than 2,560 pixels, and turned ones, by copies of its own making."""

UNKEPT = re.compile(r"<|%[0-9a-fA-F]{2}|\s{2}|^\s|\s$|[^\S ]")
"""What WordPress takes out of one-line texts (`sanitize_text_field`)."""


def mark_of(address: str) -> str:
    """The mark in a file name of ours, or in a whole digest, as names have it that the shop took from our own addresses."""
    whole = _DIGEST.search(address)
    return mark_in(address) or (whole[1] if whole else "")


def shown(images: Sequence[Mapping[str, Any]]) -> tuple[Shown, ...]:
    """As the shop lists them: the first is the main one."""
    return tuple(
        Shown(str(image["id"]), _src(image), n, alt=str(image.get("alt") or ""), mark=mark_of(_src(image)))
        for n, image in enumerate(images)
    )


def addresses(images: Sequence[Mapping[str, Any]]) -> str:
    """All of them, once each, in one cell."""
    return "|".join(dict.fromkeys(_src(image).replace("|", "%7C") for image in images if _src(image)))


def _src(image: Mapping[str, Any]) -> str:
    return str(image.get("src") or "")
