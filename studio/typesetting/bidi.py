"""Which way text runs: the implicit rules of the Unicode Bidirectional Algorithm (UAX 9 W1-W7, N1-N2, I1-I2, L1-L2).

Embedding and override controls are not obeyed (they are dropped); brackets follow N1-N2, not N0.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby
from typing import Literal

Direction = Literal["ltr", "rtl"]
CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
STRONG = {"L": "L", "R": "R", "AL": "R", "EN": "R", "AN": "R"}
NEUTRAL = frozenset({"B", "S", "WS", "ON"})


def direction_of(text: str, other: Direction = "ltr") -> Direction:
    """The paragraph's direction: that of its first strong character (P2-P3); `other` when it has none."""
    for c in text:
        kind = unicodedata.bidirectional(c)
        if kind in {"L", "R", "AL"}:
            return "ltr" if kind == "L" else "rtl"
    return other


def visual_runs(text: str, direction: Direction) -> list[tuple[str, Direction]]:
    """One line's text in runs as they stand from left to right, each with its direction; inside a run it is in reading order."""
    plain = "".join(c for c in text if c not in CONTROLS)
    levels = _levels(plain, 1 if direction == "rtl" else 0)
    runs: list[tuple[int, str]] = []
    at = 0
    for level, group in groupby(levels):
        length = len(list(group))
        runs.append((level, plain[at : at + length]))
        at += length
    return [(piece, "rtl" if level % 2 else "ltr") for level, piece in _reordered(runs)]


def _reordered(runs: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """L2: from the highest level down, every stretch of runs at that level or above is turned round."""
    for level in range(max((run[0] for run in runs), default=0), 0, -1):
        at = 0
        while at < len(runs):
            end = at
            while end < len(runs) and runs[end][0] >= level:
                end += 1
            runs[at:end] = runs[at:end][::-1]
            at = max(end, at + 1)
    return runs


def _levels(text: str, base: int) -> list[int]:
    kinds = [unicodedata.bidirectional(c) or "L" for c in text]
    around = "R" if base else "L"
    _weak(kinds, around)
    _neutral(kinds, around)
    levels = [_level(kind, base) for kind in kinds]
    for i in range(len(text) - 1, -1, -1):
        if not text[i].isspace():
            break
        levels[i] = base
    return levels


def _level(kind: str, base: int) -> int:
    if base % 2:
        return base + (kind in {"L", "EN", "AN"})
    return base + {"R": 1, "EN": 2, "AN": 2}.get(kind, 0)


def _weak(kinds: list[str], around: str) -> None:
    """W1-W7, in place."""
    before, strong = around, around
    for i, kind in enumerate(kinds):
        if kind == "NSM":
            kinds[i] = before
        elif kind == "EN" and strong == "AL":
            kinds[i] = "AN"
        strong = kinds[i] if kinds[i] in {"L", "R", "AL"} else strong
        before = kinds[i]
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]
    for i in range(1, len(kinds) - 1):
        left, right = kinds[i - 1], kinds[i + 1]
        if left == right and ((kinds[i] == "ES" and left == "EN") or (kinds[i] == "CS" and left in {"EN", "AN"})):
            kinds[i] = left
    _terminators(kinds)
    strong = around
    for i, kind in enumerate(kinds):
        if kind in {"ES", "CS", "ET", "BN"}:
            kinds[i] = "ON"
        elif kind == "EN" and strong == "L":
            kinds[i] = "L"
        strong = kind if kind in {"L", "R"} else strong


def _terminators(kinds: list[str]) -> None:
    """W5: signs beside a number (currency, percent) belong to it."""
    at = 0
    for kind, group in groupby(list(kinds)):
        end = at + len(list(group))
        beside = "EN" in (kinds[at - 1] if at else "", kinds[end] if end < len(kinds) else "")
        if kind == "ET" and beside:
            kinds[at:end] = ["EN"] * (end - at)
        at = end


def _neutral(kinds: list[str], around: str) -> None:
    """N1-N2: neutrals between two of a kind follow them, others follow the paragraph. In place."""
    at = 0
    for neutral, group in groupby(list(kinds), key=lambda kind: kind in NEUTRAL):
        end = at + len(list(group))
        if neutral:
            left = STRONG.get(kinds[at - 1], around) if at else around
            right = STRONG.get(kinds[end], around) if end < len(kinds) else around
            kinds[at:end] = [left if left == right else around] * (end - at)
        at = end
