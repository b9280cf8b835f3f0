"""Hard and loose table tops: slate, glazed tile, terrazzo, sand, brushed metal. Each is albedo in linear light, float32
(h, w, 3), from plane coordinates and a seed; relief is drawn as if the light came from the upper left, as on a photographed set.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from studio.imaging.pigment import linear, mixed
from studio.imaging.plane import Plane, fade, smooth
from studio.take import F32

TAU = np.float32(2 * np.pi)

TILE = np.float32(0.185)
"""Side of a tile in canvas widths at the near edge."""
GROUT = np.float32(0.0055)
ASKEW = (0.17, 0.30)
"""How far tiles are turned, in radians: joints that run along the canvas would look like a frame."""

SLAB_PX, SLAB = 1536, np.float32(0.82)
"""Side of the terrazzo slab that is laid again and again, in texels and in canvas widths."""
CHIPS = ((190, 34.0, 58.0), (700, 15.0, 30.0), (2200, 5.0, 12.0))
"""How many chips of which radii (texels) lie in a slab, large first."""
STONES = ("#8a857e", "#a1988c", "#c6b8a4", "#b78d78", "#f5f2ec", "#6e6c6b", "#d3c9ba", "#a3a99f", "#cfc4b2")
CEMENT = "#e4dfd6"

BROAD_PX, FAIR_PX = 420, 1024
"""Widths at which patterns without fine detail, and with some, are worked out; they are enlarged to the canvas's."""


def slate(plane: Plane, seed: int) -> F32:
    """Split stone: thin flakes one over the other, each with a tone and a lit or shaded lip; a fine tooth, a breath of rust."""
    rng = np.random.Generator(np.random.PCG64(seed))
    broad, fair = _broad(plane), _broad(plane, FAIR_PX)
    drift = broad.noise(seed + 1, 1.1, 0.9, 2) * np.float32(0.5)
    cloud = _full(broad.noise(seed + 12, 1.3, 1.0, 3, 0.55) * np.float32(0.20), plane)
    rust = _full(smooth(0.30, 0.80, broad.noise(seed + 16, 1.6, 1.3, 3, 0.6, drift)) * np.float32(0.26), plane)
    height = _full(fair.noise(seed + 2, 1.9, 1.0, 6, 0.56, _full(drift, fair)), plane, cv2.INTER_CUBIC)
    layer = height * np.float32(5.0) + np.float32(16)
    number = np.floor(layer).astype(np.int32)
    step = layer - number
    tones = rng.random(64, np.float32) - np.float32(0.5)
    tone = tones[number % 64] + (tones[(number + 1) % 64] - tones[number % 64]) * smooth(0.42, 0.58, step)
    slope = _slope(height, plane)
    lip = np.exp(-(((step - np.float32(0.5)) / np.float32(0.10)) ** 2)) * np.clip(slope * np.float32(0.07), -0.40, 0.75)
    tooth = plane.noise(seed + 8, 210, 160, 2, 0.75)
    t = np.float32(0.42) + tone * np.float32(0.09) + lip * np.float32(0.46) + tooth * np.float32(0.17)
    t = t + np.clip(slope * np.float32(0.018), -0.17, 0.17) + cloud
    stone = mixed("#2c3034", "#6d7276", np.clip(t, 0, 1.15))
    parts = zip(cv2.split(stone), (0.30, 0.05, -0.16), strict=True)
    return np.asarray(cv2.merge([part * (1 + rust * np.float32(more)) for part, more in parts]), np.float32)


def tile(plane: Plane, seed: int) -> F32:
    """Hand-cut glazed tiles, laid a little askew: every one has its own tone, bow and tilt; rounded edges, pale grout."""
    rng = np.random.Generator(np.random.PCG64(seed))
    broad = _broad(plane)
    wobble = _full(broad.noise(seed + 1, 9, 9), plane) * np.float32(0.0010)
    turn = np.float32(rng.choice((-1, 1)) * rng.uniform(*ASKEW))
    c, s = np.cos(turn), np.sin(turn)
    u = (plane.u * c + plane.v * s + wobble) / TILE + np.float32(rng.uniform(0.3, 0.7))
    v = (plane.v * c - plane.u * s + wobble) / TILE + np.float32(rng.uniform(0.2, 0.8))
    column, row = np.floor(u), np.floor(v)
    lots = rng.random((3, 64, 64), np.float32)
    tone, tilt_u, tilt_v = (lot[row.astype(np.int32) % 64, column.astype(np.int32) % 64] - np.float32(0.5) for lot in lots)
    across, along = (u - column - np.float32(0.5)), (v - row - np.float32(0.5))
    glaze = _full(broad.noise(seed + 2, 5, 5, 3, 0.5), plane)
    bow = across * (tilt_u * np.float32(0.5) - np.float32(0.10)) + along * (tilt_v * np.float32(0.5) + np.float32(0.10))
    t = np.float32(0.60) + tone * np.float32(0.46) + bow * np.float32(0.55) + glaze * np.float32(0.15)
    edges = (np.float32(0.5) - np.abs(across)) * TILE, (np.float32(0.5) - np.abs(along)) * TILE
    rim = np.exp(-np.minimum(*edges) / np.float32(0.0045))
    lit = np.where(np.minimum(*edges) == edges[0], -np.sign(across), np.sign(along))
    glazed = mixed("#c9c9c0", "#f1f0ea", np.clip(t + rim * (lit * np.float32(0.22) - np.float32(0.30)), 0, 1.1))
    joint = 1 - (1 - _line(edges[0], GROUT, np.hypot(plane.du * c, plane.dv * s))) * (
        1 - _line(edges[1], GROUT, np.hypot(plane.dv * c, plane.du * s))
    )
    grit = plane.noise(seed + 5, 260, 260) * np.float32(0.10)
    grout = mixed("#8f8b84", "#bdb8af", np.float32(0.55) + grit)
    return np.asarray(
        cv2.merge([g + (j - g) * joint for g, j in zip(cv2.split(glazed), cv2.split(grout), strict=True)]), np.float32
    )


def terrazzo(plane: Plane, seed: int) -> F32:
    """Marble chips in pale cement, ground flat and polished. Far rows take a smaller copy of the slab, so nothing shimmers."""
    levels = _slab(seed)
    texel = SLAB / np.float32(SLAB_PX)
    wanted = np.log2(np.maximum(np.sqrt(plane.du * plane.dv) / texel, np.float32(1)))[:, 0]
    result = np.empty((*plane.u.shape, 3), np.float32)
    for level, slab in enumerate(levels):
        last = level == len(levels) - 1
        rows = np.flatnonzero((wanted >= level) & ((wanted < level + 1) | last))
        if rows.size:
            part = slice(rows[0], rows[-1] + 1)
            near, far = _laid(slab, plane, part), _laid(levels[min(level + 1, len(levels) - 1)], plane, part)
            share = np.clip(wanted[part] - np.float32(level), 0, 1)[:, None, None]
            result[part] = near + (far - near) * share
    cloud = 1 + _full(_broad(plane).noise(seed + 3, 1.6, 1.3, 2), plane) * np.float32(0.035)
    return np.asarray(cv2.merge([part * cloud for part in cv2.split(result)]), np.float32)


def sand(plane: Plane, seed: int) -> F32:
    """Fine dry sand: low dunes, wind ripples with a steep side, grains and a few dark ones."""
    broad = _broad(plane)
    drift = broad.noise(seed + 1, 1.0, 1.2, 2, 0.5)
    calm = np.float32(0.35) + np.float32(0.65) * smooth(-0.6, 0.5, broad.noise(seed + 4, 1.2, 1.0, 2))
    phase = broad.v * np.float32(6.0) + broad.u * np.float32(1.6) + drift * np.float32(1.5)
    phase = phase + broad.noise(seed + 6, 5, 3, 2) * np.float32(0.12)
    ripple = np.sin(TAU * phase) + np.float32(0.35) * np.sin(2 * TAU * phase + np.float32(0.9))
    ripple = ripple * calm * fade(broad.dv * np.float32(12)) * np.float32(0.15)
    hills = _full(ripple + broad.noise(seed + 8, 0.9, 0.8, 2) * np.float32(0.18), plane)
    grain = plane.noise(seed + 10, 620, 620) * np.float32(0.22) + plane.noise(seed + 11, 250, 250) * np.float32(0.16)
    t = np.float32(0.56) + hills + grain
    dark = smooth(0.66, 0.90, plane.noise(seed + 12, 330, 330))
    return mixed("#a8916f", "#ecdfc6", np.clip(t - dark * np.float32(0.75), -0.25, 1.2))


def metal(plane: Plane, seed: int) -> F32:
    """Brushed steel: hairlines across the table, a tall soft glare where the set's light stands in them, faint smears."""
    lines = plane.noise(seed + 1, 2.2, 520, 1) * np.float32(0.5) + plane.noise(seed + 3, 5.0, 210, 2, 0.8) * np.float32(0.55)
    wide = plane.noise(seed + 6, 0.5, 34, 2) * np.float32(0.35)
    broad = _broad(plane)
    smear = broad.noise(seed + 9, 1.4, 1.8, 3, 0.5)
    glare = np.exp(-(((broad.u + np.float32(0.10) + smear * np.float32(0.05)) / np.float32(0.30)) ** 2))
    second = np.exp(-(((broad.u - np.float32(0.46)) / np.float32(0.12)) ** 2)) * np.float32(0.35)
    t = _full(np.float32(0.28) + (glare + second) * np.float32(0.46) + smear * np.float32(0.05), plane)
    return mixed("#5d6064", "#cfd2d4", np.clip(t + (lines + wide) * np.float32(0.22) * (np.float32(0.5) + t), 0, 1.15))


def _broad(plane: Plane, width_px: int = BROAD_PX) -> Plane:
    """The same plane at a width of about `width_px`, or as it is where it is smaller."""
    height, width = plane.u.shape
    factor = max(1, round(width / width_px))
    if factor == 1:
        return plane
    size, rows = (max(2, width // factor), max(2, height // factor)), (1, max(2, height // factor))
    u, v = (cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in (plane.u, plane.v))
    du, dv = (cv2.resize(part, rows, interpolation=cv2.INTER_AREA).reshape(-1, 1) * factor for part in (plane.du, plane.dv))
    return Plane(np.asarray(u, np.float32), np.asarray(v, np.float32), np.asarray(du), np.asarray(dv))


def _full(part: F32, plane: Plane, kind: int = cv2.INTER_LINEAR) -> F32:
    """A pattern of `_broad` at the plane's own size."""
    height, width = plane.u.shape
    return np.asarray(cv2.resize(part, (width, height), interpolation=kind), np.float32)


def _slope(height: F32, plane: Plane) -> F32:
    """Rise towards the light, in heights a canvas width, over a span that shrinks with the pixels."""
    across = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8) / plane.du
    away = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8) / plane.dv
    return np.asarray(np.float32(0.8) * across + np.float32(0.6) * away, np.float32)


def _line(distance: F32, width: np.float32, pixel: F32) -> F32:
    """How much of each pixel a joint of this width covers, by distance from its middle: 0..1."""
    half = np.maximum(pixel, width / 2)
    return np.asarray(
        np.clip((half - distance) / np.maximum(pixel, width * np.float32(0.2)), 0, 1) * (width / 2 / half), np.float32
    )


def _laid(slab: F32, plane: Plane, rows: slice) -> F32:
    """A slab repeated over rows of the plane."""
    texels = np.float32(slab.shape[0]) / SLAB
    u, v = plane.u[rows] * texels, plane.v[rows] * texels
    return np.asarray(cv2.remap(slab, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)


@lru_cache(maxsize=2)
def _slab(seed: int) -> tuple[F32, ...]:
    """A slab without visible ends, and half-size copies of it."""
    rng = np.random.Generator(np.random.PCG64(seed))
    stones = np.stack([linear(colour) for colour in STONES])
    slab = np.empty((SLAB_PX, SLAB_PX, 3), np.float32)
    slab[:] = linear(CEMENT)
    for count, least, most in CHIPS:
        for _ in range(count):
            colour = stones[rng.integers(len(stones))] * np.float32(rng.uniform(0.88, 1.10))
            _chip(slab, rng, np.float32(rng.uniform(least, most)), tuple(float(c) for c in colour))
    levels = [slab]
    while levels[-1].shape[0] > SLAB_PX // 16:
        half = levels[-1].shape[0] // 2
        levels.append(np.asarray(cv2.resize(levels[-1], (half, half), interpolation=cv2.INTER_AREA), np.float32))
    return tuple(levels)


def _chip(slab: F32, rng: np.random.Generator, radius: np.float32, colour: tuple[float, ...]) -> None:
    """One broken stone: a few corners around a middle, drawn wherever it runs over the slab's ends too."""
    corners = int(rng.integers(5, 9))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = radius * rng.uniform(0.6, 1.0, corners)
    lean, squeeze = rng.uniform(0, np.pi), rng.uniform(0.5, 1.0)
    x, y = np.cos(angles) * reach, np.sin(angles) * reach * squeeze
    shape = np.stack([x * np.cos(lean) - y * np.sin(lean), x * np.sin(lean) + y * np.cos(lean)], 1)
    middle = rng.uniform(0, SLAB_PX, 2)
    for dx in _copies(middle[0], float(radius)):
        for dy in _copies(middle[1], float(radius)):
            points = np.rint((shape + middle + (dx, dy)) * 16).astype(np.int32)
            cv2.fillPoly(slab, [points], colour, cv2.LINE_8, 4)


def _copies(at: float, radius: float) -> tuple[float, ...]:
    """Shifts by which something at `at` shows up again at the other end."""
    return (0.0, SLAB_PX) if at < radius else (0.0, -SLAB_PX) if at > SLAB_PX - radius else (0.0,)
