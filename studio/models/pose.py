"""MediaPipe's pose landmarks, the full net (Google 2021, BlazePose GHUM): where the joints of one person are."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from studio.body import Pose
from studio.models.base import ModelCard
from studio.models.configured import Given
from studio.models.landmarks import checked, read_net, window
from studio.take import F32, U8

ROWS, JOINTS = 39, 33
HIPS, REACH = 33, 34
"""Rows of the two points that say where the whole person is: the middle of the hips, and a point on a circle around them."""
ROOM = 1.25
STARTS = ((0.0, 1.0), (0.2, 1.4), (0.35, 1.8), (-0.2, 1.4))
"""How far above the picture's middle, as a share of its height, a first look lies, and how large it is over the longer side."""
Square = tuple[float, float, float]
"""Centre x, y and side, in pixels."""
TRUNK = (11, 12, 23, 24)
APART = 0.3
MIRROR = (0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(row + 1 - 2 * (row % 2 == 0) for row in range(11, 33)))
"""The row of each landmark's opposite side."""
LOOKS, FAINT, SURE, MIN_PX = 2, 0.1, 0.9, 16
"""Looks from each start, presence from which the second is worth it and from which no other start is."""


class PoseNet:
    """uint8 (H, W, 3) sRGB, a picture of about one person -> `Pose`. A picture without one has a low `presence`."""

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        self._weights = weights
        self._lock = threading.Lock()
        self._net: Any = None

    def load(self) -> None:
        """Raises WeightsMissing, WeightsCorrupt, or SettingsError when this OpenCV reads no TFLite."""
        self._net = read_net(self.card, self._weights)

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One pose an item, in order."""
        return [self._one(checked(item)) for item in batch]

    def example(self) -> U8:
        """A grey square on white."""
        item = np.full((256, 256, 3), 255, np.uint8)
        item[60:240, 90:170] = 96
        return item

    def _one(self, item: U8) -> Pose:
        """The surest of a few looks: at all of the picture, at more than it shows (heads and legs are often cut off), and each
        time at the square that the look says holds the person; then the same square once more, mirrored."""
        height, width = item.shape[:2]
        best: tuple[Pose, Square] | None = None
        for up, room in STARTS:
            square: Square = (width / 2, height * (0.5 - up), room * max(width, height))
            for _ in range(LOOKS):
                pose, following = self._look(item, square)
                best = (pose, square) if best is None or pose.presence > best[0].presence else best
                square = following
                if pose.presence < FAINT or square[2] < MIN_PX:
                    break
            if best is not None and best[0].presence > SURE:
                break
        assert best is not None
        return agreed(best[0], self._mirrored(item, best[1]))

    def _mirrored(self, item: U8, square: Square) -> Pose:
        """What the network says of the mirrored picture, in the picture's own coordinates and sides."""
        width = item.shape[1]
        pose, _ = self._look(np.ascontiguousarray(item[:, ::-1]), (width - square[0], square[1], square[2]))
        points, world = pose.points[list(MIRROR)], pose.world[list(MIRROR)]
        points[:, 0], world[:, 0] = width - points[:, 0], -world[:, 0]
        return Pose(points, world, pose.presence)

    def _look(self, item: U8, square: Square) -> tuple[Pose, Square]:
        """The pose in a square of the picture, and the square that holds all of the person."""
        side, (x, y, size) = self.card.input_px, square
        planes = window(item, (x, y), size, side).transpose(2, 0, 1)
        with self._lock:
            self._net.setInput(np.ascontiguousarray(planes[None]))
            raw, flag, world = (np.array(part) for part in self._net.forward(["Identity", "Identity_1", "Identity_4"]))
        rows: F32 = raw.reshape(ROWS, 5)
        at = (rows[:, :2] / side - 0.5) * size + np.array([x, y])
        seen = 1 / (1 + np.exp(-np.clip(rows[:, 3], -30, 30)))
        points = np.concatenate([at, seen[:, None]], axis=1)[:JOINTS].astype(np.float32)
        pose = Pose(points, world.reshape(ROWS, 3)[:JOINTS].astype(np.float32), float(flag.ravel()[0]))
        reach = 2 * ROOM * float(np.linalg.norm(at[REACH] - at[HIPS]))
        return pose, (float(at[HIPS, 0]), float(at[HIPS, 1]), reach)


def agreed(one: Pose, other: Pose) -> Pose:
    """The mean of two looks at the same person. A landmark on which they disagree by `APART` of the trunk's size is not seen, one
    on which they agree is as visible as the less sure says; presence is the lower one."""
    trunk = np.concatenate([one.points[list(TRUNK), :2], other.points[list(TRUNK), :2]])
    size = max(float(np.linalg.norm(trunk.max(axis=0) - trunk.min(axis=0))), 1.0)
    gap = np.linalg.norm(one.points[:, :2] - other.points[:, :2], axis=1) / size
    points = (one.points + other.points) / 2
    points[:, 2] = np.minimum(one.points[:, 2], other.points[:, 2]) * np.clip(1 - gap / APART, 0, 1)
    return Pose(points.astype(np.float32), ((one.world + other.world) / 2).astype(np.float32), min(one.presence, other.presence))
