"""People on models: who is chosen and under which consent, where things are placed, and what stays untouched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from studio.body import Face, Pose, Wearer
from studio.briefs.on_model import OnModelBrief
from studio.errors import MissingInput, TemplateError
from studio.imaging.worn.cloth import colour_gap, drawn, room_for, texture_gap
from studio.imaging.worn.dressing import dressed, one_of_a_pair
from studio.imaging.worn.wearing import fitting
from studio.models.pose import MIRROR, agreed
from studio.people import Person, asked, choose, representation
from studio.product import Product, ProductImage
from studio.recipes.on_model import setups, usable
from studio.take import Matte
from studio.template import Template
from templates.people import peopled, read_people

TODAY = date(2026, 11, 23)
SIDE = 240


def person(name: str, **more: Any) -> dict[str, Any]:
    consent = {"given": "2026-01-01", "expires": "2028-01-01", "document": "releases/1.pdf", "uses": ["shop", "generation"]}
    told = {"id": name, "photo": f"{name}.jpg", "licence": "ours", "consent": consent, "body_type": "average", "skin_tone": 5}
    return told | {"age": "25-34", "stance": "front"} | more


def people(*rows: dict[str, Any]) -> list[Person]:
    return [Person.model_validate(row) for row in rows]


def wearer(turn: float = 0.0, nose: float = 0.0) -> Wearer:
    """A face of 63 mm between the pupils, one pixel a millimetre, at (120, 100), turned clockwise; `nose` moves it aside."""
    flat = np.array([(-31.5, 0), (31.5, 0), (nose, 30), (0, 60), (-70, 10), (70, 10)], np.float32)
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    points = flat @ rotation + np.array([120, 100], np.float32)
    face = Face(0.95, (60.0, 40.0, 120.0, 120.0), points.astype(np.float32))
    photo = np.full((SIDE, SIDE, 3), 180, np.uint8)
    return Wearer(photo, Pose(np.zeros((33, 3), np.float32), np.zeros((33, 3), np.float32), 0.0), (face,))


def item(width: int = 80, height: int = 30) -> Matte:
    alpha = np.zeros((height + 20, width + 20), np.float32)
    alpha[10:-10, 10:-10] = 1
    return Matte(alpha, np.full((*alpha.shape, 3), (200, 30, 40), np.uint8), 0.0, "alpha")


def fit(who: Wearer, kind: str, width: float | None = None, **more: Any) -> Any:
    return fitting(who, OnModelBrief.model_validate({"item": kind, **more}), width_mm=width, sku="SKU-1", where="anna.jpg")


def standing(hands: float = 1.0) -> Pose:
    points = np.zeros((33, 3), np.float32)
    points[:, 2] = 1.0
    points[:11, :2] = (120, 30)
    rows = {
        11: (150, 70),
        12: (90, 70),
        13: (166, 110),
        14: (74, 110),
        15: (170, 150),
        16: (70, 150),
        23: (138, 150),
        24: (102, 150),
    }
    rows |= {25: (138, 190), 26: (102, 190), 27: (138, 232), 28: (102, 232), 19: (171, 162), 20: (69, 162)}
    for row, at in rows.items():
        points[row, :2] = at
    points[[15, 16], 2] = hands
    world = np.zeros((33, 3), np.float32)
    world[:, :2] = (points[:, :2] - np.array([120, 150])) / 200
    return Pose(points, world, 0.95)


@pytest.mark.parametrize("missing", ["licence", "consent"])
def test_a_person_without_licence_or_consent_is_an_error(missing: str) -> None:
    row = person("anna")
    del row[missing]
    with pytest.raises(ValidationError, match=missing):
        Person.model_validate(row)


@pytest.mark.parametrize("missing", ["given", "expires", "document", "uses"])
def test_a_consent_names_both_dates_its_paper_and_its_uses(missing: str) -> None:
    row = person("anna")
    del row["consent"][missing]
    with pytest.raises(ValidationError, match=missing):
        Person.model_validate(row)


def test_an_expired_consent_stops_the_look_and_says_whose() -> None:
    old = person("bea")
    old["consent"] = {**old["consent"], "expires": "2026-02-01"}
    brief = OnModelBrief(item="glasses", people="house", cast=tuple(people(person("anna"), old)))
    with pytest.raises(MissingInput, match=r"SKU-1.*bea expired on 2026-02-01.*house"):
        usable(brief, "SKU-1", "look", TODAY)


def test_a_consent_for_the_shop_alone_does_not_cover_a_generative_engine() -> None:
    shop = person("anna")
    shop["consent"] = {**shop["consent"], "uses": ["shop"]}
    cast = tuple(people(shop))
    assert usable(OnModelBrief(item="hat", cast=cast), "SKU-1", "look", TODAY)
    with pytest.raises(MissingInput, match="does not cover generation"):
        usable(OnModelBrief(item="upper", cast=cast), "SKU-1", "look", TODAY)


def test_nobody_to_show_it_on_says_what_to_supply() -> None:
    with pytest.raises(MissingInput, match=r"SKU-1.*role on-model.*house"):
        usable(OnModelBrief(item="hat", people="house"), "SKU-1", "look", TODAY)


def test_people_are_chosen_as_often_as_their_shares_say_and_always_alike() -> None:
    cast = people(person("anna", share=3), person("bea", skin_tone=9), person("cleo", skin_tone=2))
    chosen = [choose(cast, f"SKU-{i}") for i in range(1500)]
    counts = Counter(one.id for one in chosen)
    assert [counts[name] / 1500 for name in ("anna", "bea", "cleo")] == pytest.approx([0.6, 0.2, 0.2], abs=0.05)
    assert chosen == [choose(list(reversed(cast)), f"SKU-{i}") for i in range(1500)]
    found, wanted = representation(chosen)["skin_tone"], asked(cast)["skin_tone"]
    assert all(found[tone] == pytest.approx(share, abs=0.05) for tone, share in wanted.items())


def test_who_leaves_changes_only_their_own_products() -> None:
    cast = people(person("anna"), person("bea"), person("cleo"))
    for i in range(200):
        before = choose(cast, f"SKU-{i}")
        if before.id != "bea":
            assert choose([one for one in cast if one.id != "bea"], f"SKU-{i}") == before


class Alone:
    """A catalogue in which nobody looks anything up."""

    def product(self, sku: str) -> Product:
        raise KeyError(sku)

    def variants(self, of: str) -> Sequence[Product]:
        raise KeyError(of)

    def template(self, name: str, product: Product) -> Template:
        raise KeyError(name)


def test_a_products_own_model_photo_comes_first_and_variants_share_a_person() -> None:
    cast = [person(name) for name in ("anna", "bea", "cleo", "dora")]
    look = Template.model_validate(
        {"id": "l", "title": "L", "outputs": ["x"], "brief": {"kind": "on-model", "item": "hat", "cast": cast}}
    )
    front, own = ProductImage(uri="hat.jpg"), ProductImage(uri="own.jpg", role="on-model")
    (setup,) = setups(Product(sku="HAT", images=(front, own)), look, [front], Alone())
    assert [image.uri for image in setup.images] == ["hat.jpg", "own.jpg"]
    shown = {setups(Product(sku=f"HAT-{i}", variant_of="HAT"), look, [front], Alone())[0].images[1].uri for i in range(8)}
    assert len(shown) == 1


def test_a_people_file_is_read_beside_its_photos_and_refused_without_consent(tmp_path: Path) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    text = (
        "people:\n- {id: anna, photo: anna.jpg, licence: ours, body_type: plus, skin_tone: 8, age: 45-54, stance: bust,\n"
        "   consent: {given: 2026-01-01, expires: 2028-01-01, document: r.pdf, uses: [shop]}}\n"
    )
    (folder / "house.yaml").write_text(text)
    (anna,) = read_people(folder / "house.yaml")
    assert anna.photo == str((folder / "anna.jpg").resolve())
    brief = {"kind": "on-model", "item": "hat", "people": "house"}
    look = Template.model_validate({"id": "l", "title": "L", "outputs": ["x"], "brief": brief})
    filled = peopled(look, [tmp_path / "none", tmp_path]).brief
    assert isinstance(filled, OnModelBrief)
    assert filled.cast == (anna,)
    with pytest.raises(TemplateError, match="no people file 'house'"):
        peopled(look, [tmp_path / "none"])
    (folder / "house.yaml").write_text(text[: text.index(",\n")] + "}\n")
    with pytest.raises(TemplateError, match=r"house\.yaml.*consent"):
        read_people(folder / "house.yaml")


def test_glasses_lie_on_the_eyes_at_true_size_and_turn_with_them() -> None:
    straight, tilted = fit(wearer(), "glasses", 140.0), fit(wearer(turn=12), "glasses", 140.0)
    (hold,) = straight.holds
    assert hold.at == pytest.approx((120, 100), abs=0.5)
    assert hold.width == pytest.approx(140, rel=0.01)
    assert tilted.holds[0].turn_deg - hold.turn_deg == pytest.approx(12, abs=0.1)
    assert not straight.assumed
    assert fit(wearer(), "glasses").assumed


def test_a_turned_face_is_told() -> None:
    assert fit(wearer(), "glasses").frontal > 0.95
    assert fit(wearer(nose=40), "glasses").frontal < 0.6


def test_a_hat_sits_above_the_eyes_and_earrings_below_both_ears() -> None:
    assert fit(wearer(), "hat").holds[0].at[1] < 80
    left, right = sorted(fit(wearer(), "earrings").holds, key=lambda hold: hold.at[0])
    assert left.at[0] < 60 < 180 < right.at[0]
    assert left.at[1] > 110


def test_a_watch_lies_across_the_forearm_of_the_side_that_was_asked_for() -> None:
    who = Wearer(np.full((SIDE, SIDE, 3), 180, np.uint8), standing(), ())
    left, right = (fit(who, "watch", 40.0, side=side).holds[0] for side in ("left", "right"))
    assert left.at[0] > 120 > right.at[0]
    assert abs(left.turn_deg) > 60
    assert left.arm == pytest.approx(29 * 0.2, rel=0.05)


@pytest.mark.parametrize(
    ("who", "kind", "what"),
    [
        (Wearer(np.zeros((SIDE, SIDE, 3), np.uint8), standing(), ()), "glasses", "no face"),
        (Wearer(np.zeros((SIDE, SIDE, 3), np.uint8), standing(), ()), "necklace", "no face"),
        (Wearer(np.zeros((SIDE, SIDE, 3), np.uint8), standing(hands=0.1), ()), "watch", "no wrist"),
        (Wearer(np.zeros((SIDE, SIDE, 3), np.uint8), standing(hands=0.1), ()), "bag", "no hand"),
    ],
)
def test_a_photo_without_the_part_of_the_body_says_what_to_supply(who: Wearer, kind: str, what: str) -> None:
    with pytest.raises(MissingInput, match=rf"SKU-1: anna\.jpg shows {what}.*give a photo"):
        fit(who, kind)


@settings(max_examples=12, deadline=None)
@given(turn=st.floats(-30, 30), width=st.floats(30, 160), x=st.floats(-40, 40))
def test_nothing_but_the_item_and_its_shadow_changes(turn: float, width: float, x: float) -> None:
    who = wearer(turn)
    rng = np.random.default_rng(3)
    who.photo[:] = rng.integers(0, 255, who.photo.shape, np.uint8)
    laid = dressed(who.photo, item(), fit(who, "glasses", width, nudge={"x_mm": x}))
    assert np.array_equal(laid.rgb[:30], who.photo[:30])
    assert (laid.rgb[laid.worn >= 1] == (200, 30, 40)).all()
    area = float(laid.worn.sum())
    assert area == pytest.approx(width * width * 30 / 80, rel=0.12)


def test_of_a_pair_one_is_worn_at_each_ear() -> None:
    pair = item(200, 60)
    pair.alpha[:, 80:140] = 0
    single = one_of_a_pair(pair)
    assert single.alpha[:, :80].sum() == pair.alpha[:, :80].sum()
    assert not single.alpha[:, 140:].any()
    assert one_of_a_pair(item()).alpha.sum() == item().alpha.sum()


def test_the_garments_room_spares_face_and_hands() -> None:
    pose = standing()
    room = room_for("upper", pose, (SIDE, SIDE))
    assert room[110, 120] > 0.95
    assert room[30, 120] < 0.05
    assert room[162, 171] < 0.2
    assert room[230, 120] < 0.05
    assert room_for("lower", pose, (SIDE, SIDE))[200, 138] > 0.95


def test_what_the_engine_drew_elsewhere_is_measured() -> None:
    room = np.zeros((80, 80), np.float32)
    room[20:60, 20:60] = 1
    before, after = np.full((80, 80, 3), 150, np.uint8), np.full((80, 80, 3), 150, np.uint8)
    after[25:55, 25:55] = (40, 60, 160)
    worn, spill = drawn(before, after, room)
    assert worn[40, 40] == 1
    assert not worn[10, 10]
    assert spill == 0
    after[:10] = (200, 20, 20)
    assert drawn(before, after, room)[1] > 0.1


def test_another_colour_and_a_lost_weave_are_seen() -> None:
    rng = np.random.default_rng(5)
    cloth = np.clip(rng.normal(120, 25, (128, 128, 1)) + np.array([40, -20, 0]), 0, 255).astype(np.uint8)
    mask = np.ones((128, 128), np.float32)
    assert colour_gap(cloth, mask, np.ascontiguousarray(cloth[:, ::-1]), mask) < 1
    assert colour_gap(cloth, mask, np.ascontiguousarray(cloth[..., ::-1]), mask) > 8
    smooth = np.full_like(cloth, cloth.mean(axis=(0, 1)).astype(np.uint8))
    assert texture_gap(cloth, mask, np.ascontiguousarray(cloth[::-1]), mask) < 0.3
    assert texture_gap(cloth, mask, smooth, mask) > 1.5


def test_landmarks_on_which_two_looks_disagree_are_not_seen() -> None:
    one, other = standing(), standing()
    other.points[15, :2] += 60
    seen = agreed(one, other)
    assert seen.points[15, 2] < 0.05
    assert seen.points[16, 2] == 1
    assert [MIRROR[row] for row in MIRROR] == list(range(33))


def test_an_item_that_runs_out_of_the_picture_or_hangs_in_the_air_is_told() -> None:
    who = Wearer(np.full((SIDE, SIDE, 3), (70, 90, 140), np.uint8), standing(), ())
    hanging = dressed(who.photo, item(60, 80), fit(who, "bag", 200.0, side="left"))
    assert hanging.shown > 0.95
    assert hanging.grip == 0
    who.photo[140:185, 150:195] = (214, 160, 132)
    held = dressed(who.photo, item(60, 80), fit(who, "bag", 200.0, side="left"))
    assert held.grip > 0.9
    assert held.worn[162, 171] < 0.2 < 0.9 < held.worn[200, 171]
    assert dressed(who.photo, item(60, 80), fit(who, "bag", 900.0, side="left")).shown < 0.7
