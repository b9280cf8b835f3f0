"""What a plan will take, from what its steps took before: shared cut-outs once, kept ones not at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from cluster.estimates import DEFAULT_STEP_S, UNKNOWN_CALL_S, estimate_parts
from cluster.metering.forecast import Forecast, History
from cluster.profile import load_profile
from cluster.settings import Prices
from connectors.spend import Amount, Place, Spend
from studio.destination import Destination
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.recipes.catalogue import recipe
from studio.shot import Shot
from studio.steps.base import CachedStep
from studio.template import Template
from tests import sample

CARDS = Registry(Path("nowhere")).card
LOOK = yaml.safe_load(sample.TEMPLATE)
SQUARE = Destination.model_validate(yaml.safe_load(sample.DESTINATION.replace("2026-11-22", "'2026-11-22'")))
TODAY = datetime.now(UTC).date()
BEFORE = ("decode", "cutout")
"""Steps up to the one whose result is kept."""


def shot(photo: int, look: str = "tiny-grey", sku: str = "") -> Shot:
    image = ProductImage(uri=f"p{photo}.png", digest=f"{photo:064x}")
    product = Product(sku=sku or f"S{photo}", images=(image,))
    colour = {"kind": "colour", "colour": "#102030" if look == "other" else "#f4f4f4"}
    template = Template.model_validate({**LOOK, "id": look, "background": colour})
    return Shot.of(product, template, SQUARE, (image,), slot="front")


def steps(look: str = "tiny-grey") -> list[str]:
    one = shot(1, look)
    return [step.name for step in recipe("photography").steps if step.applies(one)]


def remember(spend: Spend, step: str, seconds: float, runs: int = 1, model: str = "", look: str = "tiny-grey@1") -> None:
    """`runs` runs of a step took so many seconds each; a model's seconds come without runs of their own."""
    place = Place("r", TODAY, "standard", "", look, "tiny", step, model)
    spend.put({place: Amount(runs=0 if model else runs, cpu_s=seconds * runs)})


@pytest.fixture
def spend(tmp_path: Path) -> Spend:
    found = Spend(str(tmp_path / "records.db"))
    for step in steps():
        remember(found, step, 1.0, runs=4)
    remember(found, "cutout", 10.0, runs=4, model="fake-matte")
    return found


def forecast(stored: bool = False) -> Forecast:
    return Forecast(CARDS, lambda _key: stored)


def total(found: Forecast, spend: Spend) -> float:
    expected = found.seconds(History.read(spend))
    assert not expected.unknown
    return sum(expected.cpu.values())


def test_the_cut_out_is_the_only_kept_step_of_this_look() -> None:
    one = shot(1)
    kept = [step.name for step in recipe("photography").steps if isinstance(step, CachedStep) and step.applies(one)]
    assert (kept, steps()[:2]) == (["cutout"], list(BEFORE))


def test_every_step_of_every_shot_and_its_model(spend: Spend) -> None:
    found = forecast()
    for photo in range(3):
        found.watch(shot(photo))
    assert total(found, spend) == pytest.approx(3 * (len(steps()) + 10))


def test_shots_of_one_photo_share_its_cut_out_and_open_it_each(spend: Spend) -> None:
    found = forecast()
    found.watch(shot(1, sku="A"))
    found.watch(shot(1, sku="B"))
    assert total(found, spend) == pytest.approx(2 * len(steps()) + 10 - 1)


def test_a_cut_out_in_the_store_takes_nothing_unless_all_is_made_afresh(spend: Spend) -> None:
    found = forecast(stored=True)
    found.watch(shot(1))
    assert total(found, spend) == pytest.approx(len(steps()) - len(BEFORE))
    found = forecast(stored=True)
    found.watch(shot(1), afresh=True)
    assert total(found, spend) == pytest.approx(len(steps()) + 10)


def test_beyond_what_was_looked_for_the_share_that_was_found_holds(spend: Spend) -> None:
    answers = iter([True, False, True, False])
    found = Forecast(CARDS, lambda _key: next(answers), most=4)
    for photo in range(10):
        found.watch(shot(photo))
    assert total(found, spend) == pytest.approx(10 * (len(steps()) - 2) + 5 * (2 + 10))


def test_a_look_without_history_goes_by_its_steps_elsewhere(spend: Spend) -> None:
    found = forecast()
    found.watch(shot(1, "other"))
    assert total(found, spend) == pytest.approx(len(steps("other")) + 10)
    remember(spend, "encode", 5.0, runs=2, look="other@1")
    assert total(found, spend) == pytest.approx(len(steps("other")) + 10 + 4)


def test_what_is_older_than_a_month_is_forgotten(spend: Spend) -> None:
    assert History.read(spend, today=TODAY + timedelta(days=30)).means
    assert not History.read(spend, today=TODAY + timedelta(days=31)).means
    assert not History.read(Spend("sqlite:///:memory:"), today=date(2026, 1, 1)).means


def test_steps_that_never_ran_are_guessed_and_said_to_be() -> None:
    found = forecast()
    found.watch(shot(1))
    said = estimate_parts(found.seconds(History({})), load_profile("local"), Prices(cpu_hour=3600, gpu_hour=0))
    assert said.basis == "mixed"
    assert said.seconds["fake-matte"] == UNKNOWN_CALL_S
    assert said.cost == pytest.approx(len(steps()) * DEFAULT_STEP_S + sum(v for k, v in said.seconds.items() if k != "pixels"))


def test_of_many_shots_some_stand_for_all(spend: Spend) -> None:
    found = Forecast(CARDS, lambda _key: False, exact=8)
    for photo in range(16 * 9):
        found.watch(shot(photo))
    assert found.shots == 16 * 9
    assert total(found, spend) == pytest.approx((8 + 16 * 8) * (len(steps()) + 10))
