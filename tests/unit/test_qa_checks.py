"""Checks on finished pictures with known defects: each defect moves its own measurement, and a good picture passes."""

from __future__ import annotations

import asyncio
import io
from copy import copy
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import pytest
from PIL import Image

from studio.destination import Destination, Encoding, Source
from studio.errors import ImageError, StepError
from studio.grounds import TransparentGround
from studio.imaging.encode import encode
from studio.imaging.glance import glance
from studio.imaging.metadata import digital_source_type
from studio.models.base import LocalModels
from studio.product import Product, ProductImage
from studio.qa import policy
from studio.qa.checks import CHECKS
from studio.qa.measure import measure
from studio.qa.subject import Subject
from studio.shot import Shot
from studio.steps.inspect import Inspect
from studio.take import F32, U8, Matte, Photo, Placed, Take
from studio.template import Composition, Shadow, Template

SIDE = 640
OURS = Source(title="test", date="2026-11-22")
PLAIN = Destination(id="plain", title="plain", width=SIDE, height=SIDE, max_bytes=4_000_000, background="white", sources=(OURS,))
MEASURES = {check.name: check.measure for check in CHECKS}
LOOK = Template(id="look", title="look", outputs=("plain",), shadow=Shadow(contact=0, cast=0), composition=Composition(fill=0.7))


@lru_cache
def texture(height: int, width: int) -> U8:
    """A product with print: fine stripes, coloured patches and a gradient."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    stripes = 16 * ((x // 5 + y // 9) % 2)
    red, green = 70 + 90 * x / width + stripes, 60 + 50 * y / height + stripes
    blue = 150 - 80 * x / width + stripes * (y > height / 2)
    return np.stack((red, green, blue), axis=-1).clip(0, 255).astype(np.uint8)


@lru_cache
def ellipse(height: int, width: int, box: tuple[int, int, int, int]) -> F32:
    """An antialiased ellipse filling a box (x, y, w, h)."""
    x, y, w, h = box
    v, u = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
    across, down = (u - x - w / 2) / (w / 2), (v - y - h / 2) / (h / 2)
    radius = np.maximum(np.hypot(across, down), 1e-6)
    steepness = np.hypot(across / (w / 2), down / (h / 2)) / radius
    return np.asarray(np.clip(0.5 + (1 - radius) / steepness, 0, 1), np.float32)


def finished(
    *,
    box: tuple[int, int, int, int] = (124, 96, 392, 448),
    template: Template = LOOK,
    destination: Destination = PLAIN,
    old_ground: int = 225,
    product: U8 | None = None,
) -> Take:
    """A take as a recipe leaves it before encoding: a photo on grey, cut out and set on a new ground, at scale 1."""
    size = (destination.height, destination.width)
    alpha, rgb = ellipse(*size, box), texture(*size) if product is None else product
    photo = np.rint(alpha[..., None] * rgb + (1 - alpha[..., None]) * old_ground).astype(np.uint8)
    shot = Shot(
        product=Product(sku="SKU-1"),
        template=template,
        destination=destination,
        images=(ProductImage(uri="front.jpg", digest="00"),),
    )
    take = Take(shot=shot, source=b"")
    take.photo = Photo(rgb=photo, alpha=None, format="png")
    take.glance = glance(photo)
    take.matte = Matte(alpha=alpha, foreground=rgb, uncertainty=0.05, source="u2netp")
    take.placed = Placed(rgb=rgb, alpha=alpha, scale=1.0, box=box)
    take.ground = np.full((*size, 3), 255, np.uint8)
    take.shade = np.zeros(size, np.float32)
    take.image = np.rint(alpha[..., None] * rgb + (1 - alpha[..., None]) * 255.0).astype(np.uint8)
    return take


def encoded(take: Take, image: U8 | None = None, encoding: Encoding | None = None) -> Take:
    """The take with its picture (or another one) written as the destination's file."""
    destination = take.shot.destination
    picture = take.need_image() if image is None else image
    file = encode(
        picture, encoding or destination.encoding, max_bytes=destination.max_bytes, source_type=digital_source_type("fake")
    )
    take.encoded, take.media_type = file.data, file.media_type
    return take


def as_png(take: Take, image: U8 | None = None) -> Take:
    """The take with its picture written without loss."""
    return encoded(take, image, Encoding(format="png"))


class Measured:
    """A take as it is now, of which each thing is measured when it is asked for; `measure` is for tests that ask for all."""

    def __init__(self, take: Take) -> None:
        self._subject = Subject(copy(take))

    def __getitem__(self, name: str) -> float:
        value = MEASURES[name](self._subject)
        assert value is not None, name
        return round(float(value), 6)


def measured(take: Take) -> Measured:
    return Measured(take)


def test_a_good_picture_is_released() -> None:
    take = encoded(finished())
    verdict = policy.decide(measure(take), policy.limits(LOOK, PLAIN))
    assert verdict.released, verdict.detail


def test_lossless_bytes_have_no_drift() -> None:
    values = measured(as_png(finished()))
    assert values["delta_e_mean"] == values["delta_e_p95"] == 0.0
    assert values["white_purity_error"] == values["white_far"] == values["white_border"] == 0.0
    assert values["sharpness_ratio"] == pytest.approx(1.0)
    assert values["halo"] < 1.0
    assert values["format_ok"] == 0.0  # the destination asked for JPEG


def test_one_off_white_pixel_rejects() -> None:
    take = finished()
    image = take.need_image().copy()
    image[40, 600, 1] = 254
    values = measure(as_png(take, image))
    assert values["white_far"] == 1.0
    assert 0 < values["white_purity_error"] < 1e-4
    assert policy.decide(values, {"white_far": policy.limits(LOOK, PLAIN)["white_far"]}).reason == "white_far"


def test_grey_border_line_is_seen() -> None:
    take = finished()
    image = take.need_image().copy()
    image[:, -1] = 240
    values = measured(as_png(take, image))
    assert values["white_border"] == 15.0


def test_shadow_is_not_off_white() -> None:
    take = finished()
    shade = np.zeros((SIDE, SIDE), np.float32)
    shade[530:580, 200:440] = 0.3
    take.shade = cv2.GaussianBlur(shade, (0, 0), 4)
    visible = 255 * (1 - take.shade)
    image = np.minimum(take.need_image(), np.rint(visible)[..., None]).astype(np.uint8)
    assert measured(as_png(take, image))["white_purity_error"] == 0.0


def test_haze_far_from_the_product_is_seen() -> None:
    take = finished()
    assert measured(as_png(take))["haze"] == 0.0
    alpha = take.need_placed().alpha.copy()
    alpha[20:60, 20:620] = 0.2
    take.placed = replace(take.need_placed(), alpha=alpha)
    assert measured(as_png(take))["haze"] == pytest.approx(40 * 600 / SIDE**2, rel=0.1)


@pytest.mark.parametrize(("shift_x", "shift_y"), [(0, 0), (32, 0), (0, -40)])
def test_off_centre_is_measured_to_the_pixel(shift_x: int, shift_y: int) -> None:
    values = measured(as_png(finished(box=(124 + shift_x, 96 + shift_y, 392, 448))))
    assert values["centring_x"] == pytest.approx(abs(shift_x) / SIDE, abs=1.5 / SIDE)
    assert values["centring_y"] == pytest.approx(abs(shift_y) / SIDE, abs=1.5 / SIDE)
    assert values["fill"] == pytest.approx(0.7, abs=2 / SIDE)
    assert values["fill_area"] == pytest.approx(np.pi / 4 * 392 * 448 / SIDE**2, rel=0.01)


@pytest.mark.parametrize(
    ("composition", "box"),
    [
        (Composition(align_x="left"), (26, 96, 392, 448)),
        (Composition(align_y="bottom"), (124, 640 - 26 - 448, 392, 448)),
        (Composition(baseline=0.9), (124, 576 - 448, 392, 448)),
        (Composition(focal_point=(0.4, 0.45)), (256 - 196, 288 - 224, 392, 448)),
    ],
)
def test_centring_asks_where_the_template_wants_the_product(composition: Composition, box: tuple[int, int, int, int]) -> None:
    values = measured(as_png(finished(box=box, template=LOOK.model_copy(update={"composition": composition}))))
    assert values["centring_x"] < 2 / SIDE
    assert values["centring_y"] < 2 / SIDE


def test_touching_edges_spares_sides_the_photo_cuts() -> None:
    take = finished(box=(340, 96, 392, 448))
    assert measured(as_png(take))["touching_edges"] == 0.0  # the photo cuts the right side as well
    whole = take.need_matte()
    take.matte = replace(whole, alpha=ellipse(SIDE, SIDE, (124, 96, 392, 448)))
    assert measured(as_png(take))["touching_edges"] == 1.0


def test_known_colour_shift_is_measured() -> None:
    """A grey of L* 50 against one of L* 52: dL = 2, S_L = 1.0 within 0.1 % -> CIEDE2000 2.0."""
    grey = np.full((SIDE, SIDE, 3), 119, np.uint8)
    take = finished(product=grey)
    image = take.need_image().copy()
    image[take.need_placed().alpha == 1] = 124
    values = measured(as_png(take, image))
    assert values["delta_e_mean"] == pytest.approx(2.0, abs=0.1)
    assert values["delta_e_local"] == pytest.approx(2.0, abs=0.1)


def test_a_repainted_label_shows_locally_and_hardly_in_the_mean() -> None:
    take = finished()
    image = take.need_image().copy()
    image[300:340, 300:340] = (200, 40, 40)
    values = measured(as_png(take, image))
    assert values["delta_e_local"] > 20
    assert values["delta_e_p95"] < 2.5


def test_jpeg_quality_decides_about_colour() -> None:
    """The chroma of a fine coloured print does not survive 4:2:0 at quality 80, and does at 95 4:4:4."""
    take = finished()
    poor = measured(encoded(take, encoding=Encoding(quality=80, subsampling="4:2:0")))
    good = measured(encoded(take, encoding=Encoding(quality=95)))
    assert (poor["subsampled"], good["subsampled"]) == (1.0, 0.0)
    assert good["delta_e_p95"] < 2.5 < poor["delta_e_p95"]
    assert good["delta_e_mean"] < 1.0 < poor["delta_e_mean"]


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_blur_is_seen_against_the_photo(sigma: float) -> None:
    take = finished()
    image = cv2.GaussianBlur(take.need_image(), (0, 0), sigma)
    sharp, soft = measured(as_png(take)), measured(as_png(take, image))
    assert soft["sharpness_ratio"] < 0.7 < sharp["sharpness_ratio"]
    assert soft["sharpness"] < sharp["sharpness"]


def test_halo_of_the_old_ground_is_seen() -> None:
    """An edge that keeps the photo's green ground leans green; a clean one does not."""
    green = np.array([60, 160, 70], np.float32)
    take = finished()
    alpha, rgb = cv2.GaussianBlur(take.need_placed().alpha, (0, 0), 2.0), take.need_placed().rgb
    photo = np.rint(alpha[..., None] * rgb + (1 - alpha[..., None]) * green).astype(np.uint8)
    take.photo = Photo(rgb=photo, alpha=None, format="png")
    take.glance = glance(photo)
    take.placed, take.matte = replace(take.need_placed(), alpha=alpha), replace(take.need_matte(), alpha=alpha)
    clean = np.rint(alpha[..., None] * rgb + (1 - alpha[..., None]) * 255.0).astype(np.uint8)
    dirty = np.rint(alpha[..., None] * photo + (1 - alpha[..., None]) * 255.0).astype(np.uint8)
    assert measured(as_png(take, dirty))["halo"] > measured(as_png(take, clean))["halo"] + 3


def test_white_on_white_has_no_edge_contrast() -> None:
    white = np.full((SIDE, SIDE, 3), 250, np.uint8)
    assert measured(as_png(finished(product=white, old_ground=251)))["edge_contrast"] < 1.0
    assert measured(as_png(finished(product=white, old_ground=150)))["edge_contrast"] > 20.0
    own = finished(product=white, old_ground=251)
    own.matte = replace(own.need_matte(), source="alpha")
    assert measured(as_png(own))["edge_contrast"] == 100.0


def test_floating_shadow_is_measured() -> None:
    take = finished()
    for gap in (0, 20):
        shade = np.zeros((SIDE, SIDE), np.float32)
        shade[544 + gap : 560 + gap, 200:440] = 0.4
        take.shade = shade
        assert measured(as_png(take))["shadow_gap"] == pytest.approx(gap / SIDE, abs=2.5 / SIDE)
    take.shade = np.zeros((SIDE, SIDE), np.float32)
    assert measured(as_png(take))["shadow_gap"] == pytest.approx(0.05)
    take.shade = None
    assert "shadow_gap" not in measure(as_png(take))


def test_no_product_is_said_and_nothing_else_breaks() -> None:
    take = finished()
    nothing = np.zeros((SIDE, SIDE), np.float32)
    take.placed = replace(take.need_placed(), alpha=nothing, box=(0, 0, 0, 0))
    take.matte = replace(take.need_matte(), alpha=nothing)
    values = measure(as_png(take, np.full((SIDE, SIDE, 3), 255, np.uint8)))
    assert values["product_found"] == 0.0
    assert "delta_e_mean" not in values
    assert policy.decide(values, policy.limits(LOOK, PLAIN)).reason == "product_found"


def test_file_facts() -> None:
    take = encoded(finished())
    values = measured(take)
    assert (values["width"], values["height"], values["ratio_error"]) == (SIDE, SIDE, 0.0)
    assert values["bytes"] == len(take.encoded)
    assert (values["icc_srgb"], values["has_source_type"], values["format_ok"]) == (1.0, 1.0, 1.0)
    bare = io.BytesIO()
    Image.fromarray(take.need_image()).save(bare, "JPEG", quality=95, subsampling=0)
    take.encoded = bare.getvalue()
    values = measured(take)
    assert (values["icc_srgb"], values["has_source_type"]) == (0.0, 0.0)


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "avif"])
def test_every_format_tells_its_facts(form: str) -> None:
    encoding = Encoding(format=form, quality=95)  # type: ignore[arg-type]
    destination = PLAIN.model_copy(update={"encoding": encoding, "accepts": (form,)})
    values = measured(encoded(finished(destination=destination)))
    assert (values["format_ok"], values["icc_srgb"], values["has_source_type"]) == (1.0, 1.0, 1.0)


def test_transparent_pictures_are_asked_other_questions() -> None:
    destination = PLAIN.model_copy(update={"background": "transparent", "encoding": Encoding(format="png"), "accepts": ("png",)})
    template = LOOK.model_copy(update={"background": TransparentGround(kind="transparent")})
    take = finished(destination=destination, template=template)
    take.ground = None
    rgba = np.dstack((take.need_placed().rgb, np.rint(take.need_placed().alpha * 255).astype(np.uint8)))
    values = measure(encoded(take, rgba))
    assert (values["clear_border"], values["format_ok"], values["delta_e_mean"]) == (1.0, 1.0, 0.0)
    assert "white_far" not in values
    opaque = measured(encoded(take, take.need_image()))
    assert (opaque["clear_border"], opaque["format_ok"]) == (0.0, 0.0)


def test_inspect_fills_measurements_and_isolates_bad_takes() -> None:
    good, empty, broken = encoded(finished()), finished(), encoded(finished())
    broken.encoded = broken.encoded[: len(broken.encoded) // 2]
    results = asyncio.run(Inspect().process([good, empty, broken], LocalModels({})))
    assert results[0] is good
    assert good.measurements["product_found"] == 1.0
    assert isinstance(results[1], StepError)
    assert isinstance(results[2], ImageError)


def test_measuring_is_deterministic() -> None:
    take = encoded(finished())
    assert measure(take) == measure(take)


def test_thresholds_are_no_part_of_the_key() -> None:
    shot = finished().shot
    tighter = shot.model_copy(update={"destination": PLAIN.model_copy(update={"qa": {"fill": policy.Limit(min=0.9)}})})
    assert Inspect().reads(shot) == Inspect().reads(tighter)


@pytest.mark.parametrize(("box", "low", "high"), [((0, 0, 60, 60), 0.004, 0.1), ((0, 0, 240, 300), 0.0, 0.0)])
def test_small_separate_parts_are_strays_and_large_ones_are_a_set(
    box: tuple[int, int, int, int], low: float, high: float
) -> None:
    take = finished(box=(300, 220, 280, 340))
    placed = take.need_placed()
    alpha = np.maximum(placed.alpha, ellipse(*placed.alpha.shape, box))
    take.placed = Placed(rgb=placed.rgb, alpha=alpha, scale=1.0, box=placed.box)
    assert low <= measured(encoded(take))["strays"] <= high
    assert measured(encoded(finished()))["strays"] == 0.0
