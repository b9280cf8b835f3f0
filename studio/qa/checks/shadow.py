"""Whether the product stands on its ground or floats above its shadow."""

from __future__ import annotations

import numpy as np

from studio.qa.check import Check
from studio.qa.subject import Subject

BASE = 0.015
"""Part of the product's height, from its lowest point, that counts as standing on the ground."""
SEEN = 0.02
"""Shade from which a shadow is seen."""
FAR = 0.05
"""Gaps are measured up to this fraction of the canvas height."""


def shadow_gap(subject: Subject) -> float | None:
    """Median distance from the product's base down to the first shadow, as a fraction of the canvas height (at most 0.05).
    0 where the photo cuts the product's base; None without a shadow plane.
    """
    shade, (x, y, width, height) = subject.take.shade, subject.box
    if shade is None or not height:
        return None
    bottom, canvas_h = y + height, subject.canvas[1]
    if bottom >= canvas_h or subject.matte.cropped[2]:
        return 0.0
    band = subject.solid[bottom - max(1, round(height * BASE)) : bottom, x : x + width]
    columns = np.flatnonzero(band.any(axis=0))
    lowest = bottom - np.argmax(band[::-1, columns] > 0, axis=0)
    reach = np.arange(max(2, round(canvas_h * FAR)))
    rows = np.minimum(lowest[None, :] + reach[:, None], canvas_h - 1)
    seen = shade[rows, columns[None, :] + x] >= SEEN
    gaps = np.where(seen.any(axis=0), seen.argmax(axis=0), reach.size)
    return float(np.median(gaps)) / canvas_h


CHECKS = (Check("shadow_gap", "shadow", "fraction", "low", "room between the product's base and its shadow", shadow_gap),)
