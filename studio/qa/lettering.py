"""Lines of lettering compared: by what they say and by where they are."""

from __future__ import annotations

import unicodedata

import cv2
import numpy as np

from studio.evidence import Line
from studio.take import F32

SAME_PLACE = 0.5
"""Overlap, over the smaller of two boxes, from which two lines are at the same place."""


def plain(text: str) -> str:
    """What is compared of a text: letters and digits, compatibility forms and case folded."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())


def distance(wanted: str, found: str) -> int:
    """Insertions, deletions and substitutions that turn one text into the other (Levenshtein 1966)."""
    row = list(range(len(found) + 1))
    for i, letter in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(found, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != other))
    return row[-1]


def lost_letters(wanted: str, candidates: list[str]) -> int:
    """Letters of a line that no reading of its place gives back; 0 where one reading contains the line."""
    if any(wanted in other for other in candidates):
        return 0
    return min((min(distance(wanted, other), len(wanted)) for other in candidates), default=len(wanted))


def same_place(a: F32, b: F32) -> bool:
    """Whether two quads, float32 (4, 2) in the same picture, cover each other by half of the smaller one's box."""
    low, high = np.maximum(a.min(0), b.min(0)), np.minimum(a.max(0), b.max(0))
    shared = float(np.prod(np.clip(high - low, 0, None)))
    smaller = min(float(np.prod(a.max(0) - a.min(0))), float(np.prod(b.max(0) - b.min(0))))
    return shared >= SAME_PLACE * max(smaller, 1e-6)


def tall(quad: F32) -> float:
    """Height of a line's letters in pixels: the shorter side of its quad."""
    sides = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
    return float(min(max(sides[0], sides[2]), max(sides[1], sides[3])))


def area(quad: F32) -> float:
    """Area of a quad in square pixels."""
    return float(cv2.contourArea(np.asarray(quad, np.float32)))


def inside(quad: F32, alpha: F32) -> float:
    """Share of a quad's area, as far as the picture shows it, that lies on the product; 0 for one outside the picture."""
    height, width = alpha.shape
    left, top = np.clip(np.floor(quad.min(0)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(quad.max(0)), 0, (width, height)).astype(int)
    if right <= left or bottom <= top:
        return 0.0
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(quad - (left, top)).astype(np.int32), 1)
    total = cv2.countNonZero(mask)
    return float(((alpha[top:bottom, left:right] > 0.5) & (mask > 0)).sum() / total) if total else 0.0


def at(lines: tuple[Line, ...], quad: F32) -> list[Line]:
    """The lines at a quad's place."""
    return [line for line in lines if same_place(line.quad, quad)]
