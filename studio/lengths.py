"""Lengths in words: millimetres as a reader of a locale expects them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Unit = Literal["mm", "cm", "in"]
Mark = Literal[".", ","]
MM: dict[Unit, float] = {"mm": 1.0, "cm": 10.0, "in": 25.4}
DIGITS: dict[Unit, int] = {"mm": 0, "cm": 1, "in": 2}
"""Decimals that a unit is written with: no finer than a tenth of a millimetre is ever claimed of a product."""
JOIN = "\u00a0"


def length(mm: float, unit: Unit, mark: Mark = ".") -> str:
    """`118.1` mm in cm is "11.8 cm"; trailing zeros go, whole numbers have no mark."""
    text = f"{mm / MM[unit]:.{DIGITS[unit]}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{text.replace('.', mark)}{JOIN}{unit}"


def lengths(mm: float, units: Sequence[Unit], mark: Mark = ".") -> str:
    """In the first unit, and in brackets in the others: "11.8 cm (4.65 in)"."""
    first, *others = [length(mm, unit, mark) for unit in units]
    return first + (f" ({', '.join(others)})" if others else "")


def area(sides: Sequence[float], unit: Unit, mark: Mark = ".") -> str:
    """`(66, 115)` mm in cm is "6.6 \u00d7 11.5 cm"; one side alone is its length."""
    *first, last = [length(mm, unit, mark) for mm in sides]
    return " \u00d7 ".join([*(text.split(JOIN)[0] for text in first), last])
