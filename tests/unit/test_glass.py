"""Glass is taken apart from its backdrop as the truth says, and only what the data call glass."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.destination import Destination
from studio.grounds import ColourGround
from studio.imaging.colour import u8_to_linear
from studio.imaging.glass import glass_of, seen_through
from studio.imaging.reflection import GLEAM_BUDGET, gleaming
from studio.imaging.relight import drift
from studio.keys import digest_bytes
from studio.matter import has_top, matter_of
from studio.product import Product, ProductImage
from studio.shot import Shot
from studio.steps.glass import SeeThrough, Transmit
from studio.take import Matte, Placed, Take
from studio.template import Template
from tests.golden.pictures import run

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "catalogue"
WHERE = Destination.model_validate(
    {
        "id": "tiny",
        "title": "Tiny",
        "width": 240,
        "height": 240,
        "accepts": ["png"],
        "max_bytes": 10**6,
        "sources": [{"title": "made for tests", "date": "2026-11-22"}],
    }
)
TRUE_T = np.array([0.85, 0.45, 0.33], np.float32)


def bottle(busy: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear photo, silhouette and true transmission: tinted glass with print, a cap on it, before a backdrop that gets darker
    downwards."""
    side = 240
    backdrop = np.repeat(np.linspace(0.85, 0.6, side, dtype=np.float32)[:, None, None], side, axis=1).repeat(3, axis=2)
    if busy:
        backdrop = backdrop * np.random.default_rng(1).choice([0.2, 1.0], (24, 24, 1)).repeat(10, 0).repeat(10, 1)
    alpha, through = np.zeros((side, side), np.float32), np.zeros((side, side, 3), np.float32)
    alpha[80:210, 70:170] = 1
    through[80:210, 70:170] = TRUE_T
    own = np.float32(0.055) * np.repeat(alpha[..., None], 3, axis=2)
    alpha[40:80, 100:140] = 1
    own[40:80, 100:140] = (0.5, 0.35, 0.1)
    through[130:150, 90:150:6] = 0
    own[130:150, 90:150:6] = 0.02
    outside = (alpha == 0)[..., None]
    return np.where(outside, backdrop, own + through * backdrop).astype(np.float32), alpha, through


def test_a_drawn_bottle_is_taken_apart() -> None:
    photo, alpha, truth = bottle()
    found = glass_of(photo, alpha, top=True)
    inside = alpha > 0.5
    assert np.abs(found.transmission - truth)[inside].mean() < 0.05
    assert found.transmission[50:76, 104:136].max() == 0
    assert found.transmission[~inside].max() == 0
    assert found.unevenness < 0.05


def test_print_keeps_its_own_colour_on_another_ground() -> None:
    photo, alpha, truth = bottle()
    found = glass_of(photo, alpha, top=True)
    dark = seen_through(found.own, found.transmission, np.full_like(photo, 0.02))
    print_at = (alpha > 0.5) & (truth.max(axis=2) == 0) & (np.indices(alpha.shape)[0] > 90)
    assert np.abs(dark - photo)[print_at].mean() < 0.02
    assert dark[100:120, 80:160].mean() < 0.35 * photo[100:120, 80:160].mean()


@given(st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.05, 1))
@settings(max_examples=15, deadline=None)
def test_before_its_own_backdrop_glass_looks_as_it_was_photographed(red: float, green: float, blue: float) -> None:
    photo = np.broadcast_to(np.array((red, green, blue), np.float32), (60, 60, 3)).copy()
    alpha = np.zeros((60, 60), np.float32)
    alpha[15:45, 20:40] = 1
    photo[20:40, 25:35] *= np.float32(0.7)
    found = glass_of(photo, alpha)
    again = seen_through(found.own, found.transmission, np.broadcast_to(np.array((red, green, blue), np.float32), photo.shape))
    assert np.abs(again - photo).max() < 0.02
    assert found.transmission.min() >= 0
    assert found.own.min() >= 0


def test_before_a_busy_backdrop_it_says_so() -> None:
    photo, alpha, _ = bottle(busy=True)
    assert glass_of(photo, alpha).unevenness > 0.12


@pytest.mark.skipif(not SHARED.exists(), reason="the shared catalogue is not here")
def test_the_perfume_bottle_against_its_truth() -> None:
    photo, alpha = _read("images/NL-PRF-01_front.jpg")[..., ::-1], _read("alpha/NL-PRF-01_front.png")[..., 0] / np.float32(255)
    truth = _read("alpha/NL-PRF-01_front_transmission.png")[..., ::-1] / np.float32(255)
    found, inside = (
        glass_of(u8_to_linear(np.ascontiguousarray(photo.astype(np.uint8))), alpha.astype(np.float32), top=True),
        alpha > 0.99,
    )
    assert np.abs(found.transmission - truth)[inside].mean() < 0.13
    assert found.transmission[inside & (truth.max(axis=2) < 0.02)].mean() < 0.06


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Glass, metal cap", {"glass"}),
        ("Opal glass, lacquered lid", set()),
        ("Gold, clear stone", {"metal"}),
        ("Glazed stoneware", set()),
        ("Polished stainless steel", {"metal"}),
        ("Printed aluminium", set()),
        ("Cotton weave", {"fabric"}),
        ("Glazed ceramic, linen shade", {"fabric"}),
        ("", set()),
    ],
)
def test_the_material_is_what_the_data_say(said: str, found: set[str]) -> None:
    assert matter_of(shot(said, "auto")) == found
    assert matter_of(shot(said, "photo")) == set()


def test_a_look_may_say_it_for_all() -> None:
    assert matter_of(shot("", "glass")) == {"glass"}
    assert has_top(shot("Glass, metal cap", "glass"))
    assert not has_top(shot("Glass", "glass"))


def test_the_set_is_seen_through_the_bottle_and_not_the_old_one() -> None:
    photo, alpha, truth = bottle()
    take = Take(shot("Glass, metal cap", "auto", encoded(photo)), b"")
    take.opened[take.shot.images[0].digest] = encoded(photo)
    levels = np.asarray(Image.open(BytesIO(encoded(photo))))
    take.matte = Matte(alpha, levels, 0.0, "alpha")
    take.placed = Placed(levels.copy(), alpha, 1.0, (70, 40, 100, 170))
    take.ground = np.full((240, 240, 3), (20, 60, 160), np.uint8)
    run(take, (Transmit(), SeeThrough()))
    glass, cap = take.placed.rgb[90:120, 80:160].reshape(-1, 3), (slice(45, 75), slice(105, 135))
    wanted = 0.055 + TRUE_T * u8_to_linear(np.array([[20, 60, 160]], np.uint8))[0]
    assert np.abs(u8_to_linear(glass) - wanted).mean() < 0.03
    assert np.array_equal(take.placed.rgb[cap], levels[cap])
    assert take.measurements["glass_share"] > 0.6


@pytest.mark.parametrize("said", ["", "Opal glass", "Cotton"])
def test_other_goods_are_left_alone(said: str) -> None:
    assert not Transmit().applies(shot(said, "auto"))
    assert not Transmit().applies(shot("Glass", "photo"))


def test_metal_takes_a_little_of_the_ground_at_its_foot_only() -> None:
    rgb, alpha = np.full((200, 200, 3), 150, np.uint8), np.zeros((200, 200), np.float32)
    alpha[40:160, 60:140] = 1
    ground = np.full((200, 200, 3), (160, 90, 40), np.uint8)
    lit = gleaming(rgb, alpha, (60, 40, 80, 120), ground)
    assert np.array_equal(lit[:110], rgb[:110])
    assert lit[158, 100, 0] - lit[158, 100, 2] > 3
    assert 0 < drift(rgb, lit, alpha)[0] <= GLEAM_BUDGET + 0.05
    assert np.array_equal(lit[alpha == 0], rgb[alpha == 0])


def _read(part: str) -> np.ndarray:
    picture = cv2.imread(str(SHARED / part), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(cv2.resize(picture, (600, 600), interpolation=cv2.INTER_AREA), np.float32)


def shot(said: str, material: str, data: bytes = b"x") -> Shot:
    template = Template.model_validate({"id": "look", "title": "Look", "outputs": ["shopify"], "material": material})
    look = template.model_copy(update={"background": ColourGround(kind="colour", colour="#3060a0")})
    image = ProductImage(uri="a.png", digest=digest_bytes(data))
    product = Product(sku="A", attributes={"Material": said}, images=(image,))
    return Shot(product=product, template=look, destination=WHERE, images=(image,))


def encoded(linear: np.ndarray) -> bytes:
    from studio.imaging.tone import quick_u8

    stream = BytesIO()
    Image.fromarray(quick_u8(linear)).save(stream, "PNG")
    return stream.getvalue()
