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

from connectors.sources.csv_rows import MAX_RECORD
from connectors.sources.guess import guess_mapping
from connectors.sources.mapping import Mapping, load_mapping
from connectors.sources.registry import open_source
from studio.errors import InputError, RowError
from studio.product import Dimensions, ImageRole, Product, Swatch
from tests.rows import errors, products, read, skus

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
