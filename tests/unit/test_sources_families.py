"""Bundles and variants out of catalogues of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.sources.mapping import BundleColumn, Mapping
from connectors.sources.registry import open_source
from studio.errors import InputError
from studio.product import ImageRole
from tests.rows import products, read

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.csv"


def test_columns_of_the_usual_names_are_found(file: Path) -> None:
    kit, part = products(read(file, "SKU,Bundle,Variant of,Colour\nKIT, A | B||A ,,red\nA,,V-1,blue\n"))
    assert (kit.bundle, kit.variant_of) == (("A", "B"), "")
    assert (part.bundle, part.variant_of) == ((), "V-1")
    assert kit.attributes == {"colour": "red"}


def test_googles_group_of_variants(file: Path) -> None:
    (product,) = products(read(file, "id,item_group_id\nA,G7\n"))
    assert product.variant_of == "G7"


def test_a_mapping_names_them(file: Path) -> None:
    file.write_text('no,family,parts\nA,F,"X;Y"\n')
    mapping = Mapping(sku="NO", variant_of="FAMILY", bundle=BundleColumn(column="PARTS", separator=";"))
    (product,) = products(list(open_source(file, mapping=mapping)))
    assert (product.variant_of, product.bundle) == ("F", ("X", "Y"))


def test_a_mapping_that_names_a_column_that_is_not_there_is_an_error(file: Path) -> None:
    file.write_text("no\nA\n")
    with pytest.raises(InputError, match="parts"):
        open_source(file, mapping=Mapping(sku="no", bundle=BundleColumn(column="parts")))


def test_json_lines_flat_and_nested(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    flat = {"sku": "A", "bundle": ["B", "C"], "variant_of": "V"}
    nested = {"sku": "B", "images": [{"uri": "b.png"}], "bundle": ["A"], "variant_of": "V"}
    path.write_text(f"{json.dumps(flat)}\n{json.dumps(nested)}\n")
    a, b = products(list(open_source(path)))
    assert (a.bundle, a.variant_of, b.bundle, b.variant_of) == (("B", "C"), "V", ("A",), "V")


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    pq.write_table(pa.table({"sku": ["A", "B"], "bundle": ["B|C", None], "variant_of": [None, "V"]}), path)
    a, b = products(list(open_source(path)))
    assert (a.bundle, a.variant_of, b.bundle, b.variant_of) == (("B", "C"), "", (), "V")


def test_variants_of_a_shopify_handle(file: Path) -> None:
    text = (
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Image Src\n"
        "mug,Mug,Colour,White,MUG-W,https://c/w.jpg\nmug,,,Red,MUG-R,\ncap,Cap,Colour,Blue,CAP,https://c/c.jpg\n"
    )
    assert [(p.sku, p.variant_of) for p in products(read(file, text))] == [("MUG-W", "mug"), ("MUG-R", "mug"), ("CAP", "")]


def test_variants_of_a_vendure_product(file: Path) -> None:
    text = (
        "name,slug,description,assets,facets,optionGroups,optionValues,sku\n"
        "Mug,mug,,,,colour,white,MUG-W\n,,,,,,red,MUG-R\nCap,cap,,,,,,CAP\n"
    )
    found = products(read(file, text))
    assert {p.sku: p.variant_of for p in found}["CAP"] == ""


def test_photos_of_angles_and_spins(file: Path) -> None:
    (product,) = products(
        read(file, "sku,image_front,image_angle,image_angle_2,image_spin\nA,f.jpg,a.jpg|b.jpg,c.jpg,1.jpg|2.jpg\n")
    )
    roles = [image.role for image in product.images]
    assert roles == [ImageRole.FRONT, *[ImageRole.ANGLE] * 3, *[ImageRole.SPIN] * 2]


def test_the_sample_catalogue_of_groups_is_whole() -> None:
    found = {p.sku: p for p in products(list(open_source(ROOT / "examples" / "studios" / "group-shot.csv")))}
    sets = [p for p in found.values() if p.bundle]
    assert len(sets) >= 3
    assert {sku for p in sets for sku in p.bundle} <= set(found)
    assert all(Path(image.uri).is_file() for p in found.values() for image in p.images)
    assert sum(p.variant_of == "NL-LIP" for p in found.values()) == 3
