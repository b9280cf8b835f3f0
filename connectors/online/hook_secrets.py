"""Signing secrets of webhooks, current first; older ones are good until they expire, so that both sides can change over.

They are kept readable: signing needs them.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class HookSecret:
    """`whsec_` and base64 (Standard Webhooks 1.0). `expires` is UTC, None: never."""

    secret: str
    expires: datetime | None = None


def new_secret() -> str:
    """A fresh secret of 32 random bytes."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def rotated(old: Sequence[HookSecret], fresh: str, until: datetime) -> tuple[HookSecret, ...]:
    """The fresh secret first, and the old ones until `until` at the latest."""
    kept = (HookSecret(s.secret, min(s.expires or until, until)) for s in live(old))
    return (HookSecret(fresh), *kept)


def live(known: Sequence[HookSecret]) -> tuple[HookSecret, ...]:
    """Those that have not expired."""
    now = datetime.now(UTC)
    return tuple(s for s in known if s.expires is None or s.expires > now)


def to_json(known: Sequence[HookSecret]) -> list[list[str | None]]:
    """As stored."""
    return [[s.secret, s.expires.isoformat() if s.expires else None] for s in known]


def from_json(stored: Any) -> tuple[HookSecret, ...]:
    """From the store."""
    return tuple(HookSecret(secret, datetime.fromisoformat(expires) if expires else None) for secret, expires in stored)
