"""`scaling: fill`, `reference_box: photo` and `cutout.roi`: what they place, and that they cost nobody else a key."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from studio.destination import Destination, Encoding, Source
from studio.grounds import ImageGround
from studio.imaging.geometry import OVER, Extent, offset_of, scale_of
from studio.imaging.sweep import softened
from studio.keys import facts
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.qa.checks.geometry import intended_centre
from studio.qa.subject import Subject
from studio.steps.cutout import CutoutStep
from studio.steps.ground import Ground
from studio.steps.inspect import Inspect
from studio.steps.place import Place
from studio.take import Matte, Photo, Take
from studio.template import Composition, Cutout, Margins, Roi, Scene, Template
from tests.golden.pictures import NoModels, shot

SIDES = st.integers(20, 400)
ROOM = st.sampled_from([0.0, 0.05, 0.2])


@given(w=SIDES, h=SIDES, width=SIDES, height=SIDES, left=ROOM, bottom=ROOM, x=st.sampled_from(["left", "center", "right"]))
@settings(max_examples=200)
def test_fill_covers_the_room_inside_the_margins(
    w: int, h: int, width: int, height: int, left: float, bottom: float, x: Any
) -> None:
    rules = Composition(scaling="fill", margins=Margins(top=0, right=0, bottom=bottom, left=left), align_x=x, align_y="bottom")
    extent = Extent((0, 0, w, h), (0, 0, w, h))
    room = width * (1 - left), height * (1 - bottom)
    assume(max(room[0] / w, room[1] / h) <= OVER * min(room[0] / w, room[1] / h))
    scale = scale_of(extent, (width, height), rules)
    size = round(w * scale), round(h * scale)
    dx, dy = offset_of((0, 0, *size), extent, (width, height), rules)
    assert dx <= left * width + 1
    assert dx + size[0] >= width - 1
    assert dy <= 1
    assert abs(dy + size[1] - (1 - bottom) * height) <= 1 + abs(size[1] - h * scale)
    assert min(abs(size[0] - room[0]), abs(size[1] - room[1])) <= 1


def test_a_stick_is_not_enlarged_without_end() -> None:
    rules = Composition(scaling="fill", margins=Margins(top=0, right=0, bottom=0, left=0))
    extent = Extent((0, 0, 5, 1000), (0, 0, 5, 1000))
    assert scale_of(extent, (2000, 2000), rules) == pytest.approx(OVER * 2.0)


def placed(rules: dict[str, Any], canvas: tuple[int, int] = (200, 200)) -> Take:
    """A 40 x 60 block, off centre in a photo of 160 x 120."""
    alpha = np.zeros((120, 160), np.float32)
    alpha[40:100, 100:140] = 1
    rgb = np.full((120, 160, 3), 90, np.uint8)
    margins = {"top": 0, "right": 0, "bottom": 0, "left": 0}
    template = Template(
        id="t", title="T", outputs=("d",), composition=Composition.model_validate({"fill": 1.0, "margins": margins, **rules})
    )
    source = (Source(title="made for tests", date="2026-11-22"),)
    place = Destination(id="d", title="D", width=canvas[0], height=canvas[1], max_bytes=10**6, sources=source)
    template = template.model_copy(update={"upscale": template.upscale.model_copy(update={"above": 99.0})})
    take = Take(shot(template, place), b"", matte=Matte(alpha, rgb, 0.0, "alpha"))
    (result,) = asyncio.run(Place().process([take], NoModels()))
    assert result is take, result
    take.encoded = b"not read here"
    return take


def test_in_the_photos_frame_the_product_keeps_its_place() -> None:
    take = placed({"reference_box": "photo"})
    assert take.need_placed().scale == pytest.approx(200 / 160)
    x, y, w, h = take.need_placed().box
    assert (x, w) == (125, 50)
    assert abs(h - 75) <= 1
    assert abs(y - (25 + 50)) <= 1
    assert take.need_placed().origin == pytest.approx((0, 25), abs=1)


def test_in_the_photos_frame_the_place_is_measured_by_the_frame() -> None:
    take = placed({"reference_box": "photo", "align_y": "top"})
    subject = Subject(take)
    from studio.qa.checks.geometry import centring

    assert centring(subject, 0) < 0.01
    assert centring(subject, 1) < 0.01
    assert take.need_placed().origin == pytest.approx((0, 0), abs=1)


def test_what_runs_over_the_canvas_is_compared_with_what_is_seen_of_it() -> None:
    take = placed({"scaling": "fill", "align_y": "top"})
    assert take.need_placed().scale == pytest.approx(200 / 40)
    assert take.need_placed().box == (0, 0, 200, 200)
    assert Subject(take).source_box == (100, 40, 40, 40)
    take.ground = np.full((200, 200, 3), 255, np.uint8)
    Ground().apply(take)
    assert take.shade is not None
    assert not take.shade.any(), "what the canvas cuts stands on nothing"


@given(st.floats(0.3, 1.7), st.sampled_from(["top", "center", "bottom"]))
def test_the_check_wants_what_the_step_does(length: float, align: Any) -> None:
    rules = Composition(scaling="fill", align_y=align, margins=Margins(top=0.1, bottom=0.2))
    size = round(length * 1000)
    _, dy = offset_of((0, 0, 10, size), Extent((0, 0, 10, size), (0, 0, 10, size)), (1000, 1000), rules)
    assert intended_centre(rules, 1, size / 1000, (False, False)) == pytest.approx((dy + size / 2) / 1000, abs=0.002)


class TestRoi:
    def take(self, roi: dict[str, float] | None, alpha: np.ndarray | None = None) -> Take:
        """Two dark blocks on white; the fake network sees both."""
        rgb = np.full((120, 240, 3), 250, np.uint8)
        rgb[30:90, 20:80] = 40
        rgb[30:90, 150:210] = (200, 30, 30)
        fields = Cutout(model="fake-matte", refiner="none", second_pass=False, roi=Roi(**roi) if roi else None)
        template = Template(id="t", title="T", outputs=("d",), cutout=fields)
        source = (Source(title="made for tests", date="2026-11-22"),)
        place = Destination(id="d", title="D", width=100, height=100, max_bytes=10**6, sources=source)
        take = Take(shot(template, place), b"", photo=Photo(rgb, alpha, "png"))
        (result,) = asyncio.run(CutoutStep().process([take], LocalModels(Registry(Path("nowhere")))))
        assert result is take, result
        return take

    def test_only_what_lies_inside_is_product(self) -> None:
        both, right = self.take(None).need_matte(), self.take({"x": 0.5, "width": 0.5, "height": 1.0}).need_matte()
        assert both.alpha[60, 50] > 0.9
        assert right.alpha.shape == (120, 240)
        assert not right.alpha[:, :120].any()
        assert right.alpha[60, 180] > 0.9
        assert right.foreground[60, 180].tolist() == [200, 30, 30]

    def test_a_photos_own_alpha_too(self) -> None:
        alpha = np.zeros((120, 240), np.float32)
        alpha[30:90, 20:80] = alpha[30:90, 150:210] = 1
        matte = self.take({"x": 0.5, "width": 0.5, "height": 1.0}, alpha).need_matte()
        assert (matte.source, float(matte.alpha.sum())) == ("alpha", 3600.0)

    def test_its_closeness_to_an_edge_is_not_the_photos(self) -> None:
        assert self.take({"x": 0.0, "y": 0.0, "width": 1.0, "height": 0.5}).need_matte().cropped == (False,) * 4


@pytest.mark.parametrize(
    ("model", "later", "value"),
    [
        (Composition(), ("scaling", "reference_box"), {"scaling": "fill"}),
        (Cutout(), ("roi",), {"roi": Roi(width=0.5)}),
        (Encoding(), ("dpi",), {"dpi": 72}),
        (ImageGround(kind="image", path="a.png"), ("blur",), {"blur": 0.5}),
        (Scene(), ("seed",), {"seed": 7}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_later_fields_are_in_a_key_only_when_they_say_something(
    model: Any, later: tuple[str, ...], value: dict[str, Any]
) -> None:
    assert not set(later) & facts(model, later=later).keys()
    assert set(value) <= facts(model.model_copy(update=value), later=later).keys()


def test_inspect_and_place_read_the_same_composition() -> None:
    take = placed({"scaling": "fill"})
    assert Inspect().reads(take.shot)["composition"] == Place().reads(take.shot)["composition"]
    assert Place().reads(take.shot)["composition"]["scaling"] == "fill"


def test_blur_softens_and_keeps_the_mean() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (80, 120, 3)).astype(np.uint8)
    soft = softened(noise, 0.5)
    assert softened(noise, 0.0) is noise
    assert soft.std() < 0.2 * noise.std()
    assert abs(float(soft.mean()) - float(noise.mean())) < 2
