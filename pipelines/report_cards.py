"""Rows with pictures: which ones are shown, and their previews as data URIs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from studio.errors import PackshotError

Row = Mapping[str, Any]

PREVIEWS = (("source", "Photo"), ("cutout", "Cut-out"), ("result", "Result"))
MAX_BYTES = 200_000
"""A preview larger than this is no preview and is left out."""
_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))


@dataclass(frozen=True, slots=True)
class Preview:
    """One small picture; `uri` is empty where there is none."""

    name: str
    label: str
    uri: str


@dataclass(frozen=True, slots=True)
class Card:
    """A ledger row with its pictures."""

    row: Row
    previews: tuple[Preview, ...]


def choose(rows: Sequence[Row], most: int) -> list[Row]:
    """At most `most` rows: rejected ones first, those whose verdict is least certain at the top, then failed ones, then released
    ones evenly spread over the run."""
    bad = [row for row in rows if row["status"] != "released"]
    good = [row for row in rows if row["status"] == "released"]
    picked = sorted(bad, key=_place_in_queue)[:most]
    return picked + _spread(good, most - len(picked))


def _place_in_queue(row: Row) -> tuple[bool, bool, float, str]:
    return row["status"] != "rejected", row.get("action") == "reject", -(row.get("uncertainty") or 0.0), row["reason"]


def cards(rows: Sequence[Row], image: Callable[[str], bytes]) -> Iterator[Card]:
    """Cards of the rows, made as the page is written; pictures shared by neighbours are read once."""
    read = lru_cache(maxsize=64)(lambda digest: _uri(digest, image))
    for row in rows:
        digests = dict(row["previews"] or {})
        yield Card(row, tuple(Preview(name, label, read(digests.get(name, ""))) for name, label in PREVIEWS))


def _spread(rows: Sequence[Row], most: int) -> list[Row]:
    if len(rows) <= most:
        return list(rows)
    return [rows[place * len(rows) // most] for place in range(most)] if most > 0 else []


def _uri(digest: str, image: Callable[[str], bytes]) -> str:
    if not digest:
        return ""
    try:
        data = image(digest)
    except PackshotError:
        return ""
    kind = _kind(data)
    return f"data:{kind};base64,{b64encode(data).decode()}" if kind and len(data) <= MAX_BYTES else ""


def _kind(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "")
