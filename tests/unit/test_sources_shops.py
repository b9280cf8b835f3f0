"""Exports of shops: Shopify and Vendure, and the markup in their texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sources.markup import text_of
from tests.rows import errors, products, read, skus

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.csv"


SHOPIFY = """\
Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Option1 Name,Option1 Value,\
Variant SKU,Image Src,Image Position,Image Alt Text,Variant Image
mug,Mug,"<p>Stone&shy;ware<br>mug</p><script>x()</script>",\
Nordlys,Home > Mugs,Drinkware,"a, b",Colour,White,MUG-W,https://c/2.jpg,2,alt,https://c/w.jpg
mug,,,,,,,,Red,MUG-R,https://c/1.jpg,1,,https://c/1.jpg
mug,,,,,,,,,,https://c/3.jpg,3,,
mug,,,,,,,,Blue,,,,,
tee,Tee,,V,Apparel,,,Title,Default Title,,https://c/t.jpg,first,,
cap,Cap,,V,,,,Title,Default Title,,,,,
,Lost,,,,,,,,X,,,,
"""


class TestShopAndVendure:
    def test_shopify(self, file: Path) -> None:
        items = read(file, SHOPIFY)
        assert skus(items) == ["MUG-W", "MUG-R", "tee", "cap"]
        white, red, tee, _ = products(items)
        assert (white.title, white.category, white.brand) == ("Mug", "Drinkware", "Nordlys")
        assert white.attributes == {
            "description": "Stone\xadware mug",
            "tags": "a, b",
            "product_category": "Home > Mugs",
            "handle": "mug",
            "colour": "White",
        }
        assert [image.uri[-5:] for image in white.images] == ["w.jpg", "1.jpg", "2.jpg", "3.jpg"]
        assert [image.role.value for image in white.images] == ["front", "detail", "detail", "detail"]
        assert [image.uri[-5:] for image in red.images] == ["1.jpg", "2.jpg", "3.jpg"]
        assert red.attributes["colour"] == "Red"
        assert (tee.category, tee.images) == ("Apparel", ())
        assert errors(items) == [(5, "Variant SKU"), (6, "Image Position"), (8, "Handle")]

    VENDURE = (
        "name     ,slug,description     ,assets      ,facets,optionGroups,optionValues,sku ,price,"
        "taxCategory,stockOnHand,trackInventory,variantAssets,variantFacets\n"
        'Laptop   ,l   ,"Fast, ""thin""",a.jpg|b.jpg ,category:IT|category:PC|brand:Ap,"size|RAM","13 inch|8GB",L1,1,s,1,,,\n'
        '         ,    ,                ,            ,      ,            ,"15 inch|8GB" ,L2  ,1,s,1,,v.jpg,color:grey\n'
        "         ,    ,                ,            ,      ,            ,15 inch       ,L3  ,1,s,1,,,\n"
        "Mouse    ,m   ,                ,https://h/m.jpg,oops,           ,              ,M   ,1,s,1,,,\n"
    )

    def test_vendure(self, tmp_path: Path) -> None:
        (tmp_path / "images").mkdir()
        (tmp_path / "data").mkdir()
        items = read(tmp_path / "data" / "products.csv", self.VENDURE)
        one, two = products(items)
        assert (one.sku, one.title, one.category, one.brand) == ("L1", "Laptop", "PC", "Ap")
        assert one.attributes == {"description": 'Fast, "thin"', "size": "13 inch", "ram": "8GB"}
        assert [image.uri for image in one.images] == [f"{tmp_path}/images/a.jpg", f"{tmp_path}/images/b.jpg"]
        assert [Path(image.uri).name for image in two.images] == ["v.jpg", "a.jpg", "b.jpg"]
        assert two.attributes["color"] == "grey"
        assert errors(items) == [(4, "optionValues"), (5, "facets")]

    @given(st.text(st.sampled_from("<>/!-[]&;#x='\" abp"), max_size=60))
    @settings(max_examples=100, deadline=None)
    def test_any_markup_gives_one_line_of_text(self, markup: str) -> None:
        text = text_of(f"<p>{markup}</p>")
        assert text == " ".join(text.split())

    @pytest.mark.parametrize(
        ("markup", "text"),
        [
            ("a < b &amp; c", "a < b & c"),
            ("<p>one<br/>two</p>", "one two"),
            ("x<STYLE>p{}</STYLE>y<!-- no -->z", "x y z"),
            ("<![foo[x]]>a", "a"),
            ("cut <b", "cut"),
            ("<a " * 50_000, ""),
            ("<!--" * 50_000, ""),
            ("<a x='" * 50_000, ""),
            ("a<script>x</Script>" * 20_000, " ".join("a" * 20_000)),
        ],
        ids=lambda value: str(value)[:12],
    )
    def test_markup(self, markup: str, text: str) -> None:
        assert text_of(markup) == text
