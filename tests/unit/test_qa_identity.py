"""Details in their places, likeness, and what is asked of which look."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from studio.qa import policy
from studio.qa.checks import CHECKS
from studio.qa.checks.identity import keypoint_inliers, keypoint_shift, matched, same_product, silhouette_iou
from studio.qa.defaults import IDENTITY
from studio.qa.questions import questions
from studio.qa.subject import Subject
from studio.take import U8
from studio.template import Recolour, Relight, Scene, Template, Upscale
from tests.unit.test_qa_checks import LOOK, PLAIN, SIDE, as_png, finished

ASKED: dict[str, dict[str, object]] = {
    "text": {"examine": ("text",)},
    "identity": {"examine": ("identity",)},
    "safety": {"examine": ("safety",)},
    "person": {"examine": ("person",)},
    "defects": {"examine": ("defects",)},
}


def pattern() -> U8:
    """Detail that is nowhere the same: random blobs."""
    rng = np.random.default_rng(3)
    image = np.full((SIDE, SIDE, 3), 128, np.uint8)
    for _ in range(500):
        x, y = (int(v) for v in rng.integers(0, SIDE, 2))
        colour = tuple(int(v) for v in rng.integers(20, 230, 3))
        cv2.circle(image, (x, y), int(rng.integers(4, 14)), colour, -1, cv2.LINE_AA)
    return image


def test_untouched_details_are_all_in_place() -> None:
    subject = Subject(as_png(finished(product=pattern())))
    inliers, shift = keypoint_inliers(subject), keypoint_shift(subject)
    assert inliers is not None
    assert shift is not None
    assert inliers > 0.8
    assert shift < (IDENTITY["keypoint_shift"].max or 0) / 5


def test_a_stretched_product_has_moved() -> None:
    take = finished(product=pattern())
    matrix = np.array([[1.05, 0, -16], [0, 1, 0]], np.float32)
    stretched = cv2.warpAffine(take.need_image(), matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    shift = keypoint_shift(Subject(as_png(take, np.asarray(stretched, np.uint8))))
    assert shift is not None
    assert shift > (IDENTITY["keypoint_shift"].max or 1)


def test_another_product_shares_no_details() -> None:
    take = finished(product=pattern())
    other = finished(product=np.ascontiguousarray(pattern()[::-1, ::-1])).need_image()
    inliers = keypoint_inliers(Subject(as_png(take, other)))
    assert inliers is not None
    assert inliers < (IDENTITY["keypoint_inliers"].min or 0)


def test_a_plain_product_has_nothing_to_compare() -> None:
    grey = np.full((300, 300), 120, np.uint8)
    assert matched(grey, grey, np.full_like(grey, 255)) == (1.0, 0.0)


def test_likeness_is_the_cosine_and_none_without_witness() -> None:
    take = as_png(finished())
    assert same_product(Subject(take)) is silhouette_iou(Subject(take)) is None
    take.evidence.source_embedding = np.array([1, 0], np.float32)
    take.evidence.embedding = np.array([0.6, 0.8], np.float32)
    assert same_product(Subject(take)) == pytest.approx(0.6)


@pytest.mark.parametrize(
    "change",
    [
        {"scene": Scene(engine="diffusers", model="any")},
        {"relight": Relight(preset="window")},
        {"recolour": Recolour(target="#aa2030")},
        {"upscale": Upscale(unlettered="realesrgan")},
    ],
)
def test_whoever_touches_the_product_is_asked_about_it(change: dict[str, object]) -> None:
    assert questions(LOOK) == frozenset()
    assert questions(LOOK.model_copy(update=change)) == {"text", "identity"}


@pytest.mark.parametrize(("question", "change"), ASKED.items())
def test_every_question_adds_its_checks_and_bounds_and_leaves_other_looks_alone(question: str, change: dict[str, object]) -> None:
    look: Template = LOOK.model_copy(update=change)
    added = policy.checks_of(look) - policy.checks_of(LOOK)
    assert added
    bounds = policy.limits(look, PLAIN).keys() - policy.limits(LOOK, PLAIN).keys()
    assert bounds
    assert bounds <= added


def test_every_bound_is_about_something_that_is_measured() -> None:
    """Whatever a look asks for: a limit on what no check of that look measures would reject every picture."""
    everything = LOOK.model_copy(
        update={
            "examine": ("text", "identity", "safety", "person", "defects"),
            "relight": Relight(preset="rim"),
            "recolour": Recolour(target="#aa2030"),
        }
    )
    for look in (LOOK, everything, everything.model_copy(update={"scene": Scene(engine="diffusers", model="any", mode="edit")})):
        concerned = {check.name for check in CHECKS if check.concerns(look)}
        for destination in (PLAIN, PLAIN.model_copy(update={"background": "any"})):
            assert policy.limits(look, destination).keys() <= concerned
