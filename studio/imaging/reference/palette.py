"""Main colours of a picture: k-means in CIE Lab, started without chance."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.colour import delta_e_2000, hex_to_rgb, lab_to_linear, linear_to_u8, srgb_to_lab
from studio.reading import Tone
from studio.take import F32, U8

COLOURS = 7
MAIN = 3
"""Of them are compared."""
WORK_PX = 160
ROUNDS = 25
FAR = 0.90
"""The next centre starts where this share of the pixels lies closer to those there are: outliers start none."""
Labels = NDArray[np.intp]


def palette_of(rgb: U8, where: NDArray[np.bool_] | None = None, colours: int = COLOURS) -> tuple[Tone, ...]:
    """Up to `colours` main colours of sRGB uint8 (H, W, 3), the most frequent first; only of pixels `where` (H, W), if given."""
    scale = min(1.0, WORK_PX / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    lab = srgb_to_lab(np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)).reshape(-1, 3)
    if where is not None:
        inside = cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA).reshape(-1) > 0.5
        lab = lab[inside] if inside.any() else lab
    labels, centres = clusters(lab, colours)
    counts = np.bincount(labels, minlength=len(centres))
    order = [index for index in np.argsort(-counts, kind="stable") if counts[index]]
    return tuple(Tone(colour=_hex(centres[i]), share=float(counts[i]) / labels.size) for i in order)


def clusters(points: F32, count: int, far: float = FAR) -> tuple[Labels, F32]:
    """k-means of float32 (n, d): labels (n,) and centres float32 (count, d). Deterministic. `far`: see FAR."""
    centres = [points[((points - points.mean(axis=0)) ** 2).sum(axis=1).argmin()]]
    nearest = ((points - centres[0]) ** 2).sum(axis=1)
    for _ in range(count - 1):
        at = np.argsort(nearest, kind="stable")[int(far * (len(points) - 1))]
        centres.append(points[at])
        nearest = np.minimum(nearest, ((points - points[at]) ** 2).sum(axis=1))
    found = np.stack(centres)
    labels = _closest(points, found)
    for _ in range(ROUNDS):
        sums = np.stack([np.bincount(labels, points[:, axis], count) for axis in range(points.shape[1])], axis=1)
        held = np.bincount(labels, minlength=count)[:, None]
        found = np.where(held > 0, sums / np.maximum(held, 1), found).astype(np.float32)
        again = _closest(points, found)
        if np.array_equal(again, labels):
            break
        labels = again
    return labels, found


def palette_distances(one: tuple[Tone, ...], other: tuple[Tone, ...], main: int = MAIN) -> list[float]:
    """CIEDE2000 of each of `one`'s `main` first colours to the nearest of `other`."""
    theirs = np.stack([lab_of(tone.colour) for tone in other])
    return [float(delta_e_2000(lab_of(tone.colour), theirs).min()) for tone in one[:main]]


def lab_of(colour: str) -> F32:
    """CIE Lab of `#rrggbb`, float32 (3,)."""
    return srgb_to_lab(np.array(hex_to_rgb(colour), np.uint8))


def hex_of(linear: F32) -> str:
    """`#rrggbb` of linear light (3,) 0..1, clipped."""
    return "#" + "".join(f"{int(level):02x}" for level in linear_to_u8(np.asarray(linear, np.float32)))


def _hex(lab: F32) -> str:
    return hex_of(np.asarray(lab_to_linear(lab), np.float32))


def _closest(points: F32, centres: F32) -> Labels:
    square = (centres**2).sum(axis=1)[None, :] - 2 * points @ centres.T
    return np.asarray(square.argmin(axis=1))
