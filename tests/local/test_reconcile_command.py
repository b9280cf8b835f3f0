"""`packshot reconcile` over a strict double of a shop: pictures made by the sync's own code, then changed by hand."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cluster.connections import open_connection
from connectors.vendors.base import mark_in
from pipelines import reconcile_cli
from pipelines.screen import Quiet
from pipelines.sync_run import Shop
from studio.errors import NotFound, VendorDenied
from tests import sample
from tests.doubles.serving import serving
from tests.doubles.woocommerce import WooDouble

COUNT = 4
START = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def woo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WooDouble]:
    """A shop whose products have pictures of ours, and settings that name it."""
    double = WooDouble()
    with serving(double):
        for number in range(1, COUNT + 1):
            sample.photo(tmp_path / f"{number}.png", number)
            double.product(number, START + timedelta(minutes=number), sku=f"MUG-{number}", name=f"Mug {number}")
            double.human(number, f"mug-{number}.png", (tmp_path / f"{number}.png").read_bytes())
        values = {"SHOP_KEY": "ck_1", "SHOP_SECRET": "cs_1", "SHOP_USER": "editor", "SHOP_PASSWORD": "abcd efgh"}
        secrets = {name.removeprefix("SHOP_").lower(): f"env:{name}" for name in values}
        said = {
            "vendor": "woocommerce",
            "address": double.url,
            "secrets": secrets,
            "templates": ["tiny-grey"],
            "allow_private": True,
        }
        root = Path(__file__).resolve().parents[2]
        values |= {
            "PACKSHOT_HOME": str(tmp_path / "home"), "PACKSHOT_WEIGHTS": str(root / ".packshot" / "models"),
            "PACKSHOT_TEMPLATE_FOLDERS": json.dumps([str(sample.art(tmp_path / "art"))]),
            "PACKSHOT_CONNECTIONS": json.dumps({"shop": said}),
        }  # fmt: skip
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        assert Shop(settings(), "shop", Quiet(), mode="inline").sync().outcomes == {"live": COUNT}
        yield double


def settings() -> Any:
    from cluster.settings import load_settings

    return load_settings()


def reconcile(*words: str) -> tuple[int, dict[str, Any]]:
    app = typer.Typer()
    reconcile_cli.register(app)
    done = CliRunner().invoke(app, ["shop", "--json", *words], catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


def kinds(document: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted(((line["kind"], line["sku"]) for line in document["findings"]), key=lambda pair: (pair[1], pair[0]))


def test_what_was_just_synced_is_right(woo: WooDouble) -> None:
    woo.calls.clear()
    code, said = reconcile("--drift")
    assert (code, said["findings"]) == (0, [])
    assert (said["checked"]["products"], said["checked"]["published"], said["checked"]["gallery_reads"]) == (COUNT, COUNT, 0)
    assert not woo.wrote()
    assert not [call for call in woo.calls if "/wp-content/" in call.path]


def test_changed_by_hand_and_put_right(woo: WooDouble) -> None:
    mine = list(woo.products[1]["images"])
    woo.products[1]["images"] = mine[::-1]
    woo.media[woo.products[2]["images"][0]]["alt"] = "Buy me"
    woo.products[3]["images"] = woo.products[3]["images"][1:]
    del woo.products[4]
    code, said = reconcile()
    assert code == 3
    assert kinds(said) == [
        ("displaced", "MUG-1"), ("rewritten", "MUG-2"), ("missing", "MUG-3"), ("deleted", "MUG-4"), ("orphaned", "MUG-4"),
    ]  # fmt: skip
    assert woo.products[1]["images"] == mine[::-1]
    code, said = reconcile("--repair")
    assert (code, [line["left"] for line in said["findings"] if line["left"]]) == (
        3,
        ["a person took pictures off; --restore puts them back"],
    )
    assert [bool(mark_in(url)) for url in woo.seen(1)] == [True, False]
    assert woo.media[woo.products[2]["images"][0]]["alt"] == "Mug 2"
    assert kinds(reconcile()[1]) == [("missing", "MUG-3")]
    assert reconcile("--repair", "--restore")[0] == 0
    assert [bool(mark_in(url)) for url in woo.seen(3)] == [True, False]
    assert reconcile() == (0, reconcile()[1])


def test_a_missed_event_waits_for_the_worker(woo: WooDouble) -> None:
    woo.products[2]["name"] = "A better mug"
    code, said = reconcile("--repair")
    assert (code, kinds(said)) == (0, [("missed", "MUG-2")])
    opened = open_connection(settings(), "shop")
    assert [(one.ref, one.kind) for one in opened.state.all_waiting("shop")] == [("2", "changed")]
    code, said = reconcile()
    assert (code, said["checked"]["under_way"]) == (0, 1)


def test_another_look_is_drift_and_the_next_sync_makes_it(woo: WooDouble, tmp_path: Path) -> None:
    style = tmp_path / "art" / "styles" / "tiny-grey.yaml"
    style.write_text(re.sub("#f4f4f4", "#e0e0f0", style.read_text()))
    before = woo.seen(1)[0]
    assert reconcile()[0] == 0
    code, said = reconcile("--drift", "--repair")
    assert (code, said["counts"]) == (0, {"drifted": COUNT})
    assert Shop(settings(), "shop", Quiet(), mode="inline").sync().outcomes == {"live": COUNT}
    assert mark_in(woo.seen(1)[0]) not in ("", mark_in(before))


def test_a_shop_that_is_down_or_denies_is_no_shop_without_products(woo: WooDouble) -> None:
    woo.key = ("ck_2", "cs_2")
    with pytest.raises(VendorDenied):
        reconcile("--repair")
    opened = open_connection(settings(), "shop")
    assert len(list(opened.state.all_seen("shop"))) == COUNT


def test_the_table(woo: WooDouble) -> None:
    app = typer.Typer()
    reconcile_cli.register(app)
    woo.products[1]["name"] = "[red]A better mug"
    shown = CliRunner().invoke(app, ["shop"])
    assert shown.exit_code == 3
    assert "MUG-1" in shown.stdout
    assert "tell" in shown.stdout
    with pytest.raises(NotFound, match="there are: shop"):
        CliRunner().invoke(app, ["nowhere"], catch_exceptions=False)


def test_pictures_that_go_to_another_connection_are_looked_at_there(woo: WooDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    other = WooDouble()
    with serving(other):
        for number in woo.products:
            other.product(number + 10)
            woo.products[number]["sku"] = str(number + 10)
        said = json.loads(os.environ["PACKSHOT_CONNECTIONS"])
        said["elsewhere"] = {**said["shop"], "address": other.url}
        said["shop"]["options"] = {"publish-to": "elsewhere"}
        monkeypatch.setenv("PACKSHOT_CONNECTIONS", json.dumps(said))
        assert Shop(settings(), "shop", Quiet(), mode="inline").sync().outcomes == {"live": COUNT}
        code, found = reconcile()
        assert (code, found["findings"], found["checked"]["gallery_reads"]) == (0, [], COUNT)
        other.products[11]["images"] = []
        code, found = reconcile("--repair")
        assert [(line["kind"], line["ref"], line["at"]) for line in found["findings"]] == [("missing", "11", "elsewhere")]
        assert (code, reconcile("--repair", "--restore")[0], reconcile()[0]) == (3, 0, 0)
        assert [bool(mark_in(url)) for url in other.seen(11)] == [True]
