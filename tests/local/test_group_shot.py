"""The group studio: who is in the picture, at which scale, in front of whom, and what is measured of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from studio.errors import MissingInput, NotFound, PackshotError, TemplateError
from studio.imaging.glance import glance
from studio.imaging.groups.neighbours import visible
from studio.imaging.groups.sizing import TOP
from studio.keys import digest_bytes
from studio.product import Dimensions, Product, ProductImage
from studio.qa import policy
from studio.qa.measure import measure
from studio.recipes.group_shot import build, setups
from studio.shot import Shot
from studio.steps.others import CutOthers
from studio.take import Matte, Take
from studio.template import Template
from templates.library import Library
from templates.shotlist import ShotList
from tests.golden.pictures import NoModels, small
from tests.golden.pictures import matte as golden
from tests.sample import Shelf

LIBRARY = Library.default()
SIZES = {"NL-MUG-01": (118.1, 95.0, 82.0), "NL-RNG-01": (20.8, 24.8, 20.0), "NL-STL-01": (344.0, 446.9, 344.0)}


def block(sku: str, width: float, height: float, depth: float | None = 50.0, **more: Any) -> Product:
    photo = ProductImage(uri=f"{sku}.png", digest=digest_bytes(sku.encode()))
    size = Dimensions(width_mm=width, height_mm=height, depth_mm=depth)
    return Product(sku=sku, dimensions=size, images=(photo,), **more)


def family(*products: Product) -> ShotList:
    return ShotList(LIBRARY, Shelf(*products))


def cut(product: Product, colour: tuple[int, int, int] = (150, 60, 40)) -> Matte:
    """A block of the product's shape, as a camera that looks 15 degrees down sees it, 2 pixels a millimetre at most."""
    size = product.dimensions
    assert size.width_mm
    assert size.height_mm
    high = size.height_mm * np.cos(np.radians(15)) + TOP * (size.depth_mm or 35.0) * np.sin(np.radians(15))
    scale = 160 / max(size.width_mm, high)
    w, h = round(size.width_mm * scale), round(high * scale)
    alpha = np.zeros((200, 200), np.float32)
    alpha[20 : 20 + h, 20 : 20 + w] = 1
    rgb = np.full((200, 200, 3), colour, np.uint8)
    rgb[::7] //= 2
    return Matte(alpha, rgb, 0.0, "u2netp")


def look(**more: Any) -> Template:
    """A plain look; `brief` over the studio's defaults."""
    brief = {"kind": "group-shot", **more.pop("brief", {})}
    ground = {"kind": "gradient", "top": "#d9d3ca", "bottom": "#eeeae4"}
    base = {"id": "t", "title": "T", "outputs": ["web-square"], "background": ground, "brief": brief}
    return Template.model_validate({**base, "composition": {"fill": 0.72}, **more})


def shot_of(template: Template, *products: Product) -> Shot:
    first = products[0].model_copy(update={"bundle": tuple(p.sku for p in products[1:])})
    (setup,) = setups(first, template, first.images, family(*products))
    place = small(LIBRARY.destination("web-square"), 240)
    return Shot(product=first, template=template, destination=place, images=setup.images, companions=setup.companions)


def finished(template: Template, mattes: dict[str, Matte], *products: Product) -> Take:
    """The group from its cut-outs to its measured file."""
    shot = shot_of(template, *products)
    first, *others = (mattes[p.sku] for p in products)
    take = Take(shot, b"", matte=first, glance=glance(first.foreground))
    for product, other in zip(shot.companions, others, strict=True):
        digest = product.images[0].digest
        take.others[digest], take.glances[digest] = other, glance(other.foreground)
    steps = build().steps
    start = next(place for place, step in enumerate(steps) if isinstance(step, CutOthers)) + 1

    async def go() -> None:
        for step in steps[start:]:
            if step.applies(shot):
                (result,) = await step.process([take], NoModels())
                if isinstance(result, PackshotError):
                    raise result

    asyncio.run(go())
    return take


def blocks(**more: Any) -> tuple[dict[str, Matte], tuple[Product, ...]]:
    products = (block("LOW", 120, 60), block("TALL", 60, 200), block("MID", 80, 110))
    colours = ((150, 60, 40), (40, 110, 60), (50, 60, 150))
    return {p.sku: cut(p, colour) for p, colour in zip(products, colours, strict=True)}, products


@lru_cache
def blocks_in(layout: str) -> Take:
    mattes, products = blocks()
    return finished(look(brief={"layout": layout}), mattes, *products)


class TestWhoIsInThePicture:
    def test_a_bundle_is_the_product_and_what_is_sold_with_it_in_order(self) -> None:
        a, b, c = block("A", 9, 9, bundle=("C", "A", "B", "C")), block("B", 9, 9), block("C", 9, 9)
        (setup,) = setups(a, look(), a.images, family(a, b, c))
        assert [other.sku for other in setup.companions] == ["C", "B"]
        assert (setup.slot, setup.images) == ("group", a.images)

    def test_a_product_without_a_bundle_makes_no_picture(self) -> None:
        alone = block("A", 9, 9)
        assert setups(alone, look(), alone.images, family(alone)) == []

    def test_one_picture_shows_all_variants(self) -> None:
        every = [block(sku, 9, 9, variant_of="V") for sku in "ABC"]
        found = [setups(p, look(brief={"members": "variants"}), p.images, family(*every)) for p in every]
        assert [len(each) for each in found] == [1, 0, 0]
        assert [other.sku for other in found[0][0].companions] == ["B", "C"]

    def test_every_variant_is_the_hero_of_a_picture_of_its_own(self) -> None:
        every = [block(sku, 9, 9, variant_of="V") for sku in "ABC"]
        template = look(brief={"members": "variants", "layout": "hero"})
        for product in every:
            (setup,) = setups(product, template, product.images, family(*every))
            assert product.sku not in [other.sku for other in setup.companions]

    def test_a_companion_brings_just_the_photo_that_is_used(self) -> None:
        back = ProductImage(uri="back.png", role="back", digest="1" * 64)
        other = block("B", 9, 9)
        other = other.model_copy(update={"images": (back, *other.images, back)})
        a = block("A", 9, 9, bundle=("B",))
        (setup,) = setups(a, look(), a.images, family(a, other))
        assert [image.uri for image in setup.photos] == ["A.png", "B.png"]

    def test_an_unknown_sku_is_not_found(self) -> None:
        a = block("A", 9, 9, bundle=("GONE",))
        with pytest.raises(NotFound, match="GONE"):
            setups(a, look(), a.images, family(a))

    def test_missing_measures_name_the_product_that_lacks_them(self) -> None:
        a, b = block("A", 9, 9, bundle=("B",)), Product(sku="B", images=block("B", 1, 1).images)
        with pytest.raises(MissingInput, match="^B: width_mm and height_mm missing"):
            setups(a, look(), a.images, family(a, b))

    def test_a_companion_without_a_photo_is_named(self) -> None:
        a, b = block("A", 9, 9, bundle=("B",)), block("B", 9, 9).model_copy(update={"images": ()})
        with pytest.raises(MissingInput, match="^B: no photo of role front"):
            setups(a, look(), a.images, family(a, b))

    def test_too_many_products_are_an_error(self) -> None:
        a = block("A", 9, 9, bundle=("B", "C"))
        with pytest.raises(MissingInput, match="3 products, but the look takes 2"):
            setups(a, look(brief={"most": 2}), a.images, family(a, block("B", 9, 9), block("C", 9, 9)))

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"relight": {"preset": "window"}}, "relight"),
            ({"recolour": {"target": "#112233"}}, "recolour"),
            ({"composition": {"scaling": "fill"}}, "fill"),
            ({"examine": ["text"]}, "examine"),
        ],
    )
    def test_what_is_done_to_single_products_only_is_refused(self, more: dict[str, Any], said: str) -> None:
        a = block("A", 9, 9, bundle=("B",))
        with pytest.raises(TemplateError, match=said):
            setups(a, look(**more), a.images, family(a, block("B", 9, 9)))


@pytest.mark.parametrize("layout", ["row", "arc", "pyramid", "grid", "hero"])
class TestEveryLayout:
    def test_products_stand_at_one_true_scale(self, layout: str) -> None:
        take = blocks_in(layout)
        widths = {item.sku: item.box[2] for item in take.layout}
        per_mm = take.measurements["px_per_mm"]
        for sku, width in (("LOW", 120), ("TALL", 60), ("MID", 80)):
            assert widths[sku] == pytest.approx(width * per_mm, rel=0.02, abs=1.01)
        assert take.measurements["scale_spread"] < 0.03

    def test_it_is_released_as_it_is(self, layout: str) -> None:
        take = blocks_in(layout)
        verdict = policy.decide(take.measurements, policy.limits(take.shot.template, take.shot.destination))
        assert verdict.released, verdict.detail

    def test_the_front_covers_the_back_pixel_by_pixel(self, layout: str) -> None:
        take = blocks_in(layout)
        placed = take.need_placed()
        for place, item in enumerate(take.layout):
            own = (visible(take.layout, place) == 1) & (item.alpha == 1)
            assert own.any()
            assert np.array_equal(placed.rgb[item.rows][own], item.rgb[own])

    def test_nothing_leaves_the_margins(self, layout: str) -> None:
        take = blocks_in(layout)
        x, y, w, h = take.need_placed().box
        side = take.shot.destination.width
        assert min(x, y, side - x - w, side - y - h) >= 0.04 * side - 1
        assert take.measurements["fill"] <= 0.73


def test_a_second_time_gives_the_same_bytes() -> None:
    mattes, products = blocks()
    assert finished(look(brief={"layout": "pyramid"}), mattes, *products).encoded == blocks_in("pyramid").encoded


def test_order_of_the_layout_is_from_the_back_to_the_front() -> None:
    for layout in ("pyramid", "hero"):
        assert all(a.front >= b.front for a, b in pairwise(blocks_in(layout).layout))


def test_those_in_front_shade_those_behind_and_never_the_other_way() -> None:
    layout = blocks_in("hero").layout
    *behind, hero = layout
    assert hero.sku == "LOW"
    assert hero.shade is None
    assert any(item.shade is not None and float(item.shade.max()) > 0.05 for item in behind)


def test_without_shadows_nobody_is_changed() -> None:
    mattes, products = blocks()
    take = finished(look(brief={"layout": "hero"}, shadow={"contact": 0, "cast": 0}), mattes, *products)
    assert take.lit is None
    assert take.shade is not None
    assert not take.shade.any()


def test_contact_shadows_lie_under_every_product() -> None:
    take = blocks_in("row")
    assert take.shade is not None
    for item in take.layout:
        x, y, w, h = item.box
        assert float(take.shade[y + h, x + w // 4 : x + 3 * w // 4].min()) > 0.2


def test_real_products_keep_their_true_proportions() -> None:
    """A ring, a mug and a stool: 21, 118 and 344 mm wide."""
    products = tuple(block(sku, *SIZES[sku]) for sku in ("NL-STL-01", "NL-MUG-01", "NL-RNG-01"))
    take = finished(look(), {p.sku: replace(golden(p.sku), source="u2netp") for p in products}, *products)
    wide = {item.sku: item.box[2] for item in take.layout}
    assert wide["NL-STL-01"] / wide["NL-MUG-01"] == pytest.approx(344 / 118.1, rel=0.12)
    assert wide["NL-STL-01"] / wide["NL-RNG-01"] == pytest.approx(344 / 20.8, rel=0.2)


class TestWhatIsMeasured:
    def test_a_photo_that_contradicts_its_measures_is_held_back(self) -> None:
        mattes, (low, tall, mid) = blocks()
        wrong = tall.model_copy(update={"dimensions": Dimensions(width_mm=60, height_mm=40, depth_mm=50)})
        take = finished(look(), mattes, low, wrong, mid)
        verdict = policy.decide(take.measurements, policy.limits(take.shot.template, take.shot.destination))
        assert verdict.reason == "dimension_misfit"
        assert take.measurements["dimension_outlier_2"] > 2 > take.measurements["dimension_outlier_1"]

    def test_a_collision_is_counted(self) -> None:
        take = blocks_in("row")
        assert take.measurements["group_collisions"] == 0
        shifted = replace(take.layout[1], box=take.layout[0].box)
        assert measure(replace(take, layout=(take.layout[0], shifted, take.layout[2])))["group_collisions"] == 1

    def test_a_product_at_another_scale_is_seen(self) -> None:
        take = blocks_in("row")
        item = take.layout[0]
        x, y, w, h = item.box
        larger = replace(item, box=(x, y, round(w * 1.3), round(h * 1.3)))
        assert measure(replace(take, layout=(larger, *take.layout[1:])))["scale_spread"] == pytest.approx(0.3, abs=0.05)

    def test_a_product_that_its_photo_cuts_is_held_back(self) -> None:
        mattes, products = blocks()
        alpha = np.zeros_like(mattes["MID"].alpha)
        alpha[80:, 60:140] = 1
        take = finished(look(), mattes | {"MID": replace(mattes["MID"], alpha=alpha)}, *products)
        assert take.measurements["group_cropped"] == 1

    def test_standing_beyond_the_table_is_counted(self) -> None:
        mattes, products = blocks()
        table = {"kind": "surface", "material": "wood", "horizon": 0.8}
        near = look(background=table, composition={"fill": 0.6, "baseline": 0.95})
        far = look(background=table, composition={"fill": 0.3, "baseline": 0.6})
        assert finished(near, mattes, *products).measurements["group_beyond"] == 0
        assert finished(far, mattes, *products).measurements["group_beyond"] == 3

    def test_other_looks_are_asked_nothing_of_it(self) -> None:
        own = policy.checks_of(look()) - policy.checks_of(LIBRARY.template("amazon-white"))
        assert {"scale_spread", "group_collisions", "dimension_misfit"} <= own


class TestKeys:
    def key(self, template: Template, *products: Product) -> str:
        from pathlib import Path

        from studio.models.registry import Registry

        return build().key(shot_of(template, *products), Registry(Path()).card)

    def test_every_measure_and_every_place_is_in_the_key(self) -> None:
        a, b, c = block("A", 90, 90), block("B", 80, 90), block("C", 70, 90)
        taller = b.model_copy(update={"dimensions": Dimensions(width_mm=80, height_mm=91)})
        found = {self.key(look(), *group) for group in ((a, b, c), (a, c, b), (b, a, c), (a, taller, c), (a, b))}
        assert len(found) == 5

    def test_the_brief_is_in_the_key(self) -> None:
        a, b = block("A", 90, 90), block("B", 80, 90)
        found = {self.key(look(brief=brief), a, b) for brief in ({}, {"layout": "arc"}, {"spacing": 0.5})}
        assert len(found) == 3
