"""Silhouettes with a soft edge, drawn at eight times the size: what the shadow tests stand on the ground."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

SIDE, BIG = 320, 8


def _drawn(draw: object) -> np.ndarray:
    plane = np.zeros((SIDE * BIG, SIDE * BIG), np.uint8)
    draw(plane)  # type: ignore[operator]
    drawn = cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    drawn.setflags(write=False)  # shared: every shape is drawn once
    return drawn


def _box(plane: np.ndarray, x: float, y: float, w: float, h: float) -> None:
    cv2.rectangle(plane, (round(x * BIG), round(y * BIG)), (round((x + w) * BIG), round((y + h) * BIG)), 255, -1)


def _oval(plane: np.ndarray, x: float, y: float, rx: float, ry: float, line: float = -1) -> None:
    width = -1 if line < 0 else round(line * BIG)
    cv2.ellipse(plane, (round(x * BIG), round(y * BIG)), (round(rx * BIG), round(ry * BIG)), 0, 0, 360, 255, width)


@cache
def mug() -> np.ndarray:
    """A cylinder seen from slightly above, with a handle on its right."""

    def draw(plane: np.ndarray) -> None:
        _oval(plane, 225, 170, 32, 42, 16)
        _box(plane, 90, 90, 120, 140)
        _oval(plane, 150, 230, 60, 15)
        _oval(plane, 150, 90, 60, 15)

    return _drawn(draw)


@cache
def lamp() -> np.ndarray:
    """A wide shade on a narrow foot."""

    def draw(plane: np.ndarray) -> None:
        _box(plane, 70, 40, 180, 110)
        _box(plane, 150, 150, 20, 100)
        _oval(plane, 160, 250, 25, 6)

    return _drawn(draw)


@cache
def stool() -> np.ndarray:
    """Four legs, the hinder ones end higher."""

    def draw(plane: np.ndarray) -> None:
        _box(plane, 60, 50, 200, 30)
        for x, bottom in ((75, 250), (120, 282), (215, 276), (170, 245)):
            _box(plane, x, 80, 14, bottom - 80)

    return _drawn(draw)


@cache
def ring() -> np.ndarray:
    return _drawn(lambda plane: _oval(plane, 160, 160, 100, 100, 18))


@cache
def slanted() -> np.ndarray:
    """A book turned a little: its lower edge climbs to the right."""

    def draw(plane: np.ndarray) -> None:
        corners = np.array([(90, 60), (230, 55), (230, 240), (90, 262)]) * BIG
        cv2.fillPoly(plane, [corners.astype(np.int32)], 255)

    return _drawn(draw)


@cache
def block(x: int = 110, y: int = 90, w: int = 100, h: int = 170) -> np.ndarray:
    return _drawn(lambda plane: _box(plane, x, y, w, h))


ALL = {"mug": mug, "lamp": lamp, "stool": stool, "ring": ring, "slanted": slanted, "block": block}
