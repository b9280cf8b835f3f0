"""Giving a product another colour and leaving it everything else: texture, shading, gloss.

Worked out per distinct colour in Lab: a matt surface under less light has L* + 16, a* and b* scaled alike (all three follow the
cube root of the light), so shading is a factor. Gloss is light that never entered the pigment: it is added on top and stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.colour import delta_e_2000, hex_to_rgb, lab_to_linear, linear_to_u8, srgb_to_lab
from studio.take import F32, U8
from studio.template import Recolour

F64 = NDArray[np.float64]

PALE = 0.6
"""Share of a source's chroma that a pixel may lack: beyond, it is a grey with a reflection of the colour on it."""
MIDDLE = 50.0
"""Lightness to which colours are brought before their a* and b* are compared."""
BLACK = 16.0
"""Offset of L* in the cube-root law of CIE 1976."""
SLOPE = (0.45, 1.7)
"""How much lightness contrast may shrink or grow: below, texture would vanish; above, noise of dark photos would show."""
GLOSS = 2.5
"""Highlights start so many times the distance from median to 90th percentile above the median lightness."""
SPREAD = 4.0
"""Least such distance, in L*: an evenly lit product has no highlights of its own."""
NEUTRAL = (6.0, 18.0)
"""Chroma up to which a colour counts as grey (its chroma says nothing), and from which its chroma carries all of the change."""
CHROMA = 1.6
"""Most that chroma is multiplied by; what is missing is added with the shading."""
SOFT = 1.5
"""Times the tolerance at which a pixel is outside the region for certain."""
LIGHTNESS = 2.5
"""Times the tolerance by which lightness may depart from the source colour at no cost: shading."""
RICHER = 0.6
"""Part of a surplus of chroma that costs nothing: in folds and hollows a colour lights itself and becomes richer."""
FEW = 1 << 17
"""Pixels below which colours are told apart by sorting: a table of all of them costs more."""
SETTLE, CORE = 3, 0.5
"""Rounds in which a picked source colour moves to the median of what it finds, and the part of the tolerance within which it
looks: a large neighbour of a similar colour must not pull it over."""
ATTEMPTS = ((0.0, 1.0), (0.5, 1.0), (0.8, 1.0), (1.0, 1.0), (1.0, 0.7), (1.0, 0.45), (1.0, 0.25))
"""How far highlights outside the gamut are drawn to the target, and what is left of the contrast; the first that comes close."""
CLOSE = 1.0
"""CIEDE2000 of the median to the target that is close."""
GAMUT = 1.5 / 255
"""How far a target may lie outside sRGB, in linear light, before it is refused."""


@dataclass(frozen=True, slots=True)
class Recoloured:
    """`rgb` uint8 (H, W, 3), `region` float32 (H, W) 0..1, the share of the product in it, and the mean CIEDE2000 that moved."""

    rgb: U8
    region: F32
    share: float
    shift: float


def target_lab(wanted: Recolour) -> F64:
    """The target in Lab (3,). Raises ValueError for a Lab colour that sRGB cannot show."""
    if isinstance(wanted.target, str):
        return np.asarray(srgb_to_lab(np.array(hex_to_rgb(wanted.target), np.uint8)), np.float64)
    lab = np.asarray(wanted.target, np.float64)
    linear = lab_to_linear(lab)
    if linear.min() < -GAMUT or linear.max() > 1 + GAMUT:
        raise ValueError(f"Lab {wanted.target} lies outside sRGB")
    return lab


def recoloured(rgb: U8, alpha: F32, wanted: Recolour) -> Recoloured:
    """The cut-out's colours uint8 (H, W, 3) with the region's median moved to the target; `alpha` float32 (H, W) 0..1.

    The same colour becomes the same colour everywhere inside the region. Share 0 and unchanged colours where nothing of the
    product is in the region.
    """
    target = target_lab(wanted)
    index = np.flatnonzero(alpha > 0)
    pixels, solid = rgb.reshape(-1, 3)[index], alpha.reshape(-1)[index] > 0.5
    colours, where = _distinct(pixels)
    lab = srgb_to_lab(colours).astype(np.float64)
    region = np.zeros(alpha.shape, np.float32)
    region.reshape(-1)[index] = 1.0
    if wanted.source is not None:
        every = np.bincount(where, minlength=len(colours)).astype(np.float64)
        region.reshape(-1)[index] = _alike(lab, every, wanted.source, wanted.tolerance)[where]
        region = _settled(region, alpha > 0)
    weight = region.reshape(-1)[index]
    sure = (weight > 0.9) & solid
    if not sure.any():
        return Recoloured(rgb, np.zeros_like(region), 0.0, 0.0)
    counts = np.bincount(where[sure], minlength=len(colours)).astype(np.float64)
    moved = _aimed(lab, counts, target)
    result = rgb.copy()
    result.reshape(-1, 3)[index] = _mixed(pixels, moved, where, weight)
    away = delta_e_2000(srgb_to_lab(moved), lab)
    return Recoloured(result, region, float(sure.sum() / solid.sum()), float(away @ counts / counts.sum()))


def _mixed(pixels: U8, moved: U8, where: NDArray[np.int32], weight: F32) -> U8:
    """Old and new colours by weight."""
    new = moved[where]
    part = weight < 1
    if part.any():
        old = pixels[part].astype(np.float32)
        new[part] = np.rint(old + (new[part] - old) * weight[part][:, None]).astype(np.uint8)
    return new


def _distinct(pixels: U8) -> tuple[U8, NDArray[np.int32]]:
    """The colours that occur in (n, 3), in order, and the place of every pixel's colour among them."""
    wide = pixels.astype(np.int32)
    packed = wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]
    if packed.size < FEW:
        found, places = np.unique(packed, return_inverse=True)
    else:
        table = np.zeros(1 << 24, np.int32)
        table[packed] = 1
        found = np.flatnonzero(table).astype(np.int32)
        table[found] = np.arange(found.size, dtype=np.int32)
        places = table[packed]
    return np.stack([found >> 16, found >> 8 & 255, found & 255], axis=-1).astype(np.uint8), places.astype(np.int32)


def _alike(lab: F64, counts: F64, source: str, tolerance: float) -> F32:
    """0..1 for colours (n, 3): how much they are the source colour. A source that was picked a little off, or in the shade, is
    first brought to the median of what it finds, within the tolerance."""
    picked = srgb_to_lab(np.array(hex_to_rgb(source), np.uint8)).astype(np.float64)
    centre = picked
    for _ in range(SETTLE):
        found = counts * _likeness(lab, centre, CORE * tolerance)
        if found.sum() < 1:
            break
        centre = _median(lab, found)
        away = centre - picked
        centre = picked + away * min(1.0, tolerance / max(float(np.linalg.norm(away)), 1e-6))
    return _likeness(lab, centre, tolerance)


def _likeness(lab: F64, source: F64, tolerance: float) -> F32:
    """0..1 for colours (n, 3): how much they are the source colour (3,), in light or in shade."""
    mine = complex(source[1], source[2]) * (MIDDLE + BLACK) / (max(source[0], 4.0) + BLACK)
    away = (lab[:, 1] + 1j * lab[:, 2]) * (MIDDLE + BLACK) / (np.maximum(lab[:, 0], 4.0) + BLACK) - mine
    coloured = float(_step(np.asarray(abs(mine)), NEUTRAL))
    along = away * mine.conjugate() / max(abs(mine), 1e-6)
    poorer = max(1.0, coloured * tolerance / max(PALE * abs(mine), 1e-6))
    chroma = np.where(along.real > 0, along.real * (1 - RICHER * coloured), along.real * poorer)
    colour = np.hypot(chroma, along.imag)
    free = tolerance * (0.6 + LIGHTNESS * coloured)
    distance = np.hypot(colour, np.maximum(0.0, np.abs(lab[:, 0] - source[0]) - free))
    return (1 - _step(distance, (tolerance, SOFT * tolerance))).astype(np.float32)


def _settled(region: F32, product: NDArray[np.bool_]) -> F32:
    """The region without single pixels in or out of it, soft by a pixel at its border, inside the product only."""
    calm = cv2.medianBlur(np.rint(region * 255).astype(np.uint8), 3).astype(np.float32) / np.float32(255)
    return np.where(product, cv2.GaussianBlur(calm, (3, 3), 0.7), np.float32(0)).astype(np.float32)


def _aimed(lab: F64, counts: F64, target: F64) -> U8:
    """Colours (n, 3) as levels whose median, weighted by `counts`, is the target, with as much light and shade as the gamut
    leaves room for.

    Near a corner of sRGB highlights of the target lie outside it. Brought in at their own lightness they lose colour, and the
    median with them; so they are drawn towards the target instead, no further than the median needs, and in the end contrast
    gives way too.
    """
    tried: list[tuple[float, U8]] = []
    for draw, contrast in ATTEMPTS:
        moved = linear_to_u8(_fitted(_shifted(lab, counts, target, contrast), target, draw))
        tried.append((float(delta_e_2000(_median(srgb_to_lab(moved).astype(np.float64), counts), target)), moved))
        if tried[-1][0] < CLOSE:
            break
    return min(tried, key=itemgetter(0))[1]


def _median(lab: F64, counts: F64) -> F64:
    """Median by axis of colours (n, 3), weighted."""
    return np.array([_quantile(lab[:, axis], counts, 0.5) for axis in range(3)])


def _shifted(lab: F64, counts: F64, target: F64, contrast: float) -> F64:
    """Colours (n, 3) moved so that their median, weighted by `counts`, becomes the target; gamut or not."""
    median = _median(lab, counts)
    spread = max(_quantile(lab[:, 0], counts, 0.9) - median[0], SPREAD)
    top = min(median[0] + GLOSS * spread, 100.0)
    gloss = np.maximum(lab[:, 0] - top, 0.0)
    slope = contrast * float(np.clip((target[0] + BLACK) / (median[0] + BLACK), *SLOPE))
    matt = _bent(target[0] + slope * (np.minimum(lab[:, 0], top) - median[0]), target[0])
    highest = float(_bent(np.array([target[0] + slope * (top - median[0])]), target[0])[0])
    light = np.clip(matt + gloss * (100.0 - highest) / max(100.0 - top, 1.0), 0.0, 100.0)
    shade = np.maximum(matt + BLACK, 0.0) / (target[0] + BLACK) * (1 - gloss / max(100.0 - top, 1.0))
    now, then = complex(*median[1:]), complex(*target[1:])
    turn = _turn(now, then)
    chroma = turn * (lab[:, 1] + 1j * lab[:, 2]) + (then - turn * now) * shade
    return np.stack([light, chroma.real, chroma.imag], axis=-1)


def _turn(now: complex, then: complex) -> complex:
    """Factor on chroma: the turn from one hue to the other and its growth, as far as the old chroma can carry it."""
    carried = float(_step(np.asarray(abs(now)), NEUTRAL))
    full = then / now if abs(now) > 1e-6 else 0j
    if abs(full) > CHROMA:
        full *= CHROMA / abs(full)
    return carried * full + (1 - carried) * min(1.0, abs(then) / max(abs(now), 1e-6))


def _bent(values: F64, target: float) -> F64:
    """Lightness around the target, bent on both sides so that it comes near 0 and 100 and never gets there."""
    up, down = max(100.0 - target, 1e-6), max(target, 1e-6)
    above, below = np.maximum(values - target, 0.0), np.maximum(target - values, 0.0)
    return np.asarray(target + up * (1 - np.exp(-above / up)) - down * (1 - np.exp(-below / down)))


def _fitted(lab: F64, target: F64, draw: float) -> F64:
    """Linear sRGB (n, 3) of Lab colours. What lies outside moves towards the grey of its own lightness until it fits; what is
    lighter than the target moves towards the target instead, by `draw` 0 .. 1."""
    scale, step = np.ones(len(lab)), 0.5
    grey = lab * (1.0, 0.0, 0.0)
    lighter = np.where(lab[:, 0] > target[0], draw, 0.0)[:, None]
    grey += (target - grey) * lighter
    outside = ~_inside(lab_to_linear(lab))
    scale[outside] = 0.0
    while outside.any() and step > 1 / 128:
        tried = scale + np.where(outside, step, 0.0)
        fits = _inside(lab_to_linear(grey + (lab - grey) * tried[:, None]))
        scale = np.where(fits & outside, tried, scale)
        step /= 2
    return lab_to_linear(grey + (lab - grey) * scale[:, None])


def _inside(linear: F64) -> NDArray[np.bool_]:
    return np.asarray((linear.min(axis=1) >= -GAMUT) & (linear.max(axis=1) <= 1 + GAMUT))


def _quantile(values: F64, counts: F64, share: float) -> float:
    """Weighted quantile."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(counts[order])
    return float(values[order[np.searchsorted(total, share * total[-1])]])


def _step(values: NDArray[np.floating], ends: tuple[float, float]) -> F64:
    """0 below the first end, 1 above the second, a smooth rise between."""
    t = np.clip((np.asarray(values, np.float64) - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t))
