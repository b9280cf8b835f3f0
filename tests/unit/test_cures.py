"""Another attempt: what may cure a failure, in which order, and what it changes about the shot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.destination import Destination, Limit, Source
from studio.product import Product, ProductImage
from studio.qa.cures import next_cure, remade
from studio.qa.policy import CURES, decide, tightest, uncertainty
from studio.shot import Asset, Rejected, Report, Shot
from studio.template import Template

GENERATED = {"engine": "diffusers", "model": "fake-scene"}
WHERE = Destination(id="d", title="d", width=64, height=64, max_bytes=10_000, sources=(Source(title="test", date="2026-11-22"),))
FINE = {
    "product_found": 1.0, "uncertainty": 0.1, "edge_contrast": 30.0, "strays": 0.0, "haze": 0.0, "delta_e_mean": 0.1,
    "delta_e_p95": 0.2, "delta_e_local": 0.3, "halo": 0.5, "sharpness_ratio": 1.0, "touching_edges": 0.0, "centring_x": 0.0,
    "centring_y": 0.0, "enlargement": 1.0, "format_ok": 1.0, "width": 64.0, "height": 64.0, "bytes": 900.0, "icc_srgb": 1.0,
}  # fmt: skip


def shot(qa: dict[str, Limit] | None = None, **changes: object) -> Shot:
    base = {"id": "t", "title": "t", "outputs": ("d",), "background": {"kind": "colour", "colour": "#eeeeee"}}
    base |= {"recipe": "cutout", "qa": {"halo": Limit(max=5, retry=("refiner", "seed", "engine"))} | (qa or {})}
    template = Template.model_validate(base | changes)
    image = ProductImage(uri="a.jpg", digest="0" * 64)
    return Shot(product=Product(sku="A"), template=template, destination=WHERE, images=(image,))


def rejected(tried: tuple[str, ...] = (), engine: str = "procedural", **measured: float) -> Rejected:
    asset = Asset(digest="0", media_type="image/jpeg", width=64, height=64, bytes=900)
    return Rejected(reason="halo", asset=asset, report=Report(measurements=FINE | measured, tried=tried, engine=engine))


def test_true_means_another_refiner() -> None:
    assert Limit(max=1, retry=True).cures == ("refiner",)
    assert Limit(max=1).cures == ()
    assert Limit.model_validate({"max": 1, "retry": ["engine", "seed"]}).cures == ("engine", "seed")
    with pytest.raises(ValueError, match="retry"):
        Limit.model_validate({"max": 1, "retry": ["prayer"]})


def test_a_cure_is_worth_it_when_it_may_cure_every_failure() -> None:
    bounds = {"halo": Limit(max=5, retry=("engine", "refiner")), "haze": Limit(max=0.1, retry=("engine", "seed"))}
    assert decide({"halo": 9, "haze": 1}, bounds).cures == ("engine",)
    assert decide({"halo": 9, "haze": 0}, bounds).cures == ("refiner", "engine")
    assert decide({"halo": 9}, bounds).cures == ()


def test_actions() -> None:
    bounds = {"halo": Limit(max=5, retry=True), "product_found": Limit(min=1, on_fail="reject"), "fill": Limit(min=0.5)}
    good = {"halo": 1.0, "product_found": 1.0, "fill": 0.8}
    assert decide(good, bounds).action == "release"
    assert decide(good | {"halo": 9}, bounds).action == "retry"
    assert decide(good | {"fill": 0.1}, bounds).action == "review"
    assert decide(good | {"fill": 0.1, "product_found": 0}, bounds).action == "reject"
    assert decide(good | {"halo": 9}, bounds).unless_retried == "review"


cures = st.one_of(st.booleans(), st.lists(st.sampled_from(CURES), unique=True).map(tuple))


@given(cures, cures)
def test_the_tighter_of_two_limits_retries_where_both_do(one: object, other: object) -> None:
    both = tightest(Limit(max=1, retry=one), Limit(max=2, retry=other))
    assert set(both.cures) == set(Limit(max=1, retry=one).cures) & set(Limit(max=1, retry=other).cures)


def test_cures_are_tried_in_turn_and_each_once() -> None:
    generated = shot(scene=GENERATED)
    tried: tuple[str, ...] = ()
    for wanted in CURES:
        assert next_cure(generated, rejected(tried, "diffusers:fake-scene", halo=9.0)) == wanted
        tried = (*tried, wanted)
    assert next_cure(generated, rejected(tried, "diffusers:fake-scene", halo=9.0)) is None


def test_a_cure_that_would_change_nothing_is_passed_over() -> None:
    procedural = shot()
    assert next_cure(procedural, rejected(halo=9.0)) == "refiner"
    assert next_cure(procedural, rejected(("refiner",), halo=9.0)) is None
    assert next_cure(shot(cutout={"refiner": "none"}), rejected(halo=9.0)) is None
    assert next_cure(shot(scene=GENERATED), rejected(("refiner",), halo=9.0)) is None, "the set was not generated after all"


def test_a_shot_made_again_differs_in_one_thing() -> None:
    first = shot(scene=GENERATED | {"seed": 3})
    refined, seeded, plain = (remade(first, cure).template for cure in CURES)
    assert refined.model_copy(update={"cutout": first.template.cutout}) == first.template
    assert refined.cutout.refiner == "closed_form"
    assert seeded.scene.seed not in (None, 3)
    assert seeded.model_copy(update={"scene": first.template.scene}) == first.template
    assert (plain.scene.engine, plain.scene.model, plain.scene.seed) == ("procedural", "", 3)
    assert remade(first, "seed") == remade(first, "seed")
    assert remade(first, "") is first


@given(st.dictionaries(st.sampled_from(["halo", "uncertainty", "delta_e_mean", "defect", "fill"]), st.floats(0, 10)))
def test_uncertainty_is_a_share(measured: dict[str, float]) -> None:
    bounds = {"halo": Limit(max=5), "delta_e_mean": Limit(max=1.2), "fill": Limit(min=0.85), "uncertainty": Limit(max=0.5)}
    assert 0.0 <= uncertainty(measured, bounds) <= 1.0


def test_uncertainty_is_highest_at_the_limit() -> None:
    bounds = {"halo": Limit(max=4)}
    values = [uncertainty({"halo": halo}, bounds) for halo in (0.5, 3.5, 4.0, 4.5, 9.0)]
    assert values == [0.0, 0.5, 1.0, 0.5, 0.0]
    assert uncertainty({"halo": 0.5, "uncertainty": 0.3}, bounds) == pytest.approx(0.3)
    assert uncertainty({"defect": 0.5}, {}) == 1.0
    assert uncertainty({"fill": 0.85}, {"fill": Limit(min=0.85)}) == 0.0, "geometry is exact"


def test_a_garment_that_an_engine_drew_is_drawn_from_another_seed() -> None:
    look = {"recipe": "on-model", "brief": {"kind": "on-model", "item": "upper", "seed": 7}}
    drawn = shot(**look)
    changed = remade(drawn, "seed").template
    assert changed.brief is not None
    assert changed.brief.seed != 7
    assert changed.model_copy(update={"brief": drawn.template.brief}) == drawn.template
    placed = shot(**look | {"brief": {"kind": "on-model", "item": "hat"}})
    assert remade(placed, "seed") is placed, "nothing is drawn there"
