"""From a request to an order's look: named or chosen by rules, under the brand's rules, with the request's edits on top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serve_apps.request.resolve import resolve
from serve_apps.request.schema import ImageRequest, OrderSpec
from studio.errors import InputError, TemplateError
from studio.product import Product, ProductImage
from templates.library import Library
from tests import shipped
from tests.sample import Shelf
from tests.unit.test_layers import SHOP, folder

WIDE = SHOP.replace("64", "640")
RULES = "rules: [{id: shoes, when: {categories: [shoe]}, templates: [clog, boot], because: Shoes.}]\n"
BRAND = 'id: acme\ntitle: Acme\nmatches: [Acme]\nforbidden_looks: {templates: [boot]}\nstyle: {shadow: {contact: 0.1, colour: "#aa0000"}}\n'


@pytest.fixture
def library(tmp_path: Path) -> Library:
    styles = {f"styles/{name}.yaml": f"id: {name}\ntitle: X\noutputs: [shop]\n" for name in ("clog", "boot")}
    return Library(
        folder(tmp_path, styles | {"destinations/shop.yaml": WIDE, "selection.yaml": RULES, "brands/acme.yaml": BRAND})
    )


def order(library: Library, known: Product | None = None, **request: Any) -> OrderSpec:
    data: dict[str, Any] = {"input": {"url": "https://example.com/a.jpg"}, "template": "clog"} | request
    if known:
        data["input"] = {"sku": known.sku}
    return resolve(
        ImageRequest.model_validate(data), library=library, relatives=Shelf(*filter(None, [known])), has_blob=lambda _: True
    )


def test_the_rules_choose(library: Library) -> None:
    assert order(library, template="auto", product={"category": "Shoes"}).template.key == "clog@1"
    with pytest.raises(InputError, match="no rule chooses"):
        order(library, template="auto", product={"category": "Hats"})


def test_a_stored_product_has_its_brand_s_look(library: Library) -> None:
    known = Product(sku="1", brand="acme", category="shoes", images=(ProductImage(uri="a.jpg", digest="0"),))
    for name in ("auto", "clog"):
        assert order(library, known, template=name).template.key == "clog@1+acme"


def test_the_request_has_the_last_word(library: Library) -> None:
    edits = {"shadow": {"mode": "none"}}
    plain = order(library, product={"brand": "Acme"}).template
    edited = order(library, product={"brand": "Acme"}, edits=edits).template
    assert (plain.shadow.contact, plain.shadow.colour) == (0.1, "#aa0000")
    assert (edited.shadow.contact, edited.shadow.colour) == (0.0, "#aa0000")
    assert edited.brand == "acme"


def test_what_the_brand_forbids_is_said(library: Library) -> None:
    with pytest.raises(TemplateError, match="forbidden_looks: boot@1"):
        order(library, template="boot", product={"brand": "Acme"})


def test_orders_stored_before_there_were_setups() -> None:
    """A row of the orders table outlives the code that wrote it."""
    spec = order(shipped.library(), template="amazon-white")
    data = spec.model_dump(mode="json")
    (setup,) = data.pop("setups")
    again = OrderSpec.model_validate({**data, "images": setup["images"], "slots": [setup["slot"]]})
    assert again == spec
