"""Where on a round wall every pixel of a photo lies: a cylinder or cone seen by a camera with its rims level in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.imaging.prints.uv import F64, FAR, Field, Spots, bounded

Point = tuple[float, float]
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Wall:
    """The wall between two rims, in pixels of the photo; fields as in `studio.briefs.mockup.CylinderSurface`.

    A point at angle t (0 nearest the camera) and height h (0 upper rim, 1 lower) is seen at
    `axis(h) + across * radius(h) * sqrt(1 - p^2) sin t / (1 - p cos t) + (front(h) - axis(h)) * (1 - p) cos t / (1 - p cos t)`:
    the pinhole image of a circle whose radius is p times the camera's distance. `h` is the height on the wall brought into the
    picture: `h = v d / (1 - v + v d)`, d being the lower rim's distance over the upper one's.
    """

    axis: tuple[Point, Point]
    front: tuple[Point, Point]
    radius: tuple[float, float]
    angles: tuple[float, float]
    perspective: float = 0.0
    depth: float = 1.0

    def points(self, uv: F64) -> F64:
        """Positions on the surface (..., 2) to the photo (..., 2)."""
        h = uv[..., 1:] * self.depth / (1 - uv[..., 1:] + uv[..., 1:] * self.depth)
        angle = np.radians(self.angles[0] + (self.angles[1] - self.angles[0]) * uv[..., :1])
        top, bottom = (np.asarray(point) for point in self.axis)
        near, far = (np.asarray(point) - middle for point, middle in zip(self.front, (top, bottom), strict=True))
        p = self.perspective
        depth = 1 - p * np.cos(angle)
        side = (self.radius[0] + (self.radius[1] - self.radius[0]) * h) * np.sqrt(1 - p * p) * np.sin(angle) / depth
        sag = (near + (far - near) * h) * (1 - p) * np.cos(angle) / depth
        return np.asarray(top + (bottom - top) * h + self._across() * side + sag)

    def _across(self) -> F64:
        """Unit vector to the right, square to the axis."""
        (x0, y0), (x1, y1) = self.axis
        length = float(np.hypot(x1 - x0, y1 - y0))
        return np.asarray([(y1 - y0) / length, -(x1 - x0) / length])

    def field(self, spots: Spots) -> Field:
        """Turned round: for a height the angle follows in closed form, for an angle the height does; a few rounds settle both."""
        (x0, y0), (x1, y1) = self.axis
        length = float(np.hypot(x1 - x0, y1 - y0))
        across = self._across()
        down = np.asarray([(x1 - x0) / length, (y1 - y0) / length])
        x = (spots.x - x0) * across[0] + (spots.y - y0) * across[1]
        y = (spots.x - x0) * down[0] + (spots.y - y0) * down[1]
        near = [np.asarray(f) - np.asarray(a) for f, a in zip(self.front, self.axis, strict=True)]
        lean, sag = [float(v @ across) for v in near], [float(v @ down) for v in near]
        h, angle, seen = y / length, np.zeros_like(x), np.ones(x.shape, bool)
        for _ in range(ROUNDS):
            level = np.clip(h, -0.5, 1.5)
            angle, seen = self._angle(x, level, lean)
            turn = _turn(angle, self.perspective)
            h = (y - sag[0] * turn) / (length + (sag[1] - sag[0]) * turn)
        degrees = np.degrees(angle)
        u = (degrees - self.angles[0]) / (self.angles[1] - self.angles[0])
        level = np.clip(h, -0.5, 1.5)
        v = level / (self.depth - level * (self.depth - 1))
        uv = np.stack([np.where(seen, u, -FAR), np.where(seen, v, -FAR)], axis=-1)
        return bounded(np.clip(uv, -FAR, 1 + FAR))

    def _angle(self, x: F64, h: F64, lean: list[float]) -> tuple[F64, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
        """Solve `wide sin t + (p x + drift) cos t = x` for the visible t. Beyond the silhouette there is none."""
        p = self.perspective
        wide = (self.radius[0] + (self.radius[1] - self.radius[0]) * h) * np.sqrt(1 - p * p)
        drift = (lean[0] + (lean[1] - lean[0]) * h) * (1 - p)
        cosine = p * x + drift
        ratio = x / np.hypot(wide, cosine)
        angle = np.arcsin(np.clip(ratio, -1, 1)) - np.arctan2(cosine, wide)
        return angle, np.abs(ratio) < 1.02


def _turn(angle: F64, p: float) -> F64:
    return np.asarray((1 - p) * np.cos(angle) / (1 - p * np.cos(angle)))
