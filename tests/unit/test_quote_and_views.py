"""What an order would take, and what callers see of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cluster.estimates import DEFAULT_CALL_S, DEFAULT_SHOT_S, error_of_quotes, estimate, estimate_parts, seconds_a_shot
from cluster.metering.forecast import Forecast, History, Seconds
from cluster.profile import load_profile
from cluster.settings import Prices
from connectors.online.orders import Order, OrderState
from connectors.records import Records
from serve_apps.request.quote import Past, quote
from serve_apps.request.resolve import resolve
from serve_apps.request.schema import ImageRequest, OrderResult, OrderSpec
from serve_apps.request.shots import shot_key, shot_result, shots
from serve_apps.request.views import view
from studio.models.registry import Registry
from studio.qa.policy import decide, limits
from studio.recipes.catalogue import recipe
from studio.shot import Asset, Done, Failed, Outcome, Rejected, Report
from tests import shipped
from tests.sample import Shelf

LIBRARY = shipped.library()
PROFILE = load_profile("local")
PRICES = Prices(currency="EUR", cpu_hour=3.6, gpu_hour=36.0)
CARDS = Registry(Path("nowhere")).card
STORED = "ab" * 32


def spec(**fields: Any) -> OrderSpec:
    body = {"template": "amazon-white", "input": {"asset": STORED}, "destinations": ["amazon-main", "shopify"], **fields}
    wanted = ImageRequest.model_validate(body)
    return resolve(wanted, library=LIBRARY, relatives=Shelf(), has_blob=lambda _: True)


def quoted(order: OrderSpec, known: int = 0, *, kept: bool = False, **more: Any) -> Any:
    seen = {shot.id for shot in shots(order)[:known]} if order.resolved else set()
    given = {"past": Past(), "profile": PROFILE, "prices": PRICES, **more}
    return quote(order, known=lambda s: s.id in seen, stored=lambda _: kept, cards=CARDS, **given)


def experience(*, every_step: bool = True) -> History:
    """A second for each step of the order, and ten for the cut-out's model."""
    names = {step.name for shot in shots(spec()) for step in recipe(shot.template.recipe).steps if step.applies(shot)}
    some = names if every_step else names - {"encode"}
    means = {
        ("", "", name): Seconds({(name, ""): 1.0} | ({(name, "u2netp"): 10.0} if name == "cutout" else {}), {}) for name in some
    }
    return History(means)


class TestQuote:
    def test_the_cut_out_of_a_photo_is_paid_once(self) -> None:
        said = quoted(spec())
        assert (said.shots, said.cached, said.basis, said.resolved) == (2, 0, "default", True)
        assert said.model_calls == {"u2netp": 1, "span-x2": 2}
        seconds = DEFAULT_CALL_S["u2netp"] + 2 * DEFAULT_CALL_S["span-x2"] + 2 * DEFAULT_SHOT_S
        assert said.seconds == pytest.approx(seconds)
        assert said.price == pytest.approx(seconds * 3.6 / 3600)

    def test_what_is_known_is_free(self) -> None:
        assert quoted(spec(), known=1).shots == 2
        all_known = quoted(spec(), known=2)
        assert (all_known.cached, all_known.seconds, all_known.price, all_known.model_calls) == (2, 0, 0, {})

    def test_an_address_that_was_not_fetched_is_never_known(self) -> None:
        said = quoted(spec(input={"url": "https://shop.example/a.jpg"}))
        assert (said.resolved, said.cached, said.model_calls) == (False, 0, {"u2netp": 1, "span-x2": 2})

    def test_earlier_runs_decide_the_seconds(self, tmp_path: Path) -> None:
        records = Records(str(tmp_path / "records.db"))
        assert seconds_a_shot(records) is None
        records.start_run("r1", "c", {})
        records.finish_run("r1", "done", {"due": 12, "cached": 2, "cpu_s": 40.0, "gpu_s": 10.0})
        measured = seconds_a_shot(records)
        assert measured == pytest.approx(5.0)
        said = quoted(spec(), past=Past(a_shot=measured))
        assert (said.basis, said.seconds) == ("measured", pytest.approx(10.0))
        records.close()

    def test_an_order_is_quoted_as_a_night_is(self) -> None:
        """Steps that ran before decide, the cut-out once for both marketplaces and not at all where it is kept."""
        past = Past(experience())
        forecast = Forecast(CARDS, lambda _: False)
        for shot in shots(spec()):
            forecast.watch(shot)
        night = estimate_parts(forecast.seconds(past.history), PROFILE, PRICES)
        said = quoted(spec(), past=past)
        assert (said.basis, said.seconds, said.price) == (
            night.basis,
            *map(pytest.approx, (sum(night.seconds.values()), night.cost)),
        )
        assert said.seconds > 10
        assert quoted(spec(), past=past, kept=True).seconds < said.seconds - 10
        assert quoted(spec(), 2, past=past).price == 0
        assert quoted(spec(), past=Past(experience(every_step=False))).basis == "mixed"

    def test_urgent_work_is_priced_on_its_own_machines(self) -> None:
        given: dict[str, Any] = {"past": Past(experience()), "profile": load_profile("production"), "prices": Prices()}
        standard, urgent = (quoted(spec(), tier=tier, **given) for tier in ("standard", "urgent"))
        assert standard.seconds == urgent.seconds
        assert standard.price == pytest.approx(urgent.price * 0.4, abs=1e-8), "spot is 40 % of on-demand in the standard table"
        assert (standard.priority, urgent.priority) == ("standard", "urgent")

    def test_it_says_how_good_quotes_are_and_what_is_left(self, tmp_path: Path) -> None:
        records = Records(str(tmp_path / "records.db"))
        assert error_of_quotes(records) is None
        for name, error in (("r1", 0.1), ("r2", -0.3), ("r3", None)):
            records.start_run(name, "c", {})
            records.finish_run(name, "done", {"due": 1, "quote_error": error})  # type: ignore[dict-item]
        assert error_of_quotes(records) == pytest.approx(0.2)
        said = quoted(spec(), past=Past(error=error_of_quotes(records)), left=1.5)
        assert (said.error, said.budget_left) == (0.2, 1.5)
        assert (quoted(spec()).error, quoted(spec()).budget_left) == (None, None)
        records.close()

    def test_a_gpu_model_costs_gpu_hours(self) -> None:
        profile = load_profile("single-gpu")
        models = [name for name, shape in profile.models.items() if shape.num_gpus]
        said = estimate(0, {models[0]: 3}, None, profile, PRICES)
        share = profile.models[models[0]].num_gpus
        assert said.cost == pytest.approx(said.seconds[models[0]] * share / 3600 * 36.0)


def outcome(place: Any, template: Any, *, white: float = 0.0) -> Outcome:
    """A finished picture whose measurements pass every limit, but for white where asked."""
    bounds = limits(template, place)
    measured = {name: limit.max if limit.max is not None else limit.min for name, limit in bounds.items()}
    report = Report(measurements={**measured, "white_far": white}, cpu_s=36.0, gpu_s=0.0, reused=("decode", "cutout"))
    asset = Asset(digest="cd" * 32, media_type="image/jpeg", width=2000, height=2000, bytes=1234)
    verdict = decide(report.measurements, bounds)
    if verdict.released:
        return Done(asset=asset, report=report)
    return Rejected(reason=verdict.reason, detail=verdict.detail, asset=asset, report=report)


def order(wanted: OrderSpec, outcomes: list[Outcome], **fields: Any) -> Order:
    results = [shot_result(shot, shot_key(shot, CARDS), CARDS, made) for shot, made in zip(shots(wanted), outcomes, strict=False)]
    now = datetime(2026, 11, 22, 18, tzinfo=UTC)
    stored = Order(
        id="ord_01hzxw6q3v7n5t8k2m4p9r0s1b",
        key_id="key",
        priority="urgent",
        state=OrderState.REVIEW,
        spec=wanted.model_dump(mode="json"),
        sku=wanted.product.sku,
        template=wanted.template.key,
        batch="",
        trace="4bf92f3577b34da6a3ce929d0e0e4736",
        created=now,
        updated=now,
        deadline=None,
        attempts=1,
        result=OrderResult(shots=tuple(results)).model_dump(mode="json") if results else {},
        error={},
        generation=0,
        idempotency_key="",
    )
    return replace(stored, **fields)


class TestView:
    def test_every_asset_says_what_it_is_and_why(self) -> None:
        wanted = spec(metadata={"ticket": "4711"})
        made = [outcome(wanted.destinations[0], wanted.template, white=9.0), outcome(wanted.destinations[1], wanted.template)]
        seen = view(order(wanted, made), PRICES)
        held, released = seen.assets
        assert (held.status, held.reason, released.status, released.reason) == ("rejected", "white_far", "released", "")
        assert {rule.rule: rule.passed for rule in held.qa}["white_far"] is False
        assert all(rule.passed for rule in released.qa)
        assert released.url == f"/v1/assets/{'cd' * 32}"
        assert released.cost.price == pytest.approx(36.0 * 3.6 / 3600)
        assert seen.cost.price == pytest.approx(2 * released.cost.price)
        assert (released.lineage.source, released.lineage.template) == (STORED, "amazon-white@1")
        assert released.lineage.models["u2netp"] == CARDS("u2netp").revision
        assert (seen.metadata, seen.links.retry, seen.links.cancel) == ({"ticket": "4711"}, f"/v1/orders/{seen.id}/retry", None)
        assert '"self":' in seen.model_dump_json(by_alias=True)

    def test_an_order_that_has_not_begun(self) -> None:
        seen = view(order(spec(), [], state=OrderState.QUEUED), PRICES, base="https://packshot.example")
        assert (seen.assets, seen.cost.price, seen.error) == ((), 0, None)
        assert seen.links.cancel == f"https://packshot.example/v1/orders/{seen.id}/cancel"
        assert seen.links.retry is None

    def test_a_failed_one(self) -> None:
        failed = Failed(code="fetch_failed", message="404", retryable=True)
        stored = order(spec(), [failed], state=OrderState.FAILED, error={"code": "fetch_failed", "message": "404"})
        seen = view(stored, PRICES)
        assert seen.error is not None
        assert (seen.error.code, seen.assets[0].reason, seen.assets[0].url, seen.assets[0].qa) == (
            "fetch_failed",
            "fetch_failed",
            "",
            (),
        )
