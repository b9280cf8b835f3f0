"""Which templates a product gets, and why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.product import ImageRole, Product, ProductImage
from studio.selection import Rule, choose
from studio.setups import fitting
from studio.template import AppliesTo, Template


def product(category: str = "", **more: Any) -> Product:
    roles = more.pop("roles", ("front",))
    return Product(sku="1", category=category, images=tuple(ProductImage(uri=r, role=r) for r in roles), **more)


def rule(name: str = "r", **when: Any) -> Rule:
    return Rule.model_validate({"id": name, "when": when, "templates": [f"{name}-main"], "because": "so it is"})


@pytest.mark.parametrize(
    ("category", "fits"),
    [
        ("Shoes", True),
        ("SHOE", True),
        ("Women's shoes", True),
        ("Apparel & Accessories > Shoes", True),
        ("Apparel/Shoes/Boots", True),
        ("Running Shoes, men", True),
        ("Shoeboxes", False),
        ("Snowshoeing", False),
        ("", False),
    ],
)
def test_words_of_the_category(category: str, fits: bool) -> None:
    assert bool(choose(product(category), [rule(categories=["shoe"])]).rule) is fits


@pytest.mark.parametrize("plural", ["vases", "knives", "glasses", "brushes", "batteries", "dresses", "lenses", "phone cases"])
def test_a_plural_is_the_same_word(plural: str) -> None:
    assert choose(product(plural), [rule(categories=[plural])]).rule
    assert choose(product(plural.upper()), [rule(categories=[plural])]).rule


@pytest.mark.parametrize(
    ("one", "many"), [("vase", "Vases"), ("brush", "Brushes"), ("battery", "batteries"), ("glass", "glasses")]
)
def test_singular_and_plural_meet(one: str, many: str) -> None:
    assert choose(product(many), [rule(categories=[one])]).rule
    assert choose(product(one), [rule(categories=[many])]).rule


def test_words_stand_together_and_at_one_level() -> None:
    rules = [rule(categories=["coffee machine"])]
    assert choose(product("Kitchen -> Coffee Machines"), rules).rule
    assert not choose(product("Coffee > Machines"), rules).rule
    assert not choose(product("Machine coffee"), rules).rule


def test_the_first_rule_that_fits_decides_and_says_why() -> None:
    rules = [rule("pet", categories=["pet"]), rule("food", categories=["food"]), rule("rest")]
    choice = choose(product("Pet food"), rules)
    assert choice.templates == ("pet-main",)
    assert str(choice) == "pet (category 'Pet food' has 'pet'): so it is"
    assert str(choose(product("Rope"), rules)) == "rest (any product): so it is"


def test_a_product_without_category_is_known_by_its_title() -> None:
    rules = [rule(categories=["boot"])]
    assert choose(product("", title="Leather boots"), rules).facts == ("title 'Leather boots' has 'boot'",)
    assert not choose(product("Rope", title="Leather boots"), rules).rule


def test_brand_attributes_and_photos_all_count() -> None:
    rules = [rule(brands=["Acme"], attributes={"Material": ("Steel", "glass"), "size": ()}, roles=["inside", "detail"])]
    full = {"brand": " acme", "attributes": {"material": "STEEL", "Size": "L"}, "roles": ("front", "detail")}
    choice = choose(product("x", **full), rules)
    assert choice.facts == ("brand ' acme'", "Material is 'STEEL'", "size is 'L'", "has a detail photo")
    for lack in (
        {"brand": ""},
        {"attributes": {"material": "wood", "size": "L"}},
        {"attributes": {"material": "steel"}},
        {"roles": ("front",)},
    ):
        assert not choose(product("x", **(full | lack)), rules).rule


@pytest.mark.parametrize("wrong", [{"templates": []}, {"templates": ["No Name"]}, {"because": ""}, {"when": {"category": ["x"]}}])
def test_a_rule_is_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Rule.model_validate({"id": "r", "templates": ["t"], "because": "b"} | wrong)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_any_text_gets_an_answer_and_always_the_same(category: str, title: str, attributes: dict[str, str]) -> None:
    rules = [rule("a", categories=["boot", "shoe"]), rule("b", attributes={"size": ()}), rule("c")]
    made = product(category, title=title, attributes=attributes)
    assert choose(made, rules) == choose(made, rules)
    assert choose(made, rules).rule in {"a", "b", "c"}


class TestFitting:
    def template(self, **applies: Any) -> Template:
        return Template(id="t", title="T", outputs=("shop",), applies_to=AppliesTo.model_validate(applies))

    def test_roles_categories_and_attributes(self) -> None:
        look = self.template(categories=["Shoe"], roles=["front", "back"], attributes={"material": ("leather", "suede")})
        shoe = product("shoes", attributes={"Material": "Suede"}, roles=("front", "detail", "back"))
        assert [image.role for image in fitting(shoe, look)] == [ImageRole.FRONT, ImageRole.BACK]
        assert fitting(product("shoes", attributes={"material": "wool"}), look) == []
        assert fitting(product("hats", attributes={"material": "suede"}), look) == []

    def test_a_named_template_only_asks_for_photos(self) -> None:
        look = self.template(categories=["Shoe"], attributes={"material": ("leather",)})
        assert len(fitting(product("hats"), look, named=True)) == 1
        assert fitting(product("hats", roles=("detail",)), look, named=True) == []
