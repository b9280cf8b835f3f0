"""The `Prefer` header (RFC 7240): how long a caller likes to wait."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PIECE = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')
"""What stands between commas, those in quoted strings apart."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """`wait_s`: seconds to wait for the result, None when the caller did not say. `respond_async`: do not wait by yourself."""

    wait_s: int | None = None
    respond_async: bool = False


def preferences(header: str) -> Preferences:
    """Read `Prefer`; several header fields are given joined by commas. The first of a name counts (section 2), what we do not
    know or cannot read is no error and is passed over.
    """
    found: dict[str, str] = {}
    for piece in _PIECE.findall(header):
        name, _, value = piece.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    wait = found.get("wait", "")
    return Preferences(int(wait) if re.fullmatch(r"[0-9]{1,9}", wait) else None, "respond-async" in found)


def applied(wait_s: int | None, *, respond_async: bool) -> dict[str, str]:
    """The `Preference-Applied` header, nothing when no preference was honoured."""
    said = [f"wait={wait_s}"] if wait_s is not None else []
    said += ["respond-async"] if respond_async else []
    return {"preference-applied": ", ".join(said)} if said else {}
