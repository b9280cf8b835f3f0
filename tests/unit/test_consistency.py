"""Consistency: the interval is Wilson's, a set is what looks alike, an outlier is named by its feature."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import TemplateError
from studio.qa.checks import features
from studio.qa.consistency import DEFAULTS, Picture, Rate, consistency, drift, tolerances
from studio.qa.subject import Subject
from studio.template import Template, Tolerance
from tests.golden.pictures import finished

PLAIN = {
    "fill": 0.86, "centring_x": 0.001, "centring_y": 0.002, "ground_l": 97.0, "ground_a": 0.1, "ground_b": -0.4,
    "ground_spread": 0.3, "lightness_shift": 0.1, "shadow_density": 0.3, "sharpness_ratio": 0.98, "baseline": 0.9,
}  # fmt: skip


def picture(category: str = "mugs", form: str = "2000 x 2000 image/jpeg", **changes: float) -> Picture:
    return Picture(category, PLAIN | changes, form)


def template(**changes: object) -> Template:
    return Template.model_validate({"id": "t", "title": "t", "outputs": ("d",)} | changes)


@pytest.mark.parametrize(
    ("inside", "of", "low", "high"),
    [(98, 100, 0.9300, 0.9945), (150, 150, 0.9750, 1.0), (0, 10, 0.0, 0.2775), (1, 1, 0.2065, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilsons_interval(inside: int, of: int, low: float, high: float) -> None:
    assert Rate(inside, of).interval == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 5000), st.data())
def test_the_interval_holds_the_share_and_narrows(of: int, data: st.DataObject) -> None:
    inside = data.draw(st.integers(0, of))
    low, high = Rate(inside, of).interval
    assert 0 <= low <= inside / of + 1e-12
    assert inside / of - 1e-12 <= high <= 1
    fewer, more = (bounds[1] - bounds[0] for bounds in (Rate(inside, of).interval, Rate(inside * 4, of * 4).interval))
    assert more <= fewer


def test_pictures_that_are_alike_are_consistent() -> None:
    found = consistency([picture(), picture("lamps"), picture(fill=0.88)], tolerances(template()))
    assert (found.rate.inside, found.rate.of) == (3, 3)
    assert {name: (rate.inside, rate.of) for name, rate in found.categories.items()} == {"lamps": (1, 1), "mugs": (2, 2)}


@pytest.mark.parametrize(
    ("feature", "changes"),
    [
        ("fill", {"fill": 0.7}),
        ("centring_x", {"centring_x": 0.05}),
        ("ground_colour", {"ground_l": 92.0}),
        ("ground_tint", {"ground_b": 3.0}),
        ("lightness_shift", {"lightness_shift": -5.0}),
        ("shadow_density", {"shadow_density": 0.5}),
        ("sharpness_ratio", {"sharpness_ratio": 0.2}),
    ],
)
def test_an_outlier_is_outside_by_its_feature(feature: str, changes: dict[str, float]) -> None:
    found = consistency([*(picture() for _ in range(6)), picture("odd", **changes)], tolerances(template()))
    assert found.rate == Rate(6, 7)
    assert found.categories["odd"] == Rate(0, 1)
    assert found.features[feature] == Rate(6, 7)


def test_another_size_is_outside() -> None:
    found = consistency([picture(), picture(), picture(form="800 x 800 image/png")], tolerances(template()))
    assert found.features["form"] == Rate(2, 3)


def test_what_was_not_measured_is_outside_only_where_every_picture_has_it() -> None:
    bare = Picture("mugs", {"fill": 0.86}, "2000 x 2000 image/jpeg")
    found = consistency([picture(), picture(), bare], tolerances(template()))
    assert found.rate == Rate(2, 3)
    assert found.features["centring_x"] == Rate(2, 3)
    assert found.features["shadow_density"] == Rate(2, 2)


@settings(max_examples=30)
@given(st.lists(st.floats(0.5, 1.0), min_size=1, max_size=6), st.randoms())
def test_order_does_not_matter(fills: list[float], random: object) -> None:
    pictures = [picture(fill=fill) for fill in fills]
    mixed = list(pictures)
    random.shuffle(mixed)
    assert consistency(pictures, DEFAULTS) == consistency(mixed, DEFAULTS)


def test_a_template_states_its_own_tolerances() -> None:
    held = tolerances(template(consistency={"fill": {"within": 0.2}, "product_lightness": {"within": 5, "target": 60}}))
    assert held["fill"].within == 0.2
    assert held["product_lightness"] == Tolerance(within=5, target=60)
    with pytest.raises(TemplateError, match="consistency: nothing measures fil"):
        tolerances(template(consistency={"fil": {"within": 0.2}}))


def test_a_line_is_held_where_the_template_has_one_and_scenes_have_room() -> None:
    assert "baseline" not in tolerances(template())
    held = tolerances(template(composition={"baseline": 0.9}, background={"kind": "surface", "material": "wood"}))
    assert held["baseline"].within == 0.015
    assert held["ground_colour"].within == 3.0


def test_drift_is_counted_in_tolerances() -> None:
    now, before = PLAIN | {"fill": 0.92, "ground_l": 95.0}, dict(PLAIN)
    moved = drift(now, before, DEFAULTS)
    assert moved["fill"] == pytest.approx(2.0)
    assert moved["ground_colour"] > 1.0
    assert moved["shadow_density"] == 0.0
    assert drift(now, {}, DEFAULTS) == {}


def test_features_of_a_finished_picture_are_what_the_template_asked_for() -> None:
    subject = Subject(finished("amazon-white", "amazon-main", "NL-MUG-01"))
    values = {check.name: check.measure(subject) for check in features.CHECKS if check.concerns(subject.shot.template)}
    assert values["ground_l"] == pytest.approx(100, abs=0.05)
    assert abs(values["ground_a"]) < 0.05
    assert values["ground_spread"] < 0.2
    assert values["baseline"] == pytest.approx((subject.box[1] + subject.box[3]) / 512)
    assert abs(values["centroid_x"] - 0.5) < 0.1
    assert abs(values["lightness_shift"]) < 0.5
    assert values["shadow_density"] == pytest.approx(subject.shot.template.shadow.contact, abs=0.05)
    assert "shadow_direction" not in values
