"""A picture and its foreground to a `Reading`."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.colour import srgb_to_lab, u8_to_linear
from studio.imaging.light import black_body
from studio.imaging.reference.key_light import LUMINANCE, SURE, WORK_PX, bodies, key_light, pieces
from studio.imaging.reference.palette import palette_of
from studio.imaging.reference.set_parts import DARK, Mask, free_of, horizon_of, kind_of, parts_of
from studio.reading import Reading
from studio.take import F32, U8
from studio.template import Light

HARDEST, SOFT, FADES = 0.2, 0.95, 0.5
"""Softness of a light whose shadows are d deep (logarithm): HARDEST + SOFT exp(-d / FADES). Small sources throw deep shadows;
fitted to 35 pictures with lamps of known size over distance."""
NEAR, LOW = 0.15, 0.55
"""Shadows are looked for this close to things (part of the longer side), and from this part of the foreground's height down."""
WARMTHS = np.geomspace(2500, 11000, 60)
LOOSE, UPRIGHT, COMPACT = 0.62, 0.5, 0.6
"""A piece that fills less of its box than this is an arrangement; what is taller than this part of it, and fills its own box,
is what the arrangement is about."""
CENTRAL = 0.08
"""Twice the variance, in widths squared, of where subjects stand around the middle."""
OWN = 0.5
"""Part of the set's colour that is taken for the light's: the rest is paint."""


def read_picture(rgb: U8, seen: F32) -> Reading:
    """Everything about sRGB uint8 (H, W, 3) with the foreground map float32 (H, W) 0..1. Works on 200 px, deterministic."""
    small, there = _reduced(rgb, seen)
    free = free_of(there)
    horizon = horizon_of(small, free)
    wall, floor = parts_of(small, free, horizon)
    found, depth = key_light(small, there), shadow_depth(small, there)
    lab = srgb_to_lab(small)[free]
    dark, key, bright = (float(value) for value in np.percentile(lab[:, 0], [5, 50, 95]))
    return Reading(
        palette=palette_of(small, free),
        light=Light(
            azimuth_deg=found.azimuth_deg,
            elevation_deg=found.elevation_deg,
            softness=round(min(1.0, HARDEST + SOFT * float(np.exp(-depth / FADES))), 3),
            temperature_k=temperature_of(small, free),
            ratio=round(float(np.clip(np.exp(depth), 1.0, 12.0)), 3),
        ),
        certainty=round(found.certainty, 3),
        key=round(key, 2),
        contrast=round(bright - dark, 2),
        chroma=round(float(np.hypot(lab[:, 1], lab[:, 2]).mean()), 2),
        kind=kind_of(small, free, wall, floor),
        horizon=None if floor is None else horizon,
        box=subject_box(small, there),
        wall=wall,
        floor=floor,
    )


def shadow_depth(rgb: U8, seen: F32) -> float:
    """How deep the shadows beside the foreground are: natural logarithm of the ground's light over theirs, 0 or more."""
    there = (seen > 0.5).astype(np.uint8)
    rows = np.flatnonzero(there.any(axis=1))
    if not rows.size:
        return 0.0
    reach = round(NEAR * max(seen.shape)) * 2 + 1
    around = cv2.dilate(there, np.ones((reach, reach), np.uint8)) > 0
    around &= cv2.dilate(there, np.ones((5, 5), np.uint8)) == 0
    around[: round(rows[0] + LOW * (rows[-1] - rows[0]))] = False
    if around.sum() < 20:
        return 0.0
    level = cv2.GaussianBlur(np.log(u8_to_linear(rgb) @ LUMINANCE + DARK), (0, 0), 1.0)[around]
    return max(0.0, float(np.percentile(level, 80) - np.percentile(level, 3)))


def temperature_of(rgb: U8, free: Mask) -> float:
    """Colour temperature in K whose light, half balanced away, tints a set half as much as its brighter half is tinted."""
    light = u8_to_linear(rgb)[free]
    level = light @ LUMINANCE
    mean = light[level >= np.median(level)].mean(axis=0)
    ratio = OWN * float(np.log((mean[2] + DARK) / (mean[0] + DARK)))
    neutral = black_body(5500.0)
    told = [0.5 * float(np.log((c := black_body(float(k)) / neutral)[2] / c[0])) for k in WARMTHS]
    return round(float(WARMTHS[int(np.argmin(np.abs(np.array(told) - ratio)))]))


def subject_box(rgb: U8, seen: F32) -> tuple[float, float, float, float] | None:
    """x, y, width, height (0..1) of what the picture is about: the large, tall, central piece of the foreground; of a loose
    arrangement the upright thing in it."""
    height, width = seen.shape
    whole = pieces(seen > SURE)
    if not whole:
        return None
    main = max(whole, key=_weight)
    x, y, w, h = _bounds(main)
    if float(main.sum()) < LOOSE * w * h:
        inner = [body for body in bodies(rgb, seen) if main[body].all() and not np.array_equal(body, main)]
        upright = [body for body in inner if _bounds(body)[3] > UPRIGHT * h and body.sum() > COMPACT * np.prod(_bounds(body)[2:])]
        x, y, w, h = _bounds(max(upright, key=_weight)) if upright else (x, y, w, h)
    return x / width, y / height, w / width, h / height


def _weight(body: Mask) -> float:
    x, _, w, h = _bounds(body)
    off = ((x + w / 2) / body.shape[1] - 0.5) ** 2 / CENTRAL
    return float(np.sqrt(body.sum()) * h * np.exp(-off))


def _bounds(body: Mask) -> tuple[int, int, int, int]:
    x, y, w, h = cv2.boundingRect(body.astype(np.uint8))
    return int(x), int(y), int(w), int(h)


def _reduced(rgb: U8, seen: F32) -> tuple[U8, F32]:
    scale = WORK_PX / max(rgb.shape[:2])
    size = max(8, round(rgb.shape[1] * scale)), max(8, round(rgb.shape[0] * scale))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(rgb, size, interpolation=kind), np.uint8)
    return small, np.asarray(np.clip(cv2.resize(seen, size, interpolation=cv2.INTER_AREA), 0, 1), np.float32)
