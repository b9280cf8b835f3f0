"""A shop brought up to date by the command's own code: what changed is made and published, once, and nothing else is touched."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from connectors.vendors.base import mark_in
from pipelines.screen import Quiet
from pipelines.source_check import check
from pipelines.sync_run import Shop, SyncReport
from studio.errors import NotFound, VendorDenied
from studio.keys import digest_bytes
from tests import sample
from tests.doubles.serving import Fault, serving
from tests.doubles.woocommerce import WooDouble

COUNT = 4
START = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def woo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WooDouble]:
    monkeypatch.setenv("SHOP_KEY", "ck_1")
    monkeypatch.setenv("SHOP_PASSWORD", "abcd efgh")
    (tmp_path / "secret").write_text("cs_1\n")
    double = WooDouble()
    with serving(double):
        for number in range(1, COUNT + 1):
            double.product(number, START + timedelta(minutes=number), sku=f"MUG-{number}", name=f"Mug {number}")
            double.human(number, f"mug-{number}.png", photo(tmp_path, number))
        yield double


def photo(folder: Path, seed: int) -> bytes:
    sample.photo(folder / f"{seed}.png", seed)
    return (folder / f"{seed}.png").read_bytes()


def connections(woo: WooDouble, folder: Path, **more: Any) -> dict[str, Any]:
    secrets = {"key": "env:SHOP_KEY", "secret": f"file:{folder / 'secret'}", "user": "file:user", "password": "env:SHOP_PASSWORD"}
    (folder / "user").write_text("editor")
    secrets["user"] = f"file:{folder / 'user'}"
    said = {"vendor": "woocommerce", "address": woo.url, "secrets": secrets, "templates": ["tiny-grey"], "allow_private": True}
    return {"shop": said | more}


def shop(woo: WooDouble, folder: Path, **more: Any) -> Shop:
    return Shop(sample.settings(folder, connections=connections(woo, folder, **more)), "shop", Quiet(), mode="inline")


def sync(woo: WooDouble, folder: Path, **more: Any) -> SyncReport:
    full = more.pop("full", False)
    return shop(woo, folder, **more).sync(full=full)


def photo_reads(woo: WooDouble) -> int:
    return sum("/wp-content/" in call.path and not mark_in(call.path) for call in woo.calls)


def test_everything_is_made_published_and_then_left_alone(woo: WooDouble, tmp_path: Path) -> None:
    first = sync(woo, tmp_path)
    assert (first.changed, first.outcomes, first.held_back, first.exit_code) == (COUNT, {"live": COUNT}, 0, 0), first.problems
    assert first.night is not None
    for number in range(1, COUNT + 1):
        shown = woo.seen(number)
        assert [bool(mark_in(url)) for url in shown] == [True, False]
        ours = woo.bytes_of(number)[0]
        assert digest_bytes(ours).startswith(mark_in(shown[0]))
        assert Image.open(io.BytesIO(ours)).size == (160, 160)
        assert woo.media[woo.products[number]["images"][0]]["alt"] == f"Mug {number}"
    woo.calls.clear()
    for full in (False, True, True):
        again = sync(woo, tmp_path, full=full)
        assert (again.changed, again.outcomes, again.wrote, again.night) == (0, {}, 0, None)
    assert again.unchanged == COUNT
    assert not woo.wrote()
    assert photo_reads(woo) == 0


def test_a_dry_run_remembers_nothing(woo: WooDouble, tmp_path: Path) -> None:
    for _ in range(2):
        report = shop(woo, tmp_path).look()
        assert (report.changed, report.unchanged) == (COUNT, 0)
    assert (photo_reads(woo), woo.wrote()) == (0, [])


def test_only_what_changed_is_made_again(woo: WooDouble, tmp_path: Path) -> None:
    sync(woo, tmp_path)
    before = {number: woo.seen(number) for number in woo.products}
    woo.products[2]["name"] = "A better mug"
    woo.products[3]["images"] = [woo.products[3]["images"][0]]
    woo.human(3, "another.png", photo(tmp_path, 99))
    for number in (2, 3):
        woo.now += timedelta(minutes=1)
        woo.products[number]["date_modified_gmt"] = f"{woo.now:%Y-%m-%dT%H:%M:%S}"
    woo.products[4]["price"] = "99"
    report = sync(woo, tmp_path)
    assert report.changed == 2
    assert report.exit_code == 0, report.problems
    assert [woo.seen(number) for number in (1, 4)] == [before[1], before[4]]
    assert woo.media[woo.products[2]["images"][0]]["alt"] == "A better mug"
    assert woo.seen(3)[0] != before[3][0]
    assert [bool(mark_in(url)) for url in woo.seen(3)] == [True, False]


def test_an_outage_while_publishing_is_made_good_by_the_next_sync(woo: WooDouble, tmp_path: Path) -> None:
    woo.faults = [Fault(r"PUT /wp-json/wc/v3/products/2$", status=400, times=99), Fault(r"POST /wp-json/wp/v2/media", lost=True)]
    report = sync(woo, tmp_path)
    assert report.exit_code == 3
    assert len(report.problems) == COUNT - report.outcomes["live"]
    assert any("MUG-2" in problem for problem in report.problems)
    assert not mark_in(woo.seen(2)[0])
    woo.faults.clear()
    before = report.problems
    report = sync(woo, tmp_path)
    assert (report.changed, report.outcomes, report.exit_code) == (0, {"live": len(before)}, 0), report.problems
    assert report.night is not None
    assert report.night.due == 0
    assert all([bool(mark_in(url)) for url in woo.seen(number)] == [True, False] for number in woo.products)


def test_a_stopped_pull_is_taken_up_and_denied_keys_stop_everything(woo: WooDouble, tmp_path: Path) -> None:
    first = shop(woo, tmp_path)
    next(iter(first.opened.sync.pull()))
    assert first.opened.state.cursor("shop") == ""
    woo.key = ("ck_2", "cs_2")
    with pytest.raises(VendorDenied):
        sync(woo, tmp_path)
    woo.key = ("ck_1", "cs_1")
    assert sync(woo, tmp_path).outcomes == {"live": COUNT}


def test_rollback_and_publish_again(woo: WooDouble, tmp_path: Path) -> None:
    sync(woo, tmp_path)
    first = woo.seen(1)[0]
    woo.products[1]["images"] = woo.products[1]["images"][:1]
    woo.human(1, "new.png", photo(tmp_path, 55))
    assert sync(woo, tmp_path, full=True).outcomes == {"live": 1}
    second = woo.seen(1)[0]
    assert mark_in(first) != mark_in(second)
    desk = shop(woo, tmp_path)
    assert desk.rollback(["MUG-1"]).outcomes == {"rolled_back": 1}
    assert mark_in(woo.seen(1)[0]) == mark_in(first)
    assert shop(woo, tmp_path).publish(["MUG-1"]).outcomes == {"live": 1}
    assert mark_in(woo.seen(1)[0]) == mark_in(second)
    with pytest.raises(NotFound, match="MUG-9"):
        desk.publish(["MUG-9"])


def test_two_products_of_one_sku_do_not_fight(woo: WooDouble, tmp_path: Path) -> None:
    woo.products[4]["sku"] = "MUG-1"
    report = sync(woo, tmp_path)
    assert (report.outcomes, report.exit_code) == ({"live": COUNT - 1}, 3)
    assert "also that of 1" in report.problems[-1]
    assert not mark_in(woo.seen(4)[0])
    assert sync(woo, tmp_path).outcomes == {}


def test_products_that_cannot_be_made_are_held_back(woo: WooDouble, tmp_path: Path) -> None:
    woo.products[1]["images"] = []
    woo.files["/wp-content/uploads/2026/11/mug-2.png"] = b"no picture"
    report = sync(woo, tmp_path)
    assert (report.outcomes, report.held_back, report.exit_code) == ({"live": 2}, 2, 3)


def test_pictures_may_go_to_another_connection(woo: WooDouble, tmp_path: Path) -> None:
    """Products from here, pictures to there, by SKU; nothing is written here."""
    other = WooDouble()
    with serving(other):
        for number in woo.products:
            other.product(number + 10)
            woo.products[number]["sku"] = str(number + 10)
        said = connections(woo, tmp_path, options={"publish-to": "elsewhere"})
        said["elsewhere"] = connections(other, tmp_path)["shop"]
        tree = sample.settings(tmp_path, connections=said)
        assert Shop(tree, "shop", Quiet(), mode="inline").sync().outcomes == {"live": COUNT}
        assert all([bool(mark_in(url)) for url in other.seen(number)] == [True] for number in other.products)
        assert not woo.wrote()
        assert Shop(tree, "shop", Quiet(), mode="inline").sync(full=True).outcomes == {}


def test_source_check(woo: WooDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = sample.settings(tmp_path, connections=connections(woo, tmp_path))
    found = check(said, "shop", 2)
    assert [row["sku"] for row in found.sample] == ["MUG-1", "MUG-2"]
    assert (found.can, found.hook) == (("source", "gallery", "inbound"), "/hooks/woocommerce/shop")
    assert (found.fits, found.fields["images"]) == ({"tiny-grey": 2}, 2)
    assert "brand" in found.empty
    assert found.photo_bytes > 0
    assert found.problems == ["connections.shop.hook_secrets is not set: messages of the vendor are refused"]
    assert not woo.wrote()
    monkeypatch.delenv("SHOP_KEY")
    assert "connections.shop.secrets.key: env:SHOP_KEY is empty or not set" in check(said, "shop", 2).problems


def test_the_command(woo: WooDouble, tmp_path: Path) -> None:
    sample.art(tmp_path / "art")
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {
        "PACKSHOT_HOME": str(tmp_path / "home"), "PACKSHOT_WEIGHTS": str(root / ".packshot" / "models"), "PYTHONPATH": str(root),
        "PACKSHOT_TEMPLATE_FOLDERS": json.dumps([str(tmp_path / "art")]), "PACKSHOT_CONNECTIONS": json.dumps(connections(woo, tmp_path)),
    }  # fmt: skip

    def packshot(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pipelines.cli", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    done = packshot("sync", "shop", "--mode", "inline", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["outcomes"] == {"live": COUNT}
    checked = packshot("source", "check", "shop")
    assert checked.returncode == 3
    assert "1 photos, 1 of ours" in checked.stdout
    assert packshot("sync", "nowhere").stderr.strip().endswith("there are: shop")
    assert "cs_1" not in done.stdout + done.stderr + checked.stdout + checked.stderr
