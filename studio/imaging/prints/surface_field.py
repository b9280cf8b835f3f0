"""From what a brief says of a surface to where every pixel lies on it."""

from __future__ import annotations

import cv2
import numpy as np

from studio.briefs.mockup import CornersSurface, CylinderSurface, MeshSurface, Surface, UvSurface
from studio.errors import CorruptImage
from studio.imaging.codec import dimensions
from studio.imaging.prints.cylinder import Wall
from studio.imaging.prints.print_area import Rect
from studio.imaging.prints.uv import Box, Field, Spots, corners_field, map_field, mesh_field, window
from studio.take import F32

COARSE = 8
ROOM = 16
"""Pixels kept around the box of a surface that was found at a COARSE-th of the size."""


def surface_field(
    surface: Surface,
    size: tuple[int, int],
    photo: tuple[int, int],
    data: bytes = b"",
    *,
    box: Box | None = None,
    moved: tuple[F32, F32] | None = None,
) -> Field:
    """The surface in a picture of `size` made of a photo of size `photo` (width, height), or in a box of the picture. `data` is a
    UV map's file; `moved` float32 (H, W) each: pixels of the photo by which folds shift what lies at a position."""
    if isinstance(surface, UvSurface):
        whole = map_field(read_map(data), size)
        left, top, width, height = box or (0, 0, *size)
        part = slice(top, top + height), slice(left, left + width)
        return Field(np.ascontiguousarray(whole.uv[part]), np.ascontiguousarray(whole.cover[part]))
    spots = Spots.of(size, photo, box)
    if moved is not None:
        spots = spots.moved(*moved)
    if isinstance(surface, CornersSurface):
        return corners_field(surface.points, spots)
    if isinstance(surface, CylinderSurface):
        wall = Wall(surface.axis, surface.front, surface.radius, surface.angles, surface.perspective, surface.depth)
        return wall.field(spots)
    assert isinstance(surface, MeshSurface)
    return mesh_field(surface.points, spots)


def surface_box(surface: Surface, size: tuple[int, int], photo: tuple[int, int], data: bytes, clip: Rect) -> Box | None:
    """The box of a picture in which a part of the surface is seen, with some room; None where nothing of it is."""
    small = max(1, size[0] // COARSE), max(1, size[1] // COARSE)
    field = surface_field(surface, small, photo, data)
    rows, columns = np.nonzero(field.cover * window(field.uv, clip) > 0)
    if not rows.size:
        return None
    times = size[0] / small[0], size[1] / small[1]
    room = ROOM + round(surface.displace * size[0] / photo[0])
    left, top = (max(0, int(v.min() * t) - room) for v, t in ((columns, times[0]), (rows, times[1])))
    right, bottom = (
        min(side, int((v.max() + 1) * t) + room) for v, t, side in ((columns, times[0], size[0]), (rows, times[1], size[1]))
    )
    return left, top, right - left, bottom - top


def read_map(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    """A UV map's 16-bit levels (h, w, 3): u, v, coverage. Raises ImageError kinds."""
    dimensions(data)
    levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if levels is None or levels.dtype != np.uint16 or levels.ndim != 3 or levels.shape[2] != 3:
        raise CorruptImage("a UV map is a 16-bit RGB PNG: u, v, coverage")
    return np.ascontiguousarray(levels[..., ::-1], np.uint16)
