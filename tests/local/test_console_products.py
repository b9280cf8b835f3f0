"""The page of a product over a real service and a shop: what was made, where it is, and back to the set before."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cluster.connections import open_connection
from connectors.audit import Audit
from connectors.online.product_list import ProductList
from connectors.product_shots import ProductShots
from connectors.publications import Item
from connectors.records import Records, ShotRecord
from connectors.vendors.base import marked
from studio.product import Product, ProductImage
from tests.doubles.serving import serving
from tests.doubles.woocommerce import WooDouble
from tests.local.running import Running, photo, running
from tests.visitor import Visitor


@pytest.fixture(scope="module")
def woo() -> Iterator[WooDouble]:
    double = WooDouble()
    with serving(double):
        double.product(1, sku="SHOP-1", name="Mug")
        yield double


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, woo: WooDouble) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("products")
    secrets: dict[str, str] = {}
    for name, value in (("key", "ck_1"), ("secret", "cs_1"), ("user", "editor"), ("password", "abcd efgh")):
        (folder / name).write_text(value)
        secrets[name] = f"file:{folder / name}"
    shop: dict[str, Any] = {"vendor": "woocommerce", "address": woo.url, "secrets": secrets, "templates": ["tiny-grey"]}
    with running(folder, {"shop": {**shop, "allow_private": True}}) as running_service:
        yield running_service


@pytest.fixture
def writer(service: Running) -> Iterator[Visitor]:
    visitor = Visitor(service)
    yield visitor
    visitor.close()


def test_a_product_shows_every_version_and_how_it_was_made(service: Running, writer: Visitor) -> None:
    with service.client() as client:
        for background in ("#ffffff", "#eeeeee"):
            wanted = {"template": "tiny-grey", "product": {"sku": "MUG/1&2"}, "edits": {"background": {"color": background}}}
            sent = {"request": (None, json.dumps(wanted), "application/json"), "file": ("p.png", photo(1), "image/png")}
            answer = client.post("/v1/images", files=sent, headers={"prefer": "wait=30"}).json()
            assert answer["state"] == "succeeded"
    asset = answer["assets"][0]
    record = ShotRecord("MUG/1&2/tiny-grey/tiny/front", asset["lineage"]["key"], "released", digest=asset["hash"], run="run-7")
    service.parts.records.remember_shots("cat.csv", [record])
    shown = writer.get("/products/one", sku="MUG/1&2")
    assert "2 versions" in shown
    assert "MUG/1&amp;2" in shown
    assert shown.count(asset["hash"]) >= 2
    assert asset["lineage"]["key"] in shown
    assert "/console/runs/run-7" in shown
    assert "cutout" in shown
    assert writer.raw(f"/pictures/{asset['hash']}").headers["content-type"] == "image/jpeg"
    other = Visitor(service, "other")
    assert "2 versions" not in other.get("/products/one", sku="MUG/1&2")
    other.close()


def test_an_unknown_product_is_not_found(writer: Visitor) -> None:
    assert "nothing is known" in writer.get("/products/one", 404, sku="NOBODY")
    writer.get("/products/one", 422)


def test_products_are_found_by_sku_and_title(service: Running, writer: Visitor) -> None:
    assert "No such product" in writer.get("/products", text="zzz")
    many = [
        Product(sku=f"ROW-{n:05}", title=f"Thing {n}", images=(ProductImage(uri="https://x.example/a.jpg"),)) for n in range(120)
    ]
    service.parts.products.remember(many, "cat.csv")
    shown = writer.get("/products", text="ROW-")
    assert "of 120" in shown
    assert "ROW-00024" in shown
    assert "ROW-00025" in writer.get("/products", text="ROW-", page="2")
    assert "ROW-00077" in writer.get("/products", text="thing 77")
    assert "1\u20131 of 1" in writer.get("/products", text="ROW-00003")


def test_back_to_the_set_before(service: Running, writer: Visitor, woo: WooDouble) -> None:
    publisher = open_connection(service.parts.settings, "shop").publisher
    sets: list[list[bytes]] = []
    for number in (1, 2):
        data = jpeg(number)
        digest = service.parts.storage.put_blob(data, media_type="image/jpeg")
        publisher.publish(
            "1", "SHOP-1", [Item(digest=digest, media_type="image/jpeg", name=marked("mug.jpg", digest), alt="Mug")]
        )
        sets.append(woo.bytes_of(1))
    shown = writer.get("/products/one", sku="SHOP-1")
    assert "Back to the set before" in shown
    reader = Visitor(service, "reader")
    assert "Back to the set before" not in reader.get("/products/one", sku="SHOP-1")
    reader.send("/products/rollback", {"connection": "shop", "ref": "1", "sku": "SHOP-1"}, 403)
    reader.close()
    writer.send("/products/rollback", {"connection": "shop", "ref": "1", "sku": "SHOP-1"}, 403, token="forged")
    answer = writer.send("/products/rollback", {"connection": "shop", "ref": "1", "sku": "SHOP-1"})
    assert answer.headers["location"] == "/console/products/one?sku=SHOP-1"
    assert woo.bytes_of(1) == sets[0] != sets[1]
    assert "rolled_back" in writer.get("/products/one", sku="SHOP-1")
    lines = list(Audit(service.parts.settings.records).lines(target="SHOP-1", action="gallery.rolled_back"))
    assert lines[-1].entry.detail["connection"] == "shop"
    assert lines[-1].entry.actor.startswith("key:")
    writer.send("/products/rollback", {"connection": "nowhere", "ref": "1", "sku": "SHOP-1"}, 404)


def test_shots_of_a_product_are_found_among_neighbours(tmp_path: Path) -> None:
    url = str(tmp_path / "records.db")
    names = ["A", "A/B", "A0", "A%", "a", "AA"]
    for catalog in ("one", "two"):
        Records(url).remember_shots(catalog, [ShotRecord(f"{name}/look/place/front", "k", "released") for name in names])
    shots = ProductShots(url)
    assert shots.catalogs() == ["one", "two"]
    for name in names:
        assert [record.shot_id for _, record in shots.of(name)] == [f"{name}/look/place/front"] * 2


def test_a_list_of_nothing(tmp_path: Path) -> None:
    assert ProductList(str(tmp_path / "online.db")).page() == []


def jpeg(seed: int) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(photo(seed))).convert("RGB").save(out, "JPEG")
    return out.getvalue()
