"""Catalogue readers on real and broken files: one bad row is one error, and its neighbours come through."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.names import MAX_NAME, safe_name
from connectors.sources.base import Item
from connectors.sources.csv_rows import MAX_RECORD
from connectors.sources.guess import guess_mapping
from connectors.sources.mapping import Mapping, load_mapping
from connectors.sources.markup import text_of
from connectors.sources.registry import open_source
from studio.errors import InputError, RowError
from studio.product import Dimensions, ImageRole, Product, Swatch

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path: Path, text: str | bytes, **how: object) -> list[Item]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(open_source(path, **how))  # type: ignore[arg-type]


def products(items: list[Item]) -> list[Product]:
    return [item for item in items if isinstance(item, Product)]


def errors(items: list[Item]) -> list[tuple[int, str]]:
    return [(item.line, item.field) for item in items if isinstance(item, RowError)]


def skus(items: list[Item]) -> list[str]:
    return [item.sku for item in products(items)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.csv"


class TestSample:
    def test_the_shipped_catalogue_needs_no_mapping(self) -> None:
        items = list(open_source(ROOT / "examples/catalog/catalog.csv"))
        assert errors(items) == []
        assert len(items) == 16
        mug = products(items)[0]
        assert (mug.sku, mug.title, mug.category, mug.brand) == ("NL-MUG-01", "Classic Ceramic Mug 350 ml", "Kitchen", "NORDLYS")
        assert mug.dimensions == Dimensions(width_mm=118.1, height_mm=95.0, depth_mm=82.0)
        assert mug.swatches == (Swatch(name="White", hex="#efeeea"),)
        assert set(mug.attributes) == {"material", "colour", "description"}
        for product in products(items):
            assert [image.role for image in product.images] == [ImageRole.FRONT, ImageRole.DETAIL]
            assert all(Path(image.uri).is_file() and not image.digest for image in product.images)

    def test_spree_through_the_shipped_mapping(self) -> None:
        mapping = load_mapping(ROOT / "examples/mappings/spree.yaml")
        assert mapping.dimensions.unit == "in"
        path = SHARED / "spree/products.csv"
        if not path.exists():
            return
        items = list(open_source(path, mapping=mapping))
        assert len(products(items)) == 123
        assert errors(items) == [(96, "sku")]
        black = products(items)[1]
        assert black.title == "Automatic Espresso Machine"
        assert black.attributes["colour"] == "Matte Black"
        assert black.dimensions == Dimensions(width_mm=350.52, height_mm=398.78, depth_mm=299.72)
        assert all(len(product.images) == 1 and Path(product.images[0].uri).is_file() for product in products(items))


class TestGuessing:
    def test_roles_and_the_main_picture(self, file: Path) -> None:
        header = "image_casual,images,Image Back,image_on_mannequin,image_inside,image_artwork,"
        header += "image_reference,image_alt_text,image_2,SKU,image_front"
        (item,) = read(file, f"{header}\nc.jpg,m.jpg|n.jpg| f.jpg,b.jpg,q.jpg,i.jpg,a.png,r.jpg,a mug,2.jpg,A,f.jpg\n")
        assert isinstance(item, Product)
        found = {Path(image.uri).name: image.role for image in item.images}
        assert found == {
            "f.jpg": ImageRole.FRONT,
            "m.jpg": ImageRole.DETAIL,
            "n.jpg": ImageRole.DETAIL,
            "c.jpg": ImageRole.DETAIL,
            "b.jpg": ImageRole.BACK,
            "q.jpg": ImageRole.ON_MANNEQUIN,
            "i.jpg": ImageRole.INSIDE,
            "a.png": ImageRole.ARTWORK,
            "r.jpg": ImageRole.REFERENCE,
            "2.jpg": ImageRole.DETAIL,
        }
        assert item.images[0].role is ImageRole.FRONT
        assert item.attributes == {"image_alt_text": "a mug"}

    def test_google_feed_names(self, file: Path) -> None:
        text = "id\ttitle\timage_link\tadditional_image_link\tbrand\tprice\n"
        text += "A\tMug\thttps://x/1.jpg\thttps://x/2.jpg,https://x/3.jpg\tB\t9 EUR\n"
        (item,) = read(file.with_suffix(".tsv"), text)
        assert isinstance(item, Product)
        assert [(image.uri, image.role.value) for image in item.images] == [
            ("https://x/1.jpg", "front"),
            ("https://x/2.jpg", "detail"),
            ("https://x/3.jpg", "detail"),
        ]
        assert item.attributes == {}

    @pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("cm", 10), ("in", 25.4)])
    def test_units(self, file: Path, unit: str, factor: float) -> None:
        (a,) = read(file, f"sku,width_{unit}\nA,2\n")
        (b,) = read(file, f"sku,width,dimensions_unit\nA,2,{unit.upper()}\n")
        assert isinstance(a, Product)
        assert a.dimensions == Dimensions(width_mm=2 * factor) == products([b])[0].dimensions

    def test_a_size_without_a_unit_is_not_believed(self, file: Path) -> None:
        (item,) = read(file, "sku,width\nA,2\n")
        assert products([item])[0].dimensions == Dimensions()

    def test_no_sku_column(self) -> None:
        with pytest.raises(InputError, match="SKU"):
            guess_mapping(Path("x.csv"), ["colour", "size"])

    def test_addresses(self, file: Path) -> None:
        rows = [
            "a/b.jpg",
            "../b.jpg",
            "/abs/b.jpg",
            "file:///abs/b.jpg",
            "http://h/b.jpg?x=1",
            "s3://b/k ü.jpg",
            "//cdn/b.jpg",
            "a:b.jpg",
        ]
        items = read(file, "sku,image\n" + "".join(f"{n},{row}\n" for n, row in enumerate(rows)))
        folder = file.parent
        assert [product.images[0].uri for product in products(items)] == [
            f"{folder}/a/b.jpg",
            f"{folder.parent}/b.jpg",
            *rows[2:6],
            "https://cdn/b.jpg",
            f"{folder}/a:b.jpg",
        ]


class TestBrokenRows:
    def test_every_kind_of_broken_row_is_one_error_and_the_rest_goes_on(self, file: Path) -> None:
        rows = [
            (b"GOOD-1,10,#fff,a.jpg", None),
            (b",10,,", "sku"),
            (b"BAD-NUMBER,ten,,", "width_mm"),
            (b"NEGATIVE,-1,,", "width_mm"),
            (b"NOT-A-NUMBER,nan,,", "width_mm"),
            (b"ENDLESS,1e999,,", "width_mm"),
            (b'COMMA,"1,5",,', "width_mm"),
            (b"BAD-COLOUR,1,red,", "colour_hex"),
            (b"SHORT,1", ""),
            (b"LONG,1,,,,,", ""),
            (b"NUL\0,1,,", ""),
            (b"LATIN-\xe9,1,,", ""),
            (b"SCRIPT,1,,javascript:alert(1)", "image"),
            (b"FTP,1,,ftp://h/a.jpg", "image"),
            (b"GOOD-1,1,,", "sku"),
            (b"X" * 201 + b",1,,", "sku"),
            (b'STRAY"QUOTE,1,,', None),
            (b'"BAD"QUOTE,1,,', ""),
            (b"=cmd|'/c calc'!A0,1,,", None),
            ("Tasse-ü-杯,1,,".encode(), None),
            (b"../../etc/passwd,1,,", None),
            (b"GOOD-2,10.5,1f8A5b,a.jpg", None),
        ]
        items = read(file, b"sku,width_mm,colour_hex,image\n" + b"\n".join(row for row, _ in rows))
        assert errors(items) == [(n + 2, field) for n, (_, field) in enumerate(rows) if field is not None]
        assert skus(items) == ["GOOD-1", 'STRAY"QUOTE', "=cmd|'/c calc'!A0", "Tasse-ü-杯", "../../etc/passwd", "GOOD-2"]
        assert products(items)[-1].swatches == (Swatch(hex="#1f8a5b"),)

    def test_a_duplicate_names_both_lines(self, file: Path) -> None:
        items = read(file, "sku,title\nA,one\nB,two\n A ,three\n")
        (error,) = [item for item in items if isinstance(item, RowError)]
        assert "line 2" in str(error)
        assert "line 4" in str(error)
        assert [product.title for product in products(items)] == ["one", "two"]

    @pytest.mark.parametrize("column", [0, 1])
    def test_an_open_quote_does_not_swallow_the_rest(self, file: Path, column: int) -> None:
        broken = ['"B,two', 'B,"two'][column]
        rest = "".join(f'S{n},"plain, text {n}"\n' for n in range(50))
        items = read(file, f"sku,title\nA,one\n{broken}\n{rest}")
        assert skus(items) == ["A", *(f"S{n}" for n in range(50))]
        assert errors(items) == [(3, "")]
        open_to_the_end = read(file, f"sku,title\nA,one\n{broken}\nC,three\nD,four\n")
        assert skus(open_to_the_end) == ["A", "C", "D"]

    def test_quoted_line_breaks_keep_the_line_numbers(self, file: Path) -> None:
        items = read(file, 'sku,title\r\nA,"one\r\ntwo"\r\n\r\n,x\r\n')
        assert products(items)[0].title == "one\r\ntwo"
        assert errors(items) == [(5, "sku")]

    def test_huge_fields(self, file: Path) -> None:
        big = "x" * (MAX_RECORD // 2)
        items = read(file, f"sku,title\nA,{big}\nB,{big}{big}{big}\nC,fine\n")
        assert skus(items) == ["A", "C"]
        assert errors(items) == [(3, "")]

    @pytest.mark.parametrize("mark", [",", ";", "\t"])
    @pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
    def test_dialects(self, file: Path, mark: str, bom: bytes, newline: str) -> None:
        text = newline.join([f"sku{mark}title", f'A{mark}"Krug, weiß; 1{mark}l"', f"B{mark}x"])
        items = read(file, bom + text.encode())
        assert [(product.sku, product.title) for product in products(items)] == [("A", f"Krug, weiß; 1{mark}l"), ("B", "x")]

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\n\n",
            "sku,title\nA,x".encode("utf-16"),
            "sku,title\nA,x".encode("utf-16-le"),
            b"PK\x03\x04zip",
            b"\xff\xd8\xff\xe0jpeg" * 90,
            b"sku,t\xeftle\nA,x",
            b"sku,title,SKU\nA,x,B",
            b"title,colour\nx,y",
            b"sku,ti\0tle\nA,x",
        ],
    )
    def test_files_that_are_no_catalogue(self, file: Path, data: bytes) -> None:
        with pytest.raises(InputError) as caught:
            read(file, data)
        assert not isinstance(caught.value, RowError)
        assert "catalog.csv" in str(caught.value)

    @QUIET
    @given(st.binary(max_size=400))
    def test_random_bytes_give_items_or_an_input_error(self, file: Path, data: bytes) -> None:
        items = read(file, b"sku,title,image\nFIRST,x,y.jpg\n" + data + b'\n""\nLAST,x,y.jpg\n')
        assert isinstance(items[0], Product)
        assert all(isinstance(item, Product | RowError) for item in items)

    @QUIET
    @given(st.binary(max_size=200))
    def test_random_files(self, file: Path, data: bytes) -> None:
        try:
            assert all(isinstance(item, Product | RowError) for item in read(file, data))
        except InputError:
            assert len(data) <= 200

    TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)

    @QUIET
    @given(st.lists(st.tuples(TEXT.map(str.strip).filter(bool), TEXT), max_size=8, unique_by=lambda row: row[0]))
    def test_what_csv_writes_we_read(self, file: Path, rows: list[tuple[str, str]]) -> None:
        out = io.StringIO()
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("sku", "title"), *rows])
        items = read(file, out.getvalue())
        kept = [(sku, title.strip()) for sku, title in rows if not set(sku) & {"\u2028", "\u2029"}]
        assert [(product.sku, product.title) for product in products(items)] == kept


class TestMapping:
    def write(self, path: Path, text: str) -> Path:
        path.write_text(text)
        return path

    @pytest.mark.parametrize(
        "text",
        [
            "sku: a\nskew: b",
            "title: a",
            "sku: a\nimages: [{column: x, role: sideways}]",
            "sku: a\ndimensions: {unit: furlong}",
            "[1",
            "- 1",
        ],
    )
    def test_typos_are_named(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(InputError, match=r"m\.yaml"):
            load_mapping(self.write(tmp_path / "m.yaml", text))

    @pytest.mark.parametrize("name", ["catalog.csv.mapping.yaml", "catalog.mapping.yaml"])
    def test_a_mapping_beside_the_catalogue_is_used(self, file: Path, name: str) -> None:
        self.write(file.with_name(name), "sku: Artikel\ntitle: NAME\nimages: [{column: Bild, role: back, separator: ' '}]\n")
        (item,) = read(file, "artikel,Name,Bild\nA,Krug,1.jpg 2.jpg\n")
        assert isinstance(item, Product)
        assert (item.sku, item.title, [image.role.value for image in item.images]) == ("A", "Krug", ["back", "back"])

    def test_a_column_that_is_not_there(self, file: Path) -> None:
        with pytest.raises(InputError, match="colour"):
            read(file, "sku,title\nA,x\n", mapping=Mapping(sku="sku", attributes=("colour",)))

    def test_basename_inherit_and_require(self, file: Path) -> None:
        mapping = Mapping.model_validate(
            {
                "sku": "sku",
                "title": "name",
                "images": [{"column": "src", "basename_in": "photos"}],
                "inherit": {"key": "slug", "columns": ["name"]},
                "require": ["src"],
            }
        )
        text = "slug,sku,name,src\nmug,M,Mug,https://h/x/m%20front.jpg?v=1\nmug,M-RED,,http://h/red.jpg\nmug,M-RED,,\ncup,C,,https://h/..\n"
        items = read(file, text, mapping=mapping)
        assert [(product.sku, product.title, product.images[0].uri) for product in products(items)] == [
            ("M", "Mug", f"{file.parent}/photos/m front.jpg"),
            ("M-RED", "Mug", f"{file.parent}/photos/red.jpg"),
        ]
        assert errors(items) == [(5, "src")]


class TestJsonLinesAndParquet:
    def test_nested_and_flat_lines(self, file: Path) -> None:
        full = Product(sku="N", attributes={"a": "b"}, images=({"uri": "n.jpg", "role": "back", "digest": "f" * 64},))  # type: ignore[arg-type]
        lines = [
            full.model_dump_json(),
            '{"sku": 7, "title": null, "width_mm": 12.5, "images": ["1.jpg", "2.jpg"], "new": true}',
            "",
            '{"sku": "X", "images": [{"uri": "x.jpg", "role": "sideways"}]}',
            '{"sku": "Y", "attributes": {}, "colour": "red"}',
            '{"sku": "Z", "title": {"de": "Krug"}}',
            "[1, 2]",
            "{not json",
            "[" * 100_000,
            '{"sku": "N"}',
            '{"title": "no sku"}',
            '{"sku": "a\\nb", "dimensions": {}}',
            '{"sku": "\\ud800"}',
            '{"sku": "LAST"}',
        ]
        items = read(file.with_suffix(".jsonl"), "\ufeff" + "\n".join(lines))
        assert skus(items) == ["N", "7", "LAST"]
        nested, flat = products(items)[:2]
        assert nested.images[0].model_dump() == {"uri": f"{file.parent}/n.jpg", "role": ImageRole.BACK, "digest": ""}
        assert [image.role.value for image in flat.images] == ["front", "detail"]
        assert (flat.dimensions.width_mm, flat.attributes) == (12.5, {"new": "true"})
        fields = {4: "images.0.role", 5: "colour", 6: "title", 7: "", 8: "", 9: "", 10: "sku", 11: "sku", 12: "sku", 13: ""}
        assert errors(items) == list(fields.items())

    def test_parquet_in_row_groups(self, file: Path) -> None:
        path = file.with_suffix(".parquet")
        rows = [{"sku": f"S{n}", "title": f"t{n}", "width_mm": float(n), "image": f"{n}.jpg"} for n in range(3000)]
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=700)
        items = list(open_source(path))
        assert errors(items) == [(1, "width_mm")]
        assert skus(items) == [row["sku"] for row in rows[1:]]
        assert products(items)[-1].dimensions.width_mm == 2999

    def test_nested_parquet(self, file: Path) -> None:
        path = file.with_suffix(".pq")
        pq.write_table(pa.Table.from_pylist([{"sku": "A", "images": [{"uri": "a.jpg", "role": "front"}]}]), path)
        (item,) = open_source(path)
        assert products([item])[0].images[0].uri == f"{file.parent}/a.jpg"

    def test_damaged_parquet(self, file: Path) -> None:
        path = file.with_suffix(".parquet")
        pq.write_table(pa.table({"sku": [f"S{n}" for n in range(5000)]}), path, compression="snappy", row_group_size=1000)
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
        items = read(path, bytes(data))
        assert isinstance(items[-1], RowError)
        assert len(products(items)) >= 1000
        with pytest.raises(InputError):
            read(path, b"PAR1 not really")

    def test_the_mapping_goes_for_records_too(self, file: Path) -> None:
        items = read(file.with_suffix(".jsonl"), '{"Art": "A", "t": 1}\n{"art": "B"}\n', mapping=Mapping(sku="ART", title="t"))
        assert [(product.sku, product.title) for product in products(items)] == [("A", "1"), ("B", "")]


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


class TestRegistry:
    @pytest.mark.parametrize("uri", ["absent.csv", "s3://b/c.csv", "https://h/c.csv", "x\0.csv", "."])
    def test_catalogues_that_cannot_be_opened(self, uri: str) -> None:
        with pytest.raises(InputError):
            open_source(uri)

    def test_unknown_and_wrong_formats(self, file: Path) -> None:
        for name in ("xlsx", "shopify", "vendure", "parquet"):
            with pytest.raises(InputError):
                read(file, "sku,title\nA,x\n", format=name)

    def test_first_bytes_decide_when_the_name_does_not(self, file: Path) -> None:
        assert skus(read(file.with_name("feed"), json.dumps({"sku": "A"}))) == ["A"]
        assert skus(read(file.with_name("feed.dat"), "sku;title\nA;x\n")) == ["A"]
        assert skus(list(open_source(file.with_name("feed").as_uri(), format="jsonl"))) == ["A"]


class TestSafeName:
    @pytest.mark.parametrize(
        "sku", ["..", ".", "../../etc/passwd", "/", "a\\b", "C:\\x", ".hidden", "trailing.", "nul\0", "", "ü", "A B", "-x"]
    )
    def test_harmless(self, sku: str) -> None:
        name = safe_name(sku)
        assert name not in ("", ".", "..")
        assert not name.startswith(".")
        assert not name.endswith(".")
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")

    def test_plain_skus_stay_as_they_are(self) -> None:
        assert [safe_name(sku) for sku in ("NL-MUG-01", "a_b.c", "404.038.96")] == ["NL-MUG-01", "a_b.c", "404.038.96"]

    @given(st.lists(st.text(max_size=200), min_size=2, max_size=6, unique=True))
    def test_different_skus_have_different_names(self, several: list[str]) -> None:
        names = [safe_name(sku) for sku in several]
        assert len(set(names)) == len(names)
        assert all(1 <= len(name) <= MAX_NAME for name in names)

    def test_long_skus_that_begin_alike(self) -> None:
        names = {safe_name("杯" * 100 + tail) for tail in "abc"}
        assert len(names) == 3
        assert {len(name) for name in names} <= set(range(1, MAX_NAME + 1))
