"""What the landmark networks say about people. Points are pixels of the picture that was shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR, MOUTH_LEFT, MOUTH_RIGHT = 0, 2, 5, 7, 8, 9, 10
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST = 11, 12, 13, 14, 15, 16
LEFT_KNUCKLE, RIGHT_KNUCKLE = 19, 20
LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE = 23, 24, 25, 26, 27, 28
"""Rows of `Pose.points`; left and right are the person's own."""


@dataclass(frozen=True, slots=True)
class Pose:
    """A person's 33 landmarks: `points` float32 (33, 3) x, y and visibility 0..1, `world` float32 (33, 3) metres around the hips
    (x to the right of the picture, y down, z away from the camera). `presence` 0..1: whether there is a person."""

    points: F32
    world: F32
    presence: float

    def at(self, row: int) -> F32:
        """x, y of a landmark."""
        return self.points[row, :2]

    def sees(self, *rows: int) -> float:
        """The lowest visibility of some landmarks."""
        return float(self.points[list(rows), 2].min())


@dataclass(frozen=True, slots=True)
class Face:
    """A face: `box` x, y, width, height, `points` float32 (6, 2): right eye, left eye, nose, mouth, right ear, left ear (the
    person's own right and left)."""

    score: float
    box: tuple[float, float, float, float]
    points: F32


@dataclass(slots=True)
class Wearer:
    """The person of a picture: the photo uint8 (H, W, 3) before anything was put on, what was found in it, and, float32 (H, W)
    0..1, where the product lies on it."""

    photo: U8
    pose: Pose
    faces: tuple[Face, ...]
    worn: F32 | None = None
