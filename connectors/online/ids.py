"""Ids that sort by the time they were made: `prefix_` and a ULID in lowercase Crockford base32."""

from __future__ import annotations

import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
"""48 bits of milliseconds since 1970 and 80 random bits (https://github.com/ulid/spec)."""
_VALUE = {letter: number for number, letter in enumerate(ALPHABET)}
_RANDOM = 80
_EPOCH, _TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


class _Clock:
    """The last id given out: within a millisecond, and when the clock goes back, ids still rise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        fresh = (time.time_ns() // 1_000_000) << _RANDOM | secrets.randbits(_RANDOM)
        with self._lock:
            self._last = fresh if fresh > self._last else self._last + 1 + secrets.randbits(40)
            return self._last


_clock = _Clock()


def new_id(prefix: str) -> str:
    """A new id, greater than every earlier one of this process with the same prefix."""
    return f"{prefix}_{_letters(_clock.next())}"


def first_id(prefix: str, at: datetime) -> str:
    """The smallest id that can be made at `at` or later (whole milliseconds): bounds a listing by time."""
    milliseconds = max(0, -((_EPOCH - at) // _TICK))
    return f"{prefix}_{_letters(milliseconds << _RANDOM)}"


def time_of(identifier: str) -> datetime:
    """When an id was made, UTC, to the millisecond."""
    milliseconds = 0
    for letter in identifier[-LENGTH:][:10]:
        milliseconds = milliseconds * 32 + _VALUE[letter]
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def _letters(number: int) -> str:
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
