"""What is around the product in the delivered picture, without knowing what should be there: lettering, frames, a second
product, a product that goes on over its outline."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.colour import srgb_to_lab
from studio.qa.subject import Subject
from studio.qa.thumb import spread
from studio.take import F32, U8

SIDE = 400
"""Long side at which the surroundings are looked at."""
TWIN = 160
"""Long side at which the product is looked for a second time."""
SIZES = (0.85, 1.0, 1.11)
"""Sizes of the second product, over the first."""
MARK = 8.0
"""Step of lightness against the neighbourhood from which something is drawn there."""
NAMES = (
    *("fine_p50", "fine_p95", "fine_p99", "fine_p999", "fine_peak"),
    *("patch_max", "patch_over", "marks", "marks_area", "marks_wide", "colour_p99", "colour_peak", "frame_min", "frame_max"),
    *("ring", "ring_p90", "ring_share", "ring_worst", "twin", "twin_far", "twin_energy"),
)


def surroundings(subject: Subject) -> dict[str, float]:
    """Steps in Lab, shares and correlations; NaN where the canvas has no room around the product."""
    rgb, alpha = _small(subject.final.rgb, SIDE), _plane(subject.placed.alpha, SIDE)
    near = cv2.dilate((alpha > 0.01).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    if not (~near).sum() > 500 or not (alpha > 0.5).any():
        return dict.fromkeys(NAMES, float("nan"))
    lab = np.asarray(srgb_to_lab(rgb), np.float32)
    shade = subject.take.shade
    dark = np.zeros_like(alpha) if shade is None else _plane(shade, SIDE)
    return _drawn(lab, ~near) | _frame(lab, near) | _ring(lab, alpha, dark) | _twin(subject)


def _drawn(lab: F32, free: F32) -> dict[str, float]:
    """Fine structure of the ground, and how much of it stands out in one place."""
    ground = free.astype(np.float32)
    base, _ = spread(lab, ground, 6)
    fine = np.where(free, np.linalg.norm(lab - base, axis=2), 0).astype(np.float32)
    values = fine[free]
    p50, p95, p99, p999 = (float(np.percentile(values, p)) for p in (50, 95, 99, 99.9))
    patches = cv2.boxFilter(fine, -1, (41, 13))[free]
    _, _, stats, _ = cv2.connectedComponentsWithStats((fine > MARK).astype(np.uint8), connectivity=8)
    parts = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= 4]
    chroma = np.hypot(lab[..., 1], lab[..., 2])[free]
    return {
        "fine_p50": p50,
        "fine_p95": p95,
        "fine_p99": p99,
        "fine_p999": p999,
        "fine_peak": (p999 + 1) / (p50 + 1),
        "patch_max": float(patches.max()),
        "patch_over": float((patches.max() + 0.5) / (np.percentile(patches, 75) + 0.5)),
        "marks": float(len(parts)),
        "marks_area": float((fine > MARK).sum()) / values.size,
        "marks_wide": float(parts[:, cv2.CC_STAT_WIDTH].max()) / SIDE if len(parts) else 0.0,
        "colour_p99": float(np.percentile(chroma, 99.5) - np.median(chroma)),
        "colour_peak": float(chroma.max() - np.percentile(chroma, 95)),
    }


def _frame(lab: F32, near: F32) -> dict[str, float]:
    """Steepest line parallel to each side within 6 % of it: steep on all four sides is a frame."""
    light, depth, found = lab[..., 0], max(4, round(0.06 * SIDE)), []
    for turn in range(4):
        plane, hidden = np.rot90(light, turn), np.rot90(near, turn)
        step = np.abs(np.diff(plane[:depth], axis=0))
        step[hidden[1:depth]] = np.nan
        with np.errstate(all="ignore"):
            known = np.isfinite(step).sum(axis=1) > 0.3 * step.shape[1]
        found.append(float(np.nanmean(step[known], axis=1).max()) if known.any() else 0.0)
    return {"frame_min": sorted(found)[1], "frame_max": max(found)}


def _ring(lab: F32, alpha: F32, dark: F32) -> dict[str, float]:
    """Colour close outside the outline against the ground further out, where no shadow lies."""
    names = ("ring", "ring_p90", "ring_share", "ring_worst")
    solid = (alpha > 0.02).astype(np.uint8)
    distance, clear = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 3), dark < 0.04
    close, far = (distance > 3) & (distance <= 10) & clear, (distance > 24) & (distance <= 60) & clear
    if close.sum() < 60 or far.sum() < 60:
        return dict.fromkeys(names, float("nan"))
    mean, weight = spread(lab, far.astype(np.float32), 40)
    known = close & (weight > 0.005)
    if known.sum() < 60:
        return dict.fromkeys(names, float("nan"))
    away = np.linalg.norm(lab[known] - mean[known], axis=1)
    map_ = np.zeros(alpha.shape, np.float32)
    map_[known] = away
    local = cv2.boxFilter(map_, -1, (21, 21)) / np.maximum(cv2.boxFilter(known.astype(np.float32), -1, (21, 21)), 0.05)
    return {
        "ring": float(away.mean()),
        "ring_p90": float(np.percentile(away, 90)),
        "ring_share": float((away > 10).mean()),
        "ring_worst": float(local[known].max()),
    }


def _twin(subject: Subject) -> dict[str, float]:
    """Best correlation of the product's own edges, at several sizes, with edges outside it; `twin_far`: away from its place."""
    final, alpha = _small(subject.final.rgb, TWIN), _plane(subject.placed.alpha, TWIN)
    own = _slopes(_small(subject.placed.rgb, TWIN)) * (alpha > 0.5)
    outer = cv2.dilate((alpha > 0.02).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    seen = np.minimum(_slopes(final), 40) * outer
    energy = float(np.sqrt((seen**2).sum()))
    if energy < 20 or not own.any():
        return {"twin": 0.0, "twin_far": 0.0, "twin_energy": energy}
    best, far, match = 0.0, 0.0, _Match(seen, outer.astype(np.float32))
    for size in SIZES:
        scores = match.scores(_resized(np.minimum(own, 40), size))
        best, far = max(best, float(scores.max())), max(far, float(scores[match.shifts > 0.1 * TWIN].max(initial=0.0)))
    return {"twin": best, "twin_far": far, "twin_energy": energy}


class _Match:
    """Edges seen outside the product, compared with its own at every shift."""

    def __init__(self, seen: F32, outer: F32) -> None:
        self._shape = tuple(2 * side for side in seen.shape)
        self._seen, self._outer = np.fft.rfft2(seen, self._shape), np.fft.rfft2(outer, self._shape)
        self._energy = float(np.sqrt((seen**2).sum()))
        dy, dx = np.meshgrid(*(np.minimum(np.arange(n), n - np.arange(n)) for n in self._shape), indexing="ij")
        self.shifts = np.hypot(dy, dx)

    def scores(self, own: F32) -> F32:
        """Correlation for every shift, 0..1, counting of the product's edges only what falls outside it."""
        joint = np.fft.irfft2(self._seen * np.conj(np.fft.rfft2(own, self._shape)), self._shape)
        shown = np.fft.irfft2(self._outer * np.conj(np.fft.rfft2(own**2, self._shape)), self._shape)
        least = 0.06 * float((own**2).sum())
        return np.asarray(joint / (np.sqrt(np.maximum(shown, least)) * self._energy + 1e-6), np.float32)


def _slopes(rgb: U8) -> F32:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 4, np.float32)


def _resized(plane: F32, size: float) -> F32:
    """A plane enlarged about its upper left corner; the shift is found by the match."""
    across = np.array([[size, 0, 0], [0, size, 0]], np.float32)
    return np.asarray(cv2.warpAffine(plane, across, plane.shape[::-1]), np.float32)


def _small(rgb: U8, side: int) -> U8:
    scale = side / max(rgb.shape[:2])
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _plane(plane: F32, side: int) -> F32:
    scale = side / max(plane.shape)
    size = max(1, round(plane.shape[1] * scale)), max(1, round(plane.shape[0] * scale))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
