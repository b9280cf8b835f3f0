"""What the HTTP service takes: strict, documented, and an order's spec survives being stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from connectors.storage.base import BLOB
from serve_apps.request.resolve import resolve
from serve_apps.request.schema import (
    BatchDefaults,
    BatchItem,
    BatchRequest,
    ImageInput,
    ImageRequest,
    OrderSpec,
    OrderView,
    Quote,
)
from studio.errors import InputError, NotFound, NotStored, UnknownTemplate
from studio.product import Product, ProductImage
from studio.template import Template
from templates.library import Library
from tests import shipped
from tests.sample import Shelf

LIBRARY = shipped.library()
STORED = "ab" * 32
MUG = Product(
    sku="MUG-01",
    title="Mug",
    category="Kitchen",
    images=tuple(ProductImage(uri=f"https://shop.example/{n}.jpg", role=r) for n, r in enumerate(("front", "front", "back"))),
)


def places(spec: OrderSpec) -> list[str]:
    return [setup.slot for setup in spec.setups]


def resolved(**fields: Any) -> OrderSpec:
    wanted = ImageRequest.model_validate({"template": "amazon-white", **fields})
    return resolve(wanted, library=LIBRARY, relatives=Shelf(MUG), has_blob=lambda digest: digest == STORED)


def models(root: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """The model and all models of its fields that this service defines."""
    if root in seen:
        return
    seen.add(root)
    yield root
    todo = [field.annotation for field in root.model_fields.values()]
    while todo:
        kind = todo.pop()
        todo += getattr(kind, "__args__", ())
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__module__.startswith("serve_apps"):
            yield from models(kind, seen)


@pytest.mark.parametrize("root", [ImageRequest, BatchRequest, BatchItem, OrderView, Quote], ids=lambda m: m.__name__)
def test_every_field_says_what_it_is(root: type[BaseModel]) -> None:
    bare = [f"{m.__name__}.{n}" for m in models(root, set()) for n, f in m.model_fields.items() if not f.description]
    assert bare == []


@pytest.mark.parametrize("root", [ImageRequest, BatchRequest, OrderView, Quote])
def test_the_examples_are_valid(root: type[BaseModel]) -> None:
    for example in root.model_json_schema().get("examples", ()):
        assert root.model_validate(example)
    for model in models(root, set()):
        for field in model.model_fields.values():
            for example in field.examples or ():
                TypeAdapter(field.rebuild_annotation()).validate_python(example)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"template": "Amazon White"}, ("template",)),
        ({"template": "amazon-white@0"}, ("template",)),
        ({"template": "amazon-white", "edit": {}}, ("edit",)),
        ({"template": "a", "input": {}}, ("input",)),
        ({"template": "a", "input": {"url": "https://a/b", "sku": "A"}}, ("input",)),
        ({"template": "a", "input": {"sku": "A", "role": "back"}}, ("input",)),
        ({"template": "a", "input": {"url": "file:///etc/passwd"}}, ("input", "url")),
        ({"template": "a", "input": {"asset": "../../etc/passwd"}}, ("input", "asset")),
        ({"template": "a", "product": {"sku": "a\nb"}}, ("product", "sku")),
        ({"template": "a", "priority": "now"}, ("priority",)),
        ({"template": "a", "deadline": "2027-01-31T12:00:00"}, ("deadline",)),
        ({"template": "a", "qa": {"on_fail": "ignore"}}, ("qa", "on_fail")),
        ({"template": "a", "metadata": {f"k{i}": "v" for i in range(17)}}, ("metadata",)),
        ({"template": "a", "destinations": ["x"] * 33}, ("destinations",)),
        ({"template": "a", "edits": {"layout": {"margin": "60 px"}}}, ("edits", "layout", "margin")),
        ({"template": "a", "edits": {"layout": {"margin": 0.5}}}, ("edits", "layout", "margin")),
        ({"template": "a", "edits": {"layout": {"baseline": 0.8, "align_y": "top"}}}, ("edits", "layout")),
        ({"template": "a", "edits": {"background": {"color": "white", "image": STORED}}}, ("edits", "background")),
        (
            {"template": "a", "edits": {"layout": {"output_size": {"width": 10000, "height": 10000}}}},
            ("edits", "layout", "output_size"),
        ),
        ({"template": "a", "edits": {"shadow": {"elevation": 30, "spread": "long"}}}, ("edits", "shadow")),
        ({"template": "a", "edits": {"cutout": {"roi": {"x": 0.5, "width": 0.6, "height": 1}}}}, ("edits", "cutout", "roi")),
        ({"template": "a", "edits": {"recolour": {"region": "colour", "target": "#ffffff"}}}, ("edits", "recolour")),
        ({"template": "a", "edits": {"export": {"quality": 101}}}, ("edits", "export", "quality")),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], place: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        ImageRequest.model_validate(body)
    assert {error["loc"][: len(place)] for error in caught.value.errors()} == {place}


class TestBatch:
    def test_an_item_says_more_than_the_batch(self) -> None:
        batch = BatchRequest.model_validate(
            {
                "template": "amazon-white",
                "priority": "urgent",
                "metadata": {"a": "1", "b": "2"},
                "items": [
                    {"input": {"sku": "A"}, "metadata": {"b": "3"}},
                    {"input": {"sku": "B"}, "template": "dark-luxury@1", "destinations": ["shopify"]},
                ],
            }
        )
        first, second = (item.request(batch.defaults) for item in batch.items)
        assert (first.template, first.priority, first.metadata) == ("amazon-white", "urgent", {"a": "1", "b": "3"})
        assert (second.template, second.destinations) == ("dark-luxury@1", ("shopify",))

    def test_some_template_is_needed(self) -> None:
        with pytest.raises(ValidationError, match="template"):
            BatchItem(input=ImageInput(sku="A")).request(BatchDefaults())

    def test_items_or_a_catalogue(self) -> None:
        with pytest.raises(ValidationError, match="not both"):
            BatchRequest.model_validate({"items": [{"input": {"sku": "A"}}], "catalog": "s3://shop/c.csv"})


class TestResolve:
    def test_a_url(self) -> None:
        spec = resolved(input={"url": "https://shop.example/a.jpg"}, product={"title": "A mug"})
        assert not spec.resolved
        assert (spec.template.key, [p.id for p in spec.destinations]) == ("amazon-white@1", ["amazon-main"])
        assert (places(spec), spec.photos[0].uri, spec.product.title) == (["front"], "https://shop.example/a.jpg", "A mug")
        assert spec.product.sku.startswith("photo-")
        assert resolved(input={"url": "https://shop.example/a.jpg"}).product.sku == spec.product.sku

    def test_an_asset(self) -> None:
        spec = resolved(input={"asset": STORED, "role": "back"}, product={"sku": "B-1"})
        assert spec.resolved
        assert (spec.photos[0].uri, spec.photos[0].digest, places(spec)) == (BLOB + STORED, STORED, ["back"])
        with pytest.raises(NotStored):
            resolved(input={"asset": "cd" * 32})

    def test_a_known_product(self) -> None:
        spec = resolved(input={"sku": "MUG-01"}, product={"title": "Better mug"})
        assert (places(spec), len(spec.photos)) == (["front", "front-2"], 2)
        assert (spec.product.title, spec.product.category) == ("Better mug", "Kitchen")
        with pytest.raises(NotFound):
            resolved(input={"sku": "NOPE"})
        with pytest.raises(InputError, match=r"product\.sku"):
            resolved(input={"sku": "MUG-01"}, product={"sku": "OTHER"})

    def test_destinations_of_ones_own(self) -> None:
        spec = resolved(input={"asset": STORED}, destinations=["shopify", "ebay", "shopify"])
        assert [place.id for place in spec.destinations] == ["shopify", "ebay"]
        with pytest.raises(UnknownTemplate, match="ebay"):
            resolved(input={"asset": STORED}, destinations=["ebuy"])

    def test_transparency_to_a_jpeg_is_known_before_anything_is_made(self) -> None:
        with pytest.raises(InputError, match="JPEG"):
            resolved(input={"asset": STORED}, template="transparent", destinations=["shopify"])

    def test_the_ladder_keeps_the_edits(self) -> None:
        tried = Template.model_validate(
            {**LIBRARY.template("amazon-white").model_dump(), "fallback": [{"cutout": {"refiner": "closed_form"}}]}
        )

        class OneTemplate(Library):
            def template(self, name: str) -> Template:
                return tried

        wanted = ImageRequest.model_validate(
            {
                "template": "amazon-white",
                "input": {"asset": STORED},
                "edits": {"layout": {"target_fill": 0.9}},
                "qa": {"on_fail": "retry"},
            }
        )
        spec = resolve(wanted, library=OneTemplate.default(), relatives=Shelf(MUG), has_blob=lambda _: True)
        (rung,) = spec.ladder
        assert (rung.cutout.refiner, rung.composition.fill) == ("closed_form", 0.9)

    def test_a_spec_survives_being_stored(self) -> None:
        spec = resolved(
            input={"asset": STORED},
            template="lifestyle-wood",
            edits={
                "recolour": {"target": {"l": 42, "a": 31, "b": -12.5}},
                "cutout": {"roi": {"width": 0.5, "height": 1}},
                "background": {"image": STORED},
            },
            metadata={"ticket": "4711"},
        )
        assert OrderSpec.model_validate_json(spec.model_dump_json()) == spec
