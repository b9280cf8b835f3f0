"""Finding a ColorChecker Classic in a photo: even patches that lie on a grid, 6 by 4, in the colours it has.

Geometry proposes, colour decides: a grid counts only when one 3 x 3 matrix brings all 24 colours near the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from studio.imaging.colorchecker import COLUMNS, ROWS, errors_of, matrix_of
from studio.imaging.colour import u8_to_linear
from studio.take import F32, U8

F64 = NDArray[np.float64]

LONG_SIDE = 1200
"""Long side at which a chart is looked for; its patches need about 9 px there."""
EVEN = (8, 16, 30, 50)
"""Levels by which neighbours may differ inside one patch: little noise, much noise."""
SMALLEST, LARGEST = 40, 0.02
"""Area of a patch: least pixels, most as a share of the photo."""
SQUARE, FILLED = 2.2, 0.72
"""Longest side over shortest, and share of its rectangle that a patch fills."""
NEAR, FAR, OFF = 0.95, 2.2, 0.28
"""Distance to the next patch in sides of one, and how far off its place it may lie, in distances."""
LEAST = 9
"""Patches on the grid from which it is worth a look."""
SEEDS = 80
INNER = 0.22
"""Half side of what is measured of a patch, in distances."""
ROUGH = 0.30
"""Spread of a patch, as part of its level, from which it is none."""
FIT = 7.5
"""Mean CIEDE2000 after correction above which the colours are not a ColorChecker's."""
CARD = (0.62, 1.9, 0.1)
"""How far the card reaches beyond the middles of its outer patches, in distances: at least, at most, and the steps in which the
frame's colour is followed outwards."""
FILL_SIDE = 300
"""Long side at which the ground under a card is made up."""
BORDER, GROUND = 0.04, 40.0
"""The photo's rim, as part of its shorter side, that counts as ground, and levels by which other ground may differ from it."""
FRAME = 0.45
"""Largest difference between logarithms of light that is still the frame's colour."""

Cells = dict[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in a photo: `card` float32 (4, 2), its corners x, y in photo pixels, clockwise from the dark skin patch's; the
    `measured` patches in linear light, float64 (24, 3)."""

    card: F32
    measured: F64


@dataclass(frozen=True, slots=True)
class _Patches:
    """Candidates: middles float64 (n, 2), sides float64 (n,), angle of one side in radians float64 (n,)."""

    at: F64
    side: F64
    angle: F64


def find_chart(rgb: U8) -> Chart | None:
    """The ColorChecker Classic in a photo uint8 (H, W, 3), in any rotation and moderate perspective; None where there is none."""
    factor = max(1.0, max(rgb.shape[:2]) / LONG_SIDE)
    size = max(1, round(rgb.shape[1] / factor)), max(1, round(rgb.shape[0] / factor))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    calm = np.asarray(cv2.medianBlur(small, 3), np.uint8)
    light = u8_to_linear(calm)
    kernel = np.ones((3, 3), np.uint8)
    edges = cv2.morphologyEx(calm, cv2.MORPH_GRADIENT, kernel).max(axis=2)
    for level in EVEN:
        patches = _patches((edges < level).astype(np.uint8))
        for cells in _grids(patches):
            chart = _read(light, patches, cells, rgb.shape[1] / size[0])
            if chart is not None:
                return chart
    return None


def painted_out(rgb: U8, chart: Chart) -> tuple[U8, float]:
    """The photo uint8 (H, W, 3) with the card painted over by the ground around the photo, and the share of the card's outline
    that lies on something else: there the card hides goods, which nothing here may invent.
    """
    mask = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.rint(chart.card).astype(np.int32), 1, cv2.LINE_8)
    factor = max(1.0, max(rgb.shape[:2]) / FILL_SIDE)
    size = max(8, round(rgb.shape[1] / factor)), max(8, round(rgb.shape[0] / factor))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    covered = cv2.resize(cv2.dilate(mask, np.ones((5, 5), np.uint8)).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    ring = (cv2.dilate(covered.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0) & ~covered
    border = np.ones(covered.shape, bool)
    rim = max(1, round(BORDER * min(size)))
    border[rim:-rim, rim:-rim] = False
    ground = _membrane(small, border & ~covered)
    near = np.abs(small.astype(np.float32) - ground).max(axis=2) < GROUND
    fill = _membrane(small, (border & ~covered) | (ring & near))
    wide = cv2.resize(fill, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
    touching = float((ring & ~near).sum() / max(int(ring.sum()), 1))
    return np.where(mask[..., None] > 0, np.rint(wide).clip(0, 255), rgb).astype(np.uint8), touching


def _membrane(rgb: U8, known: NDArray[np.bool_]) -> F32:
    """Unknown pixels as the smoothest surface between the known ones: Laplace's equation, coarse to fine."""
    height, width = known.shape
    levels = [(rgb.astype(np.float32), known.astype(np.float32))]
    while min(levels[-1][1].shape) > 8:
        colour, weight = levels[-1]
        half = max(1, colour.shape[1] // 2), max(1, colour.shape[0] // 2)
        weigh = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
        total = cv2.resize(colour * weight[..., None], half, interpolation=cv2.INTER_AREA)
        levels.append((total / np.maximum(weigh, 1e-6)[..., None], (weigh > 0).astype(np.float32)))
    result = levels[-1][0] * 0 + (levels[-1][0] * levels[-1][1][..., None]).sum((0, 1)) / max(float(levels[-1][1].sum()), 1e-6)
    cross = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4
    for colour, weight in reversed(levels):
        result = cv2.resize(result, (colour.shape[1], colour.shape[0]), interpolation=cv2.INTER_LINEAR)
        for _ in range(40):
            result = np.where(weight[..., None] > 0, colour, cv2.filter2D(result, -1, cross, borderType=cv2.BORDER_REPLICATE))
    return np.asarray(result.reshape(height, width, 3), np.float32)


def _patches(even: U8) -> _Patches:
    """Even areas of about square shape."""
    count, labels, stats, middles = cv2.connectedComponentsWithStats(even, connectivity=4)
    area, wide, tall = (stats[:, k] for k in (cv2.CC_STAT_AREA, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT))
    right = (area >= SMALLEST) & (area <= LARGEST * even.size) & (np.maximum(wide, tall) < 2.5 * np.minimum(wide, tall))
    right &= area > 0.4 * wide * tall
    found = []
    for label in np.flatnonzero(right[1:count]) + 1:
        x, y, w, h = (int(v) for v in stats[label, :4])
        part = (labels[y : y + h, x : x + w] == label).astype(np.uint8)
        contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        (_, (a, b), angle) = cv2.minAreaRect(contours[0])
        a, b = a + 1, b + 1
        if max(a, b) < SQUARE * min(a, b) and area[label] > FILLED * a * b:
            found.append((*middles[label], np.sqrt(a * b) + 1, np.radians(angle)))
    table = np.array(found, np.float64).reshape(-1, 4)
    return _Patches(table[:, :2], table[:, 2], table[:, 3])


def _grids(patches: _Patches) -> Iterator[Cells]:
    """Grids of patches, each grown from one of them; the likeliest first."""
    if len(patches.side) < LEAST:
        return
    gap = np.linalg.norm(patches.at[:, None] - patches.at[None], axis=-1)
    alike = np.abs(np.log(patches.side[:, None] / patches.side[None])) < 0.5
    company = (alike & (gap < 5 * patches.side[:, None])).sum(axis=1)
    seen: set[int] = set()
    for seed in np.argsort(-company, kind="stable")[:SEEDS]:
        if int(seed) in seen or company[seed] < LEAST:
            continue
        cells = _grown(patches, int(seed), alike)
        spans = [max(c[axis] for c in cells) - min(c[axis] for c in cells) + 1 for axis in (0, 1)]
        if len(cells) >= LEAST:
            seen |= set(cells.values())
            if 3 <= min(spans) <= ROWS and max(spans) <= COLUMNS:
                yield cells


def _grown(patches: _Patches, seed: int, alike: NDArray[np.bool_]) -> Cells:
    """Patches by grid place, spreading from one to its neighbours where they are expected."""
    steps = _steps(patches, seed, alike[seed])
    if steps is None:
        return {(0, 0): seed}
    cells: Cells = {(0, 0): seed}
    queue = [((0, 0), steps)]
    while queue:
        (i, j), (right, down) = queue.pop(0)
        here = cells[i, j]
        for di, dj in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            place = i + di, j + dj
            if place in cells or max(abs(place[0]), abs(place[1])) >= COLUMNS:
                continue
            step = right * di + down * dj
            found = _nearest(patches, patches.at[here] + step, OFF * float(np.linalg.norm(step)), alike[here])
            if found is None or found in cells.values():
                continue
            cells[place] = found
            moved = (patches.at[found] - patches.at[here]) * (di + dj)
            queue.append((place, (moved, down) if di else (right, moved)))
    return cells


def _steps(patches: _Patches, seed: int, alike: NDArray[np.bool_]) -> tuple[F64, F64] | None:
    """From a patch to its neighbours along its own two sides; y of the picture points down, so the turn is clockwise."""
    away = patches.at - patches.at[seed]
    gap = np.linalg.norm(away, axis=1)
    near = alike & (gap > NEAR * patches.side[seed]) & (gap < FAR * patches.side[seed])
    found = []
    for turn in (0.0, np.pi / 2):
        axis = np.array([np.cos(patches.angle[seed] + turn), np.sin(patches.angle[seed] + turn)])
        along = away @ axis
        straight = near & (np.abs(along) > 0.9 * gap)
        if not straight.any():
            return None
        best = int(np.flatnonzero(straight)[np.argmin(gap[straight])])
        found.append(away[best] * np.sign(along[best]))
    return found[0], found[1]


def _nearest(patches: _Patches, place: F64, reach: float, allowed: NDArray[np.bool_]) -> int | None:
    gap = np.where(allowed, np.linalg.norm(patches.at - place, axis=1), np.inf)
    best = int(np.argmin(gap))
    return best if gap[best] <= reach else None


def _read(light: F32, patches: _Patches, cells: Cells, factor: float) -> Chart | None:
    """The chart that fits a grid best, over all places and quarter turns of 6 by 4 on it; None where the colours are others."""
    keys = np.array(list(cells), np.float64)
    home, _ = cv2.findHomography(keys, patches.at[list(cells.values())], 0)
    if home is None:
        return None
    best: tuple[float, F64, F64] | None = None
    for grid in _layouts(keys):
        measured = _measured(light, home, grid)
        if measured is None:
            continue
        turn = matrix_of(measured)
        error = float(errors_of(measured @ turn.T).mean())
        if np.diag(turn).min() > 0 and (best is None or error < best[0]):
            best = error, grid, measured
    if best is None or best[0] > FIT or (np.diff(best[2][18:].mean(axis=1)) > 0).any():
        return None
    left, right, top, bottom = _card(light, home, best[1])
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    card = _projected(home, _placed(best[1], corners))
    return Chart((card * factor).astype(np.float32), best[2])


def _card(light: F32, home: F64, grid: F64) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the card, in distances from the first patch's middle: as far as its frame's colour goes."""
    columns, rows = np.mgrid[0 : COLUMNS - 1, 0 : ROWS - 1].reshape(2, -1) + 0.5
    frame = np.median(_levels(light, home, grid, np.stack([columns, rows], axis=-1)), axis=0)
    least, most, step = CARD
    ends = []
    for axis, start, way in ((0, 0.0, -1.0), (0, COLUMNS - 1.0, 1.0), (1, 0.0, -1.0), (1, ROWS - 1.0, 1.0)):
        reach = least
        along = np.linspace(-0.3, (ROWS, COLUMNS)[axis == 1] - 0.7, 24)
        while reach < most:
            across = np.full_like(along, start + way * (reach + step))
            line = np.stack([across, along] if axis == 0 else [along, across], axis=-1)
            alike = np.abs(_levels(light, home, grid, line) - frame).max(axis=1) < FRAME
            if alike.mean() < 0.6:
                break
            reach += step
        ends.append(start + way * (reach + step))
    return ends[0], ends[1], ends[2], ends[3]


def _levels(light: F32, home: F64, grid: F64, places: F64) -> F64:
    """Logarithms of light at columns and rows (n, 2) of the chart, float64 (n, 3); places outside the photo count as its edge."""
    x, y = np.rint(_projected(home, _placed(grid, places))).astype(np.int64).T
    seen = light[y.clip(0, light.shape[0] - 1), x.clip(0, light.shape[1] - 1)]
    return np.asarray(np.log(seen.astype(np.float64) + 0.02))


def _layouts(keys: F64) -> Iterator[F64]:
    """Where 6 by 4 may lie on a grid that covers `keys`: (3, 2) matrices, grid place = (column, row, 1) @ matrix."""
    low, high = keys.min(axis=0), keys.max(axis=0)
    for turn in range(4):
        angle = turn * np.pi / 2
        spin = np.rint(np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]))
        ends = np.array([[0, 0], [COLUMNS - 1, ROWS - 1]]) @ spin
        size = ends.max(axis=0) - ends.min(axis=0)
        for x in range(int(high[0] - size[0]), int(low[0]) + 1):
            for y in range(int(high[1] - size[1]), int(low[1]) + 1):
                yield np.vstack([spin, np.array([x, y]) - ends.min(axis=0)])


def _placed(grid: F64, columns_rows: F64) -> F64:
    return np.asarray(np.hstack([columns_rows, np.ones((len(columns_rows), 1))]) @ grid)


def _projected(home: F64, places: F64) -> F64:
    return np.asarray(cv2.perspectiveTransform(places[None].astype(np.float64), home)[0])


def _measured(light: F32, home: F64, grid: F64) -> F64 | None:
    """Median of each patch's middle, row by row from dark skin, float64 (24, 3); None where one is outside the photo or rough."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    middles = np.stack([columns.ravel(), rows.ravel()], axis=-1).astype(np.float64)
    spread = np.linspace(-INNER, INNER, 5)
    offsets = np.stack(np.meshgrid(spread, spread), axis=-1).reshape(-1, 2)
    points = _projected(home, _placed(grid, (middles[:, None] + offsets[None]).reshape(-1, 2)))
    x, y = np.rint(points).astype(np.int64).T
    if x.min() < 0 or y.min() < 0 or x.max() >= light.shape[1] or y.max() >= light.shape[0]:
        return None
    samples = light[y, x].reshape(COLUMNS * ROWS, -1, 3).astype(np.float64)
    middle = np.median(samples, axis=1)
    rough = np.abs(samples - middle[:, None]).mean(axis=(1, 2)) > ROUGH * middle.mean(axis=1) + 0.01
    return None if rough.sum() > 2 else middle
