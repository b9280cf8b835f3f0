"""Drafts of rows: the same products, and facts that tell any two different products apart."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sources.base import Draft
from connectors.sources.drafts import drafts
from connectors.sources.mapping import ImageColumn, Mapping
from connectors.sources.registry import open_source
from studio.errors import RowError
from studio.product import Product

COLUMNS = ("sku", "title", "category", "image_front", "images", "colour", "width_mm", "variant_of", "price")
CELL = st.text(alphabet="ab|/'\"\\é ,;\u2028", max_size=5)
ROW = st.fixed_dictionaries(dict.fromkeys(COLUMNS[1:], CELL) | {"width_mm": st.sampled_from(("", "3", "3.0", "x"))})


def written(folder: Path, kind: str, rows: list[dict[str, str]]) -> Path:
    path = folder / f"catalog.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def told(path: Path, mapping: Mapping | None = None) -> list[Draft | RowError]:
    return list(drafts(open_source(path, mapping=mapping)))


@settings(max_examples=60)
@given(st.lists(ROW, min_size=2, max_size=3), st.sampled_from(("csv", "jsonl")))
def test_equal_facts_are_equal_products(rows: list[dict[str, str]], kind: str) -> None:
    """Two catalogues whose rows differ in anything but the SKU: facts differ wherever products do."""
    with tempfile.TemporaryDirectory() as folder:
        seen = {}
        for row in rows:
            path = written(Path(folder), kind, [{"sku": "one"} | row])
            (draft,), (item,) = told(path), open_source(path)
            assert isinstance(draft, RowError) or repr(draft.make()) == repr(item)
            if isinstance(draft, RowError) or not isinstance(item, Product):
                continue
            assert list(draft.photos()) == [image.uri for image in item.images]
            assert seen.setdefault(draft.facts, item) == item


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_price_is_no_fact_and_a_mapping_is_one(tmp_path: Path, kind: str) -> None:
    row = dict.fromkeys(COLUMNS, "") | {"sku": "a", "image_front": "x.png", "price": "1"}
    (cheap,) = told(written(tmp_path, kind, [row]))
    (dear,) = told(written(tmp_path, kind, [row | {"price": "2"}]))
    (other,) = told(tmp_path / f"catalog.{kind}", Mapping(sku="sku", images=(ImageColumn(column="image_front"),)))
    assert not any(isinstance(draft, RowError) for draft in (cheap, dear, other))
    assert len({draft.facts for draft in (cheap, dear) if not isinstance(draft, RowError)}) == 1
    assert len({draft.facts for draft in (cheap, other) if not isinstance(draft, RowError)}) == 2


def test_the_folder_is_a_fact(tmp_path: Path) -> None:
    """A relative photo is another one elsewhere."""
    facts = set()
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (draft,) = told(written(tmp_path / name, "csv", [dict.fromkeys(COLUMNS, "") | {"sku": "a", "images": "x.png|y.png"}]))
        assert not isinstance(draft, RowError)
        assert list(draft.photos()) == [str(tmp_path / name / "x.png"), str(tmp_path / name / "y.png")]
        facts.add(draft.facts)
    assert len(facts) == 2


def test_whole_products_are_their_own_facts(tmp_path: Path) -> None:
    path = tmp_path / "catalog.jsonl"
    nested = {"sku": "a", "images": [{"uri": "x.png"}]}
    path.write_text(
        "\n".join(json.dumps(row) for row in (nested, nested | {"title": "other"}, nested | {"sku": "b"}, {"sku": []}))
    )
    one, twice, other, wrong = told(path)
    assert isinstance(twice, RowError)
    assert isinstance(wrong, RowError)
    assert not isinstance(one, RowError)
    assert not isinstance(other, RowError)
    assert one.facts != other.facts
    assert [one.make(), other.make()] == [item for item in open_source(path) if isinstance(item, Product)]


def test_what_cannot_be_made_says_so_when_it_is_made(tmp_path: Path) -> None:
    row = dict.fromkeys(COLUMNS, "") | {"sku": "a", "image_front": "data:image/png"}
    (draft,) = told(written(tmp_path, "csv", [row]))
    assert not isinstance(draft, RowError)
    assert isinstance(draft.make(), RowError)
    with pytest.raises(RowError):
        draft.photos()
