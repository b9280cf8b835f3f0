"""Costs end to end: a night is quoted, counted, stopped by its budgets and taken up again; orders are counted and refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from connectors.spend import Spend
from pipelines.cli import app
from pipelines.ledger import read_ledger
from pipelines.nightly import Night, Request, Summary
from pipelines.runfiles import RunFiles
from pipelines.screen import Quiet
from tests import sample
from tests.local.running import Running, photo, running

BRANDS = ("Acme", "Bolt")


def catalogue(folder: Path, count: int) -> Path:
    """The sample catalogue, its products of two brands in turn."""
    path = sample.catalogue(folder, count)
    rows = list(csv.DictReader(path.open()))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0], "brand"])
        writer.writeheader()
        writer.writerows({**row, "brand": BRANDS[i % 2]} for i, row in enumerate(rows))
    return path


def night(folder: Path, catalog: Path, resume: str = "", *, force: bool = False, **more: Any) -> Summary:
    wanted = Request(str(catalog), mode="inline", force=force)
    return Night(sample.settings(folder, **more), wanted, Quiet()).run(resume)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Summary]:
    """A folder, its catalogue of ten, and a finished run over it."""
    folder = tmp_path_factory.mktemp("cost")
    catalog = catalogue(folder, 10)
    return folder, catalog, night(folder, catalog)


def test_the_ledger_the_sums_and_the_summary_say_the_same(made: tuple[Path, Path, Summary]) -> None:
    folder, _, summary = made
    assert (summary.released, summary.quote_basis) == (10, "default")
    assert summary.quote_error == pytest.approx(summary.cost / summary.quote - 1, abs=0.01)
    settings = sample.settings(folder)
    rows = list(read_ledger(RunFiles(settings.runs, summary.run)))
    assert {row["brand"] for row in rows} == set(BRANDS)
    for row in rows:
        assert sum(row["cpu_parts"].values()) == pytest.approx(row["cpu_s"])
        assert row["cpu_parts"]["cutout:fake-matte"] > 0
    (total,) = Spend(settings.records).sums(only={"run": summary.run})
    assert (total.images, total.released) == (10, 10)
    assert total.price == pytest.approx(sum(row["cost"] for row in rows)) == pytest.approx(summary.cost, abs=1e-6)
    assert total.cpu_s == pytest.approx(summary.cpu_s, abs=1e-3)
    assert sum(part["price"] for part in summary.spent) == pytest.approx(total.price)
    page = Path(summary.report).read_text()
    assert "What it cost" in page
    assert "fake-matte" in page


def test_an_unchanged_catalogue_costs_nothing_and_is_quoted_so(made: tuple[Path, Path, Summary]) -> None:
    folder, catalog, _ = made
    again = night(folder, catalog)
    assert (again.due, again.quote, again.cost, again.quote_error) == (0, 0.0, 0.0, None)


def test_a_run_stops_at_its_budget_and_goes_on_when_there_is_more(tmp_path: Path) -> None:
    catalog = catalogue(tmp_path, 24)
    slowly = {"configured": {"fake-matte": "delay_s=0.2"}}
    first = night(tmp_path, catalog, models=slowly, budgets={"run": {"limit": 1e-9}})
    assert (first.state, first.exit_code) == ("over_budget", 4)
    assert "budget of run" in first.budget
    assert 0 < first.released + first.failed + first.rejected <= first.due
    done = night(tmp_path, catalog, first.run, models=slowly)
    assert (done.state, done.exit_code, done.released) == ("done", 0, 24)
    (total,) = Spend(sample.settings(tmp_path).records).sums(only={"run": first.run})
    assert total.images == 24
    assert done.cost == pytest.approx(total.price, abs=1e-6)


def test_a_day_that_is_spent_begins_nothing(tmp_path: Path) -> None:
    catalog = catalogue(tmp_path, 4)
    night(tmp_path, catalog)
    over = night(tmp_path, catalog, force=True, budgets={"day": {"limit": 1e-9}})
    assert (over.state, over.due, over.released, over.cost) == ("over_budget", 4, 0, 0.0)
    warned = night(tmp_path, catalog, force=True, budgets={"day": {"limit": 1e-9, "stop": False}})
    assert (warned.state, warned.released) == ("done", 4)
    assert any("budget of day" in warning for warning in warned.warnings)


def test_a_brand_that_is_spent_is_held_back_and_due_again(tmp_path: Path) -> None:
    catalog = catalogue(tmp_path, 6)
    night(tmp_path, catalog)
    held = night(tmp_path, catalog, force=True, budgets={"brand": {"Acme": {"limit": 1e-9}}})
    assert (held.state, held.exit_code, held.due, held.released, held.held_back) == ("done", 3, 3, 3, {"Acme": 3})


def test_the_command_says_groups_budgets_and_the_studio(
    made: tuple[Path, Path, Summary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, summary = made
    monkeypatch.setenv("PACKSHOT_HOME", str(folder / "home"))
    runner = CliRunner()
    told = runner.invoke(app, ["cost", "--by", "brand,tier", "--only", f"run={summary.run}", "--json"])
    document = json.loads(told.stdout)
    assert told.exit_code == 0
    assert {one["brand"]: (one["tier"], one["images"]) for one in document["groups"]} == {
        "Acme": ("standard", 5),
        "Bolt": ("standard", 5),
    }
    assert sum(one["price"] for one in document["groups"]) == pytest.approx(document["total"]["price"])
    assert (document["studio"]["pictures"], document["studio"]["studio_cost"]) == (10, 250)
    sheet = tmp_path / "cost.csv"
    shown = runner.invoke(app, ["cost", "--by", "step", "--by", "model", "--csv", str(sheet)])
    assert (shown.exit_code, "cutout" in shown.stdout, "assumed" in shown.stdout) == (0, True, True)
    rows = list(csv.DictReader(sheet.open()))
    assert {"step", "model", "price", "currency"} <= set(rows[0])
    monkeypatch.setenv("PACKSHOT_BUDGETS", '{"day": {"limit": 1e-9}}')
    assert runner.invoke(app, ["cost"]).exit_code == 4
    times = json.loads(runner.invoke(app, ["times", "--json"]).stdout)["times"]
    assert next(one for one in times if one["name"] == "run started -> released")["count"] == 10


@pytest.mark.parametrize(
    "wrong", [["--by", "colour"], ["--since", "yesterday"], ["--only", "brand"], ["--only", "price=1"], ["--until", "2026-13-01"]]
)
def test_what_cannot_be_asked_is_named(
    made: tuple[Path, Path, Summary], monkeypatch: pytest.MonkeyPatch, wrong: list[str]
) -> None:
    monkeypatch.setenv("PACKSHOT_HOME", str(made[0] / "home"))
    told = CliRunner().invoke(app, ["cost", *wrong])
    assert told.exit_code == 1
    assert "InputError" in repr(told.exception)


class TestService:
    @pytest.fixture(scope="class")
    def service(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
        budgets = {"brand": {"Acme": {"limit": 1e-9, "period": "day"}}}
        with running(tmp_path_factory.mktemp("api"), more={"budgets": budgets}) as found:
            yield found

    def order(self, http: httpx.Client, seed: int, brand: str, key: str = "") -> httpx.Response:
        asset = http.post("/v1/assets", content=photo(seed)).json()["hash"]
        body = {"input": {"asset": asset}, "template": "tiny-grey", "product": {"sku": f"S{seed}", "brand": brand}}
        headers = {"prefer": "wait=100", **({"idempotency-key": key} if key else {})}
        return http.post("/v1/images", json=body, headers=headers)

    def test_orders_are_counted_and_refused_beyond_a_brands_budget(self, service: Running) -> None:
        with service.client() as http:
            first = self.order(http, 1, "Acme", "one")
            assert (first.status_code, first.json()["state"]) == (200, "succeeded")
            (total,) = service.parts.spend.sums(("run", "brand", "tier"))
            assert (total.group, total.images, total.released) == (("orders", "Acme", "standard"), 1, 1)
            assert total.cpu_s == pytest.approx(first.json()["cost"]["cpu_s"])
            service.parts.budgets.forget()
            refused = self.order(http, 2, "Acme")
            assert (refused.status_code, refused.headers["content-type"]) == (402, "application/problem+json")
            assert (refused.json()["code"], refused.json()["retryable"]) == ("budget_exhausted", True)
            assert self.order(http, 1, "Acme").status_code == 200
            assert self.order(http, 1, "Acme", "one").json()["id"] == first.json()["id"]
            assert self.order(http, 3, "Bolt").status_code == 200
            assert http.post(f"/v1/orders/{first.json()['id']}/retry").status_code == 402
            left = service.parts.budgets.left
            assert (left("Acme"), left("Bolt")) == (0.0, None)
            items = [{"input": {"url": "http://127.0.0.1/x"}, "template": "tiny-grey", "product": {"sku": "S", "brand": "Acme"}}]
            batch = http.post("/v1/batches", json={"items": items}).json()
            (error,) = http.get(f"/v1/batches/{batch['id']}/errors").json()["items"]
            assert error["code"] == "budget_exhausted"


def test_an_order_is_quoted_by_what_orders_took(tmp_path: Path) -> None:
    """Before the first a guess; after it what it took, and less for a photo whose cut-out is kept."""
    with running(tmp_path, more={"budgets": {"day": {"limit": 5.0}}}) as service, service.client() as http:
        assets = [http.post("/v1/assets", content=photo(seed)).json()["hash"] for seed in range(3)]
        bodies = [{"input": {"asset": asset}, "template": "tiny-grey", "priority": "urgent"} for asset in assets]
        guess = http.post("/v1/images?dry_run=true", json=bodies[0]).json()
        assert (guess["basis"], guess["priority"], guess["error"], guess["budget_left"]) == ("default", "urgent", None, 5.0)
        done = http.post("/v1/images", json=bodies[0], headers={"prefer": "wait=100"}).json()
        service.parts.experience.forget()
        said = http.post("/v1/images?dry_run=true", json=bodies[1]).json()
        assert said["basis"] == "measured"
        assert said["seconds"] == pytest.approx(done["cost"]["cpu_s"], rel=0.01, abs=0.002)
        (total,) = service.parts.spend.sums()
        assert said["price"] == pytest.approx(total.price, rel=0.01)
        assert http.post("/v1/images?dry_run=true", json=bodies[0]).json()["seconds"] == 0
        asked = {"template": "tiny-grey", "asset": assets[2], "priority": "urgent"}
        assert http.get("/v1/quote", params=asked).json() == {**said, "budget_left": pytest.approx(said["budget_left"])}
