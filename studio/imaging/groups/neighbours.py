"""What products of a group do to each other: those in front shade those behind, and join with them to one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from studio.imaging.base import FORESHORTEN
from studio.imaging.colour import u8_to_linear
from studio.imaging.composite import EMPTY, OPAQUE
from studio.imaging.light import shadow_depth, shadow_run
from studio.imaging.shadow import CREVICE
from studio.imaging.tone import quick_u8
from studio.standing import Standing
from studio.take import F32, U8
from studio.template import Light, Shadow

COARSE = 4
"""Soft shades are worked out at this part of the canvas."""
GRAZING = 0.15
"""Least ground distance away from the camera for each unit of height at which a shadow reaches what stands behind."""
NEAR, WIDE = 0.35, 0.07
"""Reach and softness of the shade of a neighbour close by, as parts of its smaller side."""
FLANK = 0.5
"""How much of the cast shadow's strength falls on what stands behind: its front sees more of the fill light than the ground."""
TOUCH = 0.6
"""How much of the contact shadow's strength falls on what stands behind."""
SEEN = 0.004


def shaded(group: Sequence[Standing], shadow: Shadow, light: Light) -> tuple[Standing, ...]:
    """The group, from the back to the front, each with the shade of those before it (linear light is scaled by 1 - shade)."""
    found = []
    for place, item in enumerate(group):
        shade = _shade_on(item, group[place + 1 :], shadow, light)
        found.append(item if shade is None else replace(item, shade=shade, lit=_darkened(item.rgb, shade)))
    return tuple(found)


def joined(group: Sequence[Standing], canvas: tuple[int, int], *, lit: bool) -> tuple[U8, F32]:
    """All of the group on one empty canvas of (width, height), the front over the back, edges mixed in linear light: colours
    uint8 (H, W, 3), straight, and alpha float32 (H, W) 0..1. `lit`: in each other's shade."""
    rgb, alpha = np.zeros((canvas[1], canvas[0], 3), np.uint8), np.zeros((canvas[1], canvas[0]), np.float32)
    for item in group:
        _lay(rgb[item.rows], alpha[item.rows], item.colours if lit else item.rgb, item.alpha)
    return rgb, alpha


def visible(group: Sequence[Standing], place: int) -> F32:
    """Share 0..1 of each pixel of an item's window that nobody before it covers, float32 (h, w)."""
    item = group[place]
    free = np.ones(item.alpha.shape, np.float32)
    for other in group[place + 1 :]:
        here, there = _shared(item, other)
        free[here] *= 1 - other.alpha[there]
    return free


def _lay(rgb: U8, alpha: F32, colours: U8, cover: F32) -> None:
    """One picture over another, in place (views of the canvas)."""
    solid, edge = cover >= OPAQUE, (cover > EMPTY) & (cover < OPAQUE)
    front, back = cover[edge], alpha[edge] * (1 - cover[edge])
    total = np.maximum(front + back, np.float32(1e-6))[:, None]
    mixed = u8_to_linear(colours[edge]) * (front[:, None] / total) + u8_to_linear(rgb[edge]) * (back[:, None] / total)
    alone = back <= 0
    levels = quick_u8(np.asarray(mixed, np.float32))
    levels[alone] = colours[edge][alone]
    rgb[edge], rgb[solid] = levels, colours[solid]
    alpha[edge], alpha[solid] = total[:, 0], cover[solid]


def _shade_on(item: Standing, others: Sequence[Standing], shadow: Shadow, light: Light) -> F32 | None:
    """Shade float32 (h, w) 0..1 that `others`, further in front, throw on an item; None where they throw none."""
    depth = shadow_depth(light)
    cast, contact = min(shadow.cast * depth, 1.0), min(shadow.contact * (CREVICE + (1 - CREVICE) * depth), 1.0)
    h, w = item.alpha.shape
    size = max(1, -(-w // COARSE)), max(1, -(-h // COARSE))
    lit = np.ones((size[1], size[0]), np.float32)
    thrown = np.zeros_like(lit)
    for other in others:
        if other.front >= item.front:
            continue
        thrown = np.maximum(thrown, _thrown(item, other, light, size))
        lit *= 1 - np.float32(TOUCH * contact) * _near(item, other, size)
    dark = np.asarray(1 - lit * (1 - np.float32(FLANK * cast) * thrown), np.float32)
    if dark.max() < SEEN:
        return None
    return np.asarray(cv2.resize(dark, (w, h), interpolation=cv2.INTER_LINEAR), np.float32)


def _thrown(item: Standing, other: Standing, light: Light, size: tuple[int, int]) -> F32:
    """The shadow of `other` on the upright plane in which the item's front stands: its outline along the light's way, softer the
    further it fell."""
    run_x, run_away = shadow_run(light)
    way = item.front - (other.front + other.depth / 2)
    fall = way / run_away if run_away >= GRAZING else np.inf
    if way <= 0 or fall >= other.box[3]:
        return np.zeros((size[1], size[0]), np.float32)
    moved = way * run_x / run_away, fall - (item.front - other.front) * FORESHORTEN
    reach = np.hypot(way, fall)
    return _outline(item, other, moved, (0.01 + 0.15 * light.softness) * float(reach), size)


def _near(item: Standing, other: Standing, size: tuple[int, int]) -> F32:
    """How much of the light from all around `other` takes from an item close behind it."""
    smaller = min(other.box[2:])
    gap = max(0.0, item.front - other.front - other.depth)
    if gap > 4 * NEAR * smaller:
        return np.zeros((size[1], size[0]), np.float32)
    close = np.float32(np.exp(-gap / (NEAR * smaller)))
    return _outline(item, other, (0.0, 0.0), WIDE * smaller + 0.2 * gap, size) * close


def _outline(item: Standing, other: Standing, moved: tuple[float, float], sigma: float, size: tuple[int, int]) -> F32:
    """The other's alpha, moved and blurred (canvas pixels), in the item's window at 1 / COARSE."""
    small = cv2.resize(other.alpha, None, fx=1 / COARSE, fy=1 / COARSE, interpolation=cv2.INTER_AREA)
    at = [(other.window[i] - item.window[i] + moved[i]) / COARSE for i in (0, 1)]
    room = int(np.ceil(3 * sigma / COARSE)) + 1
    whole = size[0] + 2 * room, size[1] + 2 * room
    matrix = np.array([[1, 0, at[0] + room], [0, 1, at[1] + room]], np.float32)
    plane = cv2.warpAffine(small, matrix, whole, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    soft = cv2.GaussianBlur(plane, (0, 0), max(sigma / COARSE, 0.5), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(soft[room : room + size[1], room : room + size[0]], np.float32)


def _darkened(rgb: U8, shade: F32) -> U8:
    dark = shade > SEEN
    result = rgb.copy()
    result[dark] = quick_u8(u8_to_linear(rgb[dark]) * (1 - shade[dark])[:, None])
    return result


def _shared(item: Standing, other: Standing) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The part that two windows share, as an index into each."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = item.window, other.window
    left, top = max(ax, bx), max(ay, by)
    right, bottom = max(left, min(ax + aw, bx + bw)), max(top, min(ay + ah, by + bh))
    return (
        (slice(top - ay, bottom - ay), slice(left - ax, right - ax)),
        (slice(top - by, bottom - by), slice(left - bx, right - bx)),
    )
