"""Ghost mannequin: what is taken off, what is put in, and what is asked of the catalogue."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.briefs.ghost_mannequin import GhostMannequinBrief, LiningRules
from studio.errors import MissingInput, NoProductFound, StepError, StorageError
from studio.imaging.garments.lining import lay
from studio.imaging.garments.mannequin import Hints, undress
from studio.imaging.garments.neckline import neck_of
from studio.imaging.garments.openings import rounded
from studio.keys import digest_bytes
from studio.product import ImageRole, Product, ProductImage
from studio.recipes.catalogue import recipe
from studio.recipes.ghost_mannequin import setups
from studio.shot import Shot
from studio.steps.lining import Lining
from studio.steps.undress import Undress
from studio.take import F32, U8, Matte, Take
from studio.template import Template
from templates.library import Library
from tests.golden.pictures import run

SIDE = 240
GROUND, CLOTH, INNER, BINDING = (236, 236, 234), (170, 40, 50), (96, 30, 36), (20, 24, 60)
SKINS = {"grey": (150, 152, 155), "skin": (214, 166, 132), "white": (215, 226, 244), "black": (34, 34, 34)}


def filled(picture: U8, points: list[tuple[int, int]], colour: tuple[int, int, int]) -> None:
    cv2.fillPoly(picture, [np.array(points, np.int32)], colour)


def worn(skin: tuple[int, int, int]) -> tuple[U8, F32, F32]:
    """A top on a mannequin with neck, arms and hips; the coverage of all of it, and of the top alone."""
    picture = np.full((SIDE, SIDE, 3), GROUND, np.uint8)
    filled(picture, [(100, 16), (140, 16), (140, 60), (100, 60)], skin)
    filled(picture, [(56, 66), (184, 66), (190, 130), (50, 130)], skin)
    cv2.rectangle(picture, (70, 180), (170, 225), skin, cv2.FILLED)
    top = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(top, [np.array([(66, 58), (174, 58), (170, 120), (180, 200), (60, 200), (70, 120)], np.int32)], 255)
    cv2.ellipse(top, (120, 58), (34, 34), 0, 0, 360, 0, cv2.FILLED)
    neck = np.zeros_like(top)
    cv2.ellipse(neck, (120, 58), (34, 34), 0, 0, 180, 255, cv2.FILLED)
    picture[neck > 0] = skin
    picture[top > 0] = CLOTH
    for row in range(110, 200, 16):
        picture[row : row + 4][top[row : row + 4] > 0] = BINDING
    noisy = picture + np.random.default_rng(1).normal(0, 1.5, picture.shape)
    figure = (np.abs(picture.astype(int) - GROUND).max(axis=-1) > 0).astype(np.float32)
    return np.clip(noisy, 0, 255).astype(np.uint8), figure, (top / 255).astype(np.float32)


def inside() -> Matte:
    """A flat photo of the inside: a back neckline that dips a little, lining below."""
    alpha = np.zeros((SIDE, SIDE), np.float32)
    x = np.arange(SIDE)
    top = 60 - 10 * np.exp(-(((x - 60) / 14.0) ** 2)) - 10 * np.exp(-(((x - 180) / 14.0) ** 2))
    top = np.where((x < 40) | (x > 200), top + np.abs(x - 120) * 0.4 - 30, top)
    alpha[np.arange(SIDE)[:, None] >= top[None]] = 1
    alpha[:, :10] = alpha[:, 230:] = 0
    colours = np.full((SIDE, SIDE, 3), INNER, np.uint8)
    return Matte(alpha, colours, 0.0, "alpha")


def garment() -> tuple[Matte, U8]:
    picture, figure, top = worn(SKINS["grey"])
    mannequin = ((figure > 0) & (top < 0.5)).astype(np.uint8) * np.uint8(255)
    return Matte(top, picture, 0.0, "alpha"), mannequin


def png(picture: U8) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


class TestUndress:
    @pytest.mark.parametrize("skin", SKINS)
    def test_the_mannequin_goes_and_the_garment_stays(self, skin: str) -> None:
        picture, figure, top = worn(SKINS[skin])
        found = undress(picture, Matte(figure, picture, 0.1, "u2netp"))
        made, other = found.garment.alpha > 0.5, (figure > 0) & (top < 0.5)
        assert (made & other).sum() <= 0.005 * other.sum() + 12
        assert (made & (top > 0.5)).sum() > 0.985 * (top > 0.5).sum()
        assert found.likeness < 0.02
        assert found.contrast > 5

    def test_a_garment_of_the_mannequins_colour_is_said_to_be_a_guess(self) -> None:
        picture, figure, top = worn((172, 42, 52))
        assert undress(picture, Matte(figure, picture, 0.1, "u2netp")).likeness > 0.08
        assert top.any()

    def test_a_bare_mannequin_from_elsewhere_is_refused(self) -> None:
        picture, figure, _ = worn(SKINS["skin"])
        with pytest.raises(MissingInput, match="same camera"):
            undress(picture, Matte(figure, picture, 0.1, "u2netp"), Hints(bare=np.roll(255 - picture, 40, axis=1)))

    def test_an_empty_cut_out_has_no_garment(self) -> None:
        picture, figure, _ = worn(SKINS["skin"])
        with pytest.raises(NoProductFound):
            undress(picture, Matte(np.zeros_like(figure), picture, 0.1, "u2netp"))

    def test_it_gives_the_same_bytes_again(self) -> None:
        picture, figure, _ = worn(SKINS["grey"])
        first, second = (undress(picture, Matte(figure, picture, 0.1, "u2netp")).garment for _ in range(2))
        assert np.array_equal(first.alpha, second.alpha)
        assert np.array_equal(first.foreground, second.foreground)


class TestLining:
    def test_it_fills_the_neck_and_leaves_the_garment_alone(self) -> None:
        own, _ = garment()
        laid = lay(own, inside(), LiningRules())
        solid = own.alpha == 1
        assert laid.filled > 0.97
        assert laid.lining.sum() > 300
        assert np.array_equal(laid.matte.foreground[solid], own.foreground[solid])
        assert np.array_equal(laid.matte.alpha[solid], own.alpha[solid])
        assert laid.matte.foreground[75, 120, 0] <= INNER[0]

    @settings(max_examples=8, deadline=None)
    @given(depth=st.floats(0, 1), contact=st.floats(0, 1))
    def test_shade_only_takes_light_away(self, depth: float, contact: float) -> None:
        own, _ = garment()
        plain = lay(own, inside(), LiningRules(depth=0, contact=0))
        shaded = lay(own, inside(), LiningRules(depth=depth, contact=contact))
        assert np.array_equal(plain.matte.alpha, shaded.matte.alpha)
        assert (shaded.matte.foreground.astype(int) <= plain.matte.foreground.astype(int) + 1).all()

    @given(drop=st.floats(0.05, 0.4))
    @settings(max_examples=8, deadline=None)
    def test_a_deeper_back_neckline_covers_less(self, drop: float) -> None:
        own, _ = garment()
        less, more = (lay(own, inside(), LiningRules(drop=value)) for value in (drop + 0.05, drop))
        assert less.lining.sum() <= more.lining.sum()

    def test_without_a_neckline_it_says_which_photo(self) -> None:
        own, _ = garment()
        plain = Matte(np.ones((SIDE, SIDE), np.float32), own.foreground, 0.0, "alpha")
        with pytest.raises(StepError, match="inside"):
            lay(own, plain, LiningRules())

    @given(shift=st.integers(-20, 20))
    @settings(max_examples=10, deadline=None)
    def test_the_neck_moves_with_the_garment(self, shift: int) -> None:
        own, _ = garment()
        here, there = neck_of(own.alpha, "it"), neck_of(np.roll(own.alpha, shift, axis=1), "it")
        assert there.left == (here.left[0] + shift, here.left[1])
        assert there.width == here.width


class TestVolume:
    def test_only_the_edges_where_the_mannequin_left_turn_darker(self) -> None:
        own, mannequin = garment()
        shaded, change = rounded(own, mannequin, 1.0)
        assert shaded.foreground[197, 120].sum() < own.foreground[197, 120].sum()
        assert np.array_equal(shaded.foreground[150, 120], own.foreground[150, 120])
        assert np.array_equal(shaded.foreground[98, 120], own.foreground[98, 120])
        assert 0 < change < 3

    def test_none_asked_none_given(self) -> None:
        own, mannequin = garment()
        assert rounded(own, mannequin, 0.0) == (own, 0.0)


@lru_cache
def library() -> Library:
    return Library.default()


def product(*roles: ImageRole) -> Product:
    return Product(sku="TOP-1", images=tuple(ProductImage(uri=f"{role}-{n}", role=role) for n, role in enumerate(roles)))


def look(**brief: Any) -> Template:
    template = library().template("ghost-white")
    return template.model_copy(update={"brief": GhostMannequinBrief(**brief)})


class TestSetups:
    def test_the_inside_is_asked_for_by_sku_and_role(self) -> None:
        item = product(ImageRole.ON_MANNEQUIN)
        with pytest.raises(MissingInput, match=r"TOP-1.*role `inside`"):
            setups(item, look(), item.images, None)  # type: ignore[arg-type]

    def test_where_it_is_optional_the_neck_stays_open(self) -> None:
        item = product(ImageRole.ON_MANNEQUIN)
        (setup,) = setups(item, look(inside="optional"), item.images, None)  # type: ignore[arg-type]
        assert [image.role for image in setup.images] == [ImageRole.ON_MANNEQUIN]

    def test_each_photo_gets_its_inside_and_the_bare_mannequin(self) -> None:
        on, within, bare = ImageRole.ON_MANNEQUIN, ImageRole.INSIDE, ImageRole.MANNEQUIN
        item = product(on, on, on, within, within, bare)
        found = setups(item, look(), item.images[:3], None)  # type: ignore[arg-type]
        assert [[image.uri for image in setup.images[1:]] for setup in found] == [
            ["inside-3", "mannequin-5"],
            ["inside-4", "mannequin-5"],
            ["inside-3", "mannequin-5"],
        ]


@lru_cache
def scene() -> tuple[U8, F32, bytes]:
    picture, figure, _ = worn(SKINS["grey"])
    return picture, figure, png(picture)


def taken(**brief: Any) -> Take:
    """A take with both cut-outs made, and only the bytes that steps open."""
    (picture, figure, data), within = scene(), inside()
    images = (
        ProductImage(uri="on", role=ImageRole.ON_MANNEQUIN, digest=digest_bytes(data)),
        ProductImage(uri="in", role=ImageRole.INSIDE, digest="1" * 64),
    )
    template = look(**brief)
    shot = Shot(product=Product(sku="TOP-1"), template=template, destination=library().destination("amazon-main"), images=images)
    take = Take(shot, b"", opened={images[0].digest: data}, matte=Matte(figure, picture, 0.1, "u2netp"), glance=b"glance")
    take.others["1" * 64] = within
    return take


class TestSteps:
    def test_both_steps_leave_a_filled_garment_and_their_figures(self) -> None:
        take = run(taken(), (Undress(), Lining()))
        assert take.ghost is not None
        assert take.ghost.mannequin[30, 120] == 255
        assert take.ghost.lining.any()
        assert take.need_matte().alpha[30, 120] == 0
        assert take.measurements["opening_filled"] > 0.95

    def test_the_store_gives_everything_back(self) -> None:
        made, fresh = run(taken(), (Undress(), Lining())), taken()
        Lining().load(fresh, Lining().dump(made))
        assert made.ghost is not None
        assert fresh.ghost is not None
        assert np.array_equal(fresh.ghost.mannequin, made.ghost.mannequin)
        assert np.array_equal(fresh.ghost.lining, made.ghost.lining)
        assert np.array_equal(fresh.need_matte().alpha, made.need_matte().alpha)
        assert np.array_equal(fresh.need_matte().foreground, made.need_matte().foreground)
        assert fresh.glance == made.glance
        assert fresh.measurements.items() >= {k: v for k, v in made.measurements.items() if k != "uncertainty"}.items()

    @given(data=st.binary(max_size=64))
    @settings(max_examples=50, deadline=None)
    def test_other_bytes_are_refused(self, data: bytes) -> None:
        with pytest.raises(StorageError):
            Lining().load(Take(taken().shot, b""), data)

    def test_a_clear_mannequin_needs_the_inside(self) -> None:
        take = taken(mannequin="clear", inside="optional")
        take.shot = take.shot.model_copy(update={"images": take.shot.images[:1]})
        with pytest.raises(MissingInput, match="clear"):
            run(take, (Undress(),))

    def test_every_field_of_the_brief_is_in_a_key(self) -> None:
        shot = taken().shot
        told = recipe("ghost-mannequin").steps
        changes: list[dict[str, Any]] = [
            {"mannequin": "#aabbcc"},
            {"volume": 0.5},
            {"lining": LiningRules(drop=0.2)},
            {"lining": LiningRules(depth=0.5)},
        ]

        def reads(**brief: Any) -> list[Any]:
            other = shot.model_copy(update={"template": look(**brief)})
            return [step.reads(other) for step in told if step.name in {"undress", "lining"}]

        assert all(reads(**change) != reads() for change in changes)
