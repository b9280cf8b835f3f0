"""The inside of a garment laid into its neck: aligned at the back neckline, stretched to the front photo's view, shaded."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.briefs.ghost_mannequin import LiningRules
from studio.imaging.colour import linear_to_u8, u8_to_linear
from studio.imaging.garments.neckline import STEPS, Neck, neck_of
from studio.imaging.resample import extended
from studio.take import F32, U8, Matte

F64 = NDArray[np.float64]

DROP = 0.15
"""Usual drop of a back neckline as a share of the neck's width: 2 to 2.5 cm on 17 to 18 cm, and a camera that looks down on it by
some 5 degrees. A photo from higher up shows less of it: its far middle rises."""
TALLER = 0.25
"""Share by which a lining seen from so high that its neckline looks straight is too low."""
CONTACT_REACH = 0.05
"""Width of the soft shade under the neckline, as a share of the neck's width."""
UNDER, BESIDE, ABOVE = 0.06, 0.02, 0.08
"""How far, in neck widths, the lining reaches under the front neckline, past the corners, and over its own line (a binding)."""
WIDER = 7
"""Steps of the neckline over which its deepest place counts."""
SLIT = 0.015
"""Slits between lining and garment up to this share of the neck's width come from corners that differ by a pixel or two."""
FLAT = 0.04
"""Where the inside photo's neckline is straighter than this, its dip is drawn as a parabola."""


@dataclass(frozen=True, slots=True)
class Laid:
    """The garment with its inside. `lining` float32 (H, W) 0..1 is what of the picture came from the inside photo; `filled` the
    share of the open neck that it covers, `drop` the back neckline's drop as a share of the neck's width, `scale` how many pixels
    of the picture a pixel of the inside photo became."""

    matte: Matte
    lining: F32
    filled: float
    drop: float
    scale: float


def lay(garment: Matte, inside: Matte, rules: LiningRules) -> Laid:
    """Lay the inside, a cut-out of its own photo, under the garment. Raises StepError where either has no neckline."""
    front = neck_of(garment.alpha, "the photo on the mannequin")
    back = neck_of(inside.alpha, "the photo of the inside")
    drop, stretch = _view(back, rules)
    line = _shape(back) * drop
    x, y, w, h = box = _window(front, garment.alpha.shape)
    u, v = _chart(front, box)
    rgb, cover = _sampled(inside, back, line, stretch, u, v)
    own = garment.alpha[y : y + h, x : x + w]
    depth = _at(_widest(front.dip), u) + np.float32(UNDER)
    room = (u >= -BESIDE) & (u <= 1 + BESIDE) & (v < depth) & (v > _at(line, u) - ABOVE)
    lining = np.where(room, cover, np.float32(0)) * (1 - own)
    opening = room & (u >= 0) & (u <= 1) & (v >= _at(line, u)) & (own < 0.5)
    filled = float((lining + own)[opening].clip(0, 1).mean()) if opening.any() else 1.0
    rgb, lining = _without_slits(rgb, cover, lining, own, SLIT * front.width)
    rgb = _shaded(rgb, u, v, line, depth, own, front.width, rules)
    return Laid(
        _joined(garment, rgb, lining, box), _whole(lining, box, garment.alpha.shape), filled, drop, front.width / back.width
    )


def _widest(dip: F64) -> F64:
    """A neckline made a little wider: sides that run straight down are hardly a function of the place along the chord."""
    return np.asarray(cv2.dilate(dip.reshape(1, -1), np.ones((1, WIDER), np.uint8)), np.float64).ravel()


def _without_slits(rgb: U8, cover: F32, lining: F32, own: F32, wide: float) -> tuple[U8, F32]:
    """Slits between lining and garment up to `wide` pixels, closed with the lining's colour at their side."""
    side = 2 * max(1, round(wide / 2)) + 1
    joined = ((own + lining) > 0.5).astype(np.uint8)
    padded = np.pad(joined, side)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[side:-side, side:-side]
    slits = (closed > 0) & (cv2.blur(joined.astype(np.float32), (5, 5)) > 0.6) & (own + lining < 1)
    if not slits.any():
        return rgb, lining
    return extended(rgb, cover, wide), np.where(slits, np.maximum(lining, 1 - own), lining).astype(np.float32)


def _view(back: Neck, rules: LiningRules) -> tuple[float, float]:
    """Drop and stretch as the front photo would show them. From above, the middle of the back neckline rises and the lining
    shortens: the straighter the line, the higher the camera was."""
    seen = float(back.dip.max())
    drop = max(seen, DROP) if rules.drop is None else rules.drop
    above = float(np.clip(1 - seen / DROP, 0, 1))
    return drop, 1 + TALLER * above if rules.stretch is None else rules.stretch


def _shape(back: Neck) -> F64:
    """The back neckline's own shape, its lowest point 1; a parabola where it is too straight to tell."""
    along = np.linspace(0, 1, STEPS)
    curve = 4 * along * (1 - along)
    share = float(np.clip(back.dip.max() / FLAT, 0, 1))
    own = back.dip / max(float(back.dip.max()), 1e-6)
    return share * own + (1 - share) * curve


def _window(front: Neck, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The neck's box with room, inside the photo."""
    room = 0.08 * front.width
    low = float((front.dip * front.width).max()) + max(front.left[1], front.right[1])
    x, y = max(0, int(front.left[0] - room)), max(0, int(min(front.left[1], front.right[1]) - room))
    return x, y, min(shape[1], int(front.right[0] + room)) - x, min(shape[0], int(low + room) + 1) - y


def _chart(front: Neck, box: tuple[int, int, int, int]) -> tuple[F32, F32]:
    """Every pixel of the box in the neck's own measure: along the chord 0..1, and below it in chords."""
    x, y, w, h = box
    (ax, ay), (bx, by) = front.axes
    dx = np.arange(x, x + w, dtype=np.float32)[None] + np.float32(0.5 - front.left[0])
    dy = np.arange(y, y + h, dtype=np.float32)[:, None] + np.float32(0.5 - front.left[1])
    width = np.float32(front.width)
    u = (dx * np.float32(ax) + dy * np.float32(ay)) / width
    v = (dx * np.float32(bx) + dy * np.float32(by)) / width
    return u.astype(np.float32), v.astype(np.float32)


def _sampled(inside: Matte, back: Neck, line: F64, stretch: float, u: F32, v: F32) -> tuple[U8, F32]:
    """Colours and coverage of the inside photo at charted places: columns follow the back neckline, rows are stretched."""
    down = (v - _at(line, u)) / np.float32(stretch) + _at(back.dip, u)
    (ax, ay), (bx, by) = np.array(back.axes) * back.width
    x = (back.left[0] + u * ax + down * bx - 0.5).astype(np.float32)
    y = (back.left[1] + u * ay + down * by - 0.5).astype(np.float32)
    factor = back.width / max(1.0, 1 / max(1e-6, float(np.abs(np.diff(u, axis=1)).mean())))
    rgb, alpha = inside.foreground, inside.alpha
    if factor > 1:
        sigma = 0.4 * np.sqrt(factor**2 - 1)
        rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)
        alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), sigma), np.float32)
    colours = cv2.remap(rgb, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.remap(alpha, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(colours, np.uint8), np.asarray(cover, np.float32)


def _at(curve: F64, u: F32) -> F32:
    """A curve of 65 steps at places along the chord."""
    return np.interp(u, np.linspace(0, 1, len(curve)), curve).astype(np.float32)


def _shaded(rgb: U8, u: F32, v: F32, line: F64, depth: F32, own: F32, width: float, rules: LiningRules) -> U8:
    """The lining under the light that reaches it: darker towards the bottom as far as it is not so already, a soft shade under
    the neckline."""
    top = _at(line, u)
    deep = np.clip((v - top) / max(1e-3, float((depth - top).max())), 0, 1)
    light = u8_to_linear(rgb)
    level = light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    inner = (own < 0.02) & (u > 0.1) & (u < 0.9) & (v > top + 0.06)
    wanted = 1 - rules.depth
    seen = 1.0
    if inner.sum() > 200:
        high, low = level[inner & (deep < 0.35)], level[inner & (deep > 0.65)]
        seen = float(np.median(low) / max(1e-4, np.median(high))) if high.size > 50 and low.size > 50 else 1.0
    fall = min(1.0, wanted / max(seen, 1e-3))
    shade = 1 - (1 - fall) * deep
    reach = max(1.0, CONTACT_REACH * width)
    near = cv2.GaussianBlur(own, (0, 0), reach * 0.5)
    shade = shade * (1 - rules.contact * np.clip(near * 2, 0, 1))
    return linear_to_u8(light * shade[..., None].astype(np.float32))


def _joined(garment: Matte, rgb: U8, lining: F32, box: tuple[int, int, int, int]) -> Matte:
    """Garment over lining, as one cut-out."""
    x, y, w, h = box
    part = slice(y, y + h), slice(x, x + w)
    own = garment.alpha[part]
    total = np.rint(np.clip(own + lining, 0, 1) * 255) / np.float32(255)
    share = np.where(total > 0, own / np.maximum(own + lining, 1e-6), 1)[..., None].astype(np.float32)
    colours, alpha = garment.foreground.copy(), garment.alpha.copy()
    mixed = colours[part].astype(np.float32) * share + rgb.astype(np.float32) * (1 - share)
    touched = lining > 0
    colours[part][touched] = np.rint(mixed[touched]).astype(np.uint8)
    alpha[part] = total.astype(np.float32)
    return Matte(alpha, colours, garment.uncertainty, garment.source)


def _whole(plane: F32, box: tuple[int, int, int, int], shape: tuple[int, ...]) -> F32:
    x, y, w, h = box
    whole = np.zeros(shape, np.float32)
    whole[y : y + h, x : x + w] = plane
    return whole
