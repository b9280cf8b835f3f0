"""Contact and cast shadow of a product on the ground, from its base contour and the set's light.

Not a squashed copy of the mask: the product is taken as a stack of cross-sections, each as deep as its footprint suggests;
every cross-section throws its own patch of shadow, further away the higher it is, and softer the further away it falls.
"""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.base import FORESHORTEN, Base, base_of, runs, smoothed
from studio.imaging.geometry import Box
from studio.imaging.light import shadow_depth, shadow_run
from studio.imaging.plane import smooth
from studio.take import F32
from studio.template import Light, Shadow

WORK_PX = 640
"""Long side on which soft shadows are computed; the contact line itself is drawn at full size."""
SLICES = 72
"""Cross-sections the product is cut into."""
LEVELS = (0.0, 0.01, 0.025, 0.05, 0.09)
"""Softness levels of the penumbra (sigma over the canvas's long side) between which is interpolated."""
CREVICE = 0.6
"""Part of a contact shadow that any light leaves, however flat: fill light does not reach under a base either."""
BORDER = 0.035
"""On seamless grounds shadows end within this fraction of the canvas side before the canvas does."""


def shade_of(alpha: F32, box: Box, shadow: Shadow, light: Light, horizon: float | None = None) -> F32:
    """Shade float32 (H, W) 0..1 (1: no light at all) of alpha float32 (H, W) 0..1 with solid box `box`.

    `horizon` is the table's far edge as a row; None on a seamless ground, where the shade is 0 on the canvas's border. The
    strengths are those at a lighting ratio of 2; a higher ratio deepens them, a lower one fills them.
    """
    base, depth = base_of(alpha, box), shadow_depth(light)
    cast, contact = min(shadow.cast * depth, 1.0), min(shadow.contact * (CREVICE + (1 - CREVICE) * depth), 1.0)
    dark: F32 = np.zeros(alpha.shape, np.float32)
    if cast > 0:
        dark = np.float32(cast) * cast_shadow(alpha, base, light)
    if contact > 0:
        line = contact_line(base, alpha.shape)
        dark = np.maximum(dark, np.float32(cast) * line)
        dark = 1 - (1 - dark) * (1 - contact * contact_shadow(base, line, light))
    return np.asarray(dark * _window(alpha.shape, horizon), np.float32)


def contact_shadow(base: Base, line: F32, light: Light) -> F32:
    """Occlusion close to the base, float32 (H, W) 0..1: the contact `line` (H, W) in a soft, wider pool."""
    height, width = line.shape
    factor = max(1.0, max(line.shape) / WORK_PX)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    foot = _footprint(base, size, factor)
    span = max(float(np.count_nonzero(base.weight > 0.1)), 0.10 * base.box[3]) / factor
    pool = np.zeros(foot.shape, np.float32)
    for part, amount in ((0.03, 0.55), (0.10, 0.55), (0.24, 0.40)):
        sigma = max(0.6, part * span * (0.6 + 0.8 * light.softness))
        pool += np.float32(amount) * _blur(foot, sigma, sigma * 0.45)
    wide = cv2.resize(pool, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(1 - (1 - np.clip(1.35 * wide, 0, 1)) * (1 - line), np.float32)


def contact_line(base: Base, shape: tuple[int, ...]) -> F32:
    """Where the product touches the ground, float32 (H, W) 0..1, at full size: no light gets in between, so that the line is 1
    under the firmest part of any base, be it one thin foot, and runs out around it.
    """
    height, width = shape
    fall = max(1.2, 0.009 * base.box[3])
    dark = np.zeros((height, width), np.float32)
    firm = base.weight / max(float(base.weight.max()), 1e-6)
    top = max(0, int(base.line[base.weight > 0].min() - 4 * fall)) if (base.weight > 0).any() else height
    rows = np.arange(top, height, dtype=np.float32)[:, None] + np.float32(0.5)
    away = np.maximum(np.abs(rows - smoothed(base.line, 0.006 * base.box[2])[None, :]) - 1, 0)
    wider = cv2.dilate(firm[None, :], np.ones((1, 2 * round(2 * fall) + 1), np.uint8))
    around = cv2.GaussianBlur(wider, (0, 0), fall)[0]
    dark[top:] = np.exp(-away / np.float32(fall)) * around
    return dark


def cast_shadow(alpha: F32, base: Base, light: Light) -> F32:
    """Shadow thrown on the ground, float32 (H, W) 0..1, densest at the base."""
    height, width = alpha.shape
    factor = max(1.0, max(alpha.shape) / WORK_PX)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    mask, lift = _thrown(alpha, base, light, size, factor)
    soft = _penumbra(mask, lift, light, base.box[3] / factor)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _footprint(base: Base, size: tuple[int, int], factor: float) -> F32:
    """What stands on the ground, seen from the camera: from the contour back by the depth of each foot."""
    columns = (np.arange(size[0]) + 0.5) * factor
    at = np.clip(columns.astype(np.int32), 0, base.line.size - 1)
    front, weight = base.line[at] / factor, base.weight[at]
    rows = np.arange(size[1], dtype=np.float32)[:, None] + np.float32(0.5)
    foot = np.zeros((size[1], size[0]), np.float32)
    for start, end in runs(weight > 0.02):
        depth = min(base.depth / factor, FORESHORTEN * (end - start))
        inside = np.clip(front[start:end] - rows + 0.5, 0, 1) * np.clip(rows - front[start:end] + max(depth, 1.5) + 0.5, 0, 1)
        foot[:, start:end] = inside * weight[start:end]
    return foot


def _thrown(alpha: F32, base: Base, light: Light, size: tuple[int, int], factor: float) -> tuple[F32, F32]:
    """Hard shadow (0..1) and the height of what throws it (pixels at working size), both float32 (h, w)."""
    _, y, w, h = base.box
    run_x, run_away = shadow_run(light)
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 0.5
    line = smoothed(base.line, 0.02 * w) / np.float32(factor)
    mask = np.zeros((size[1], size[0]), np.uint8)
    lift = np.zeros((size[1], size[0]), np.float32)
    bottom, tall, stand = (y + h) / factor, h / factor, base.depth / 2 / factor
    for step in range(SLICES - 1, -1, -1):
        row = min(size[1] - 1, max(0, int(bottom - (step + 0.5) / SLICES * tall)))
        for start, end in runs(small[row]):
            middle, half = (start + end - 1) / 2, (end - start) / 2
            ground = float(line[min(line.size - 1, max(0, round(middle * factor)))])
            rise = max(0.0, ground - row - 0.5)
            deep = max(0.6, min(FORESHORTEN * half, stand))
            centre = middle + run_x * rise, ground - deep - run_away * FORESHORTEN * rise
            _ellipse(mask, centre, (half, deep), 255)
            _ellipse(lift, centre, (half, deep), rise)
    return np.asarray(mask, np.float32) / np.float32(255), lift


def _ellipse(plane: np.ndarray, centre: tuple[float, float], half: tuple[float, float], value: float) -> None:
    """A filled ellipse with 1/16-pixel placing."""
    scale = 16
    at = round(centre[0] * scale), round(centre[1] * scale)
    axes = max(1, round(half[0] * scale)), max(1, round(half[1] * scale))
    cv2.ellipse(plane, at, axes, 0, 0, 360, value, -1, cv2.LINE_8, 4)


def _penumbra(mask: F32, lift: F32, light: Light, tall: float) -> F32:
    """Blur by how far the shadow fell and let it fade with that distance: fill light reaches far shadows more easily."""
    side = max(mask.shape)
    weight = cv2.GaussianBlur(mask, (0, 0), 0.03 * side) + np.float32(1e-4)
    height = cv2.GaussianBlur(lift * mask, (0, 0), 0.03 * side) / weight
    reach = 1.0 / np.sin(np.radians(light.elevation_deg))
    growth, least = (0.01 + 0.15 * light.softness) * reach / side, 0.0015 + 0.004 * light.softness
    sigma = np.float32(growth) * height + np.float32(least)
    blurred = [mask, *(_blur(mask, level * side, level * side * 0.55) for level in LEVELS[1:])]
    result = np.zeros(mask.shape, np.float32)
    for i in range(len(LEVELS) - 1):
        low, high = LEVELS[i], LEVELS[i + 1]
        share = np.clip((sigma - np.float32(low)) / np.float32(high - low), 0, 1)
        result = blurred[0] * (1 - share) + blurred[1] * share if i == 0 else result * (1 - share) + blurred[i + 1] * share
    fade = 1.1 * (0.5 + 0.5 * shadow_depth(light)) * tall
    return np.asarray(result * np.exp(-height / np.float32(fade)), np.float32)


def _blur(plane: F32, sigma_x: float, sigma_y: float) -> F32:
    across, down = max(sigma_x, 0.3), max(sigma_y, 0.3)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), across, sigmaY=down, borderType=cv2.BORDER_CONSTANT))


def _window(shape: tuple[int, ...], horizon: float | None) -> F32:
    """1 inside. On a seamless ground it falls to 0 at the canvas's border; on a table only at its far edge, `horizon`."""
    height, width = shape
    y = np.arange(height, dtype=np.float32)[:, None]
    if horizon is not None:
        return np.broadcast_to(smooth(horizon - 0.01 * height, horizon + 0.06 * height, y), (height, width))
    x = np.arange(width, dtype=np.float32)[None, :]
    across = smooth(0, BORDER * width, np.minimum(x, width - 1 - x) - np.float32(0.006 * width))
    down = smooth(0, BORDER * height, np.minimum(y, height - 1 - y) - np.float32(0.006 * height))
    return np.asarray(down * across, np.float32)
