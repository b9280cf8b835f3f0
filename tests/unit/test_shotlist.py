"""Setups and the shot list: what is made of a product, for both ways in."""

from __future__ import annotations

import pytest

from pipelines.asking import subject_of
from pipelines.relatives import CatalogueRelatives
from studio.errors import InputError, NotFound, RowError
from studio.product import ImageRole, Product, ProductImage
from studio.recipes.catalogue import NAMES, recipe
from studio.setups import Setup
from templates.shotlist import NoRelatives, ShotList
from tests import shipped

LIBRARY = shipped.library()


def product(sku: str, *roles: str, **more: object) -> Product:
    images = tuple(ProductImage(uri=f"{sku}-{n}.jpg", role=ImageRole(role)) for n, role in enumerate(roles))
    return Product.model_validate({"sku": sku, "images": images, **more})


def test_a_picture_of_every_photo_at_every_destination() -> None:
    mug, look = (
        product("MUG", "front", "front"),
        LIBRARY.template("amazon-white").model_copy(update={"outputs": ("ebay", "shopify")}),
    )
    shotlist = ShotList(LIBRARY, NoRelatives())
    setups = shotlist.setups(mug, look, mug.images)
    assert [setup.slot for setup in setups] == ["front", "front-2"]
    known = [setup.with_photos(lambda image: image.model_copy(update={"digest": "ab" * 32})) for setup in setups]
    shots = [shot.id for setup in known for shot in shotlist.shots(mug, look, setup)]
    assert shots == [f"MUG/amazon-white/{place}/{slot}" for slot in ("front", "front-2") for place in ("ebay", "shopify")]


def test_a_setup_may_name_its_look_and_its_destinations() -> None:
    mug, look = product("MUG", "front"), LIBRARY.template("amazon-white")
    other = LIBRARY.template("lifestyle-wood")
    image = mug.images[0].model_copy(update={"digest": "ab" * 32})
    setup = Setup(slot="02-lifestyle", images=(image,), template=other, outputs=("ebay",))
    (shot,) = ShotList(LIBRARY, NoRelatives()).shots(mug, look, setup)
    assert (shot.template.id, shot.destination.id, shot.slot) == ("lifestyle-wood", "ebay", "02-lifestyle")


def test_nothing_is_made_without_a_photo() -> None:
    assert ShotList(LIBRARY, NoRelatives()).setups(product("MUG"), LIBRARY.template("amazon-white"), ()) == ()


def test_every_photo_of_a_setup_gets_its_digest() -> None:
    cup = product("CUP", "front")
    setup = Setup(slot="group", images=product("POT", "front", "back").images, companions=(cup,))
    known = setup.with_photos(lambda image: image.model_copy(update={"digest": image.uri[:3].lower() * 2}))
    assert [image.digest for image in known.photos] == ["potpot", "potpot", "cupcup"]
    assert [image.uri for image in known.photos] == [image.uri for image in setup.photos]


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_is_built(name: str) -> None:
    built = recipe(name)
    assert built.name == name
    assert bool(built.steps) == (name != "listing-set")
    assert len({step.name for step in built.steps}) == len(built.steps)


class TestRelatives:
    """A catalogue is looked through only where somebody asks, and broken rows are nobody's relatives."""

    rows = (
        product("SET", "front", bundle=("CUP", "POT")),
        RowError("broken", file="c.csv", line=3),
        product("CUP", "front", variant_of="crockery"),
        product("POT", "front", variant_of="crockery"),
        product("HAT", "front"),
    )

    def test_bundles_and_variants(self) -> None:
        opened: list[int] = []

        def rows() -> tuple[Product | RowError, ...]:
            opened.append(1)
            return self.rows

        relatives = CatalogueRelatives(rows)
        assert not opened
        assert relatives.product("POT").sku == "POT"
        assert [p.sku for p in relatives.variants("crockery")] == ["CUP", "POT"]
        assert list(relatives.variants("hats")) == []
        with pytest.raises(NotFound, match="HAT"):
            relatives.product("HAT")


class TestAsking:
    def test_photos_and_facts(self) -> None:
        subject = subject_of("a.jpg", ["inside=b.jpg"], ["title=Top", "width_mm=420", "material=wool"], "", "")
        assert subject.photos == [(ImageRole.INSIDE, "b.jpg")]
        assert subject.facts == {"title": "Top", "dimensions": {"width_mm": 420.0}, "attributes": {"material": "wool"}}

    @pytest.mark.parametrize(
        ("image", "photos", "facts", "catalog", "sku", "about"),
        [
            ("", [], [], "", "", "give a photo"),
            ("a.jpg", [], [], "c.csv", "A", "give a photo"),
            ("", [], [], "c.csv", "", "--sku"),
            ("", ["inside=b.jpg"], [], "c.csv", "A", "no --photo"),
            ("a.jpg", ["lining=b.jpg"], [], "", "", "lining"),
            ("a.jpg", ["inside"], [], "", "", "ROLE=PATH"),
            ("a.jpg", [], ["title"], "", "", "NAME=VALUE"),
            ("a.jpg", [], ["width_mm=wide"], "", "", "millimetres"),
        ],
    )
    def test_what_cannot_be_meant(
        self, image: str, photos: list[str], facts: list[str], catalog: str, sku: str, about: str
    ) -> None:
        with pytest.raises(InputError, match=about):
            subject_of(image, photos, facts, catalog, sku)


def test_files_of_a_brief_get_their_digests() -> None:
    """What a brief names beside its YAML is read with it, and is among what the renderer fetches."""
    for template in LIBRARY.templates():
        for file in template.files:
            assert LIBRARY.asset(file.digest), f"{template.key}: {file.path}"
