"""Templates in the console: seen, compared with what was released, tried on one's own products, released."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.audit import Audit
from connectors.storage.base import BLOB
from studio.product import Product, ProductImage
from templates.library import Library
from templates.versions import read_lock, write_release
from tests import sample
from tests.local.running import Running, photo, running
from tests.visitor import Visitor

STRICT = sample.TEMPLATE.replace("tiny-grey", "tiny-strict").replace("qa: {", "qa: {fill: {max: 0.3}, ")


@pytest.fixture(scope="module")
def art(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template folder in which version 1 is released and version 2 says something else."""
    folder = tmp_path_factory.mktemp("looks") / "art"
    sample.art(folder)
    write_release(folder, Library.default((folder,)).template("tiny-grey"))
    newer = sample.TEMPLATE.replace("version: 1", "version: 2").replace("colour: '#f4f4f4'", "colour: '#ffffff'")
    (folder / "styles" / "tiny-grey-2.yaml").write_text(newer)
    (folder / "styles" / "tiny-strict.yaml").write_text(STRICT)
    return folder


@pytest.fixture(scope="module")
def service(art: Path) -> Iterator[Running]:
    with running(art.parent) as running_service:
        parts = running_service.parts
        for number in (1, 2):
            digest = parts.storage.put_blob(photo(number), media_type="image/png")
            image = ProductImage(uri=BLOB + digest, digest=digest)
            parts.products.remember([Product(sku=f"OWN-{number}", images=(image,))], "mine")
        yield running_service


@pytest.fixture
def writer(service: Running) -> Iterator[Visitor]:
    visitor = Visitor(service)
    yield visitor
    visitor.close()


def trials(service: Running, visitor: Visitor, name: str, skus: str) -> str:
    """The page after the trials have ended."""
    before = len(service.parts.orders.list()[0])
    visitor.send(f"/templates/{name}/preview", {"skus": skus})
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = service.parts.orders.list()[0]
        if len(found) > before and all(order.state.ended for order in found):
            break
        time.sleep(0.05)
    return visitor.get(f"/templates/{name}")


def test_every_template_is_listed_and_found(writer: Visitor) -> None:
    assert "tiny-strict@1" in writer.get("/templates", text="tiny-")
    assert "amazon-white@1" in writer.get("/templates", text="amazon-white")
    assert "No such template" in writer.get("/templates", text="nobody has this")
    writer.get("/templates/nobody", 404)
    assert "of " in writer.get("/templates", page="2")


def test_a_new_version_shows_what_changed_since_the_release(writer: Visitor) -> None:
    shown = writer.get("/templates/tiny-grey")
    assert "<code>tiny-grey@2</code>" in shown
    assert "background.colour" in shown
    assert "<del>#f4f4f4</del>" in shown
    assert "<ins>#ffffff</ins>" in shown
    assert "Not yet: try it on a product first" in shown
    assert "This version is released" in writer.get("/templates/tiny-grey@1")


def test_tried_on_own_products_and_released_by_an_administrator(service: Running, writer: Visitor, art: Path) -> None:
    root = Visitor(service, "root")
    root.send("/templates/tiny-grey@2/release", {}, 409)
    shown = trials(service, writer, "tiny-grey@2", "OWN-1, OWN-2")
    assert shown.count("badge released") >= 2
    assert "An administrator can release it" in shown
    writer.send("/templates/tiny-grey@2/release", {}, 403)
    assert "tiny-grey@2" not in read_lock(art)  # type: ignore[operator]
    assert "Release tiny-grey@2" in root.get("/templates/tiny-grey@2")
    root.send("/templates/tiny-grey@2/release", {})
    assert "tiny-grey@2" in read_lock(art)  # type: ignore[operator]
    assert "This version is released" in root.get("/templates/tiny-grey@2")
    root.send("/templates/tiny-grey@2/release", {}, 409)
    (line,) = Audit(service.parts.settings.records).lines(action="template.released")
    assert line.entry.target == "template:tiny-grey@2"
    Library.default((art,))
    root.close()


def test_a_version_whose_trials_fall_cannot_be_released(service: Running, writer: Visitor) -> None:
    shown = trials(service, writer, "tiny-strict", "OWN-1")
    assert "Not yet: 1 of 1 pictures fell (OWN-1)" in shown
    root = Visitor(service, "root")
    root.send("/templates/tiny-strict/release", {}, 409)
    root.close()


def test_what_cannot_be_tried_says_why(service: Running, writer: Visitor) -> None:
    writer.send("/templates/tiny-strict/preview", {"skus": "NOBODY"})
    assert "NOBODY: no product with SKU" in writer.get("/templates/tiny-strict")
    writer.send("/templates/tiny-strict/preview", {"skus": " ".join(f"S{n}" for n in range(13))}, 422)
    reader = Visitor(service, "reader")
    reader.send("/templates/tiny-strict/preview", {"skus": "OWN-1"}, 403)
    reader.close()
