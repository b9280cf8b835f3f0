"""An item laid onto a photo of a person: turned, resized once, bent around an arm, under a hand, with a soft shadow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from studio.imaging.colour import srgb_to_lab
from studio.imaging.composite import over
from studio.imaging.geometry import box_of
from studio.imaging.resample import padded, resampled_source
from studio.imaging.worn.wearing import Fitting, Hold
from studio.take import F32, U8, Matte

SHADOW, DROP_MM, BLUR_MM = 0.35, 3.0, 5.0
"""Strength, offset and softness of the shadow that an item throws on the person right behind it."""
ROUND = 0.55
"""How much light a surface loses where it turns away at the edge of an arm."""
SKIN = 16.0
"""Lab distance in a* and b* (half of it in L*) up to which a pixel near a hand is hand."""
PAIR = 0.5
"""A second part of at least this share of the first's area makes a pair, of which one is worn at each ear."""


@dataclass(frozen=True, slots=True)
class Laid:
    """The person with the item: `rgb` uint8 (H, W, 3), and `worn` float32 (H, W) 0..1, where the item is seen. `shown` is the
    smallest share of an item that lies inside the picture, `grip` the share of skin-coloured pixels where a hand holds it."""

    rgb: U8
    worn: F32
    shown: float = 1.0
    grip: float = 1.0


def dressed(photo: U8, item: Matte, fit: Fitting) -> Laid:
    """Lay a cut-out item onto a photo uint8 (H, W, 3) at every place of a fitting. Pixels that neither item nor its shadow
    reach stay as they are."""
    rgb, worn = photo, np.zeros(photo.shape[:2], np.float32)
    single = one_of_a_pair(item) if len(fit.holds) > 1 else item
    full, shown = float((single.alpha > 0.5).sum()), 1.0
    width = (box_of(single.alpha > 0.5) or (0, 0, 1, 1))[2]
    for hold in fit.holds:
        colour, alpha = placed(single, hold, photo.shape[1::-1])
        shown = min(shown, float((alpha > 0.5).sum()) / max(full * (hold.width / width) ** 2, 1.0)) if not hold.arm else shown
        alpha = alpha * (1 - _hand(photo, hold))
        lit = _bent(colour, hold) if hold.arm else colour
        rgb = over(lit, alpha, _shadowed(rgb, alpha, fit.scale))
        worn = np.maximum(worn, alpha)
    return Laid(rgb, worn, shown, min(_skin(photo, hold) for hold in fit.holds))


def one_of_a_pair(item: Matte) -> Matte:
    """The left part of a photo that shows two of a kind, else all of it."""
    solid = (item.alpha > 0.5).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    order = sorted(range(1, count), key=lambda part: -int(stats[part, cv2.CC_STAT_AREA]))
    if len(order) < 2 or stats[order[1], cv2.CC_STAT_AREA] < PAIR * stats[order[0], cv2.CC_STAT_AREA]:
        return item
    chosen = min(order[:2], key=lambda part: int(stats[part, cv2.CC_STAT_LEFT]))
    near = cv2.dilate((labels == chosen).astype(np.uint8), np.ones((7, 7), np.uint8))
    return Matte(np.where(near > 0, item.alpha, np.float32(0)), item.foreground, item.uncertainty, item.source)


def placed(item: Matte, hold: Hold, size: tuple[int, int]) -> tuple[U8, F32]:
    """Colour uint8 (H, W, 3) and coverage float32 (H, W) of the item on an empty picture of width, height `size`."""
    x, y, w, h = box_of(item.alpha > 0.5) or (0, 0, item.alpha.shape[1], item.alpha.shape[0])
    scale = hold.width / w
    crop = padded((x, y, w, h), max(2, int(np.ceil(2 / min(scale, 1.0)))), (item.alpha.shape[1], item.alpha.shape[0]))
    small = max(1, round(crop[2] * scale)), max(1, round(crop[3] * scale))
    rgb, alpha = resampled_source(item.foreground, item.alpha, crop, small)
    grip = (x + hold.grip[0] * w - crop[0]) * small[0] / crop[2], (y + hold.grip[1] * h - crop[1]) * small[1] / crop[3]
    turn = cv2.getRotationMatrix2D(grip, -hold.turn_deg, 1.0)
    turn[:, 2] += np.array(hold.at) - np.array(grip)
    colour = cv2.warpAffine(rgb, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpAffine(np.ascontiguousarray(alpha), turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(colour, np.uint8), _clipped(np.asarray(cover, np.float32), hold)


def _across(hold: Hold, shape: tuple[int, ...]) -> F32:
    """Distance of every pixel from the arm's middle line, over its half width."""
    angle = np.radians(hold.turn_deg)
    ys, xs = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    away: F32 = (-np.sin(angle) * (xs - hold.at[0]) + np.cos(angle) * (ys - hold.at[1])).astype(np.float32) / np.float32(hold.arm)
    return away


def _clipped(cover: F32, hold: Hold) -> F32:
    """What goes around an arm ends at its edges."""
    if not hold.arm:
        return cover
    edge = np.clip((1.06 - np.abs(_across(hold, cover.shape))) * hold.arm / 2, 0, 1)
    ended: F32 = (cover * edge).astype(np.float32)
    return ended


def _bent(rgb: U8, hold: Hold) -> U8:
    """Darker towards the arm's edges, by the cosine of the surface's turn."""
    away = np.clip(np.abs(_across(hold, rgb.shape)), 0, 1)
    light = 1 - ROUND * (1 - np.sqrt(1 - away**2))
    return np.asarray(np.rint(rgb * light[..., None]), np.uint8)


def _shadowed(rgb: U8, alpha: F32, scale: float) -> U8:
    """The picture with a soft shadow just below what is laid on it."""
    drop, blur = DROP_MM * scale, max(BLUR_MM * scale, 0.6)
    moved = cv2.warpAffine(alpha, np.array([[1, 0, 0], [0, 1, drop]], np.float64), alpha.shape[::-1])
    shade = cv2.GaussianBlur(np.asarray(moved, np.float32), (0, 0), blur) * np.float32(SHADOW)
    shade[shade < 1 / 512] = 0
    return over(rgb, np.zeros_like(alpha), rgb, np.asarray(shade, np.float32))


def _skin(photo: U8, hold: Hold) -> float:
    """Share of skin-coloured pixels around the point of a hand (YCbCr ranges of Chai and Ngan 1999); 1 where no hand holds it."""
    if hold.hand is None:
        return 1.0
    x, y, radius = (round(value) for value in hold.hand)
    reach = max(2, round(0.35 * radius))
    part = photo[max(0, y - reach) : max(0, y + reach + 1), max(0, x - reach) : max(0, x + reach + 1)]
    if not part.size:
        return 0.0
    _, red, blue = cv2.split(cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2YCrCb))
    return float(((red >= 133) & (red <= 173) & (blue >= 77) & (blue <= 127)).mean())


def _hand(photo: U8, hold: Hold) -> F32:
    """Where a hand lies over what it holds: near it, and of its colour. float32 (H, W) 0..1; 0 without a hand."""
    cover = np.zeros(photo.shape[:2], np.float32)
    if hold.hand is None:
        return cover
    x, y, radius = hold.hand
    left, top = max(0, int(x - radius)), max(0, int(y - radius))
    right, bottom = min(photo.shape[1], int(x + radius) + 1), min(photo.shape[0], int(y + radius) + 1)
    if right <= left or bottom <= top:
        return cover
    lab = srgb_to_lab(np.ascontiguousarray(photo[top:bottom, left:right]))
    ys, xs = np.mgrid[top:bottom, left:right]
    away = np.hypot(xs - x, ys - y) / radius
    skin = np.median(lab[away < 0.2], axis=0) if (away < 0.2).any() else lab.reshape(-1, 3).mean(axis=0)
    gap = np.linalg.norm((lab - skin) * np.array([0.5, 1, 1], np.float32), axis=2)
    near = (gap < SKIN) & (away < 1)
    closed = cv2.morphologyEx(near.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    soft = cv2.GaussianBlur(closed.astype(np.float32), (0, 0), max(radius / 60, 0.6))
    cover[top:bottom, left:right] = soft
    return cover
