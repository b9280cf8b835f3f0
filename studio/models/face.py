"""MediaPipe's short-range face detection (Google 2020, BlazeFace): faces with six points each."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from studio.body import Face
from studio.models.base import ModelCard
from studio.models.configured import Given
from studio.models.landmarks import checked, read_net, window
from studio.take import F32, U8

GRIDS = ((16, 2), (8, 6))
"""Cells a side, and anchors in each cell (mediapipe face_detection_short_range.pbtxt: strides 8, 16, 16, 16)."""
SCORE, OVERLAP, APART = 0.5, 0.3, 0.15
NEAR = 2.2
"""Width of a near look over the face's."""


class FaceNet:
    """uint8 (H, W, 3) sRGB -> list of `Face`, the surest first; faces smaller than a tenth of the picture are missed."""

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        self._weights = weights
        self._lock = threading.Lock()
        self._net: Any = None
        self._anchors = _anchors()

    def load(self) -> None:
        """Raises WeightsMissing, WeightsCorrupt, or SettingsError when this OpenCV reads no TFLite."""
        self._net = read_net(self.card, self._weights)

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """The faces of each item, in order."""
        return [self._one(checked(item)) for item in batch]

    def example(self) -> U8:
        """A grey square on white."""
        item = np.full((128, 128, 3), 255, np.uint8)
        item[30:80, 30:80] = 96
        return item

    def _one(self, item: U8) -> list[Face]:
        """Faces that the mirrored picture has too, at the same place: chance likenesses rarely are. Each is looked at once more
        from near, where a cell of the grid is a smaller part of it."""
        height, width = item.shape[:2]
        centre, size = (width / 2, height / 2), float(max(width, height))
        found, again = self._seen(item, centre, size), self._mirrored(item, centre, size)
        sure = [face for face in found if any(_same(face, other) for other in again)]
        return [self._near(item, face) for face in sure]

    def _near(self, item: U8, face: Face) -> Face:
        """The mean of a near look and a mirrored one, so that a light from the side does not tilt a face; the face as it was
        where either look misses it."""
        x, y, w, h = face.box
        centre, size = (x + w / 2, y + h / 2), NEAR * max(w, h)
        looks = (self._seen(item, centre, size), self._mirrored(item, centre, size))
        best = [max(look, key=lambda one: _overlap(one, face), default=face) for look in looks]
        if any(_overlap(one, face) < OVERLAP or one is face for one in best):
            return face
        return replace(face, points=((best[0].points + best[1].points) / 2).astype(np.float32))

    def _mirrored(self, item: U8, centre: tuple[float, float], size: float) -> list[Face]:
        """What the network says of the mirrored picture, in the picture's own coordinates and sides."""
        width = item.shape[1]
        found = self._seen(np.ascontiguousarray(item[:, ::-1]), (width - centre[0], centre[1]), size)
        return [_turned(face, width) for face in found]

    def _seen(self, item: U8, centre: tuple[float, float], size: float) -> list[Face]:
        side = self.card.input_px
        planes = window(item, centre, size, side).transpose(2, 0, 1) * 2 - 1
        with self._lock:
            self._net.setInput(np.ascontiguousarray(planes[None]))
            raw, logits = (np.array(part) for part in self._net.forward(["regressors", "classificators"]))
        scores = 1 / (1 + np.exp(-np.clip(logits.reshape(-1), -30, 30)))
        values = raw.reshape(-1, 8, 2) / side
        values[:, 0] += self._anchors
        values[:, 2:] += self._anchors[:, None]
        found: list[Face] = []
        for index in np.argsort(-scores, kind="stable"):
            if scores[index] < SCORE:
                break
            face = _face(float(scores[index]), values[index], size, (centre[0] - size / 2, centre[1] - size / 2))
            if all(_overlap(face, other) < OVERLAP for other in found):
                found.append(face)
        return found


def _same(face: Face, other: Face) -> bool:
    """Whether two looks mean one face: their points lie within `APART` of its width."""
    return float(np.linalg.norm(face.points - other.points, axis=1).mean()) < APART * face.box[2]


def _turned(face: Face, width: int) -> Face:
    """A face of the mirrored picture as one of the picture itself."""
    points = face.points[[1, 0, 2, 3, 5, 4]].copy()
    points[:, 0] = width - points[:, 0]
    x, y, w, h = face.box
    return Face(face.score, (width - x - w, y, w, h), points)


def _anchors() -> F32:
    cells = [
        ((x + 0.5) / side, (y + 0.5) / side)
        for side, many in GRIDS
        for y in range(side)
        for x in range(side)
        for _ in range(many)
    ]
    return np.array(cells, np.float32)


def _face(score: float, values: F32, size: float, origin: tuple[float, float]) -> Face:
    (x, y), (w, h) = values[0] * size, values[1] * size
    box = float(x - w / 2 + origin[0]), float(y - h / 2 + origin[1]), float(w), float(h)
    return Face(score, box, (values[2:] * size + np.array(origin)).astype(np.float32))


def _overlap(one: Face, other: Face) -> float:
    (ax, ay, aw, ah), (bx, by, bw, bh) = one.box, other.box
    wide, high = min(ax + aw, bx + bw) - max(ax, bx), min(ay + ah, by + bh) - max(ay, by)
    both = max(wide, 0.0) * max(high, 0.0)
    return both / max(aw * ah + bw * bh - both, 1e-6)
