"""What is read off a reference: painted scenes whose light, colours and places are known, because the test drew them."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.imaging.colour import hex_to_rgb, linear_to_u8, u8_to_linear
from studio.imaging.light import towards
from studio.imaging.reference.key_light import key_light
from studio.imaging.reference.palette import clusters, palette_distances, palette_of
from studio.imaging.reference.read_picture import read_picture, shadow_depth
from studio.imaging.reference.set_parts import free_of, horizon_of, part_of
from studio.reading import Tone
from studio.take import F32, U8
from studio.template import Light

SIDE = 200


def lit_ball(light: Light, fill: float = 0.25) -> tuple[U8, F32]:
    """A matt ball in that light on an evenly grey sheet, and where it is."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    right, up = (x - 100) / 45, (100 - y) / 45
    inside = right**2 + up**2 < 1
    normal = np.stack([right, up, np.sqrt(np.maximum(1 - right**2 - up**2, 0))], axis=-1)
    pitch = math.radians(18)
    level = towards(light)
    seen = np.array(
        [
            level[0],
            level[1] * math.cos(pitch) - level[2] * math.sin(pitch),
            level[2] * math.cos(pitch) + level[1] * math.sin(pitch),
        ]
    )
    shade = 0.45 * (fill + (1 - fill) * np.maximum(normal @ seen, 0))
    return linear_to_u8(np.where(inside, shade, 0.5)[..., None] * np.ones(3)), inside.astype(np.float32)


def table(horizon: float, wall: str, floor: str, noise: float = 2.0) -> U8:
    """A wall over a floor, with sensor noise and a soft light from the left."""
    rng = np.random.default_rng(3)
    rows = (np.arange(SIDE)[:, None] + 0.5) / SIDE
    colour = np.where((rows < horizon)[..., None], hex_to_rgb(wall), hex_to_rgb(floor)).astype(np.float32)
    picture = np.broadcast_to(colour, (SIDE, SIDE, 3)) * np.linspace(1.0, 0.9, SIDE)[None, :, None]
    return np.clip(picture + rng.normal(0, noise, (SIDE, SIDE, 1)), 0, 255).astype(np.uint8)


class TestLight:
    @pytest.mark.parametrize(("azimuth", "elevation"), [(-75, 25), (-40, 45), (0, 40), (50, 30), (100, 35), (20, 65)])
    def test_a_matt_ball_tells_the_direction(self, azimuth: float, elevation: float) -> None:
        truth = Light(azimuth_deg=azimuth, elevation_deg=elevation)
        found = key_light(*lit_ball(truth))
        told = Light(azimuth_deg=found.azimuth_deg, elevation_deg=found.elevation_deg)
        assert math.degrees(math.acos(float(towards(truth) @ towards(told)))) < 20
        assert found.certainty > 0.3

    def test_a_mirrored_picture_has_its_light_on_the_other_side(self) -> None:
        picture, seen = lit_ball(Light(azimuth_deg=-70, elevation_deg=30))
        one = key_light(picture, seen)
        other = key_light(np.ascontiguousarray(picture[:, ::-1]), np.ascontiguousarray(seen[:, ::-1]))
        assert one.azimuth_deg < -40
        assert abs(one.azimuth_deg + other.azimuth_deg) < 12

    def test_nothing_to_see_gives_the_usual_light_and_says_so(self) -> None:
        found = key_light(np.full((120, 160, 3), 180, np.uint8), np.zeros((120, 160), np.float32))
        assert abs(found.azimuth_deg) < 5
        assert found.certainty == 0

    def test_deeper_shadows_read_harder_and_more_contrasty(self) -> None:
        seen = np.zeros((SIDE, SIDE), np.float32)
        seen[60:140, 80:120] = 1
        pictures = []
        for depth in (0.9, 0.5, 0.15):
            light = np.full((SIDE, SIDE), 0.5, np.float32)
            cv2.ellipse(light, (140, 138), (40, 8), 0, 0, 360, 0.5 * depth, -1)
            light[seen > 0] = 0.3
            pictures.append(linear_to_u8(cv2.GaussianBlur(light, (0, 0), 1.5)[..., None] * np.ones(3)))
        depths = [shadow_depth(picture, seen) for picture in pictures]
        assert depths == sorted(depths)
        readings = [read_picture(picture, seen).light for picture in pictures]
        assert readings[0].softness > readings[1].softness > readings[2].softness
        assert readings[0].ratio < readings[1].ratio < readings[2].ratio


class TestPalette:
    def test_painted_colours_come_back_the_most_frequent_first(self) -> None:
        colours = ["#bf8753", "#33475b", "#e8dcc6"]
        picture = np.concatenate(
            [np.full((rows, 150, 3), hex_to_rgb(colour), np.uint8) for colour, rows in zip(colours, (75, 45, 30), strict=True)]
        )
        found = palette_of(picture)
        assert [tone.share for tone in found] == sorted((tone.share for tone in found), reverse=True)
        truth = tuple(Tone(colour=colour, share=0.3) for colour in colours)
        assert max(palette_distances(truth, found)) < 1.0

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 6))
    def test_clusters_are_deterministic_and_every_point_has_the_nearest(self, seed: int, count: int) -> None:
        points = np.random.default_rng(seed).normal(size=(60, 3)).astype(np.float32)
        labels, centres = clusters(points, count)
        again, _ = clusters(points.copy(), count)
        assert np.array_equal(labels, again)
        distances = ((points[:, None] - centres[None]) ** 2).sum(axis=2)
        chosen = distances[np.arange(60), labels]
        assert (chosen <= distances.min(axis=1) + 1e-4).all()

    def test_a_picture_of_one_colour_has_it(self) -> None:
        found = palette_of(np.full((50, 80, 3), (10, 120, 200), np.uint8))
        assert found[0].colour == "#0a78c8"
        assert sum(tone.share for tone in found) == pytest.approx(1)


class TestSet:
    @settings(max_examples=12, deadline=None)
    @given(st.floats(0.25, 0.75))
    def test_the_table_edge_is_found(self, horizon: float) -> None:
        found = horizon_of(table(horizon, "#d8c8b0", "#6b4a30"), np.ones((SIDE, SIDE), bool))
        assert found is not None
        assert abs(found - horizon) < 0.025

    def test_a_seamless_sweep_has_none(self) -> None:
        rows = np.linspace(190, 235, SIDE).astype(np.uint8)[:, None, None]
        sweep = np.broadcast_to(rows, (SIDE, SIDE, 3)).copy()
        reading = read_picture(sweep, np.zeros((SIDE, SIDE), np.float32))
        assert reading.horizon is None
        assert reading.kind == "gradient"
        assert reading.wall.down > 0.2

    def test_one_flat_colour_is_plain_and_a_patterned_wall_is_a_scene(self) -> None:
        nothing = np.zeros((SIDE, SIDE), np.float32)
        assert read_picture(np.full((SIDE, SIDE, 3), 200, np.uint8), nothing).kind == "plain"
        checks = np.kron(np.indices((25, 25)).sum(axis=0) % 2, np.ones((8, 8)))[..., None] * np.ones(3) * 120 + 60
        assert read_picture(checks.astype(np.uint8), nothing).kind == "scene"

    def test_wall_and_floor_keep_their_colours_whatever_stands_there(self) -> None:
        picture, seen = table(0.45, "#d8c8b0", "#6b4a30"), np.zeros((SIDE, SIDE), np.float32)
        picture[60:160, 80:130], seen[60:160, 80:130] = (20, 90, 60), 1
        reading = read_picture(picture, seen)
        assert reading.kind == "surface"
        assert reading.floor is not None
        truth = (Tone(colour="#d8c8b0", share=0.5), Tone(colour="#6b4a30", share=0.5))
        told = (Tone(colour=reading.wall.colour, share=0.5), Tone(colour=reading.floor.colour, share=0.5))
        assert max(palette_distances(truth, told)) < 4
        assert reading.box is not None
        assert np.allclose(reading.box, (0.40, 0.30, 0.25, 0.50), atol=0.02)

    def test_slopes_of_light_are_measured_in_logarithms(self) -> None:
        x = np.linspace(-0.5, 0.5, SIDE)[None, :, None]
        picture = linear_to_u8(0.3 * np.exp(0.8 * x) * np.ones((SIDE, 1, 3)))
        assert part_of(picture, np.ones((SIDE, SIDE), bool)).across == pytest.approx(0.8, abs=0.05)

    def test_a_foreground_that_fills_the_picture_leaves_something_to_read(self) -> None:
        assert free_of(np.ones((SIDE, SIDE), np.float32) * 0.4).any()


def test_a_reading_does_not_depend_on_the_size_of_the_picture() -> None:
    picture, seen = table(0.45, "#d8c8b0", "#6b4a30"), np.zeros((SIDE, SIDE), np.float32)
    picture[60:160, 80:130], seen[60:160, 80:130] = (20, 90, 60), 1
    large: Any = np.kron(picture, np.ones((3, 3, 1), np.uint8))
    one, other = read_picture(picture, seen), read_picture(large, np.kron(seen, np.ones((3, 3), np.float32)))
    assert one.kind == other.kind
    assert one.horizon == other.horizon
    assert max(palette_distances(one.palette, other.palette)) < 1.5
    assert float(np.abs(u8_to_linear(picture).mean() - u8_to_linear(large).mean())) < 1e-3
