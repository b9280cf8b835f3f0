"""Conditions and ranges of HTTP (RFC 9110, sections 13 and 14) for bytes that never change."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=\s*([0-9]{0,15})\s*-\s*([0-9]{0,15})\s*", re.IGNORECASE)


def none_match(header: str, etag: str) -> bool:
    """Whether `If-None-Match` names this entity tag (weak comparison), so that 304 is the answer."""
    return header.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in header.split(","))


def byte_range(header: str, if_range: str, etag: str, size: int) -> tuple[int, int] | None:
    """First and last byte wanted, None for the whole. Several ranges, other units and a stale `If-Range` mean the whole.

    Raises ValueError for a range that lies outside (416).
    """
    match = _RANGE.fullmatch(header.strip())
    if not match or not (match[1] or match[2]) or (if_range and if_range.strip() != etag):
        return None
    if not match[1]:
        first, last = max(0, size - int(match[2])), size - 1
    else:
        first, last = int(match[1]), min(int(match[2] or size), size - 1)
        if match[2] and int(match[2]) < first:
            return None
    if first > last:
        raise ValueError("the range lies outside the asset")
    return first, last
