"""Figures, times and sizes as people read them: the filters of the console's templates."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime


def figure(value: float) -> str:
    """A number: 12,345, 0.86 or 0.0012."""
    if value == 0:
        return "0"
    if abs(value) >= 1000 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.3g}"


def share(value: float) -> str:
    """A share in per cent: 18.9 %, 99.95 %, or 100 % where it is all."""
    return f"{100 * value:.{4 if value > 0.99 else 3}g}\u00a0%"


def duration(seconds: float) -> str:
    """Seconds: 420 ms, 12.3 s, 3 min 05 s, 2 h 10 min or 3 d 4 h."""
    if seconds < 1:
        return f"{1000 * seconds:.0f}\u00a0ms"
    if seconds < 60:
        return f"{seconds:.3g}\u00a0s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}\u00a0min {rest:02d}\u00a0s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}\u00a0h {minutes:02d}\u00a0min" if hours < 48 else f"{hours // 24}\u00a0d {hours % 24}\u00a0h"


def size(count: int) -> str:
    """Bytes as kB or MB, decimal."""
    return f"{count / 1e6:.2f}\u00a0MB" if count >= 1e6 else f"{count / 1e3:.0f}\u00a0kB"


def money(value: float, currency: str = "") -> str:
    """A price with as many digits as it needs: 12.34 USD, 0.0021 USD, 0.000012 USD."""
    digits = 2 if value == 0 else max(2, 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(digits, 9)}f}"
    return f"{text} {currency}".rstrip()


def moment(at: datetime | None) -> str:
    """A time, UTC: 2026-11-23 05:07:31; a dash where there is none."""
    return "\u2013" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def plural(count: int, one: str, many: str = "") -> str:
    """1 picture, 2 pictures."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def top(values: Iterable[float]) -> float:
    """The greatest, 0 of none."""
    return max(values, default=0)


FILTERS = {
    "top": top,
    "figure": figure,
    "share": share,
    "duration": duration,
    "size": size,
    "money": money,
    "moment": moment,
    "plural": plural,
}
