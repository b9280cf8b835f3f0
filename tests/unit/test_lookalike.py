"""The studio `lookalike`: which pictures, what is taken over, how far a product may follow, and the keys."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.briefs.lookalike import EVERYTHING, LookalikeBrief
from studio.errors import CorruptImage, MissingInput, NotFound, PackshotError, TruncatedImage
from studio.grounds import GradientGround, SurfaceGround
from studio.imaging.reference.grade import BUDGET, graded_product, graded_set
from studio.imaging.reference.imitation import FILL, material_of, narrowed, preset_for, scores, words
from studio.imaging.reference.palette import palette_distances
from studio.imaging.reference.set_parts import part_of
from studio.imaging.relight import drift
from studio.keys import digest_bytes
from studio.models.base import LocalModels, ModelCard
from studio.models.registry import Registry
from studio.product import ImageRole, Product, ProductImage
from studio.reading import Part, Reading, Tone
from studio.recipes.catalogue import recipe
from studio.setups import fitting
from studio.shot import Shot
from studio.steps.imitate import GradeProduct, Imitate
from studio.take import Placed, Take
from studio.template import Light, Template
from tests import shipped
from tests.golden.pictures import run, small

LIBRARY = shipped.library()
LOOK = LIBRARY.template("lookalike-photo")
SHIPPED = LIBRARY.template("lookalike-warm-side")
SQUARE = small(LIBRARY.destination("web-square"), 160)
FRONT = ProductImage(uri="front.png", digest="1" * 64)


def reference_bytes(colour: tuple[int, int, int] = (150, 110, 70), *, known: bool = False) -> bytes:
    """A block on a table before a wall, lit from the left; `known`: its alpha channel says where the block is."""
    picture = np.full((160, 200, 3), 215, np.uint8)
    picture[70:] = colour
    picture[40:120, 80:120] = np.linspace(120, 30, 40).astype(np.uint8)[None, :, None]
    if known:
        alpha = np.zeros((160, 200, 1), np.uint8)
        alpha[40:120, 80:120] = 255
        picture = np.concatenate([picture, alpha], axis=2)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def shot_of(data: bytes, **more: Any) -> Shot:
    own = ProductImage(uri="like.png", role=ImageRole.REFERENCE, digest=digest_bytes(data))
    look = LOOK.model_copy(update={"cutout": LOOK.cutout.model_copy(update={"model": "fake-matte"}), **more})
    return Shot(product=Product(sku="A"), template=look, destination=SQUARE, images=(FRONT, own))


def read_off(data: bytes, **more: Any) -> Take:
    shot = shot_of(data, **more)
    take = Take(shot, b"", opened={shot.images[1].digest: data})
    return run(take, [Imitate()], LocalModels(Registry(Path())))


def reading(**more: Any) -> Reading:
    usual: dict[str, Any] = {
        "palette": (Tone(colour="#d8c8b0", share=0.6), Tone(colour="#6b4a30", share=0.4)),
        "light": Light(azimuth_deg=-80, elevation_deg=20, softness=0.3, ratio=4, temperature_k=3000),
        "certainty": 0.8,
        "key": 55.0,
        "contrast": 45.0,
        "chroma": 20.0,
        "kind": "surface",
        "horizon": 0.42,
        "box": (0.35, 0.25, 0.2, 0.5),
        "wall": Part(colour="#d8c8b0", across=-0.6),
        "floor": Part(colour="#6b4a30", across=-0.4, texture=0.08),
    }
    return Reading(**(usual | more))


class Alone:
    """A family of nobody: lookalikes look nothing up."""

    def product(self, sku: str) -> Product:
        raise NotFound(sku)

    def variants(self, of: str) -> list[Product]:
        return []

    def template(self, name: str, product: Product) -> Template:
        return LIBRARY.template(name)


class TestSetups:
    def arrange(self, template: Any, *images: ProductImage) -> list[Any]:
        product = Product(sku="NL-1", images=images)
        return list(recipe("lookalike").setups(product, template, fitting(product, template), Alone()))

    def test_every_photo_is_made_after_every_reference(self) -> None:
        likes = [ProductImage(uri=f"like{n}.jpg", role=ImageRole.REFERENCE) for n in (1, 2)]
        made = self.arrange(LOOK, FRONT, *likes)
        assert [setup.slot for setup in made] == ["front", "front-like-2"]
        assert [setup.images for setup in made] == [(FRONT, likes[0]), (FRONT, likes[1])]

    def test_the_templates_reference_serves_products_without_one(self) -> None:
        (made,) = self.arrange(SHIPPED, FRONT)
        assert made.images == (FRONT,)
        assert SHIPPED.files[0].digest in recipe("lookalike").assets(
            Shot(product=Product(sku="A"), template=SHIPPED, destination=SQUARE, images=(FRONT,))
        )

    def test_without_either_the_error_says_what_to_supply(self) -> None:
        with pytest.raises(MissingInput, match=r"NL-1: .*role `reference`"):
            self.arrange(LOOK, FRONT)

    def test_a_reference_is_no_photo_of_the_product(self) -> None:
        anything = LOOK.model_copy(update={"applies_to": LOOK.applies_to.model_copy(update={"roles": tuple(ImageRole)})})
        with pytest.raises(MissingInput, match="beside the reference"):
            self.arrange(anything, ProductImage(uri="like.jpg", role=ImageRole.REFERENCE))


class TestNarrowing:
    def test_a_whole_reading_is_taken_over(self) -> None:
        look = narrowed(LOOK, LookalikeBrief(), reading())
        assert (look.light.azimuth_deg, look.light.ratio) == (-80, 4)
        assert isinstance(look.background, SurfaceGround)
        assert (look.background.material, look.background.horizon, look.background.wall) == ("wood", 0.42, "#d8c8b0")
        assert look.composition.baseline == 0.75
        assert look.composition.fill == 0.5

    @settings(max_examples=30, deadline=None)
    @given(st.sets(st.sampled_from(EVERYTHING)))
    def test_what_is_not_followed_stays(self, followed: set[Any]) -> None:
        look = narrowed(LOOK, LookalikeBrief(follow=tuple(sorted(followed))), reading())
        assert (look.light.azimuth_deg == LOOK.light.azimuth_deg) == ("light" not in followed)
        assert (look.light.softness == LOOK.light.softness) == ("softness" not in followed)
        assert (look.light.ratio == LOOK.light.ratio) == ("contrast" not in followed)
        assert (look.composition == LOOK.composition) == ("box" not in followed)
        assert (look.shadow.colour == LOOK.shadow.colour) == ("palette" not in followed)
        assert isinstance(look.background, SurfaceGround)
        assert isinstance(LOOK.background, SurfaceGround)
        assert (look.background.horizon == LOOK.background.horizon) == ("horizon" not in followed)
        assert (look.background.wall == LOOK.background.wall) == ("palette" not in followed)

    @settings(max_examples=40, deadline=None)
    @given(
        st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 1), st.floats(0.01, 1)),
        st.floats(0.1, 0.9),
        st.sampled_from(["plain", "gradient", "surface", "scene"]),
    )
    def test_whatever_is_read_the_look_stays_valid(self, box: Any, horizon: float, kind: Any) -> None:
        x, y, w, h = box
        box = (x, y, min(w, 1 - x), min(h, 1 - y))
        look = narrowed(LOOK, LookalikeBrief(), reading(box=box, horizon=horizon, kind=kind))
        assert type(look).model_validate(look.model_dump()) == look
        assert FILL[0] <= look.composition.fill <= FILL[1]
        assert look.composition.baseline is not None
        if isinstance(look.background, SurfaceGround):
            assert look.background.horizon < look.composition.baseline

    def test_a_sweep_becomes_a_gradient_with_the_slope_it_had(self) -> None:
        sweep = reading(kind="gradient", horizon=None, floor=None, wall=Part(colour="#c0c8d0", down=0.6))
        look = narrowed(LOOK, LookalikeBrief(), sweep)
        assert isinstance(look.background, GradientGround)
        assert look.background.top < look.background.bottom

    def test_the_products_own_light_is_only_changed_where_the_template_says_so(self) -> None:
        assert narrowed(LOOK, LookalikeBrief(), reading()).relight.preset == "none"
        relit = narrowed(SHIPPED, LookalikeBrief(), reading()).relight
        assert (relit.preset, relit.strength) == ("window", SHIPPED.relight.strength)

    @pytest.mark.parametrize(
        ("azimuth", "elevation", "kelvin", "preset"),
        [
            (10, 40, 5500, "softbox"),
            (0, 80, 5500, "top"),
            (160, 30, 5500, "rim"),
            (-80, 30, 5500, "window"),
            (70, 12, 3500, "golden-hour"),
        ],
    )
    def test_the_nearest_relighting_is_chosen(self, azimuth: float, elevation: float, kelvin: float, preset: str) -> None:
        assert preset_for(Light(azimuth_deg=azimuth, elevation_deg=elevation, temperature_k=kelvin)) == preset

    @pytest.mark.parametrize(
        ("colour", "texture", "material"),
        [("#6b4a30", 0.08, "wood"), ("#6b4a30", 0.01, "paper"), ("#303236", 0.06, "slate"), ("#a0a0a0", 0.06, "concrete")],
    )
    def test_the_floor_is_of_what_it_looks_like(self, colour: str, texture: float, material: str) -> None:
        assert material_of(reading(floor=Part(colour=colour, texture=texture))) == material

    def test_a_generator_is_told_what_was_seen(self) -> None:
        assert words(reading()) == ("hard warm light from the left", "mid-key")


class TestScores:
    def test_a_picture_is_like_itself(self) -> None:
        assert set(scores(reading(), reading()).values()) == {1.0}

    def test_each_aspect_falls_with_its_own_difference(self) -> None:
        other = reading(light=Light(azimuth_deg=100, elevation_deg=20, softness=0.3, ratio=4, temperature_k=3000))
        found = scores(reading(), other)
        assert found["match_light"] == 0
        assert {name for name, value in found.items() if value < 1} == {"match_light"}
        assert scores(reading(), reading(horizon=None))["match_horizon"] == 0
        assert scores(reading(), reading(kind="scene"))["match_background"] == 0.5

    @settings(max_examples=20, deadline=None)
    @given(st.floats(0, 1), st.floats(0, 100), st.floats(-180, 180))
    def test_scores_are_fractions(self, softness: float, key: float, azimuth: float) -> None:
        light = Light(azimuth_deg=azimuth, softness=softness)
        found = scores(reading(), reading(key=key, light=light, box=None, palette=(Tone(colour="#00ff00", share=1.0),)))
        assert all(0 <= value <= 1 for value in found.values())


class TestGrade:
    def test_the_set_takes_on_the_references_colours(self) -> None:
        rows = np.where(np.arange(160)[:, None, None] < 80, 120, 60).astype(np.uint8)
        ground = np.broadcast_to(rows, (160, 160, 3)).copy()
        wanted = reading()
        graded = graded_set(ground, wanted, 0.5, 1.0, 7)
        upper, lower = np.arange(160)[:, None] < 76, np.arange(160)[:, None] > 84
        assert wanted.floor is not None
        for part, where in ((wanted.wall, upper), (wanted.floor, lower)):
            found = part_of(graded, np.broadcast_to(where, (160, 160)))
            truth = (Tone(colour=part.colour, share=1.0),)
            assert palette_distances(truth, (Tone(colour=found.colour, share=1.0),))[0] < 2
            assert found.across == pytest.approx(part.across, abs=0.1)

    def test_no_grade_leaves_every_pixel(self) -> None:
        ground = np.full((40, 40, 3), 99, np.uint8)
        assert graded_set(ground, reading(), None, 0.0, 1) is ground

    @settings(max_examples=12, deadline=None)
    @given(st.floats(0.05, 1), st.sampled_from([2500.0, 4000.0, 9000.0]), st.floats(0.3, 3))
    def test_a_product_follows_no_further_than_its_budget(self, amount: float, kelvin: float, contrast: float) -> None:
        rgb = np.random.default_rng(5).integers(0, 256, (24, 24, 3), dtype=np.uint8)
        alpha = np.zeros((24, 24), np.float32)
        alpha[4:20, 4:20] = 1
        bent = graded_product(rgb, alpha, Light(temperature_k=kelvin), contrast, amount)
        assert drift(rgb, bent, alpha)[0] <= BUDGET * amount + 0.05
        assert np.array_equal(bent[alpha == 0], rgb[alpha == 0])

    def test_what_the_product_took_on_is_recorded(self) -> None:
        brief = LookalikeBrief(grade_product=0.5)
        take = read_off(reference_bytes(known=True), brief=brief)
        alpha = np.zeros((24, 24), np.float32)
        alpha[4:20, 4:20] = 1
        rgb = np.random.default_rng(5).integers(0, 256, (24, 24, 3), dtype=np.uint8)
        take.placed = Placed(rgb, alpha, 1.0, (4, 4, 16, 16))
        run(take, [GradeProduct()])
        assert take.lit is not None
        assert not np.array_equal(take.lit, rgb)
        assert 0 < take.measurements["graded_delta_e"] <= BUDGET * 0.5 + 0.05


class TestStep:
    def test_the_look_is_narrowed_to_the_products_own_reference(self) -> None:
        take = read_off(reference_bytes(known=True))
        assert take.reading is not None
        assert take.reading.kind == "surface"
        assert take.reading.horizon == pytest.approx(70 / 160, abs=0.02)
        assert take.shot.template.background.kind == "surface"
        assert take.shot.template.light.azimuth_deg < 0
        assert take.shot.template.id == LOOK.id

    def test_the_same_reference_is_shown_to_the_model_once(self) -> None:
        step, models, data = Imitate(), LocalModels(Registry(Path())), reference_bytes()
        calls = 0
        for _ in range(3):
            shot = shot_of(data)
            take = run(Take(shot, b"", opened={shot.images[1].digest: data}), [step], models)
            calls += sum(take.model_calls.values())
        assert calls == 1

    def test_a_broken_reference_fails_its_take_and_no_other(self) -> None:
        import asyncio

        whole, torn = reference_bytes(), reference_bytes()[:200]
        takes = []
        for data in (torn, whole):
            shot = shot_of(data)
            takes.append(Take(shot, b"", opened={shot.images[1].digest: data}))
        first, second = asyncio.run(Imitate().process(takes, LocalModels(Registry(Path()))))
        assert isinstance(first, TruncatedImage | CorruptImage)
        assert second is takes[1]

    def test_a_reference_that_was_not_brought_along_is_an_error(self) -> None:
        shot = shot_of(reference_bytes())
        with pytest.raises(PackshotError, match="not brought along"):
            run(Take(shot, b""), [Imitate()], LocalModels(Registry(Path())))


class TestKeys:
    def keys(self, shot: Shot) -> dict[str, str]:
        cards: Any = Registry(Path()).card
        assert isinstance(cards("fake-matte"), ModelCard)
        return {step.name: key for step, key in recipe(shot.template.recipe).keys(shot, cards)}

    def test_another_reference_is_another_picture_of_the_same_cut_out(self) -> None:
        one, other = self.keys(shot_of(reference_bytes())), self.keys(shot_of(reference_bytes((40, 40, 44))))
        assert one["cutout"] == other["cutout"]
        assert one["imitate"] != other["imitate"]

    def test_the_cut_out_is_shared_with_photography(self) -> None:
        like = shot_of(reference_bytes())
        plain = LIBRARY.template("shopify-square").model_copy(update={"cutout": like.template.cutout})
        photo = Shot(product=like.product, template=plain, destination=SQUARE, images=(FRONT,))
        assert self.keys(like)["cutout"] == self.keys(photo)["cutout"]

    @pytest.mark.parametrize("change", [{"grade": 0.5}, {"grade_product": 0.2}, {"material": "marble"}, {"follow": ("light",)}])
    def test_every_field_of_the_brief_is_in_the_key(self, change: dict[str, Any]) -> None:
        brief = LookalikeBrief(**change)
        assert self.keys(shot_of(reference_bytes()))["inspect"] != self.keys(shot_of(reference_bytes(), brief=brief))["inspect"]
