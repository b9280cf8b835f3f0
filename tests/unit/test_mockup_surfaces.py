"""Surfaces of mockups: what is painted at (u, v) appears where the surface has (u, v)."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import CorruptImage, StepError
from studio.imaging.prints.cylinder import Wall
from studio.imaging.prints.uv import Spots, corners_field, fine_sheet, map_field, mesh_field, window
from studio.imaging.prints.warp import sampled

SIZE = (120, 100)


def spots(size: tuple[int, int] = SIZE) -> Spots:
    return Spots.of(size, SIZE)


def test_corners_meet_the_homography() -> None:
    points = ((20.0, 15.0), (100.0, 25.0), (92.0, 90.0), (14.0, 80.0))
    field = corners_field(points, spots())
    truth = cv2.getPerspectiveTransform(np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]), np.float32(points))
    for u, v in ((0.5, 0.5), (0.1, 0.8), (0.9, 0.2)):
        x, y, w = truth @ [u, v, 1]
        column, row = x / w - 0.5, y / w - 0.5
        seen = cv2.remap(field.uv, np.float32([[column]]), np.float32([[row]]), cv2.INTER_LINEAR)[0, 0]
        assert seen == pytest.approx((u, v), abs=2e-3)
    assert field.cover[50, 60] == 1
    assert field.cover[5, 5] == 0


def test_corners_in_the_wrong_order_are_an_error() -> None:
    with pytest.raises(StepError, match="clockwise"):
        corners_field(((20, 15), (92, 90), (100, 25), (14, 80)), spots())


@settings(max_examples=15, deadline=None)
@given(
    perspective=st.floats(0, 0.3),
    depth=st.floats(0.9, 1.15),
    lean=st.floats(-6, 6),
    sag=st.floats(-4, 14),
    tilt=st.floats(-8, 8),
)
def test_a_wall_turns_round_what_it_projects(perspective: float, depth: float, lean: float, sag: float, tilt: float) -> None:
    wall = Wall(
        ((60, 20), (60 + tilt, 80)),
        ((60 + lean, 20 + sag), (60 + tilt + lean, 80 + 1.4 * sag)),
        (40, 36),
        (-180, 180),
        perspective,
        depth,
    )
    field = wall.field(spots())
    inside = (field.cover > 0.99) & (np.abs(field.uv[..., 0] - 0.5) < 0.17)
    assert inside.sum() > 500
    found = wall.points(field.uv[inside].astype(np.float64))
    wanted = np.stack([spots().x[inside], spots().y[inside]], axis=-1)
    assert np.abs(found - wanted).max() < 0.05


def test_a_wall_is_what_a_camera_sees() -> None:
    """A true pinhole camera before a true cylinder: the wall's numbers follow from it, and every point agrees."""
    radius, high, away, focal = 40.0, 90.0, 420.0, 500.0

    def seen(angle: float, up: float) -> np.ndarray:
        return np.array(
            [
                60 + focal * radius * math.sin(angle) / (away - radius * math.cos(angle)),
                50 - focal * up / (away - radius * math.cos(angle)),
            ]
        )

    rims = [(seen(-math.pi / 2, up) + seen(math.pi / 2, up)) / 2 for up in (high / 2, -high / 2)]
    fronts = [seen(0, up) for up in (high / 2, -high / 2)]
    p = radius / away
    wide = focal * radius / away / math.sqrt(1 - p * p)
    points = [(float(x), float(y)) for x, y in (*rims, *fronts)]
    wall = Wall((points[0], points[1]), (points[2], points[3]), (wide, wide), (-180, 180), p)
    for angle in (-60, -20, 0, 35, 70):
        for v in (0.1, 0.5, 0.8):
            there = wall.points(np.array([[angle / 360 + 0.5, v]]))[0]
            assert there == pytest.approx(seen(math.radians(angle), high * (0.5 - v)), abs=0.02)


def test_a_mesh_goes_through_its_points() -> None:
    rng = np.random.default_rng(3)
    rows, columns = np.meshgrid(np.linspace(15, 85, 5), np.linspace(20, 100, 6), indexing="ij")
    points = np.stack([columns, rows], axis=-1) + rng.uniform(-2, 2, (5, 6, 2))
    grid = [[(float(x), float(y)) for x, y in row] for row in points]
    field = mesh_field(grid, spots())
    for i in range(1, 4):
        for j in range(1, 5):
            x, y = points[i, j] - 0.5
            seen = cv2.remap(field.uv, np.float32([[x]]), np.float32([[y]]), cv2.INTER_LINEAR)[0, 0]
            assert seen == pytest.approx((j / 5, i / 4), abs=4e-3)
    assert fine_sheet(points)[::16, ::16] == pytest.approx(points)


def test_a_map_may_be_smaller_than_the_photo() -> None:
    u, v = np.meshgrid((np.arange(60) + 0.5) / 60, (np.arange(50) + 0.5) / 50)
    cover = ((u > 0.2) & (u < 0.8)).astype(np.float32)
    levels = np.rint(np.dstack([u * cover, v * cover, cover]) * 65535).astype(np.uint16)
    field = map_field(levels, SIZE)
    inside = field.cover > 0.9
    inside[:3] = inside[-3:] = False
    wanted = np.stack([spots().x / SIZE[0], spots().y / SIZE[1]], axis=-1)
    assert np.abs(field.uv - wanted)[inside].max() < 2e-3


def test_a_map_without_coverage_is_an_error() -> None:
    with pytest.raises(CorruptImage, match="coverage"):
        map_field(np.zeros((10, 10, 3), np.uint16), SIZE)
    with pytest.raises(CorruptImage, match="16-bit"):
        map_field(np.zeros((10, 10, 3), np.uint8), SIZE)  # type: ignore[arg-type]


def test_colours_come_through_unchanged_and_edges_are_clean() -> None:
    art = np.zeros((300, 400, 3), np.uint8)
    art[:, :200], art[:, 200:] = (180, 40, 90), (20, 200, 120)
    field = corners_field(((10, 10), (110, 10), (110, 90), (10, 90)), spots())
    ink = sampled(art, None, field.uv, field.cover)
    levels = np.rint(255 * np.where(ink <= 0.0031308, 12.92 * ink, 1.055 * np.maximum(ink, 1e-9) ** (1 / 2.4) - 0.055))
    assert (levels[20:80, 20:50, :3] == (180, 40, 90)).all()
    assert (levels[20:80, 70:100, :3] == (20, 200, 120)).all()
    assert float(window(field.uv, (0.5, 0.0, 1.0, 1.0))[50, 30]) == 0


def test_fine_stripes_become_their_mean_and_not_moire() -> None:
    art = np.zeros((1200, 1200, 3), np.uint8)
    art[:, ::2] = 255
    field = corners_field(((10, 10), (110, 10), (110, 90), (10, 90)), spots())
    inside = sampled(art, None, field.uv, field.cover)[20:80, 20:100, 0]
    assert abs(float(inside.mean()) - 0.5) < 0.02
    assert float(inside.std()) < 0.02
