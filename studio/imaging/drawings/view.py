"""From where a product was photographed, as far as its box and its size tell: pixels a millimetre follow from it.

A box of w x h x d mm that is turned by t and seen from e above the horizon fills (w cos t + d sin t) by
(h cos e + (d cos t + w sin t) sin e) mm of a distant camera's picture (orthographic projection).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.product import Dimensions

HIGHEST, WIDEST = 25.0, 40.0
"""Degrees from above, and of turn, that a product photo is taken to have at most."""
STEP = 0.5
DOUBT = 0.002
"""What a degree costs against a share of proportions that do not agree: the plainest view that explains a box is taken."""


@dataclass(frozen=True, slots=True)
class View:
    """Pixels a millimetre in the product's plane, degrees from above and of turn, and the share of the box's proportions that
    no such view explains."""

    px_per_mm: float
    elevation: float
    turn: float
    error: float


def view_of(box: tuple[float, float], size: Dimensions) -> View | None:
    """The view of a box of (width, height) pixels; None where neither width nor height is known.

    With one of the two known the scale is that side's. An unknown depth is taken to be the width.
    """
    width, height = size.width_mm, size.height_mm
    if width is None or height is None:
        known = [(px, mm) for px, mm in zip(box, (width, height), strict=True) if mm]
        return View(known[0][0] / known[0][1], 0.0, 0.0, 0.0) if known else None
    deep = size.depth_mm or width
    above, turn = np.meshgrid(np.arange(0, HIGHEST + STEP, STEP), np.arange(0, WIDEST + STEP, STEP))
    e, t = np.deg2rad(above), np.deg2rad(turn)
    across = width * np.cos(t) + deep * np.sin(t)
    upright = height * np.cos(e) + (deep * np.cos(t) + width * np.sin(t)) * np.sin(e)
    apart = np.abs(np.log(across / upright) - np.log(box[0] / box[1]))
    best = int(np.argmin(apart + DOUBT * (above + 2 * turn)))
    place = np.unravel_index(best, apart.shape)
    found = float(across[place]), float(upright[place])
    scale = float(np.sqrt(box[0] / found[0] * box[1] / found[1]))
    return View(scale, float(above[place]), float(turn[place]), float(np.expm1(apart[place])))
