"""The set as delivered, and blur, bands and missing detail: each defect moves its own measurement past its default bound."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import pytest

from studio.imaging.shadow import shade_of
from studio.qa.checks.banding import banding
from studio.qa.checks.blur import blur, source_detail
from studio.qa.checks.shadow import shadow_direction
from studio.qa.checks.staging import frame, ground_drift, shadow_angle, white_on_white
from studio.qa.defaults import CAST, DEFAULTS, SET
from studio.qa.subject import Subject
from studio.take import U8, Take
from studio.template import Light, Shadow
from tests.unit.test_qa_checks import LOOK, SIDE, as_png, finished


@lru_cache
def grainy() -> U8:
    """Detail at all scales, as of cloth or stone."""
    rng = np.random.default_rng(5)
    plane = np.full((SIDE, SIDE), 120.0, np.float32)
    for size, amount in ((640, 9), (160, 14), (40, 18)):
        noise = rng.standard_normal((size, size)).astype(np.float32) * amount
        plane += cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.repeat(plane.clip(20, 220).astype(np.uint8)[..., None], 3, axis=2)


def swept() -> Take:
    """A product on a gradient instead of white."""
    take = finished()
    alpha = take.need_placed().alpha[..., None]
    column = np.linspace(225, 245, SIDE, dtype=np.float32)
    take.ground = np.rint(np.broadcast_to(column[:, None, None], (SIDE, SIDE, 3))).astype(np.uint8)
    take.image = np.rint(alpha * take.need_placed().rgb + (1 - alpha) * take.ground).astype(np.uint8)
    return take


def lit(azimuth: float) -> Take:
    """A product with a cast shadow under a light from that side."""
    look = Light(azimuth_deg=azimuth, elevation_deg=40, softness=0.5)
    take = finished(
        template=LOOK.model_copy(update={"shadow": Shadow(contact=0.5, cast=0.5), "light": look}), box=(220, 200, 200, 340)
    )
    placed = take.need_placed()
    take.shade = shade_of(placed.alpha, placed.box, take.shot.template.shadow, look)
    alpha, ground = placed.alpha[..., None], 235 * (1 - take.shade[..., None])
    take.ground = np.full((SIDE, SIDE, 3), 235, np.uint8)
    take.image = np.rint(alpha * placed.rgb + (1 - alpha) * ground).astype(np.uint8)
    return as_png(take)


def test_a_clean_set_passes_every_bound() -> None:
    subject = Subject(as_png(swept()))
    values = {"ground_drift": ground_drift, "frame": frame, "white_on_white": white_on_white}
    for name, check in values.items():
        value = check(subject)
        assert value is not None
        assert value <= (SET[name].max or 0), name


def test_an_overlay_on_the_ground_drifts() -> None:
    take = swept()
    image = take.need_image().copy()
    cv2.putText(image, "SALE", (20, 80), cv2.FONT_HERSHEY_SIMPLEX, 2, (200, 30, 30), 5, cv2.LINE_AA)
    found = ground_drift(Subject(as_png(take, image)))
    assert found is not None
    assert found > 4 * (SET["ground_drift"].max or 0)


@pytest.mark.parametrize("side", range(4))
def test_a_frame_on_one_side_is_seen(side: int) -> None:
    take = swept()
    image = np.rot90(take.need_image(), side).copy()
    image[12:20] = (90, 60, 40)
    assert frame(Subject(as_png(take, np.ascontiguousarray(np.rot90(image, -side))))) > 0.95


def test_a_product_of_the_grounds_colour_is_lost_on_it() -> None:
    white = finished(product=np.full((SIDE, SIDE, 3), 254, np.uint8))
    assert white_on_white(Subject(as_png(white))) == 1
    assert white_on_white(Subject(as_png(finished()))) == 0


@pytest.mark.parametrize("azimuth", [-70, -45, 45, 70])
def test_a_shadow_falls_away_from_the_light(azimuth: float) -> None:
    take = lit(azimuth)
    bound = CAST["shadow_angle"].max or 0
    right = shadow_angle(Subject(take))
    turned = take.shot.template.light.model_copy(update={"azimuth_deg": -azimuth})
    take.shot = take.shot.model_copy(update={"template": take.shot.template.model_copy(update={"light": turned})})
    wrong = shadow_angle(Subject(take))
    assert right is not None
    assert wrong is not None
    assert right < bound / 2 < bound < wrong


@pytest.mark.parametrize("azimuth", [-60, 20, 60])
def test_the_direction_is_the_one_that_explains_the_picture(azimuth: float) -> None:
    assert shadow_direction(Subject(lit(azimuth))) == pytest.approx(-azimuth, abs=6)


def test_a_shadow_on_the_wrong_side_is_seen() -> None:
    take = lit(-60)
    look = take.shot.template.model_copy(update={"light": Light(azimuth_deg=60, elevation_deg=40, softness=0.5)})
    take.shot = take.shot.model_copy(update={"template": look})
    assert shadow_direction(Subject(take)) == pytest.approx(60, abs=12)


def test_no_shadow_has_no_direction() -> None:
    assert shadow_angle(Subject(as_png(finished()))) == 0


def test_blur_grows_with_blur() -> None:
    take = finished(product=grainy())
    values = [blur(Subject(as_png(take, _soft(take.need_image(), sigma)))) for sigma in (0, 1, 4)]
    assert values[0] < 0.5
    assert values == sorted(values)
    assert values[-1] > (DEFAULTS["blur"].max or 0)
    flat = finished(product=np.full((SIDE, SIDE, 3), 120, np.uint8))
    assert blur(Subject(as_png(flat))) == 0


def test_an_enlarged_photo_has_no_finest_detail() -> None:
    sharp = finished(product=grainy())
    assert source_detail(Subject(as_png(sharp))) > -20
    small = cv2.resize(grainy(), (SIDE // 3, SIDE // 3), interpolation=cv2.INTER_AREA)
    large = np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)
    assert source_detail(Subject(as_png(finished(product=large)))) < (DEFAULTS["source_detail"].min or 0)


def test_bands_come_from_too_few_levels_and_not_from_print() -> None:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    smooth = np.repeat((60 + 120 * x / SIDE).astype(np.uint8)[..., None], 3, axis=2)
    printed = np.repeat((80 + 20 * ((x // 40 + y // 40) % 2)).astype(np.uint8)[..., None], 3, axis=2)
    for product in (smooth, printed):
        take = finished(product=product)
        assert banding(Subject(as_png(take))) == 0
    take = finished(product=smooth)
    coarse = (take.need_image() // 16 * 16 + 8).astype(np.uint8)
    assert banding(Subject(as_png(take, coarse))) > (DEFAULTS["banding"].max or 0)


def test_without_a_ground_there_is_nothing_to_say() -> None:
    take = as_png(finished())
    take.ground = None
    subject = Subject(take)
    assert ground_drift(subject) is white_on_white(subject) is shadow_angle(subject) is None


def test_the_photo_is_what_is_looked_at_for_detail() -> None:
    take = as_png(finished(product=grainy()))
    before = source_detail(Subject(take))
    take.matte = replace(take.need_matte(), foreground=_soft(grainy(), 2))
    assert source_detail(Subject(take)) < before - 10


def _soft(image: U8, sigma: float) -> U8:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8) if sigma else image
