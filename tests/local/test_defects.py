"""The defect classifier: its trees decide as trees do, its statistics move with their defect, its shipped weights are what they say."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.destination import Destination, Source
from studio.imaging.encode import encode
from studio.imaging.glance import glance
from studio.keys import digest_bytes
from studio.product import Product, ProductImage
from studio.qa import defects
from studio.qa.checks.defects import asked, defect
from studio.qa.defects import ALARM, Forest, Judge, excess, judge_from
from studio.qa.subject import Subject
from studio.qa.traces import traces
from studio.qa.traces.second import asked as shown_again
from studio.qa.traces.second import second
from studio.shot import Shot
from studio.take import F32, U8, Matte, Placed, Take
from studio.template import Light, Shadow, Template

SIDE = 320
PLACE = Destination(
    id="p", title="p", width=SIDE, height=SIDE, max_bytes=4_000_000, sources=(Source(title="t", date="2026-11-22"),)
)
LOOK = Template(id="look", title="look", outputs=("p",), light=Light(azimuth_deg=-45), shadow=Shadow(contact=0.6, cast=0.4))
NAMES = ("a", "b", "c")


@lru_cache
def body() -> tuple[U8, F32]:
    """A striped bottle and its alpha."""
    alpha = np.zeros((1600, 1600), np.uint8)
    cv2.ellipse(alpha, (800, 900), (300, 480), 0, 0, 360, 255, cv2.FILLED)
    cv2.rectangle(alpha, (700, 240), (900, 500), 255, cv2.FILLED)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    stripes = np.stack((60 + 20 * (y // 7 % 2), 90 + x // 6 % 20, 140 + 12 * (y // 9 % 2)), axis=2).astype(np.uint8)
    return stripes, cv2.resize(alpha, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def made(*, alpha: F32 | None = None, ground: U8 | None = None, shade: F32 | None = None, image: U8 | None = None) -> Take:
    """A finished take: photographed on light grey, set on a warm ground, with what is given instead."""
    rgb, whole = body()
    alpha = whole if alpha is None else alpha
    ground = np.full((SIDE, SIDE, 3), (232, 220, 208), np.uint8) if ground is None else ground
    photo = np.rint(whole[..., None] * rgb + (1 - whole[..., None]) * 236.0).astype(np.uint8)
    shot = Shot(product=Product(sku="S"), template=LOOK, destination=PLACE, images=(ProductImage(uri="a", digest="00"),))
    take = Take(shot, b"", glance=glance(photo), matte=Matte(alpha, rgb, 0.1, "u2netp"), ground=ground)
    take.placed = Placed(rgb, alpha, 1.0, box_of(alpha))
    take.shade = falling() if shade is None else shade
    under = ground * (1 - take.shade[..., None])
    picture = np.rint(alpha[..., None] * rgb + (1 - alpha[..., None]) * under).astype(np.uint8) if image is None else image
    take.image, take.encoded = picture, encode(picture, PLACE.encoding, max_bytes=4_000_000, source_type="").data
    return take


def box_of(alpha: F32) -> tuple[int, int, int, int]:
    x, y, w, h = cv2.boundingRect((alpha > 0.5).astype(np.uint8))
    return int(x), int(y), int(w), int(h)


def falling(dx: int = 32, dy: int = 0) -> F32:
    """A soft shadow under the bottle and to the right, away from a light on the left."""
    plane = np.zeros((SIDE, SIDE), np.float32)
    cv2.ellipse(plane, (160 + dx, 274 + dy), (88, 11), 0, 0, 360, 0.5, cv2.FILLED)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 4), np.float32)


def seen(take: Take) -> dict[str, float]:
    return traces(Subject(take))


@lru_cache
def clean() -> dict[str, float]:
    return seen(made())


def test_a_picture_is_described_the_same_way_twice() -> None:
    again = seen(made())
    assert again.keys() == clean().keys()
    assert all(again[name] == value or math.isnan(value) for name, value in clean().items())


def test_a_hole_runs_through_what_the_photo_shows_as_product() -> None:
    alpha = body()[1].copy()
    cv2.circle(alpha, (164, 192), 24, 0.0, cv2.FILLED)
    found = seen(made(alpha=alpha))
    assert found["hole_foreign"] > 0.02 > clean()["hole_foreign"]
    assert found["hole_through"] > clean()["hole_through"]


def test_a_straight_cut_goes_on_beyond_the_box() -> None:
    alpha = body()[1].copy()
    alpha[:136] = 0
    found = seen(made(alpha=alpha))
    assert found["flat_cut"] > 0.5 > clean()["flat_cut"]
    assert found["missed"] > clean()["missed"] + 0.05


def test_what_was_taken_along_looks_like_the_old_ground() -> None:
    alpha = np.maximum(body()[1], cv2.circle(np.zeros((SIDE, SIDE), np.float32), (232, 160), 32, 1.0, cv2.FILLED))
    assert seen(made(alpha=alpha))["taken"] > clean()["taken"] + 0.05


def test_stairs_and_fuzz_show_in_the_outline() -> None:
    alpha = body()[1]
    coarse = (cv2.resize(alpha, (64, 64), interpolation=cv2.INTER_AREA) > 0.5).astype(np.float32)
    stairs = seen(made(alpha=cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)))
    assert stairs["stairs"] > 5 * max(clean()["stairs"], 0.01)
    fuzz = seen(made(alpha=np.asarray(cv2.GaussianBlur(alpha, (0, 0), 5), np.float32)))
    assert fuzz["soft_width"] > 3 * clean()["soft_width"]


def looked(take: Take) -> dict[str, float]:
    """The statistics where a network saw the whole bottle in the mirrored photo."""
    shown = shown_again(Subject(take), 320)
    assert shown.shape == (320, 320, 3)
    take.evidence.second_look = np.ascontiguousarray(body()[1][:, ::-1])
    return second(Subject(take))


def test_a_second_look_sees_what_the_cutout_lost_and_took_along() -> None:
    agreed = looked(made())
    assert agreed["overlap"] > 0.98
    assert agreed["lost_share"] == agreed["gained_share"] == 0
    alpha = body()[1].copy()
    cv2.circle(alpha, (150, 192), 24, 0.0, cv2.FILLED)
    hole = looked(made(alpha=alpha))
    assert hole["lost_largest"] == hole["lost_inside"] > 0.02
    alpha = body()[1].copy()
    alpha[:136] = 0
    assert looked(made(alpha=alpha))["lost_straight"] > 0.5 > hole["lost_straight"]
    alpha = np.maximum(body()[1], cv2.circle(np.zeros((SIDE, SIDE), np.float32), (232, 160), 32, 1.0, cv2.FILLED))
    assert looked(made(alpha=alpha))["gained_share"] > 0.02


def test_nobody_looks_again_at_a_photo_with_its_own_alpha() -> None:
    take = made()
    take.matte = Matte(body()[1], body()[0], 0.0, "alpha")
    assert all(math.isnan(value) for value in looked(take).values())
    assert all(math.isnan(value) for value in second(Subject(made())).values())


def test_proportions_are_the_photos() -> None:
    take = made()
    rgb, alpha = body()
    across = np.array([[0.8, 0, 32], [0, 1, 0]], np.float32)
    thin = np.asarray(cv2.warpAffine(alpha, across, (SIDE, SIDE)), np.float32)
    take.placed = Placed(rgb, thin, 1.0, box_of(thin))
    assert seen(take)["aspect_off"] == pytest.approx(-math.log(0.8), abs=0.02)
    assert clean()["aspect_off"] < 0.01


def test_a_shadow_on_the_lights_side_turns_the_lean() -> None:
    assert clean()["shade_lean"] > 0 > seen(made(shade=falling(dx=-32)))["shade_lean"]
    assert seen(made(shade=falling(dy=15)))["shade_below"] > clean()["shade_below"]


def test_lettering_and_a_second_product_show_in_the_surroundings() -> None:
    ground = np.full((SIDE, SIDE, 3), (232, 220, 208), np.uint8)
    worded = seen(made(ground=cv2.putText(ground.copy(), "SALE", (8, 50), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (20, 20, 20), 3)))
    assert worded["marks_area"] > 0.005 > clean()["marks_area"]
    rgb, alpha = body()
    shift = np.array([[1, 0, 88], [0, 1, 0]], np.float32)
    other = cv2.warpAffine(alpha, shift, (SIDE, SIDE))[..., None]
    twin = np.rint(ground * (1 - other) + cv2.warpAffine(rgb, shift, (SIDE, SIDE)) * other).astype(np.uint8)
    assert seen(made(ground=twin))["marks_area"] > 0.02


def test_grain_blocks_and_levels_show_on_the_surface() -> None:
    image = made().need_image()
    grain = np.clip(image + np.random.default_rng(0).normal(0, 10, image.shape), 0, 255).astype(np.uint8)
    assert seen(made(image=grain))["grain"] > clean()["grain"] + 3
    _, data = cv2.imencode(".jpg", image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 8))
    blocky = np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
    assert seen(made(image=blocky))["blocks"] > 1.5 * clean()["blocks"]
    assert seen(made(image=(image // 32 * 32).astype(np.uint8)))["behind_mean"] > 5


def test_a_take_without_ground_or_shadow_is_described_too() -> None:
    take = made()
    take.ground = take.shade = None
    found = seen(take)
    assert math.isnan(found["behind_mean"])
    assert math.isnan(found["shade_lean"])


def forest(seed: int, trees: int, heads: int) -> Forest:
    """Full trees of depth two with random questions, one after the other."""
    rng, root = np.random.default_rng(seed), np.arange(trees, dtype=np.int32) * 7
    feature = np.full((trees, 7), -1, np.int32)
    feature[:, :3] = rng.integers(0, len(NAMES), (trees, 3))
    left = root[:, None] + np.array([1, 3, 5, 0, 0, 0, 0], np.int32)
    bound, value = rng.normal(size=(2, trees * 7)).astype(np.float32)
    slope, offset = rng.normal(size=(2, heads)).astype(np.float32)
    missing = rng.random(trees * 7) < 0.5
    head = (np.arange(trees) % heads).astype(np.int32)
    return Forest(root, head, feature.ravel(), bound, left.ravel(), (left + 1).ravel(), missing, value, slope, offset)


def walked(wood: Forest, known: F32) -> list[float]:
    """The same by plain recursion."""

    def leaf(node: int) -> float:
        asked_for = wood.feature[node]
        if asked_for < 0:
            return float(wood.value[node])
        value = known[asked_for]
        left = wood.missing_left[node] if math.isnan(value) else value <= wood.bound[node]
        return leaf(int(wood.left[node] if left else wood.right[node]))

    votes = [
        sum(leaf(int(root)) for root, head in zip(wood.root, wood.head, strict=True) if head == h) for h in range(len(wood.slope))
    ]
    return [1 / (1 + math.exp(-(float(s) * v + float(o)))) for s, v, o in zip(wood.slope, votes, wood.offset, strict=True)]


@settings(max_examples=40)
@given(st.integers(0, 99), st.lists(st.floats(-3, 3, width=32) | st.just(math.nan), min_size=3, max_size=3))
def test_the_forest_walks_its_trees(seed: int, known: list[float]) -> None:
    wood, vector = forest(seed, 12, 3), np.array(known, np.float32)
    assert wood.probabilities(vector) == pytest.approx(walked(wood, vector), abs=1e-5)


def test_a_judge_takes_what_it_knows_and_ignores_the_rest() -> None:
    mean, directions = np.zeros(4, np.float32), np.eye(1, 4, dtype=np.float32)
    judge = Judge(("a", "b", "embedding.0"), ("x", "y", "z"), mean, directions, forest(1, 6, 3))
    vector = np.array([0.3, 0.1, 0, 0], np.float32)
    plain = judge.opinion({"a": 0.5, "b": 0.1, "unheard": 7.0}, vector)
    assert plain == judge.opinion({"b": 0.1, "a": 0.5}, vector)
    assert plain.keys() == {"x", "y", "z"}
    assert all(0 <= value <= 1 for value in (plain | judge.opinion({}, None)).values())


def test_the_shipped_weights_are_what_their_facts_say() -> None:
    path = defects.FOLDER / "defects.npz"
    assert digest_bytes(path.read_bytes())[:16] == defects.VERSION
    assert path.stat().st_size < 5_000_000
    kinds = defects.loaded().kinds
    assert len(set(kinds) - {"any"}) >= 12
    assert set(defects.ALARMS) == set(kinds)
    assert set(kinds) - {"any"} <= defects.FACTS["held_out"].keys()


def test_the_shipped_judge_answers_a_real_take() -> None:
    take, other = made(), made()
    embedding = np.full(1280, 1 / math.sqrt(1280), np.float32)
    answers = [defects.judge(Subject(t), {"halo": 0.5}, vector) for t, vector in product((take, other), (embedding, None))]
    assert answers[0] == answers[2]
    assert answers[1] == answers[3]
    assert all(0 <= value <= 1 for answer in answers for value in answer.values())


def test_the_check_asks_each_kind_by_its_own_alarm_and_only_where_it_is_asked() -> None:
    take = made()
    assert defect(Subject(take)) is None
    alarms = {"halo": 0.6, "hole": 0.9}
    assert excess({"halo": 0.6, "hole": 0.2}, alarms) == pytest.approx(ALARM)
    assert excess({"halo": 0.59, "hole": 0.89}, alarms) < ALARM < excess({"halo": 0.2, "hole": 0.91}, alarms)
    take.evidence.defects = dict.fromkeys(defects.ALARMS, 0.999999)
    assert (defect(Subject(take)) or 0) > ALARM
    assert not asked(LOOK)
    assert asked(LOOK.model_copy(update={"examine": ("defects",)}))


def test_weights_travel_as_plain_arrays() -> None:
    wood = forest(3, 4, 2)
    data = {name: np.asarray(getattr(wood, name)) for name in Forest.__slots__}
    texts = {"names": np.array(NAMES), "kinds": np.array(["x", "y"])}
    read = judge_from(data | texts | {"mean": np.zeros(2), "directions": np.zeros((1, 2))})
    vector = np.array([0.1, math.nan, -2], np.float32)
    assert np.array_equal(read.forest.probabilities(vector), wood.probabilities(vector))
    assert read.kinds == ("x", "y")
