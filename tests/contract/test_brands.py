"""Every packaged brand over every packaged style, and the rules that choose styles."""

from __future__ import annotations

from typing import get_args

import pytest

from studio import brand as brands
from studio.brand import Brand
from studio.errors import TemplateError
from studio.grounds import Ground, SurfaceGround
from studio.product import Product
from studio.selection import choose
from studio.template import Template
from templates.linting import lint
from tests import shipped
from tests.industries import INDUSTRIES

LIBRARY = shipped.library()


def test_nothing_is_wrong_in_what_is_packaged() -> None:
    assert lint() == []


def test_there_are_two_brands() -> None:
    assert {brand.id for brand in LIBRARY.brands()} >= {"havn-lys", "solbloom"}


def test_a_brand_knows_every_ground_and_material() -> None:
    kinds = {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Ground)[0])}
    assert set(get_args(brands.GroundKind)) == kinds
    assert set(get_args(brands.Material)) == set(get_args(SurfaceGround.model_fields["material"].annotation))


def unless_forbidden(template: Template, product: Product) -> Template | None:
    """The look under the product's brand; that nothing else than a forbidden look stands against it, `lint` says."""
    try:
        return LIBRARY.for_product(template, product)
    except TemplateError:
        return None


@pytest.mark.parametrize("brand", LIBRARY.brands(), ids=lambda b: b.id)
class TestEach:
    def test_over_every_style(self, brand: Brand) -> None:
        product = Product(sku="1", brand=brand.matches[0].upper())
        made = 0
        for template in LIBRARY.templates():
            look = unless_forbidden(template, product)
            if look is None:
                continue
            made += 1
            assert (look.brand, look.id, look.version) == (brand.id, template.id, template.version)
            assert look.model_copy(update={"brief": None}) == LIBRARY.explained(template.key, brand.id)[0].model_copy(
                update={"brief": None}
            )
            assert brand.forbidden(look) == ()
            assert self.unsaid(brand, template, look)
        assert made >= 0.6 * len(LIBRARY.templates())

    def unsaid(self, brand: Brand, template: Template, look: Template) -> bool:
        """What the brand does not speak about is as the style has it."""
        spoken = {*brand.style, *brand.by_use.get(template.use, {}), "brand", "brief"}
        return template.model_dump(exclude=spoken) == look.model_dump(exclude=spoken)


class TestRules:
    def test_all_industries_are_reached_by_their_name(self) -> None:
        for industry in INDUSTRIES:
            choice = choose(Product(sku="1", category=industry.replace("-", " ").title()), LIBRARY.rules())
            assert choice.templates == (f"{industry}-main", f"{industry}-lifestyle"), industry

    @pytest.mark.parametrize(
        ("category", "industry"),
        [
            ("Make-up", "cosmetics"),
            ("Fragrance", "cosmetics"),
            ("Drinks", "beverages"),
            ("Kitchen", "kitchenware"),
            ("Kitchen -> Coffee Machines", "appliances"),
            ("Air & Climate -> Humidifiers", "appliances"),
            ("Home textiles", "home-decor"),
            ("Apparel & Accessories > Jewelry > Rings", "jewellery"),
            ("Apparel & Accessories > Shoes", "footwear"),
            ("Sneakers", "footwear"),
            ("Sunglasses", "eyewear"),
            ("T-shirts", "fashion"),
            ("Beanies", "fashion"),
            ("Groceries", "food"),
            ("Juices", "beverages"),
            ("Wine glasses", "kitchenware"),
            ("Audiobooks", "books"),
            ("Bookcases", "furniture"),
            ("Toys & Games > Toy cars", "toys"),
            ("Dog food", "pet"),
            ("Vehicles & Parts > Car parts", "automotive"),
            ("Hardware > Power tools", "tools"),
            ("Phone cases", "electronics"),
            ("Vases", "home-decor"),
        ],
    )
    def test_categories_of_shops(self, category: str, industry: str) -> None:
        assert choose(Product(sku="1", category=category), LIBRARY.rules()).templates[0] == f"{industry}-main"

    def test_anything_gets_a_picture(self) -> None:
        assert choose(Product(sku="1", category="Gravel"), LIBRARY.rules()).rule == "fallback"
