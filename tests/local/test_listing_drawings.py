"""Details, measures, features, strips and comparisons: where things are drawn, what is refused, what is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.briefs.files import File
from studio.briefs.lettering import FontFile, Lettering
from studio.errors import MissingInput, WeightsMissing
from studio.imaging.drawings.drawing import crossing, disc, stroke
from studio.imaging.drawings.familiar import figure
from studio.imaging.drawings.saliency import points, salience, windows
from studio.imaging.drawings.view import view_of
from studio.imaging.glance import glance
from studio.keys import digest_bytes
from studio.lengths import area, length, lengths
from studio.product import Dimensions, Product, ProductImage, Swatch
from studio.qa import policy
from studio.qa.measure import measure
from studio.recipes.base import Recipe
from studio.recipes.catalogue import recipe
from studio.shot import Shot
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.take import Matte, Take
from studio.template import Template, Upscale
from studio.typesetting.errors import TextOverflow
from templates.library import Library
from tests.drawn_fonts import LATIN, drawn
from tests.golden.pictures import run, small

LIBRARY = Library.default()
FONT = drawn(LATIN + "\u00a0\u00d7()", 300)
LETTERS = FontFile(file=File(path="boxes.ttf", digest=digest_bytes(FONT)))
LETTERING = Lettering(plain_files=(LETTERS,), strong_files=(LETTERS,))
SIZE = Dimensions(width_mm=100, height_mm=50, depth_mm=20)


def cut(width: int = 160, height: int = 80, room: int = 20) -> Matte:
    """A grey block with a white ring at its upper right, where it is worth a look."""
    alpha = np.zeros((height + 2 * room, width + 2 * room), np.float32)
    alpha[room : room + height, room : room + width] = 1
    rgb = np.full((*alpha.shape, 3), 90, np.uint8)
    ys, xs = np.indices(alpha.shape)
    far = np.hypot(ys - room - height * 0.35, xs - room - width * 0.75)
    rgb[(far < height * 0.2) & (far > height * 0.1)] = 240
    return Matte(alpha, rgb, 0.0, "alpha")


def take(name: str, product: Product, matte: Matte | None = None, side: int = 320, **more: Any) -> Take:
    """A cut-out on its way through a look, with the test's letters."""
    template = LIBRARY.template(name)
    brief = template.brief
    if brief is not None and "lettering" in type(brief).model_fields:
        brief = brief.model_copy(update={"lettering": LETTERING})
    place = small(LIBRARY.destination(template.outputs[0]), side)
    found = matte or cut()
    look = template.model_copy(update={"brief": brief, "upscale": Upscale(above=1000), **more})
    image = ProductImage(uri="block.png", digest="0" * 64)
    shot = Shot(product=product, template=look.at(place), destination=place, images=(image,), slot="detail")
    return Take(shot, b"", {LETTERS.file.digest: FONT}, matte=found, glance=glance(found.foreground))


def finished(one: Take) -> Take:
    """Every step after the cut-out, and the measurements."""
    chosen: Recipe = recipe(one.shot.template.recipe)
    steps = [s for s in chosen.steps if not isinstance(s, Decode | CutoutStep) and s.applies(one.shot)]
    return run(one, steps)


def block(**more: Any) -> Product:
    return Product(**{"sku": "BLOCK", "dimensions": SIZE, **more})


@given(st.floats(0.1, 5000), st.sampled_from(["mm", "cm", "in"]))
def test_a_length_says_what_it_is(mm: float, unit: Any) -> None:
    text = length(mm, unit)
    number, _, name = text.partition("\u00a0")
    assert name == unit
    assert abs(float(number) * {"mm": 1, "cm": 10, "in": 25.4}[unit] - mm) <= {"mm": 0.5, "cm": 0.5, "in": 0.128}[unit] + 1e-6


def test_lengths_in_several_units_and_another_mark() -> None:
    assert lengths(118.1, ("cm", "in"), ",") == "11,8\u00a0cm (4,65\u00a0in)"
    assert area((66, 115), "cm") == "6.6 \u00d7 11.5\u00a0cm"


def test_dimension_lines_end_at_the_products_edges() -> None:
    done = finished(take("listing-dimensions", block()))
    box = done.need_placed().box
    ends = {mark.axis: mark.ends for mark in done.drawn if mark.kind == "measure"}
    assert ends["width"] is not None
    assert [point[0] for point in ends["width"]] == [box[0], box[0] + box[2]]
    assert done.measurements["line_error"] <= 1
    assert [mark.text for mark in done.drawn if mark.kind == "text"] == ["10\u00a0cm", "5\u00a0cm", "Depth 2\u00a0cm"]
    assert done.measurements["label_overlap"] == 0


def test_a_box_that_disagrees_with_the_data_is_held_back() -> None:
    honest = finished(take("listing-dimensions", block()))
    wrong = finished(take("listing-dimensions", block(dimensions=Dimensions(width_mm=20, height_mm=73, depth_mm=20))))
    assert honest.measurements["proportion_error"] < 0.02
    verdict = policy.decide(wrong.measurements, policy.limits(wrong.shot.template, wrong.shot.destination))
    assert "proportion_error" in {failure.name for failure in verdict.failures}


@pytest.mark.parametrize("name", ["listing-dimensions", "listing-in-hand"])
def test_a_product_without_a_size_is_told_what_to_supply(name: str) -> None:
    with pytest.raises(MissingInput, match=r"BLOCK.*dimensions"):
        finished(take(name, block(dimensions=Dimensions())))


def test_without_its_fonts_nothing_is_written() -> None:
    one = take("listing-dimensions", block())
    one.assets = {}
    with pytest.raises(WeightsMissing, match="fetch"):
        finished(one)


def test_words_that_do_not_fit_are_an_error() -> None:
    features = {"feature_1": "x" * 60, "material": "Steel"}
    with pytest.raises(TextOverflow):
        finished(take("listing-callouts", block(attributes=features)))


def test_features_point_where_the_data_says_and_lines_never_cross() -> None:
    known = {f"feature_{k}": f"part {k}" for k in range(1, 5)}
    places = {"feature_1_at": "0.9 0.9", "feature_2_at": "0.9 0.1", "feature_3_at": "0.1 0.9", "feature_4_at": "0.1 0.1"}
    done = finished(take("listing-callouts", block(attributes={**known, **places, "care": "wipe"}), side=500))
    x, y, w, h = done.need_placed().box
    leaders = {mark.text: mark.ends for mark in done.drawn if mark.kind == "leader"}
    assert leaders.keys() == set(known.values())
    for name, text in known.items():
        px, py = (float(part) for part in places[f"{name}_at"].split())
        ends = leaders[text]
        assert ends is not None
        assert ends[1] == pytest.approx((x + px * w, y + py * h))
    assert done.measurements["leader_crossings"] == done.measurements["leaders_off"] == 0


def test_too_few_features_name_what_is_missing() -> None:
    with pytest.raises(MissingInput, match="supply feature_1"):
        finished(take("listing-callouts", block(attributes={"colour": "Grey"})))


def test_a_figure_is_drawn_at_the_products_scale() -> None:
    done = finished(take("listing-in-hand", block()))
    mark = next(mark for mark in done.drawn if mark.kind == "figure")
    box = done.need_placed().box
    assert mark.box[3] / mark.height_mm == pytest.approx(box[2] / 100, rel=0.02)
    assert done.measurements["scale_error"] < 0.02
    assert abs(mark.box[1] + mark.box[3] - box[1] - box[3]) <= 2


@pytest.mark.parametrize("name", ["coin", "card", "hand", "a4", "person"])
def test_figures_fill_exactly_the_size_they_stand_for(name: Any) -> None:
    found = figure(name)
    assert found.outline.min(axis=0) == pytest.approx([0, 0], abs=0.02)
    assert found.outline.max(axis=0) == pytest.approx([found.width_mm, found.height_mm], rel=0.002)


def test_a_strip_keeps_sizes_and_distances() -> None:
    swatches = tuple(
        Swatch(name=name, hex=colour) for name, colour in (("Grey", "#5a5a5a"), ("Red", "#aa3030"), ("Blue", "#3040aa"))
    )
    done = finished(take("listing-swatches", block(swatches=swatches)))
    assert done.measurements["strip_items"] == 3
    assert done.measurements["strip_spread"] == 0
    assert done.measurements["strip_gap"] > 0.01
    assert [mark.text for mark in done.drawn] == ["Grey", "Red", "Blue"]


def test_a_detail_shows_the_photos_own_pixels() -> None:
    matte = cut(900, 700)
    one = take("listing-detail", block(), matte, side=500)
    done = run(one, [step for step in recipe("detail-crop").steps if step.name == "crop"])
    left, top = int(done.measurements["crop_left"]), int(done.measurements["crop_top"])
    assert done.measurements["scale"] <= 1
    if done.measurements["scale"] == 1:
        assert np.array_equal(done.need_placed().rgb, matte.foreground[top : top + 500, left : left + 500])
    centre = 20 + 900 * 0.75, 20 + 700 * 0.35
    assert left < centre[0] < left + 500
    assert top < centre[1] < top + 500


def test_a_photo_too_small_for_a_detail_says_how_large_it_must_be() -> None:
    with pytest.raises(MissingInput, match="667 px or more"):
        finished(take("listing-detail", block(), cut(300, 200), side=500))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_points_keep_their_distance_and_lie_on_the_product(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    alpha = np.zeros((90, 120), np.float32)
    alpha[10:80, 15:100] = 1
    rgb = rng.integers(0, 255, (90, 120, 3), np.uint8)
    found = points(salience(rgb, alpha), count, 20)
    assert len(found) <= count
    for k, one in enumerate(found):
        assert alpha[int(one[1]), int(one[0])] == 1
        assert all(np.hypot(one[0] - other[0], one[1] - other[1]) >= 20 for other in found[k + 1 :])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(20, 60))
def test_windows_lie_inside_and_overlap_little(seed: int, side: int) -> None:
    rng = np.random.default_rng(seed)
    alpha = np.ones((120, 150), np.float32)
    rgb = rng.integers(0, 255, (120, 150, 3), np.uint8)
    found = windows(salience(rgb, alpha), (side, side), 4, cover=0.5)
    assert found
    for k, (x, y, w, h) in enumerate(found):
        assert 0 <= x <= 150 - w
        assert 0 <= y <= 120 - h
        for a, b, _, _ in found[k + 1 :]:
            assert max(0, side - abs(x - a)) * max(0, side - abs(y - b)) <= 0.1 * side * side + 2 * side


@given(st.floats(20, 500), st.floats(20, 500), st.floats(20, 500), st.floats(0, 20))
def test_the_view_of_a_box_seen_from_above_is_found(w: float, h: float, d: float, above: float) -> None:
    tilt = np.radians(above)
    box = w * 2.0, (h * np.cos(tilt) + d * np.sin(tilt)) * 2.0
    found = view_of(box, Dimensions(width_mm=w, height_mm=h, depth_mm=d))
    assert found is not None
    assert found.error < 0.05


def test_strokes_and_discs_cover_what_they_should() -> None:
    mask, (x, y) = stroke(((10, 20), (110, 20)), 4)
    assert (x, y) == (10, 18)
    assert mask.sum() == pytest.approx(400, rel=0.07)
    assert disc((50, 50), 10)[0].sum() == pytest.approx(np.pi * 100, rel=0.05)


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=4, max_size=4))
def test_crossing_is_the_same_either_way(corners: list[tuple[float, float]]) -> None:
    a, b, c, d = corners
    assert crossing((a, b), (c, d)) == crossing((c, d), (b, a))


def test_measurements_follow_the_delivered_bytes() -> None:
    done = finished(take("listing-dimensions", block()))
    again = measure(done)
    assert again["drawn_over"] <= 0.01
    assert done.need_image().shape == (320, 320, 3)


def test_a_look_is_what_its_brief_says() -> None:
    kinds = {t.recipe for t in LIBRARY.templates() if t.id.startswith("listing-")}
    assert {"listing-set", "detail-crop", "dimensions", "callouts", "variant-strip", "in-hand"} <= kinds
    assert isinstance(LIBRARY.template("listing-amazon"), Template)
