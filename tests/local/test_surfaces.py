"""Sets: deterministic, the same at every size, without bands, and shared by the whole catalogue."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from studio.destination import Encoding
from studio.errors import StepError
from studio.grounds import GradientGround, ImageGround, SurfaceGround, TransparentGround
from studio.imaging.codec import decode
from studio.imaging.encode import encode
from studio.imaging.surfaces import surface_scene
from studio.imaging.sweep import cover, gradient_ground
from studio.steps.scene import SceneStep, built, ground_of
from studio.take import Take
from studio.template import Light, Scene
from templates.library import Library
from tests.golden.pictures import run, shot, small

MATERIALS = ("wood", "marble", "linen", "concrete", "paper", "slate", "tile", "terrazzo", "sand", "metal")
LIGHT = Light()


def surface(material: str, size: tuple[int, int] = (256, 256), light: Light = LIGHT, **fields: object) -> np.ndarray:
    return surface_scene(SurfaceGround(kind="surface", material=material, **fields), light, size, 7)


@pytest.mark.parametrize("material", MATERIALS)
class TestSurface:
    def test_same_bytes_every_time(self, material: str) -> None:
        first = surface(material)
        assert first.shape == (256, 256, 3)
        assert first.dtype == np.uint8
        assert np.array_equal(first, surface(material))

    def test_same_picture_at_every_size(self, material: str) -> None:
        small_one = surface(material, (200, 200)).astype(np.float32)
        large = cv2.resize(surface(material, (600, 600)), (200, 200), interpolation=cv2.INTER_AREA).astype(np.float32)
        soft, soft_large = (cv2.GaussianBlur(p, (0, 0), 3) for p in (small_one, large))
        assert np.abs(soft - soft_large).mean() < 2.5

    def test_the_table_has_structure_and_the_wall_is_calm(self, material: str) -> None:
        scene = cv2.cvtColor(surface(material, (512, 512), horizon=0.6), cv2.COLOR_RGB2GRAY).astype(np.float32)
        detail = scene - cv2.GaussianBlur(scene, (0, 0), 4)
        wall, table = detail[:200].std(), detail[430:].std()
        assert wall < 1.0
        assert table > (1.0 if material == "paper" else 1.25) * wall

    def test_a_tint_colours_the_table_and_not_the_wall(self, material: str) -> None:
        plain, red = surface(material).astype(int), surface(material, tint="#a03030").astype(int)
        assert np.array_equal(plain[:40], red[:40])
        redness = [float((p[230:, :, 0] - p[230:, :, 2]).mean()) for p in (plain, red)]
        assert redness[1] > redness[0] + 20

    def test_other_formats_than_square(self, material: str) -> None:
        assert surface(material, (300, 200)).shape == (200, 300, 3)
        assert surface(material, (90, 160)).shape == (160, 90, 3)


def test_light_falls_from_its_side() -> None:
    left, right = (surface("concrete", light=Light(azimuth_deg=a)).astype(float) for a in (-80, 80))
    assert left[:100, :60].mean() > left[:100, -60:].mean() + 10
    assert right[:100, -60:].mean() > right[:100, :60].mean() + 10


def test_warm_light_warms_the_set() -> None:
    warm, cold = (surface("paper", light=Light(temperature_k=k)).astype(float) for k in (3200, 8000))
    assert (warm[..., 0] - warm[..., 2]).mean() > (cold[..., 0] - cold[..., 2]).mean() + 20


def test_depth_of_field_softens_the_far_edge_alone() -> None:
    def sharpness(blur: float, rows: slice) -> float:
        grey = cv2.cvtColor(surface("wood", (512, 512), blur=blur), cv2.COLOR_RGB2GRAY)
        return float(cv2.Laplacian(grey, cv2.CV_32F)[rows].std())

    far, near = slice(320, 345), slice(430, 470)
    assert sharpness(1.0, far) < 0.6 * sharpness(0.0, far)
    assert sharpness(1.0, near) > 0.8 * sharpness(0.0, near)


def test_a_sweep_has_no_bands() -> None:
    """A band is a run of rows with one and the same value; dithering breaks every one of them."""
    ground = GradientGround(kind="gradient", top="#f0f0f0", bottom="#f6f6f6", vignette=0.05)
    sweep = gradient_ground(ground, LIGHT, (400, 400), 1)
    assert (sweep.std(axis=1) > 0.2).all()
    flat = sweep.reshape(20, 20, 20, 20, 3).mean(axis=(1, 3))[..., 0]
    assert np.abs(np.diff(flat, axis=0)).max() < 1.5


def test_a_picture_covers_the_canvas_without_distortion() -> None:
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 100:200] = 255
    assert (cover(picture, (50, 50)) == 255).all()
    assert cover(picture, (600, 100)).shape == (100, 600, 3)


class TestStep:
    library = Library.default()

    def take(self, ground: object = None, sku: str = "A", **template: object) -> Take:
        style = self.library.template("lifestyle-wood")
        update = {"background": ground} if ground is not None else {}
        chosen = style.model_copy(update={**update, **template})
        return Take(shot(chosen, small(self.library.destination("web-hero"), 160), sku), b"")

    def test_all_products_share_one_set(self) -> None:
        first, second = (run(self.take(sku=sku), (SceneStep(),)) for sku in "AB")
        assert first.ground is second.ground
        assert first.ground is not None
        assert not first.ground.flags.writeable
        assert SceneStep().reads(first.shot) == SceneStep().reads(second.shot)

    def test_another_template_has_another_table(self) -> None:
        ground = self.library.template("lifestyle-wood").background
        assert not np.array_equal(built(ground, LIGHT, (80, 80), "a"), built(ground, LIGHT, (80, 80), "b"))

    def test_a_transparent_ground_is_none(self) -> None:
        assert run(self.take(TransparentGround(kind="transparent")), (SceneStep(),)).ground is None

    @pytest.mark.parametrize(("wish", "kind"), [("white", "white"), ("transparent", "transparent"), ("any", "surface")])
    def test_the_destination_insists(self, wish: str, kind: str) -> None:
        take = self.take()
        destination = take.shot.destination.model_copy(update={"background": wish})
        assert ground_of(take.shot.model_copy(update={"destination": destination})).kind == kind

    def test_a_picture_is_brought_along(self) -> None:
        picture = np.full((40, 40, 3), (10, 200, 30), np.uint8)
        data = encode(picture, Encoding(format="png"), max_bytes=10**6, source_type="").data
        take = self.take(ImageGround(kind="image", path="x.png", digest="d"))
        take.assets = {"d": data}
        ground = run(take, (SceneStep(),)).ground
        assert ground is not None
        assert (ground == decode(data).rgb[0, 0]).all()
        with pytest.raises(StepError, match=r"x\.png"):
            run(self.take(ImageGround(kind="image", path="x.png", digest="other")), (SceneStep(),))

    def test_a_set_that_a_generator_made_is_left_alone(self) -> None:
        take = self.take(scene=Scene(engine="diffusers", model="any"))
        made = np.full((107, 160, 3), (9, 90, 200), np.uint8)
        take.ground = made
        assert run(take, (SceneStep(),)).ground is made


class TestHardTops:
    """What each new top promises to the eye, in numbers."""

    def near(self, material: str, **fields: object) -> np.ndarray:
        return surface(material, (512, 512), horizon=0.5, blur=0.0, **fields)[330:]

    def test_slate_is_dark_and_cool(self) -> None:
        assert self.near("slate").mean() < 110
        assert self.near("slate")[..., 2].mean() > self.near("slate")[..., 0].mean()

    def test_tiles_have_joints_darker_than_their_glaze(self) -> None:
        grey = cv2.cvtColor(self.near("tile"), cv2.COLOR_RGB2GRAY).astype(np.float32)
        assert np.median(grey) - np.percentile(grey, 1) > 30
        assert np.percentile(grey, 99) - np.median(grey) < 30

    def test_terrazzo_has_chips_of_several_colours(self) -> None:
        lab = cv2.cvtColor(self.near("terrazzo"), cv2.COLOR_RGB2LAB).reshape(-1, 3)
        assert lab[:, 0].std() > 10
        assert lab[:, 1].std() > 1.2

    def test_sand_runs_in_ripples_across(self) -> None:
        grey = cv2.cvtColor(self.near("sand"), cv2.COLOR_RGB2GRAY).astype(np.float32)
        soft = cv2.GaussianBlur(grey, (0, 0), 4)
        assert np.abs(np.diff(soft, axis=0)).mean() > 2 * np.abs(np.diff(soft, axis=1)).mean()

    def test_metal_is_brushed_across_and_neutral(self) -> None:
        brushed = self.near("metal").astype(np.float32)
        assert np.abs(brushed[..., 0] - brushed[..., 2]).mean() < 12
        fine = brushed.mean(axis=2)[:, 150:350]
        fine = fine - cv2.GaussianBlur(fine, (0, 0), 4)
        assert fine.mean(axis=1).std() > 3 * fine[:150].mean(axis=0).std()

    @pytest.mark.parametrize("material", ["slate", "tile", "terrazzo", "sand", "metal"])
    def test_seeds_differ(self, material: str) -> None:
        ground = SurfaceGround(kind="surface", material=material)
        one, other = (surface_scene(ground, LIGHT, (96, 96), seed) for seed in (1, 2))
        assert not np.array_equal(one, other)
