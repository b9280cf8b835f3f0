"""The whole way with a real shop: a product is made there, its pictures come onto it, and ours make no work."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cluster.engine import open_renderer
from cluster.settings import Settings
from connectors.online.orders import Order
from connectors.vendors.base import mark_in
from serve_apps.orders.desk import OrderDesk
from serve_apps.parts import Parts, open_parts
from serve_apps.sync.desk import SyncDesk
from studio.keys import digest_bytes
from studio.shot import Outcome, Shot
from tests import sample
from tests.integration.vendure.shop import HOOK_SECRET, OURS, Ear, Shop
from tests.local.running import photo, served

pytestmark = pytest.mark.integration
PATIENCE_S = 120.0


@dataclass
class Service:
    """Ours, with one connection `shop`. `before` is called when a render begins; `spent` are the renders' seconds."""

    settings: Settings
    parts: Parts
    before: Callable[[], None] | None = None
    spent: list[float] = field(default_factory=list)

    def orders(self) -> list[Order]:
        return self.parts.orders.list(limit=1000)[0]

    def trouble(self) -> str:
        """What went wrong with a product that waits."""
        return next((waiting.error for waiting in self.parts.sync.all_waiting("shop") if waiting.error), "")

    def at_rest(self) -> bool:
        return not self.parts.sync.waiting("shop") and all(order.state.ended for order in self.orders())


class Desks:
    """Order desk and sync desk side by side, as in the orchestrator."""

    def __init__(self, *desks: Any) -> None:
        self._desks = desks

    async def launch(self) -> None:
        for desk in self._desks:
            await desk.launch()

    async def close(self) -> None:
        for desk in reversed(self._desks):
            await desk.close()


@contextmanager
def service(shop: Shop, ear: Ear, folder: Path, **more: Any) -> Iterator[Service]:
    """Running, and told by the shop."""
    secrets = {"user": OURS[0], "password": OURS[1], "hook": HOOK_SECRET}
    for name, secret in secrets.items():
        (folder / name).write_text(secret)
    connection = {
        "vendor": "vendure", "address": shop.url, "options": {"alt": "alt"}, "allow_private": True, "templates": ["tiny-grey"],
        "secrets": {name: f"file:{folder / name}" for name in ("user", "password")}, "hook_secrets": [f"file:{folder / 'hook'}"],
    }  # fmt: skip
    settings = sample.settings(folder, connections={"shop": connection | more.pop("connection", {})}, **more)
    renderer = open_renderer(settings)

    async def render(shots: Sequence[Shot], tier: str) -> list[Outcome]:
        if made.before is not None:
            made.before()
        begun = time.perf_counter()
        outcomes = await renderer.render(shots)
        made.spent.append(time.perf_counter() - begun)
        return outcomes

    desk = OrderDesk(settings, render, sweep_s=0.2)
    parts = open_parts(settings, desk)
    made = Service(settings, parts)
    with served(parts, Desks(desk, SyncDesk(parts, poll_s=0.05, pause_s=0.2))) as url:  # type: ignore[arg-type]
        ear.onward = f"{url}/hooks/vendure/shop"
        try:
            yield made
        finally:
            ear.onward = ""


def until(said: Callable[[], Any]) -> Any:
    """What it says, once that is something."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := said():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def pictures(shop: Shop, ref: str) -> list[str]:
    """Names in the storefront's order, without our marks."""
    return [asset["name"].partition("-packshot-")[0] for asset in shop.shoppers_see(ref)]


def ours(shop: Shop, ref: str) -> list[str]:
    """Digests of our files there, each read back and compared with its mark."""
    found = []
    for asset in shop.shoppers_see(ref):
        if mark := mark_in(asset["name"]):
            found.append(digest_bytes(shop.http.get(asset["source"]).content))
            assert found[-1][:16] == mark
    return found


def test_from_a_new_product_to_its_picture(shop: Shop, ear: Ear, tmp_path: Path) -> None:
    """Made, changed, left alone, and deleted."""
    with service(shop, ear, tmp_path) as running:
        ref = shop.product("Kettle", shop.upload("kettle.png", photo(1)), skus=("KETTLE-1",))
        until(lambda: pictures(shop, ref) == ["kettle-1-tiny-grey-front", "kettle.png"] and running.at_rest())
        (first,) = ours(shop, ref)
        assert running.parts.storage.get_blob(first)
        orders, heard = len(running.orders()), len(ear.answered)

        # Nothing of what we wrote makes work; nor does what no picture depends on.
        shop.change(ref, enabled=True)
        until(lambda: len(ear.answered) > heard)
        until(running.at_rest)
        assert len(running.orders()) == orders

        other = shop.upload("kettle-2.png", photo(2))
        mine = [asset["id"] for asset in shop.shoppers_see(ref) if mark_in(asset["name"])]
        shop.change(ref, assetIds=[*mine, other], featuredAssetId=mine[0])
        until(lambda: pictures(shop, ref)[-1:] == ["kettle-2.png"] and ours(shop, ref) not in ([], [first]) and running.at_rest())
        assert len(ours(shop, ref)) == 1
        assert len(running.orders()) == orders + 1

        shop.delete(ref)
        until(lambda: (seen := running.parts.sync.seen("shop", ref)) and seen.gone)
        assert set(ear.answered) == {200}


def test_the_shop_is_down_while_we_publish(shop: Shop, ear: Ear, tmp_path: Path) -> None:
    """It dies when the render begins; back again, it has its picture without anybody's help."""
    with service(shop, ear, tmp_path) as running:
        warm = shop.product("Toaster", shop.upload("toaster.png", photo(3)), skus=("TOASTER-1",))
        until(lambda: pictures(shop, warm)[:1] == ["toaster-1-tiny-grey-front"] and running.at_rest())
        running.before = shop.kill
        ref = shop.product("Grill", shop.upload("grill.png", photo(4)), skus=())
        until(lambda: shop.process is None)
        running.before = None
        until(running.trouble)
        shop.start()
        until(lambda: pictures(shop, ref) == ["grill-tiny-grey-front", "grill.png"] and running.at_rest())
        assert len(shop.library("grill")) == 2


def test_a_password_that_is_wrong_for_a_while(shop: Shop, ear: Ear, tmp_path: Path) -> None:
    with service(shop, ear, tmp_path) as running:
        (tmp_path / "password").write_text("not-this-one")
        ref = shop.product("Scale", shop.upload("scale.png", photo(5)), skus=("SCALE-1",))
        assert "does not let us in" in until(running.trouble)
        assert pictures(shop, ref) == ["scale.png"]
        (tmp_path / "password").write_text(OURS[1])
        until(lambda: pictures(shop, ref) == ["scale-1-tiny-grey-front", "scale.png"] and running.at_rest())


def test_a_photo_of_the_sample_catalogue(shop: Shop, ear: Ear, tmp_path: Path) -> None:
    """As a shop really does it: a real photo, the real cut-out, a marketplace's white look."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".packshot/models/u2netp.onnx").is_file():
        pytest.skip("the models are not fetched: packshot models fetch")
    data = (root / "examples/catalog/images/NL-MUG-01_front.jpg").read_bytes()
    with service(shop, ear, tmp_path, connection={"templates": ["amazon-white"]}, templates=("amazon-white",)) as running:
        ref = shop.product("Classic Ceramic Mug 350 ml", shop.upload("mug-by-hand.jpg", data), skus=("NL-MUG-01",))
        until(lambda: pictures(shop, ref) == ["nl-mug-01-amazon-white-front", "mug-by-hand.jpg"] and running.at_rest())
        assert ours(shop, ref)
        (finished, by_hand) = shop.shoppers_see(ref)
        assert "Classic Ceramic Mug" in finished["customFields"]["alt"]
        assert not by_hand["customFields"]["alt"]
        if folder := os.environ.get("PACKSHOT_TEST_KEEP", ""):
            for name, asset in (("after", finished), ("before", by_hand)):
                (Path(folder) / f"{name}.jpg").write_bytes(shop.http.get(asset["source"]).content)
            (Path(folder) / "product.json").write_text(json.dumps(shop.shoppers_see(ref), indent=1))


def test_how_long_it_takes(shop: Shop, ear: Ear, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the answer to createProduct to the picture in the storefront, warm, without the render itself."""
    totals, overheads = [], []
    with service(shop, ear, tmp_path) as running:
        for number in range(int(os.environ.get("PACKSHOT_TRIPS", "5")) + 1):
            asset = shop.upload(f"trip-{number}.png", photo(10 + number))
            until(running.at_rest)
            running.spent.clear()
            ref = shop.product(f"Trip {number}", asset)
            begun = time.perf_counter()
            until(lambda ref=ref: ours(shop, ref))  # type: ignore[misc]
            totals.append(time.perf_counter() - begun)
            overheads.append(totals[-1] - sum(running.spent))
    with capsys.disabled():
        took = f"{_said(totals[1:])}; without the render: {_said(overheads[1:])}; cold {totals[0]:.2f} s"
        sys.stdout.write(f"\nvendure: created -> in the storefront: {took}\n")


def _said(seconds: list[float]) -> str:
    return f"median {sorted(seconds)[len(seconds) // 2]:.2f} s of {len(seconds)}, longest {max(seconds):.2f} s"
