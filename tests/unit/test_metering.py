"""Prices by day and machine, charges that add up, sums that count once, budgets, the photo studio beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.isolation import Isolation
from cluster.metering.budgets import FRESH_S, BudgetBook, BudgetGuard
from cluster.metering.charges import LOST, OTHER, charges, price_of
from cluster.metering.comparison import compare
from cluster.metering.lost import with_losses
from cluster.metering.meter import OrderMeter
from cluster.metering.prices import FOLDER, load_prices
from cluster.metering.tariff import Tariff
from cluster.profile import Profile
from cluster.settings import BrandBudget, Budget, Budgets, PhotoStudio, Prices, load_settings
from connectors.spend import Amount, Place, Spend
from pipelines.spending import Purse, RunSpending
from studio.errors import BudgetExhausted, SettingsError
from studio.shot import Outcome, Report, Shot
from tests.spend_contract import DAY, FLAT, PLACE, SpendContract, made, shot

TABLE = """
currency: EUR
rates:
  - {since: 2026-01-01, source: made for tests, cpu_hour: {on-demand: 36, spot: 3.6}, gpu_hour: {default: {on-demand: 360}}}
  - {since: 2026-11-01, source: made for tests, cpu_hour: {on-demand: 72, spot: 7.2},
     gpu_hour: {default: {on-demand: 720, spot: 72}, L4: {on-demand: 36}}}
"""
SPOT, DEMAND = {"packshot/market": "spot"}, {"packshot/market": "on-demand"}
PROFILE = Profile.model_validate(
    {
        "name": "priced",
        "renderer": {"labels": DEMAND, "standard": {"labels": SPOT}},
        "models": {
            "matte": {"num_gpus": 0.25, "labels": DEMAND, "standard": {"num_gpus": 0.25, "labels": SPOT}},
            "paint": {"num_gpus": 1, "labels": {**DEMAND, "packshot/gpu": "L4"}},
        },
    }
)


@pytest.fixture
def tariff(tmp_path: Path) -> Tariff:
    (tmp_path / "prices.yaml").write_text(TABLE)
    return Tariff(Prices(currency="EUR", table=str(tmp_path / "prices.yaml")), PROFILE)


@pytest.fixture
def spend(tmp_path: Path) -> Spend:
    return Spend(str(tmp_path / "records.db"))


class TestPrices:
    def test_packaged_tables_are_dated_and_say_their_source(self) -> None:
        for path in FOLDER.glob("*.yaml"):
            assert all(rate.source and rate.since for rate in load_prices(path.stem).rates)

    @pytest.mark.parametrize(
        ("tier", "day", "cpu_s", "model", "gpu_s", "price"),
        [
            ("urgent", date(2026, 10, 31), 100, "", 0, 1.0),
            ("standard", date(2026, 10, 31), 100, "", 0, 0.1),
            ("urgent", DAY, 100, "", 0, 2.0),
            ("urgent", date(2025, 1, 1), 100, "", 0, 1.0),
            ("urgent", DAY, 0, "matte", 100, 5.0),
            ("standard", DAY, 0, "matte", 100, 0.5),
            ("standard", date(2026, 2, 1), 0, "matte", 100, 2.5),
            ("standard", DAY, 0, "paint", 100, 1.0),
            ("standard", DAY, 0, "unknown", 100, 20.0),
        ],
    )
    def test_day_market_machine_and_share_of_it(
        self, tariff: Tariff, tier: Any, day: date, cpu_s: float, model: str, gpu_s: float, price: float
    ) -> None:
        assert tariff.price(cpu_s, gpu_s, model=model, tier=tier, day=day) == pytest.approx(price)

    def test_what_the_settings_state_goes_before_the_table(self, tmp_path: Path) -> None:
        (tmp_path / "prices.yaml").write_text(TABLE)
        mixed = Tariff(Prices(currency="EUR", table=str(tmp_path / "prices.yaml"), cpu_hour=7200), PROFILE)
        assert mixed.price(1, tier="urgent", day=DAY) == 2
        assert mixed.price(0, 3600, model="paint", day=DAY) == 36

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (TABLE.replace("2026-11-01", "2025-11-01"), "must rise"),
            (TABLE.replace("default: {on-demand: 360}", "A: {on-demand: 1}"), "no row 'default'"),
            (TABLE.replace("on-demand: 36,", "on_demand: 36,"), "on-demand"),
            (TABLE.replace("on-demand: 36,", "on-demand: -36,"), "greater than or equal"),
            (TABLE.replace("cpu_hour: {on-demand: 72", "cpu_hours: {on-demand: 72"), "cpu_hours"),
            ("rates: [", "while parsing"),
        ],
    )
    def test_a_wrong_table_is_named(self, tmp_path: Path, text: str, says: str) -> None:
        path = tmp_path / "wrong.yaml"
        path.write_text(text)
        with pytest.raises(SettingsError, match=says) as raised:
            Tariff(Prices(currency="EUR", table=str(path)))
        assert str(path) in str(raised.value)

    def test_no_table_and_another_currency(self) -> None:
        with pytest.raises(SettingsError, match="known: standard"):
            Tariff(Prices(table="nobody"))
        with pytest.raises(SettingsError, match="in USD, the settings say EUR"):
            Tariff(Prices(currency="EUR"))


SECONDS = st.floats(0, 1e4)
PARTS = st.dictionaries(st.sampled_from(["cutout", "cutout:matte", "scene:paint", "encode"]), SECONDS)


class TestCharges:
    @settings(max_examples=50, deadline=None)
    @given(cpu=PARTS, gpu=PARTS, lost=st.dictionaries(st.sampled_from(["renderer", "matte"]), SECONDS), more=SECONDS)
    def test_they_add_up_to_the_report(
        self, cpu: dict[str, float], gpu: dict[str, float], lost: dict[str, float], more: float
    ) -> None:
        report = Report(cpu_s=sum(cpu.values()) + more, gpu_s=sum(gpu.values()), cpu_parts=cpu, gpu_parts=gpu, lost_parts=lost)
        found = list(charges(report, FLAT))
        assert sum(one.cpu_s for one in found) == pytest.approx(report.cpu_s, abs=1e-5)
        assert sum(one.gpu_s for one in found) == pytest.approx(report.gpu_s, abs=1e-5)
        assert sum(one.lost_s for one in found) == pytest.approx(sum(lost.values()))
        spent = report.cpu_s + 10 * report.gpu_s + sum(lost.values())
        assert price_of(report, FLAT) == pytest.approx(spent, abs=1e-4)

    def test_a_report_from_before_names_no_parts(self) -> None:
        (found,) = charges(Report(cpu_s=2.0), FLAT)
        assert (found.step, found.runs, found.cpu_s, found.price) == (OTHER, 0, 2.0, 2.0)

    def test_a_gpu_that_died_is_priced_as_one(self, tariff: Tariff) -> None:
        (found,) = charges(Report(lost_parts={"matte": 100.0}), tariff, tier="urgent", day=DAY)
        assert (found.step, found.model, found.lost_s, found.gpu_s) == (LOST, "matte", 100.0, 0.0)
        assert found.price == pytest.approx(5.0)


class Died(Exception):
    """The process of a call is gone."""


class TestLost:
    def test_seconds_of_dead_attempts_are_named_and_in_the_cost(self) -> None:
        deaths: Iterator[int] = count()

        async def call(items: Any) -> list[Outcome]:
            if next(deaths) < 2:
                await asyncio.sleep(0.01)
                raise Died
            return [made(cpu_s=1.0, cpu_parts={"encode": 1.0}) for _ in items]

        async def run() -> list[Outcome]:
            apart = Isolation[Shot, Outcome](call, dead=(Died,), blame=lambda _: made(), tries=3, pause_s=0.0)
            return await with_losses(apart, [shot(1), shot(2)])

        first, second = asyncio.run(run())
        lost = first.report.lost_parts["renderer"]
        assert lost >= 0.009
        assert second.report.lost_parts == first.report.lost_parts
        assert price_of(first.report, FLAT) == pytest.approx(1.0 + lost)

    def test_what_came_from_the_store_lost_nothing(self) -> None:
        async def render(_shots: Any) -> list[Outcome]:
            from cluster.metering.lost import lose

            lose("matte", 4.0)
            return [made(reused=("shot",)), made(lost_parts={"matte": 1.0})]

        free, other = asyncio.run(with_losses(render, [shot(1), shot(2)]))
        assert free.report.lost_parts == {}
        assert other.report.lost_parts == {"matte": 5.0}


class TestSums(SpendContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "records.db")

    def test_costs_wait_while_the_database_does_not_answer(self, tmp_path: Path) -> None:
        folder = tmp_path / "gone" / "records.db"
        folder.parent.mkdir()
        folder.mkdir()
        meter = OrderMeter(FLAT, Spend(f"sqlite:///{folder}"))
        meter.take({"k": (shot(1), made(cpu_s=2.0, cpu_parts={"cutout": 2.0}))}, "standard")
        folder.rmdir()
        meter.take({}, "standard")
        assert Spend(f"sqlite:///{folder}").price() == 2.0


class TestBudgets:
    def book(self, spend: Spend, today: date = DAY, **budgets: Any) -> BudgetBook:
        return BudgetBook(Budgets(**budgets), spend, "EUR", today=lambda: today)

    def pay(self, spend: Spend, price: float, *, day: date = DAY, brand: str = "", run: str = "r1") -> None:
        spend.put({Place(run, day, "standard", brand, "w@1", "shop", "encode", ""): Amount(price=price)})

    @pytest.mark.parametrize(
        ("spent", "stop", "level"), [(79, True, "ok"), (80, True, "warn"), (100, True, "stop"), (100, False, "over")]
    )
    def test_levels(self, spend: Spend, spent: float, stop: bool, level: str) -> None:
        self.pay(spend, spent)
        (state,) = self.book(spend, day=Budget(limit=100, stop=stop)).states()
        assert (state.level, state.left) == (level, 100 - spent)
        assert "100 EUR" in state.say("EUR")

    def test_each_has_its_own_span(self, spend: Spend) -> None:
        self.pay(spend, 5, day=date(2026, 11, 1), brand="Acme", run="old")
        self.pay(spend, 7, day=date(2026, 10, 31), brand="Acme", run="older")
        self.pay(spend, 2, brand="Bolt")
        one = {"Acme": BrandBudget(limit=5), "Bolt": BrandBudget(limit=3, period="day")}
        book = self.book(spend, run=Budget(limit=9), day=Budget(limit=9), brand=one)
        assert {(s.kind, s.name): s.spent for s in book.states("r1")} == {
            ("run", "r1"): 2.0,
            ("day", "2026-11-20"): 2.0,
            ("brand", "Acme"): 5.0,
            ("brand", "Bolt"): 2.0,
        }
        assert list(book.exhausted_brands()) == ["Acme"]
        assert list(self.book(spend, date(2026, 12, 1), brand=one).exhausted_brands()) == []

    def test_the_guard_refuses_what_the_budget_is_about_and_looks_again(self, spend: Spend) -> None:
        clock = [0.0]
        guard = BudgetGuard(self.book(spend, brand={"Acme": BrandBudget(limit=5)}), clock=lambda: clock[0])
        guard.check("Acme")
        self.pay(spend, 6, brand="Acme")
        guard.check("Acme")
        clock[0] += FRESH_S
        guard.check("Bolt")
        with pytest.raises(BudgetExhausted, match="brand Acme") as raised:
            guard.check("Acme")
        assert (raised.value.http_status, raised.value.code) == (402, "budget_exhausted")

    def test_a_day_that_is_spent_refuses_everybody_and_a_warning_nobody(self, spend: Spend) -> None:
        self.pay(spend, 6)
        BudgetGuard(self.book(spend, day=Budget(limit=5, stop=False))).check("Acme")
        with pytest.raises(BudgetExhausted):
            BudgetGuard(self.book(spend, day=Budget(limit=5))).check("")


def test_a_run_looks_at_its_budget_as_soon_as_it_has_spent_what_was_left(tmp_path: Path) -> None:
    tree = load_settings(home=tmp_path, prices=Prices(cpu_hour=3600), budgets=Budgets(run=Budget(limit=5)))
    spending = RunSpending("r1", Purse(tree, PROFILE), clock=lambda: 0.0)
    assert spending.over() == ""
    place = {**PLACE, "day": datetime.now(UTC).date()}
    for seconds, stopped in ((3.0, ""), (1.5, ""), (1.5, "budget of run r1: 6 of 5")):
        spending.meter.take(Report(cpu_s=seconds, cpu_parts={"encode": seconds}), released=True, **place)
        assert spending.over()[:24] == stopped


def test_a_photo_studio_with_stated_assumptions() -> None:
    studio = PhotoStudio(picture=25, day_pictures=40, lead_days=10, source="our last invoice")
    beside = compare(400, 2.0, "USD", studio)
    assert (beside.studio_cost, beside.studio_days, beside.saved) == (10_000, 20, 9_998)
    assert "our last invoice" in beside.say()
    assert compare(400, 2.0, "EUR", studio).saved is None
    assert compare(0, 2.0, "USD", studio).studio_days == 0
