"""How the product stands: proportions, place, and whether its shadow lies where the light throws it."""

from __future__ import annotations

import math

import numpy as np

from studio.imaging.light import shadow_run
from studio.qa.subject import Subject
from studio.take import F32

LEAST_RUN = 0.15
"""Sideways run of a shadow, for each unit of height, below which it has no side."""
SEEN = 0.03
"""Shade from which a shadow counts."""


def stance(subject: Subject) -> dict[str, float]:
    """Aspect against the photo, room around the product, shadow's place; NaN where there is none."""
    (x, y, w, h), (width, height) = subject.box, subject.canvas
    _, _, source_w, source_h = subject.source_box
    known = min(w, h, source_w, source_h) > 0
    return {
        "aspect": math.log((w / h) / (source_w / source_h)) if known else math.nan,
        "aspect_off": abs(math.log((w / h) / (source_w / source_h))) if known else math.nan,
        "room": min(x / width, y / height, (width - x - w) / width, (height - y - h) / height),
        "cut_sides": float(sum(subject.matte.cropped)),
    } | _shadow(subject)


def _shadow(subject: Subject) -> dict[str, float]:
    names = ("shade_lean", "shade_turn", "shade_drop", "shade_amount", "shade_reach", "shade_contact", "shade_below")
    shade, (x, y, w, h) = subject.take.shade, subject.box
    if shade is None or not w or not (shade > SEEN).any():
        return dict.fromkeys(names, math.nan)
    free = shade * (1 - subject.placed.alpha)
    across, down = free.sum(axis=0), free.sum(axis=1)
    total = max(float(across.sum()), 1e-6)
    columns, rows = np.arange(across.size), np.arange(down.size)
    lean = (float((across * columns).sum()) / total - (x + w / 2)) / w
    left, right = float(across[: max(0, x)].sum()), float(across[x + w :].sum())
    run, _ = shadow_run(subject.shot.template.light)
    sided = abs(run) >= LEAST_RUN and subject.shot.template.shadow.cast > 0
    way = math.copysign(1.0, run)
    return {
        "shade_lean": lean * way if sided else math.nan,
        "shade_turn": way * (right - left) / max(right + left, 1e-6) if sided else math.nan,
        "shade_drop": (float((down * rows).sum()) / total - (y + h)) / h,
        "shade_amount": total / (w * h),
        "shade_reach": float((free > SEEN).any(axis=0).sum()) / w,
    } | _contact(subject, shade)


def _contact(subject: Subject, shade: F32) -> dict[str, float]:
    """Shade right under the base over the darkest below it, and how far down (of the canvas's height) that lies."""
    solid, (x, y, w, h), height = subject.solid, subject.box, subject.canvas[1]
    bottom, reach = y + h, max(4, round(0.08 * height))
    band = solid[max(y, bottom - max(1, round(0.015 * h))) : bottom, x : x + w]
    columns = np.flatnonzero(band.any(axis=0))
    lowest = bottom - np.argmax(band[::-1, columns] > 0, axis=0)
    rows = np.minimum(lowest[None, :] + np.arange(reach)[:, None], height - 1)
    under = np.median(shade[rows, columns[None, :] + x], axis=1)
    near = float(under[: max(2, round(0.006 * height))].max())
    return {"shade_contact": near / max(float(under.max()), 0.01), "shade_below": float(under.argmax()) / height}
