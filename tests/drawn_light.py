"""Pictures of drawn figures: rays are walked to the shapes (sphere tracing, Hart 1996), lit by a soft key and a sky.

`python -m tests.drawn_light FOLDER` draws the pictures of the model studio's sample catalogue again. Made by the project, CC0-1.0.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.drawn_goods import bag, sunglasses
from tests.drawn_people import CLOTH, EYE, F32, GLASS, HAIR, LEATHER, METAL, MONK, SKIN, TROUSERS, U8, Figure, Shape, shapes

LIGHT = np.array([-0.45, 0.62, 0.64], np.float32)
STEPS = 56


@dataclass(frozen=True)
class View:
    """The camera: looks along -z from far away (a long lens); `high` metres fit the picture's height, `middle` is its centre."""

    size: tuple[int, int]
    middle: tuple[float, float] = (0.0, 1.2)
    high: float = 1.25

    @property
    def scale(self) -> float:
        """Pixels a metre."""
        return self.size[1] / self.high

    def rays(self) -> F32:
        width, height = self.size
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        x = (xs + 0.5 - width / 2) / self.scale + self.middle[0]
        y = (height / 2 - ys - 0.5) / self.scale + self.middle[1]
        return np.stack([x.ravel(), y.ravel(), np.full(x.size, 0.5, np.float32)], axis=1).astype(np.float32)


def walked(
    parts: list[tuple[int, Shape]], start: F32, way: F32, steps: int, far: float = 0.6
) -> tuple[F32, NDArray[np.bool_], F32]:
    """Where rays end, which of them hit, and how near the others came over their distance (for soft shadows)."""
    p, done = start.copy(), np.zeros(len(start), np.float32)
    near, live, hit = np.ones(len(start), np.float32), np.arange(len(start)), np.zeros(len(start), bool)
    for _ in range(steps):
        d = np.min([shape(p[live]) for _, shape in parts], axis=0)
        near[live] = np.minimum(near[live], np.clip(9 * d / np.maximum(done[live], 0.01), 0, 1))
        step = np.maximum(d * 0.9, 0.0004)
        p[live] += step[:, None] * way
        done[live] += step
        arrived = d < 0.0006
        hit[live[arrived]] = True
        live = live[~arrived & (done[live] < far)]
        if not live.size:
            break
    return p, hit, near


def normals(parts: list[tuple[int, Shape]], which: NDArray[np.int64], p: F32) -> F32:
    grad = np.zeros_like(p)
    for index, (_, shape) in enumerate(parts):
        here = np.flatnonzero(which == index)
        for axis in range(3) if here.size else ():
            step = np.zeros(3, np.float32)
            step[axis] = 0.0008
            grad[here, axis] = shape(p[here] + step) - shape(p[here] - step)
    return grad / np.maximum(np.linalg.norm(grad, axis=1, keepdims=True), 1e-9)


def waves(p: F32, seed: int, size: float) -> F32:
    """Smooth noise about 0, as many cells as `size` a metre: sines in fixed directions."""
    rng = np.random.default_rng(seed)
    ways = rng.normal(size=(6, 3)).astype(np.float32) * size
    return np.sin(p @ ways.T + rng.uniform(0, 6.3, 6).astype(np.float32)).mean(axis=1)


def linear(colour: tuple[int, int, int] | U8) -> F32:
    return (np.asarray(colour, np.float32) / 255) ** np.float32(2.2)


def albedo(who: Figure, material: NDArray[np.int64], p: F32) -> F32:
    """Linear colour of points, by their material."""
    found = np.zeros_like(p)
    tone = np.frombuffer(bytes.fromhex(MONK[who.tone - 1]), np.uint8)
    for kind, paint in (
        (SKIN, _skin),
        (CLOTH, _cloth),
        (HAIR, _hair),
        (TROUSERS, _trousers),
        (EYE, _eye),
        (METAL, _metal),
        (GLASS, _glass),
        (LEATHER, _leather),
    ):
        here = material == kind
        if here.any():
            found[here] = paint(who, p[here], linear(tone))
    return found


def _skin(who: Figure, p: F32, tone: F32) -> F32:
    q = p - np.array([who.lean, 0, 0], np.float32)
    colour = np.repeat(tone[None], len(p), axis=0) * (1 + 0.03 * waves(p, 3, 60))[:, None]
    side = np.abs(q[:, 0])
    front = q[:, 2] > 0.02
    red = tone * np.array([0.86, 0.5, 0.5], np.float32)
    cheek = np.exp(-(((side - 0.043) / 0.02) ** 2 + ((q[:, 1] - 1.583) / 0.02) ** 2)) * front * 0.25
    colour = _over(colour, tone * np.array([1.0, 0.72, 0.68], np.float32), cheek)
    lips = _soft(1 - np.hypot(q[:, 0] / 0.024, (q[:, 1] - 1.547) / 0.0105), 0.12) * front
    colour = _over(colour, red, lips * 0.85)
    line = np.exp(-(((q[:, 1] - 1.5474 - 0.06 * side**2 / 0.024) / 0.0013) ** 2)) * (side < 0.022) * front
    colour = _over(colour, red * 0.35, line * 0.8)
    arc = 1.6462 - 10 * (side - 0.036) ** 2 - 0.05 * (side - 0.03)
    brow = (
        np.exp(-(((q[:, 1] - arc) / (0.0036 - 0.03 * np.maximum(side - 0.03, 0))) ** 2)) * (side > 0.014) * (side < 0.055) * front
    )
    colour = _over(colour, linear(who.hair), brow * 0.85)
    x, y = (side - 0.0315) / 0.0175, (q[:, 1] - 1.6215) / 0.0085
    lash = np.exp(-(((np.hypot(x, y) - 1) / 0.17) ** 2)) * (y > -0.15) * front
    colour = _over(colour, linear(who.hair) * 0.4, lash * 0.9)
    nostril = np.exp(-(((side - 0.0075) / 0.0032) ** 2 + ((q[:, 1] - 1.5735) / 0.0022) ** 2)) * front
    return _over(colour, tone * 0.2, nostril * 0.8)


def _eye(who: Figure, p: F32, tone: F32) -> F32:
    x, y = np.abs(p[:, 0] - who.lean) - 0.0315, p[:, 1] - 1.6212
    away = np.hypot(x, y)
    colour = np.full_like(p, 0.78)
    colour = _over(colour, np.array([0.12, 0.07, 0.035], np.float32), _soft(1 - away / 0.0062, 0.1))
    colour = _over(colour, np.full(3, 0.01, np.float32), _soft(1 - away / 0.0029, 0.15))
    return _over(
        colour,
        np.full(3, 1.0, np.float32),
        _soft(1 - np.hypot(p[:, 0] - who.lean - np.sign(p[:, 0] - who.lean) * 0.0315 + 0.0022, y - 0.0022) / 0.0013, 0.3),
    )


def _hair(who: Figure, p: F32, tone: F32) -> F32:
    angle = np.arctan2(p[:, 0] - who.lean - 0.02, p[:, 2] + 0.02)
    strands = np.sin(angle * 90 + 5 * waves(p, 9, 30)) * 0.5 + np.sin(angle * 211 + 3 * waves(p, 11, 50)) * 0.5
    return linear(who.hair) * (1 + 0.28 * strands)[:, None]


def _metal(who: Figure, p: F32, tone: F32) -> F32:
    return np.full_like(p, 1) * np.array([0.045, 0.03, 0.022], np.float32)


def _glass(who: Figure, p: F32, tone: F32) -> F32:
    return np.array([0.02, 0.024, 0.028], np.float32) + np.clip(0.006 - p[:, 1:2], 0, 0.03) * np.array(
        [2.4, 2.0, 1.7], np.float32
    )


def _leather(who: Figure, p: F32, tone: F32) -> F32:
    seam = np.exp(-((np.abs(np.abs(p[:, 0]) - 0.132) / 0.0012) ** 2)) * (p[:, 1] < 0.04)
    return np.array([0.3, 0.075, 0.03], np.float32) * (1 + 0.1 * waves(p, 12, 500) - 0.5 * seam)[:, None]


def _trousers(who: Figure, p: F32, tone: F32) -> F32:
    return linear(who.trousers) * (1 + 0.06 * waves(p, 5, 400) + 0.05 * waves(p, 6, 25))[:, None]


def _cloth(who: Figure, p: F32, tone: F32) -> F32:
    colour = np.repeat(linear(who.cloth)[None], len(p), axis=0)
    if who.stripes is not None:
        band = _soft(np.sin(p[:, 1] * 2 * np.pi / 0.058) - 0.2, 0.25)
        colour = _over(colour, linear(who.stripes), band)
    if who.print_ is not None:
        high, wide = who.print_.shape[:2]
        span = 0.19
        u, v = (p[:, 0] / span + 0.5) * wide, (1.305 - p[:, 1]) / span * wide
        near = np.flatnonzero((p[:, 2] > 0) & (np.abs(u / wide - 0.5) < 0.5) & (np.abs(v / high - 0.5) < 0.5))
        for some in np.array_split(near, len(near) // 30_000 + 1) if near.size else ():
            at = (part[some, None].astype(np.float32) for part in (u, v))
            seen = cv2.remap(who.print_, *at, cv2.INTER_LINEAR)[:, 0]
            colour[some] = _over(colour[some], linear(seen[:, :3]), seen[:, 3].astype(np.float32) / 255)
    rib = 1 + 0.05 * waves(p, 7, 700) + 0.03 * np.sin(p[:, 0] * 2 * np.pi / 0.004)
    collar = 1 - 0.1 * (np.abs(np.linalg.norm((p - [0, 1.468, 0.03]) / [0.078, 0.06, 0.12], axis=1) - 1.17) < 0.02)
    return colour * (rib * collar)[:, None]


def _soft(value: F32, width: float) -> F32:
    return np.clip(value / width + 0.5, 0, 1).astype(np.float32)


def _over(under: F32, colour: F32, cover: F32) -> F32:
    return under + (colour - under) * np.asarray(cover, np.float32)[:, None]


def bumps(material: NDArray[np.int64], p: F32) -> F32:
    """How cloth is folded and hair is combed: added to normals."""
    found = np.zeros_like(p)
    cloth = (material == CLOTH) | (material == TROUSERS)
    for axis in range(3):
        found[cloth, axis] = 0.16 * waves(p[cloth] * np.array([1, 0.55, 1], np.float32), 20 + axis, 22) + 0.03 * waves(
            p[cloth], 30 + axis, 160
        )
    return found


def drawn(who: Figure, view: View, parts: list[tuple[int, Shape]] | None = None, *, ground: bool = True) -> tuple[U8, F32]:
    """The picture uint8 (H, W, 3) and the figure's coverage float32 (H, W) 0..1, each pixel from 2 x 2 rays."""
    width, height = view.size
    fine = View((2 * width, 2 * height), view.middle, view.high)
    rgb, hit = _traced(who, shapes(who) if parts is None else parts, fine)
    cover = hit.reshape(2 * height, 2 * width).astype(np.float32)
    behind = _wall(who, fine)
    if ground:
        shade = cv2.GaussianBlur(cover, (0, 0), 0.05 * fine.scale)
        moved = np.array([[1, 0, 0.06 * fine.scale], [0, 1, 0.02 * fine.scale]], np.float64)
        shade = cv2.warpAffine(shade, moved, shade.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        behind = behind * (1 - 0.16 * shade[..., None])
    whole = np.where(cover[..., None] > 0, rgb.reshape(2 * height, 2 * width, 3), behind)
    small = cv2.resize(np.clip(whole, 0, 1), view.size, interpolation=cv2.INTER_AREA)
    levels = 255 * small ** (1 / 2.2) + np.random.default_rng(4).normal(0, 0.8, (height, width, 1))
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8), cv2.resize(cover, view.size, interpolation=cv2.INTER_AREA)


def _wall(who: Figure, view: View) -> F32:
    width, height = view.size
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    away = np.hypot(xs / width - 0.36, (ys / height - 0.35) * 1.1)
    return linear(who.ground)[None, None] * (1.06 - 0.34 * away**1.6)[..., None]


COARSE = 4
"""Pixels a side that one ray stands for when it is asked where the figure is at all."""


def _traced(who: Figure, parts: list[tuple[int, Shape]], view: View) -> tuple[F32, NDArray[np.bool_]]:
    rays, ahead = view.rays(), _ahead(parts, view)
    rgb, hits, likely = np.zeros_like(rays), np.zeros(len(rays), bool), np.flatnonzero(np.isfinite(ahead))
    rays[:, 2] = np.where(np.isfinite(ahead), ahead, rays[:, 2])
    for first in range(0, len(likely), 1 << 16):
        some = likely[first : first + (1 << 16)]
        ends, hit, _ = walked(parts, rays[some], np.array([0, 0, -1], np.float32), STEPS)
        hits[some] = hit
        rgb[some[hit]] = _lit(who, parts, ends[hit])
    return rgb, hits


def _ahead(parts: list[tuple[int, Shape]], view: View) -> F32:
    """Where each ray may start: a little before what rays around it hit; NaN where none does."""
    width, height = view.size
    small = View((width // COARSE, height // COARSE), view.middle, view.high)
    ends, hit, _ = walked(parts, small.rays(), np.array([0, 0, -1], np.float32), STEPS, 1.2)
    z = np.where(hit, ends[:, 2], -9).astype(np.float32).reshape(small.size[::-1])
    z = cv2.dilate(z, np.ones((3, 3), np.uint8)) + np.float32(0.03)
    z[z < -5] = np.nan
    return cv2.resize(z, view.size, interpolation=cv2.INTER_NEAREST).ravel()


def _lit(who: Figure, parts: list[tuple[int, Shape]], p: F32) -> F32:
    gaps = np.stack([shape(p) for _, shape in parts])
    which = gaps.argmin(axis=0)
    material = np.array([kind for kind, _ in parts])[which]
    smooth = normals(parts, which, p)
    n = smooth + bumps(material, p)
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    light = LIGHT / np.linalg.norm(LIGHT)
    _, _, clear = walked(parts, p + smooth * 0.006, light, 22, 0.5)
    wrap = np.where(material == SKIN, 0.25, 0.08)
    key = np.clip((n @ light + wrap) / (1 + wrap), 0, 1) * (0.25 + 0.75 * clear)
    fill = np.clip(n @ (np.array([0.7, 0.1, 0.7], np.float32)), 0, 1)
    sky = 0.5 + 0.5 * n[:, 1]
    near = np.ones(len(p), np.float32)
    for reach in (0.012, 0.04, 0.09):
        d = np.min([shape(p + smooth * reach) for _, shape in parts], axis=0)
        near *= 1 - 0.3 * np.clip(1 - d / reach, 0, 1)
    base = albedo(who, material, p)
    warm = np.array([1.0, 0.97, 0.93], np.float32)
    colour = base * (1.0 * key[:, None] * warm + (0.2 * fill + 0.24 * sky)[:, None] * near[:, None])
    half = light + np.array([0, 0, 1], np.float32)
    shine = np.clip(n @ (half / np.linalg.norm(half)), 0, 1)
    sharp = np.select([material == SKIN, material == HAIR, material >= EYE], [22, 30, 90], 8)
    strength = np.select(
        [material == SKIN, material == HAIR, material == LEATHER, material >= EYE], [0.05, 0.09, 0.08, 0.3], 0.012
    )
    return (colour + (strength * shine**sharp * clear)[:, None]).astype(np.float32)


def fjell() -> U8:
    """A print with a word that can be read back: uint8 (H, W, 4)."""
    art = np.zeros((360, 400, 4), np.uint8)
    for points, colour in (
        (((200, 20), (350, 215), (50, 215)), (232, 132, 60)),
        (((200, 20), (239, 71), (200, 90), (161, 71)), (244, 240, 232)),
    ):
        cv2.fillPoly(art, [np.array(points, np.int32)], (*colour, 255), cv2.LINE_AA)
    cv2.putText(art, "FJELL", (28, 335), cv2.FONT_HERSHEY_DUPLEX, 3.6, (244, 240, 232, 255), 10, cv2.LINE_AA)
    art[art[..., 3] > 0, 3] = 255
    return art


INES = Figure(tone=5)
AMA = Figure(tone=8, girth=1.15, long_hair=True, hair=(24, 18, 16), cloth=(222, 219, 210), arms=0.25)
TOP = replace(INES, cloth=(40, 62, 104), print_=fjell())
"""Two figures, and the first of them in the top of the sample catalogue: what an engine that makes no mistake would draw."""
PORTRAIT = View((600, 750))


def pictures() -> dict[str, U8]:
    """By file name."""
    alone, _ = drawn(replace(TOP, body=False, ground=(250, 250, 250)), View((640, 640), (0.0, 1.17), 0.78), ground=False)
    glasses, seen = drawn(INES, View((720, 320), (0, 0), 0.068), sunglasses(), ground=False)
    purse, held = drawn(INES, View((480, 640), (0, -0.005), 0.42), bag(), ground=False)
    return {
        "DR-SUN-01_front.png": np.dstack([glasses, np.rint(255 * seen).astype(np.uint8)]),
        "DR-BAG-01_front.png": np.dstack([purse, np.rint(255 * held).astype(np.uint8)]),
        "DR-TOP-01_front.jpg": alone,
        "drawn-ines.jpg": drawn(INES, PORTRAIT)[0],
        "drawn-ines-top.jpg": drawn(TOP, PORTRAIT)[0],
        "drawn-ama.jpg": drawn(AMA, PORTRAIT)[0],
    }


if __name__ == "__main__":
    for name, picture in pictures().items():
        Image.fromarray(picture).save(Path(sys.argv[1]) / name, quality=90, subsampling=0, optimize=True)
