"""What every catalogue reader must do, for each format in the registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.sources.registry import FORMATS, open_source
from studio.errors import InputError, RowError
from studio.product import Product

ROWS = [
    ("A-1", "One", "a.jpg"),
    ("", "no sku", "b.jpg"),
    ("Ü/2", "=1+1", "c.jpg"),
    ("A-1", "again", "d.jpg"),
    ("Z", "Last", "http://h/e.jpg"),
]


def write_csv(path: Path) -> Path:
    path.write_text("sku,title,image\n" + "".join(f"{sku},{title},{image}\n" for sku, title, image in ROWS))
    return path


def write_jsonl(path: Path) -> Path:
    path.write_text("".join(f'{{"sku": "{sku}", "title": "{title}", "image": "{image}"}}\n' for sku, title, image in ROWS))
    return path


def write_parquet(path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist([{"sku": sku, "title": title, "image": image} for sku, title, image in ROWS]), path)
    return path


def write_shopify(path: Path) -> Path:
    lines = [f"h{n},{title},S,v{n},{sku},{image},1" for n, (sku, title, image) in enumerate(ROWS) if sku]
    broken = "h9,no sku,S,v1,,b.jpg,1\nh9,,,v2,OK,,"
    path.write_text(
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Image Src,Image Position\n"
        + "\n".join([lines[0], broken, *lines[1:]])
    )
    return path


def write_vendure(path: Path) -> Path:
    lines = [f"{title},s,d,{image},,,,{sku},1,,,,," for sku, title, image in ROWS]
    header = "name,slug,description,assets,facets,optionGroups,optionValues,sku,price,taxCategory,"
    path.write_text(f"{header}stockOnHand,trackInventory,variantAssets,variantFacets\n" + "\n".join(lines))
    return path


WRITERS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "csv": (write_csv, "c.csv"),
    "jsonl": (write_jsonl, "c.jsonl"),
    "parquet": (write_parquet, "c.parquet"),
    "shopify": (write_shopify, "c.csv"),
    "vendure": (write_vendure, "c.csv"),
}


@pytest.fixture(params=sorted(FORMATS))
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    write, name = WRITERS[request.param]
    return request.param, write(tmp_path / name)


def test_good_rows_come_through_and_broken_ones_are_errors(catalog: tuple[str, Path]) -> None:
    _, path = catalog
    items = list(open_source(path))
    skus = [item.sku for item in items if isinstance(item, Product) and item.sku != "OK"]
    assert skus == ["A-1", "Ü/2", "Z"]
    failed = [item for item in items if isinstance(item, RowError)]
    assert len(failed) == 2
    assert all(error.file == str(path) and error.line > 1 and error.field for error in failed)


def test_images_are_absolute_and_carry_no_invented_digest(catalog: tuple[str, Path]) -> None:
    _, path = catalog
    images = {item.sku: [image.uri for image in item.images] for item in open_source(path) if isinstance(item, Product)}
    assert images["A-1"] == [str(path.parent / "a.jpg")]
    assert images["Z"] == ["http://h/e.jpg"]


def test_reading_twice_gives_the_same(catalog: tuple[str, Path]) -> None:
    _, path = catalog
    source = open_source(path)
    assert [repr(item) for item in source] == [repr(item) for item in source]


def test_the_format_is_recognised(catalog: tuple[str, Path]) -> None:
    name, path = catalog
    assert [repr(item) for item in open_source(path)] == [repr(item) for item in open_source(path, format=name)]


def test_a_missing_catalogue_is_an_input_error(catalog: tuple[str, Path]) -> None:
    name, path = catalog
    path.unlink()
    with pytest.raises(InputError):
        open_source(path, format=name)


def test_reading_is_lazy(catalog: tuple[str, Path]) -> None:
    _, path = catalog
    first = next(iter(open_source(path)))
    assert isinstance(first, Product)
    assert first.sku == "A-1"
