"""Reading a worn garment's photo: where the mannequin surely is, where the garment surely is, and what is likely either."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.errors import MissingInput
from studio.imaging.backdrop import Ground
from studio.imaging.colour import srgb_to_lab
from studio.take import F32, U8

Mask = NDArray[np.bool_]

SHOULDER = 0.6
"""The first row, from the top, that is this share of the figure's breadth wide is at the shoulders."""
UPPER = 0.6
"""Share of the figure's height in which its breadth is measured: a flared hem below does not count."""
NECK_MIN = 0.05
"""Share of the figure's height above the shoulders from which there is a neck."""
SURE_NECK = 0.55
"""Upper share of the neck that no collar reaches."""
LIGHT_WEIGHT = 0.35
"""Lightness against chroma when colours are compared: shading changes lightness."""
TONED = np.float32(0.9), np.float32(1.3)
"""How far chroma is brought to one lightness: all the way, dark colours would be noise."""
EQUAL, LIKE, UNLIKE = 3.0, 6.0, 11.0
"""Distance of toned colours: below the first two a pixel has the mannequin's colour or one like it, above the last it has not."""
CELL, FAIR = 2.0, 0.01
"""Side of the cells in which the neck's colours are counted, and the share of it from which a cell counts."""
DARK = np.float32(0.05)
SHADOW_CHROMA = 0.03
"""A shadow on the ground scales the channels within this of each other."""
SURELY_NOT = 0.03
BRIDGE = 0.03
"""Stripes of the mannequin's colour up to twice this share of the figure belong to the cloth around them."""
INNER, ENOUGH = 0.025, 0.06
"""How far inside the cloth the garment is sure, as a share of the figure's size, and how much of the figure that must be."""
DISTINCT, CERTAIN = 0.1, 0.02
"""Where less of the sure garment than this has colours like the mannequin's, what has them outside the cloth is mannequin; where
less than this has the same, whatever has them is."""
TELLING = 0.6
"""When more of the body than this has the neck's colour, the colour tells nothing."""
THROUGH, MIN_THROUGH, MAX_THROUGH = 12.0, 0.005, 0.4
"""Distance up to which a colour is the lining's, seen through a clear neck, and which shares of the figure that may be."""
THROUGH_WEIGHT = np.array([0.7, 1, 1], np.float32)
AWAY = 0.04
"""Beyond this share of the figure's size around it, all is ground."""
SAME, OTHER = 3.0, 8.0
"""CIEDE76, lightness at half: below the first the bare mannequin's photo shows the same thing, above the second another."""
ELSEWHERE = 0.25
"""Share of the ground that may differ in the bare mannequin's photo."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Masks bool (h, w) on one grid. `rest` is surely no garment, `core` surely is; `likely` is the first guess for the others.
    `like` has the mannequin's colours, `equal` just the same ones, `ground` the ground's; `hidden` lies behind the neckline,
    whatever its colours; `seen` is the network's cut-out."""

    rest: Mask
    core: Mask
    likely: Mask
    like: Mask
    equal: Mask
    ground: Mask
    hidden: Mask
    seen: Mask


def figure_of(
    small: U8,
    lab: F32,
    seen: F32,
    plain: Ground | None,
    *,
    colour: tuple[int, int, int] | None = None,
    differs: tuple[Mask, Mask] | None = None,
    lining: F32 | None = None,
) -> Figure:
    """Read a photo, sRGB uint8 (h, w, 3) and its L*a*b* float32 (h, w, 3), with the cut-out of garment and mannequin `seen`,
    float32 (h, w) 0..1.

    `plain` is the photo's ground where that is plain, `colour` the mannequin's sRGB where somebody knows it, `differs` the masks
    of `hint_of`, `lining` the inside's L*a*b*, for a mannequin that is clear.
    """
    around = _around(_largest(seen > 0.5))
    figure = _largest((seen > 0.5) | (around & _other(small, plain)))
    top, shoulder = neck_rows(figure)
    neck = figure.copy()
    neck[top + max(2, round(SURE_NECK * (shoulder - top))) :] = False
    has_neck = shoulder - top > NECK_MIN * np.ptp(np.flatnonzero(figure.any(axis=1)))
    neck &= has_neck
    ground = np.zeros_like(figure) if plain is None else plain.gap < 2 * plain.least
    tone = toned(lab)
    known = _teachers(tone, neck, colour) if lining is None else np.zeros((0, 3), np.float32)
    distance = _distance(tone, known)
    like, equal = distance < LIKE, distance < EQUAL
    body = figure.copy()
    body[:shoulder] = False
    bare = _bare(like & figure, neck, body)
    cloth = _cloth((distance > UNLIKE) & ~ground & body, figure, bare)
    core = core_of(figure, cloth, shoulder)
    distinct = bool((like & core).sum() < DISTINCT * core.sum())
    if not distinct:
        bare = _bare(equal & figure, neck, body)
    rest = ~around | neck | (_eroded(ground & (seen < SURELY_NOT), 2) if plain is not None else False)
    if distinct:
        rest |= _opened(like & figure & ~cloth)
    if (equal & core).sum() < CERTAIN * core.sum():
        rest |= _opened(equal & figure) & ~core
    likely = figure & (cloth | (distance > ((LIKE + UNLIKE) / 2 if distinct else EQUAL))) & ~bare
    if differs is not None:
        same, other = differs
        cloth = _cloth(_opened(other & figure), figure, neck)
        rest |= _eroded(same & ~cloth, 2)
        core |= _eroded(cloth, 3)
        likely = cloth | (likely & ~same)
        like = same & figure & ~ground & ~cloth
    hidden = np.zeros_like(figure)
    if lining is not None:
        behind, hidden = _behind(lab, figure, lining)
        rest |= behind
        core &= ~_dilated(hidden, 3)
    rest &= ~core
    return Figure(rest, core, likely | core, like, equal, ground, hidden, figure)


def neck_rows(figure: Mask) -> tuple[int, int]:
    """First row of the figure and the row of its shoulders."""
    breadth = figure.sum(axis=1)
    rows = np.flatnonzero(breadth)
    top, height = int(rows[0]), int(rows[-1] - rows[0] + 1)
    widest = breadth[top : top + max(1, round(UPPER * height))].max()
    return top, top + int(np.argmax(breadth[top:] > SHOULDER * widest))


def _bare(like: Mask, neck: Mask, body: Mask) -> Mask:
    """What hangs on the neck in its colours; just the neck where that would be most of the body."""
    found = _reached(like, neck)
    return found if (found & body).sum() < TELLING * body.sum() else neck


def _cloth(other: Mask, figure: Mask, bare: Mask) -> Mask:
    """What has other colours, with the stripes of the mannequin's colour between."""
    return _closed(other, max(4, round(BRIDGE * max(figure.shape)))) & figure & ~bare


def core_of(figure: Mask, cloth: Mask, shoulder: int) -> Mask:
    """Where the garment surely is: the inner part of what has other colours than mannequin and ground; where there is hardly
    any such thing, the middle of the chest."""
    inner = _eroded(_largest(cloth), max(2, round(INNER * max(figure.shape))))
    if inner.sum() > ENOUGH * figure.sum():
        return inner
    columns = np.flatnonzero(figure[shoulder])
    wide, middle = int(np.ptp(columns)) + 1, int(columns.mean())
    chest = np.zeros_like(figure)
    chest[shoulder + round(0.6 * wide) : shoulder + round(0.9 * wide), middle - wide // 6 : middle + wide // 6] = True
    return chest & figure


def hint_of(lab: F32, bare: F32, seen: F32) -> tuple[Mask, Mask]:
    """Where the photo shows the same as the bare mannequin's, and where surely something else. Raises MissingInput when the two
    were not taken from one place."""
    weight = np.array([0.5, 1, 1], np.float32)
    outside = ~_around(seen > 0.5)
    shift = np.median((lab - bare)[outside], axis=0) if outside.any() else np.zeros(3, np.float32)
    gap = np.sqrt((((cv2.GaussianBlur(lab - bare, (0, 0), 0.8) - shift) * weight) ** 2).sum(axis=-1))
    if outside.any() and float((gap[outside] > OTHER).mean()) > ELSEWHERE:
        raise MissingInput("the bare mannequin's photo shows another place: take it with the same camera, light and framing")
    return gap < SAME, gap > OTHER


def toned(lab: F32) -> F32:
    """L*a*b* -> what shading changes little: lightness at little weight, and a*, b* much as they would be at L* 75."""
    level = lab[..., :1]
    return np.concatenate([level * LIGHT_WEIGHT, lab[..., 1:] * np.clip(91 / (level + 16), *TONED)], axis=-1).astype(np.float32)


def common_tones(tones: F32) -> F32:
    """The colours, of (N, 3) toned ones, that a fair part of them has."""
    cells, counts = np.unique(np.round(tones / CELL).astype(np.int32), axis=0, return_counts=True)
    return cells[counts >= FAIR * max(1, len(tones))].astype(np.float32) * np.float32(CELL)


def _teachers(tone: F32, neck: Mask, colour: tuple[int, int, int] | None) -> F32:
    """Toned colours (N, 3) of the mannequin: what stands at the top, and what somebody said."""
    told = [] if colour is None else [toned(srgb_to_lab(np.array([[colour]], np.uint8))).reshape(-1, 3)]
    return np.concatenate([*told, common_tones(tone[_eroded(neck, 2)])])


def _behind(lab: F32, figure: Mask, lining: F32) -> tuple[Mask, Mask]:
    """What of the figure is seen through the neck of a clear mannequin: the lining, by its colours in the upper middle, and with
    it all that lies above."""
    rows, columns = np.flatnonzero(figure.any(axis=1)), np.flatnonzero(figure.any(axis=0))
    upper = np.zeros_like(figure)
    wide = len(columns)
    upper[rows[0] : rows[0] + len(rows) // 2, columns[0] + wide // 5 : columns[0] + wide - wide // 5] = True
    found = _largest(_opened((np.sqrt((((lab - lining) * THROUGH_WEIGHT) ** 2).sum(axis=-1)) < THROUGH) & figure & upper))
    if not MIN_THROUGH * figure.sum() < found.sum() < MAX_THROUGH * figure.sum():
        return np.zeros_like(figure), np.zeros_like(figure)
    seen = _opened(_without_holes(found))
    above: Mask = np.maximum.accumulate(seen[::-1], axis=0)[::-1]
    return seen, above


def _without_holes(mask: Mask) -> Mask:
    """A mask with what it encloses."""
    _, labels = cv2.connectedComponents(np.pad(~mask, 1, constant_values=True).astype(np.uint8), connectivity=4)
    filled: Mask = (labels != labels[0, 0])[1:-1, 1:-1]
    return filled


def _reached(mask: Mask, seeds: Mask) -> Mask:
    """The parts of a mask that touch the seeds, and the seeds."""
    _, labels = cv2.connectedComponents((mask | seeds).astype(np.uint8), connectivity=4)
    touched = np.zeros(int(labels.max()) + 1, bool)
    touched[labels[seeds]] = True
    touched[0] = False
    found: Mask = touched[labels]
    return found


def _other(small: U8, plain: Ground | None) -> Mask:
    """What differs from a plain ground, and not as a shadow does: shadows scale all channels alike."""
    if plain is None:
        return np.zeros(small.shape[:2], bool)
    ratio = (small.astype(np.float32) / np.float32(255) + DARK) / (plain.colour + DARK)
    shadow = (np.ptp(ratio, axis=-1) < SHADOW_CHROMA) & (ratio.max(axis=-1) < 1)
    found: Mask = _opened((plain.gap > 2 * plain.least) & ~shadow)
    return found


def _distance(tone: F32, known: F32) -> F32:
    """Smallest distance to the known toned colours, float32 (h, w); 1000 where none is known."""
    best = np.full(tone.shape[:2], np.float32(1e6))
    for cell in known:
        np.minimum(best, ((tone - cell) ** 2).sum(axis=-1), out=best)
    return np.sqrt(best)


def _around(figure: Mask) -> Mask:
    """The figure with its bays filled, and room."""
    reach = max(3, round(AWAY * max(figure.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(_closed(figure, 2 * reach).astype(np.uint8), kernel) > 0, bool)


def _closed(mask: Mask, radius: int) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = np.pad(mask.astype(np.uint8), radius)
    return np.asarray(cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[radius:-radius, radius:-radius] > 0, bool)


def _opened(mask: Mask) -> Mask:
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0, bool)


def _eroded(mask: Mask, radius: int) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.erode(mask.astype(np.uint8), kernel) > 0, bool)


def _dilated(mask: Mask, radius: int) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)) > 0, bool)


def _largest(mask: Mask) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    found: Mask = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return found
