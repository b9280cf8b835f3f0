"""Grain, blocks, levels and tone of the delivered picture, product and ground apart, against what was put together."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.colour import srgb_to_lab
from studio.imaging.composite import over
from studio.qa.subject import SAMPLES, Subject, above, sample
from studio.take import F32, U8

IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
"""Grain without structure: the difference of two Laplacians (Immerkaer 1996)."""
FLAT = 0.5
"""Part of the pixels, those with the gentlest slope, in which grain is measured."""
CELL = 13
"""Pixels a side of the cells in which the ground is compared."""
EVERY = 2
"""Every second row and column of the ground is compared."""


def surface(subject: Subject) -> dict[str, float]:
    """Levels (0..255), ratios and Lab distances; NaN where there is no product or no ground."""
    final, placed = subject.final.rgb, subject.placed
    now, then = _grey(final), _grey(placed.rgb)
    free = np.asarray(cv2.bitwise_not(above(placed.alpha, 0.002)), np.uint8)
    grain, before, behind = _grain(now, subject.inner), _grain(then, subject.inner), _grain(now, free)
    peaks, once = _peaks(final, subject.inner), _peaks(placed.rgb, subject.inner)
    return (
        {
            "grain": grain,
            "grain_more": grain - before,
            "grain_behind": behind,
            "blocks": _blocks(now, None),
            "blocks_inside": _blocks(now, subject.inner),
            "blocks_more": _blocks(now, subject.inner) - _blocks(then, subject.inner),
            "peaks": peaks,
            "peaks_more": peaks - once,
        }
        | _tone(subject)
        | _behind(subject, free)
    )


def _grey(rgb: U8) -> U8:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def _grain(grey: U8, mask: U8) -> float:
    """Mean absolute grain in the flat half of a mask, in levels."""
    where = mask > 0
    if int(where.sum()) < 500:
        return float("nan")
    grain = np.abs(cv2.filter2D(grey, cv2.CV_32F, IMMERKAER))[where]
    soft = cv2.GaussianBlur(grey, (0, 0), 2.0)
    slope = cv2.magnitude(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))[where]
    return float(grain[slope <= np.quantile(slope, FLAT)].mean())


def _blocks(grey: U8, mask: U8 | None) -> float:
    """Mean step between neighbours across the borders of 8 x 8 blocks over that within them; 1 is none."""
    steps = []
    for plane, inside in ((grey, mask), (grey.T, None if mask is None else mask.T)):
        step = cv2.absdiff(np.ascontiguousarray(plane[:, 1:]), np.ascontiguousarray(plane[:, :-1])).astype(np.float32)
        weight = np.ones_like(step) if inside is None else (inside[:, 1:] > 0).astype(np.float32)
        weight = weight * (step < 40)
        columns = (step * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
        border = np.arange(columns.size) % 8 == 7
        steps.append((float(columns[border].mean()) + 0.05) / (float(columns[~border].mean()) + 0.05))
    return float(np.mean(steps))


def _peaks(rgb: U8, mask: U8) -> float:
    """How far the histograms under a mask are from their smoothed selves, 0..2: few levels leave gaps and peaks."""
    found = []
    for channel in range(3):
        counts = cv2.calcHist([rgb], [channel], mask, [256], [0, 256]).ravel()[4:252]
        if counts.sum() < 400:
            continue
        shares = counts / counts.sum()
        found.append(float(np.abs(shares - cv2.GaussianBlur(shares[None], (0, 0), 5.0)[0]).sum()))
    return float(np.mean(found)) if found else float("nan")


def _tone(subject: Subject) -> dict[str, float]:
    """Median Lab of the delivered product less that of the placed one, and how much of it is clipped."""
    ys, xs = sample(subject.inner, SAMPLES)
    if not ys.size:
        return dict.fromkeys(
            ("tone_l", "tone_a", "tone_b", "tone_spread", "clipped_white", "clipped_black", "lightness"), float("nan")
        )
    now, then = srgb_to_lab(subject.final.rgb[ys, xs]), srgb_to_lab(subject.placed.rgb[ys, xs])
    shift = np.median(now - then, axis=0)
    return {
        "tone_l": float(shift[0]),
        "tone_a": float(shift[1]),
        "tone_b": float(shift[2]),
        "tone_spread": float(now[:, 0].std() / max(float(then[:, 0].std()), 1.0)),
        "clipped_white": float((now[:, 0] > 99).mean()),
        "clipped_black": float((now[:, 0] < 2).mean()),
        "lightness": float(np.median(now[:, 0])),
    }


def _behind(subject: Subject, free: U8) -> dict[str, float]:
    """The delivered ground against the set and the shadow that were put together."""
    take, placed = subject.take, subject.placed
    names = ("behind_mean", "behind_p99", "behind_cell", "behind_share", "behind_peaks")
    if take.ground is None or not cv2.countNonZero(free):
        return dict.fromkeys(names, float("nan"))
    part = np.s_[::EVERY, ::EVERY]
    shade, colour = None if take.shade is None else take.shade[part], take.shot.template.shadow.colour
    wanted = over(placed.rgb[part], placed.alpha[part], take.ground[part], shade, colour)
    free, seen = np.ascontiguousarray(free[part]), np.ascontiguousarray(subject.final.rgb[part])
    away = cv2.absdiff(wanted, seen).max(axis=2)
    values = away[free > 0]
    size = max(1, away.shape[1] // CELL), max(1, away.shape[0] // CELL)
    cells = _cells(away * (free > 0), size) / np.maximum(_cells((free > 0) * np.uint8(255), size) / 255, 0.2)
    return {
        "behind_mean": float(values.mean()),
        "behind_p99": float(np.percentile(values, 99)),
        "behind_cell": float(cells.max()),
        "behind_share": float((values > 8).mean()),
        "behind_peaks": _peaks(seen, free) - _peaks(wanted, free),
    }


def _cells(plane: U8, size: tuple[int, int]) -> F32:
    return np.asarray(cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
