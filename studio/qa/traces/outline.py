"""The cut-out against its photo: whether the outline runs where the photo has an edge, and what was left out or taken along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.colour import srgb_to_lab
from studio.qa.subject import Subject, above
from studio.qa.thumb import Thumb, spread
from studio.take import F32, U8

EDGE_NAMES = (
    *(f"across_p{p}" for p in (5, 10, 25, 50)),
    *(
        f"{flag}_{how}"
        for flag in ("through", "along", "go_on", "cut", "beyond", "beyond_upper", "deep")
        for how in ("share", "run")
    ),
    *("faint_short", "faint_long", "own_short", "own_long", "own_deep", "hole_through", "flat_cut"),
)
AREA_NAMES = (
    *("hole_area", "hole_foreign", "missed", "missed_colour", "missed_largest", "missed_fine", "taken", "taken_largest", "busy"),
    *("hole_own", "hole_worst", "bay_own", "bay_worst"),
)
NAMES = EDGE_NAMES + AREA_NAMES
ALIKE = 6.0
"""Distance in Lab below which both sides of the outline look alike."""
FOREIGN = 14.0
"""Distance in Lab from the fitted ground from which a pixel is not ground."""
FAINT = 5.0
"""Step in Lab over two pixels below which no edge is seen in the photo."""
OWN = 4.0
"""How much nearer, in Lab, a place is to the product than to the ground from which it counts as product."""
FOOT = 0.8
"""Part of the product's height, from its top, where no contact shadow lies."""
CLIP = 20.0
"""Lab distances along the outline count up to this."""
SHORT, LONG = 20, 50
"""Stretches of outline, in pixels of the glance, whose mean is looked at."""
BORDER = 0.04
"""Frame of the photo, as a fraction of its sides, that tells how busy its ground is."""

Bools = NDArray[np.bool_]


def outline(subject: Subject) -> dict[str, float]:
    """Shares of outline and area, read from the glance at the photo (at most 800 px). NaN for a photo with its own alpha."""
    if subject.matte.source == "alpha":
        return dict.fromkeys(NAMES, float("nan"))
    view = subject.thumb
    solid = above(view.alpha, 0.5)
    if not cv2.countNonZero(solid):
        return dict.fromkeys(NAMES, float("nan"))
    lab = np.asarray(srgb_to_lab(np.asarray(cv2.blur(view.rgb, (3, 3)), np.uint8)), np.float32)
    off = lab - fitted_ground(lab, view.alpha)
    away = np.asarray(np.linalg.norm(off, axis=2), np.float32)
    return _edges(view, solid, lab, away) | _areas(view, solid, lab, off, away)


def fitted_ground(lab: F32, alpha: F32) -> F32:
    """A quadratic surface through the photo's ground, float32 (H, W, 3) Lab: fitted where alpha < 0.02, what lies far off it
    (props, missed parts) left out in two rounds."""
    height, width = alpha.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    terms = _terms(x / width, y / height)
    step = max(1, max(height, width) // 100)
    known = alpha[::step, ::step] < 0.02
    if known.sum() < 20:
        return np.full(lab.shape, 1e3, np.float32)
    places, values = terms[::step, ::step][known], lab[::step, ::step][known]
    keep = np.ones(len(values), bool)
    weights = np.zeros((terms.shape[2], 3), np.float32)
    for _ in range(3):
        weights = np.asarray(np.linalg.lstsq(places[keep], values[keep], rcond=None)[0], np.float32)
        off = np.linalg.norm(values - places @ weights, axis=1)
        keep = off <= max(4.0, 2.5 * float(np.median(off)))
    return np.asarray(terms @ weights, np.float32)


def _terms(x: F32, y: F32) -> F32:
    return np.stack((np.ones_like(x), x, y, x * y, x * x, y * y), axis=2)


def _edges(view: Thumb, solid: U8, lab: F32, away: F32) -> dict[str, float]:
    """What lies on both sides of the outline, walked along its contours."""
    contours, hierarchy = cv2.findContours(solid, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    walks = [(c[:, 0, ::-1].astype(np.float32), up[3] >= 0) for c, up in zip(contours, hierarchy[0], strict=True) if len(c) >= 16]
    if not walks:
        return dict.fromkeys(EDGE_NAMES, float("nan"))
    soft, reach = cv2.GaussianBlur(view.alpha, (0, 0), 2.0), max(3.0, 0.008 * max(solid.shape))
    slope = cv2.Sobel(soft, cv2.CV_32F, 0, 1), cv2.Sobel(soft, cv2.CV_32F, 1, 0)
    sides = [_sides(slope, places, reach, lab, away) for places, _ in walks]
    _, top, _, tall = cv2.boundingRect(solid)
    foot = top + FOOT * tall
    apart, length = np.concatenate([side.across for side in sides]), sum(len(places) for places, _ in walks)
    through = [(side.across < ALIKE) & (side.outer > FOREIGN) for side in sides]
    go_on = [(side.across < 2 * ALIKE) & (side.outer > FOREIGN) for side in sides]
    flags = {
        "through": through,
        "along": [(side.across < ALIKE) & (side.inner < ALIKE) for side in sides],
        "go_on": go_on,
        "cut": [(side.steepest < FAINT) & (side.outer > FOREIGN) for side in sides],
        "beyond": [side.beyond > OWN for side in sides],
        "beyond_upper": [(side.beyond > OWN) & (places[:, 0] < foot) for side, (places, _) in zip(sides, walks, strict=True)],
        "deep": [(side.beyond > OWN) & (side.deep > OWN) for side in sides],
    }
    found = {f"across_p{p}": float(np.percentile(apart, p)) for p in (5, 10, 25, 50)}
    for name, parts in flags.items():
        found[f"{name}_share"] = float(sum(int(part.sum()) for part in parts)) / length
        found[f"{name}_run"] = max(_longest(part) for part in parts) / length
    found |= _windows(sides)
    found["hole_through"] = sum(float(t.sum()) for t, (_, hole) in zip(through, walks, strict=True) if hole) / length
    found["flat_cut"] = _flat_cut(np.concatenate([places for places, _ in walks]), np.concatenate(go_on))
    return found


@dataclass(frozen=True, slots=True)
class Sides:
    """For each point of a contour, in Lab: difference across it, distance of its outer and inner side from the fitted ground, the
    steepest step near it, and by how much what is outside, close and further out, is nearer to the product than to the ground."""

    across: F32
    outer: F32
    inner: F32
    steepest: F32
    beyond: F32
    deep: F32


def _sides(slope: tuple[F32, F32], places: F32, reach: float, lab: F32, away: F32) -> Sides:
    inward, shape = _inward(slope, places), away.shape
    one, other = _index(places + inward * reach, shape), _index(places - inward * reach, shape)
    line = [lab[_index(places + inward * offset, shape)] for offset in range(-4, 5)]
    steps = [np.linalg.norm(line[i + 2] - line[i], axis=1) for i in range(len(line) - 2)]
    far = _index(places - inward * (2.5 * reach), shape)
    across, further = (np.asarray(np.linalg.norm(lab[one] - lab[out], axis=1), np.float32) for out in (other, far))
    steepest = np.asarray(np.max(steps, axis=0), np.float32)
    return Sides(across, away[other], away[one], steepest, away[other] - across, away[far] - further)


def _windows(sides: Sequence[Sides]) -> dict[str, float]:
    """The worst stretch of outline: its mean step where what lies outside is not ground, and its mean nearness to the product."""
    faint, own, deep = [], [], []
    for side in sides:
        faint.append(np.where(side.outer > FOREIGN, np.minimum(side.steepest, CLIP), CLIP).astype(np.float32))
        own.append(np.clip(side.beyond, -CLIP, CLIP))
        deep.append(np.clip(np.minimum(side.beyond, side.deep), -CLIP, CLIP))
    return {
        "faint_short": -_highest([-values for values in faint], SHORT),
        "faint_long": -_highest([-values for values in faint], LONG),
        "own_short": _highest(own, SHORT),
        "own_long": _highest(own, LONG),
        "own_deep": _highest(deep, SHORT),
    }


def _highest(walks: Sequence[F32], length: int) -> float:
    """Largest mean over stretches of that many points of any contour that is as long."""
    best = -CLIP
    for values in walks:
        if len(values) >= length:
            around = np.cumsum(np.concatenate(([0.0], values, values[: length - 1])))
            best = max(best, float((around[length:] - around[:-length]).max()) / length)
    return best


def _flat_cut(places: F32, go_on: Bools) -> float:
    """Of the four sides of the product's box: the largest share along which the product touches it and goes on beyond it."""
    low, high = places.min(axis=0), places.max(axis=0)
    spans = np.maximum(high - low, 1)[::-1]
    shares = [
        float((go_on & (np.abs(places[:, axis] - bound[axis]) < 1.5)).sum() / spans[axis])
        for axis in (0, 1)
        for bound in (low, high)
    ]
    return max(shares)


def _areas(view: Thumb, solid: U8, lab: F32, off: F32, away: F32) -> dict[str, float]:
    """What of the photo is not ground but outside, and what is ground but inside; as shares of the product's area."""
    area = float(cv2.countNonZero(solid))
    radius = max(2, round(0.006 * max(solid.shape)))
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    outside = (cv2.dilate(above(view.alpha, 0.1), kernel) == 0) & (away > FOREIGN)
    near = cv2.dilate(solid, np.ones((4 * radius + 1, 4 * radius + 1), np.uint8)) > 0
    missed, largest = _touching(outside, near)
    colour = missed & (np.hypot(off[..., 1], off[..., 2]) > 8)
    ground_like = (solid > 0) & (away < ALIKE)
    band = (solid > 0) & (cv2.erode(solid, kernel, iterations=2) == 0)
    taken, taken_largest = _touching(ground_like, band)
    holes, bays = _openings(solid)
    own = _nearness(solid, lab, away)
    return (
        {
            "hole_area": float(holes.sum()) / area,
            "hole_foreign": float((holes & (away > FOREIGN)).sum()) / area,
            "missed": float(missed.sum()) / area,
            "missed_colour": float(colour.sum()) / area,
            "missed_largest": largest / area,
            "missed_fine": float(_slope(view.rgb)[missed].sum()) / area,
            "taken": float(taken.sum()) / area,
            "taken_largest": taken_largest / area,
            "busy": _busy(away),
        }
        | {f"hole_{name}": value for name, value in _parts(holes, own, area).items()}
        | {f"bay_{name}": value for name, value in _parts(bays, own, area).items()}
    )


def _openings(solid: U8) -> tuple[Bools, Bools]:
    """Holes of the product, and bays: what a closing by a twelfth of its size fills from outside."""
    filled = np.zeros_like(solid)
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(filled, contours, -1, 255, cv2.FILLED)
    size = max(cv2.boundingRect(solid)[2:])
    radius = max(2, size // 48)
    framed = cv2.copyMakeBorder(filled, *(4 * radius,) * 4, cv2.BORDER_CONSTANT, value=0)
    small = cv2.resize(framed, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    closed = cv2.resize(cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel), framed.shape[::-1], interpolation=cv2.INTER_LINEAR)
    inside = closed[4 * radius : -4 * radius, 4 * radius : -4 * radius] > 128
    return (filled > 0) & (solid == 0), inside & (filled == 0)


def _nearness(solid: U8, lab: F32, away: F32) -> F32:
    """For every pixel of the photo: distance from the ground less distance from the nearest product colour."""
    near, weight = spread(lab, (cv2.erode(solid, np.ones((5, 5), np.uint8)) > 0).astype(np.float32), max(solid.shape) // 25)
    return np.asarray(np.where(weight > 0.01, away - np.linalg.norm(lab - near, axis=2), -50.0), np.float32)


def _parts(openings: Bools, own: F32, area: float) -> dict[str, float]:
    """Of the openings that are each at least 0.1 % of the product: share that looks like product, and the one that does most."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(openings.astype(np.uint8), connectivity=8)
    share, worst = 0.0, -50.0
    for part in range(1, count):
        size = float(stats[part, cv2.CC_STAT_AREA])
        if size < 0.001 * area:
            continue
        x, y, w, h = (int(v) for v in stats[part, :4])
        values = own[y : y + h, x : x + w][labels[y : y + h, x : x + w] == part]
        share += float((values > OWN).sum()) / area
        worst = max(worst, float(np.median(values)))
    return {"own": share, "worst": worst}


def _slope(rgb: U8) -> F32:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 255, np.float32)


def _busy(away: F32) -> float:
    height, width = away.shape
    rows, columns = max(1, round(height * BORDER)), max(1, round(width * BORDER))
    ring = np.ones(away.shape, bool)
    ring[rows:-rows, columns:-columns] = False
    return float((away[ring] > FOREIGN).mean())


def _touching(mask: Bools, seeds: Bools) -> tuple[Bools, float]:
    """The connected parts of a mask that meet the seeds, and the pixels of the largest of them."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    chosen = np.unique(labels[mask & seeds])
    chosen = chosen[chosen > 0]
    if not chosen.size:
        return np.zeros_like(mask), 0.0
    return np.isin(labels, chosen), float(stats[chosen, cv2.CC_STAT_AREA].max())


def _inward(slope: tuple[F32, F32], places: F32) -> F32:
    rows, columns = _index(places, slope[0].shape)
    dy, dx = slope[0][rows, columns], slope[1][rows, columns]
    return np.asarray(np.stack((dy, dx), axis=1) / np.maximum(np.hypot(dx, dy), 1e-6)[:, None], np.float32)


def _index(places: F32, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    rows = np.clip(np.rint(places[:, 0]), 0, shape[0] - 1).astype(np.intp)
    return rows, np.clip(np.rint(places[:, 1]), 0, shape[1] - 1).astype(np.intp)


def _longest(flags: Bools) -> float:
    """Length of the longest run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return float((edges[1::2] - edges[::2]).max()) if edges.size else 0.0
