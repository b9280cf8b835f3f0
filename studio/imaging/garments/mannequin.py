"""Which pixels of a worn garment's photo are garment: colours learnt from where the mannequin and the garment surely are, then a
minimum cut along the edges (Rother et al. 2004, "GrabCut"), then the edge at full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.errors import NoProductFound
from studio.imaging.backdrop import Ground, plain_ground
from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.imaging.edge import Trimap, coverage, points
from studio.imaging.garments.figure import Figure, figure_of, hint_of
from studio.imaging.resample import extended
from studio.take import F32, U8, Matte

Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]

WORK_PX = 420
GROUND_PX = 240
"""Longer side of the grid on which the cut is made."""
ROOM = 0.05
ROUNDS = 4
LIGHTNESS, CHROMA = 1.8, 2.6
"""Levels a unit of L* and of a*, b*: shading moves lightness, so that chroma counts more."""
SHADING = 0.12
"""As `edge.SHADING`, and less: garment and mannequin differ in colour, or the cut would not have been found."""
SPECK = 0.002
"""Parts below this share of the garment are dust, or holes that prints make."""
HOLE = 0.03
FINE_PX, BAND = 840, 5
"""Longer side of the grid on which the edge is looked at, and the width there of the band that is doubted."""
SOFT = 1.0
FAINT, SURE, CARRY = 64, 250, 4
"""Levels that count as part of the garment, and as all garment; pixels over which its colour is carried out."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known beside the photo. `bare` uint8 (H, W, 3), of the photo's shape, shows the mannequin without the garment;
    `colour` is the mannequin's sRGB where its neck is not seen; `lining` is the L*a*b* of the inside, for a mannequin that is
    clear."""

    bare: U8 | None = None
    colour: tuple[int, int, int] | None = None
    lining: F32 | None = None


NO_HINTS = Hints()


@dataclass(frozen=True, slots=True)
class Undressed:
    """The garment alone and, uint8 (H, W) 0 or 255, where the mannequin showed. `contrast` is the median CIEDE2000 across the
    line on which the two meet (100 where they never do), `likeness` the share of the garment that has the mannequin's colours."""

    garment: Matte
    mannequin: U8
    contrast: float
    likeness: float


def undress(rgb: U8, cut: Matte, hints: Hints = NO_HINTS) -> Undressed:
    """Take the mannequin out of a cut-out of garment and mannequin; `rgb` uint8 (H, W, 3) sRGB is the photo.

    Alpha is a multiple of 1/255. Raises NoProductFound when no garment is left, MissingInput when `hints.bare` was taken
    otherwise.
    """
    box = _room(cut.alpha)
    x, y, w, h = box
    crop = np.ascontiguousarray(rgb[y : y + h, x : x + w])
    scale = min(1.0, WORK_PX / max(w, h))
    size = max(round(w * scale), 1), max(round(h * scale), 1)
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    seen = cv2.resize(cut.alpha[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)
    lab = srgb_to_lab(small)
    bare = None if hints.bare is None else cv2.resize(hints.bare[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA)
    differs = None if bare is None else hint_of(lab, srgb_to_lab(bare), seen)
    plain = _plain(rgb, cut.alpha, box, size)
    figure = figure_of(small, lab, seen, plain, colour=hints.colour, differs=differs, lining=hints.lining)
    mask = _cleaned(_cut(lab, figure) & ~figure.hidden, figure)
    if not mask.any():
        raise NoProductFound("nothing but mannequin is left of the cut-out")
    levels, own = _edged(crop, mask)
    garment, mannequin = _whole(levels, own, box, cut), _seen_mannequin(mask, figure, box, cut.alpha.shape)
    return Undressed(garment, mannequin, _contrast(lab, mask, figure), float((mask & figure.equal).sum() / mask.sum()))


def _room(alpha: F32) -> Box:
    """The figure's box with room around it, reaching down to where a stand may go on."""
    height, width = alpha.shape
    x, y, w, h = cv2.boundingRect((alpha > 0.1).astype(np.uint8))
    if not w:
        raise NoProductFound("the cut-out is empty")
    room = round(ROOM * max(w, h)) + 8
    left, top = max(0, x - room), max(0, y - room)
    return left, top, min(width, x + w + room) - left, min(height, y + h + room) - top


def _plain(rgb: U8, alpha: F32, box: Box, size: tuple[int, int]) -> Ground | None:
    """The photo's plain ground, learnt from all of it, as it is behind the box; None when it is not plain."""
    height, width = alpha.shape
    scale = min(1.0, GROUND_PX / max(height, width))
    whole = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(rgb, whole, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    found = plain_ground(small, cv2.resize(alpha, whole, interpolation=cv2.INTER_AREA))
    if found is None:
        return None
    x, y, w, h = box
    fx, fy = whole[0] / width, whole[1] / height
    matrix = np.array([[w / size[0] * fx, 0, x * fx], [0, h / size[1] * fy, y * fy]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    colour = cv2.warpAffine(found.colour, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    crop = cv2.resize(rgb[y : y + h, x : x + w], size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    return Ground(colour, np.abs(crop - colour).max(axis=-1), found.least)


def _cut(lab: F32, figure: Figure) -> Mask:
    """The garment on the work grid by minimum cut; hard where the figure says what is sure."""
    mask = np.where(figure.likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    mask[figure.rest] = cv2.GC_BGD
    mask[figure.core] = cv2.GC_FGD
    levels = np.stack([lab[..., 0] * LIGHTNESS, lab[..., 1] * CHROMA + 128, lab[..., 2] * CHROMA + 128], axis=-1)
    cv2.setRNGSeed(0)
    cv2.grabCut(
        np.clip(levels, 0, 255).astype(np.uint8), mask, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    return np.asarray(mask & 1, bool)


def _cleaned(mask: Mask, figure: Figure) -> Mask:
    """Without specks and without the holes that prints of the mannequin's colour make; what hangs on the core stays."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, cross) > 0
    kept = _parts(opened | figure.core, SPECK) | figure.core
    holes = ~kept
    count, labels, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8), connectivity=4)
    area = float(kept.sum())
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    for part in range(1, count):
        if part in border or figure.rest[labels == part].mean() > 0.2:
            continue
        small = stats[part, cv2.CC_STAT_AREA] < SPECK * area
        like = figure.like[labels == part].mean() > 0.5
        if small or (stats[part, cv2.CC_STAT_AREA] < HOLE * area and not like):
            kept = kept | (labels == part)
    return kept


def _parts(mask: Mask, share: float) -> Mask:
    """Without the connected parts that are smaller than a share of the mask."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= share * mask.sum()
    large[0] = False
    kept: Mask = large[labels]
    return kept


def _edged(crop: U8, mask: Mask) -> tuple[U8, U8]:
    """Levels uint8 (h, w) of the garment at full resolution, and its colours freed from mannequin and ground. Looked at on a
    finer grid than the cut's, so that a narrow binding counts as what it is."""
    scale = min(1.0, FINE_PX / max(crop.shape[:2]))
    size = max(round(crop.shape[1] * scale), 1), max(round(crop.shape[0] * scale), 1)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), SOFT)
    soft = cv2.resize(soft, size, interpolation=cv2.INTER_CUBIC).clip(0, 1)
    inside, kernel = (soft > 0.5).astype(np.uint8), np.ones((BAND, BAND), np.uint8)
    trimap = Trimap(cv2.erode(inside, kernel), cv2.erode(1 - inside, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1))
    grid = cv2.resize(crop, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    at = points(cv2.resize(trimap.band, crop.shape[1::-1], interpolation=cv2.INTER_NEAREST), inside.shape)
    colours = at.pick(crop)
    alphas = np.rint(coverage(grid, soft, trimap, at, colours, SHADING) * 255).astype(np.uint8)
    levels = cv2.resize(trimap.product * np.uint8(255), crop.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    levels.reshape(-1)[at.index] = alphas
    levels[~_parts(levels > FAINT, SPECK)] = 0
    return levels, _freed(crop, levels)


def _freed(crop: U8, levels: U8) -> U8:
    """The crop with the colours of the solid garment carried out over its soft edge. What lies behind an edge changes from ground
    to mannequin to shade within a few pixels, too fast to be estimated and taken away."""
    sure = cv2.erode((levels >= SURE).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    x, y, w, h = cv2.boundingRect(cv2.dilate(levels, np.ones((5, 5), np.uint8)))
    part = slice(y, y + h), slice(x, x + w)
    carried = extended(crop[part], np.where(levels[part] >= SURE, np.maximum(sure[part], 0.05), 0).astype(np.float32), CARRY)
    own = crop.copy()
    soft = levels[part] < SURE
    own[part][soft] = carried[soft]
    return own


def _whole(levels: U8, own: U8, box: Box, cut: Matte) -> Matte:
    """The garment at its place in the photo; one flat colour where nothing of it is near."""
    x, y, w, h = box
    solid = (levels > 127).astype(np.uint8)
    if not cv2.countNonZero(solid):
        raise NoProductFound("nothing but mannequin is left of the cut-out")
    near = cv2.dilate((levels > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
    colours = np.empty_like(cut.foreground)
    colours[:] = np.array([round(value) for value in cv2.mean(own, solid)[:3]], np.uint8)
    part = colours[y : y + h, x : x + w]
    part[near > 0] = own[near > 0]
    alpha = np.zeros(cut.alpha.shape, np.float32)
    alpha[y : y + h, x : x + w] = levels.astype(np.float32) / np.float32(255)
    return Matte(alpha, colours, cut.uncertainty, cut.source)


def _seen_mannequin(mask: Mask, figure: Figure, box: Box, shape: tuple[int, ...]) -> U8:
    x, y, w, h = box
    found = _parts(~mask & (figure.like | (figure.seen & ~figure.ground)), SPECK).astype(np.uint8) * np.uint8(255)
    whole = np.zeros(shape, np.uint8)
    whole[y : y + h, x : x + w] = cv2.resize(found, (w, h), interpolation=cv2.INTER_NEAREST)
    return whole


def _contrast(lab: F32, mask: Mask, figure: Figure) -> float:
    """Median CIEDE2000 between garment and mannequin, three grid pixels either side of their common line."""
    other = (~mask & figure.like).astype(np.uint8)
    far, near = np.ones((9, 9), np.uint8), np.ones((3, 3), np.uint8)
    own = mask.astype(np.uint8)
    meets = (cv2.dilate(own, near) & cv2.dilate(other, near)) > 0
    if meets.sum() < 12:
        return 100.0
    means = []
    for side in (cv2.erode(own, near), cv2.erode(other, near)):
        weight = cv2.blur(side.astype(np.float32), far.shape) + np.float32(1e-6)
        means.append(cv2.blur(lab * side[..., None].astype(np.float32), far.shape)[meets] / weight[meets][:, None])
    return float(np.median(delta_e_2000(means[0], means[1])))
