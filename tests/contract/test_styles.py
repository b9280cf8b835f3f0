"""The 24 industries: a main and a lifestyle style each, complete, different from one another, and true to what they say."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from studio.grounds import Ground, SurfaceGround
from studio.imaging.colour import delta_e_2000, hex_to_rgb, srgb_to_lab
from studio.imaging.geometry import Extent, scale_of
from studio.qa.policy import limits
from studio.steps.scene import ground_of
from studio.template import Template
from tests import shipped
from tests.golden.pictures import shot
from tests.industries import INDUSTRIES

LIBRARY = shipped.library()
ROOT = Path(__file__).resolve().parents[2]
STYLES = ROOT / "templates" / "styles"
LEXICON = ROOT / "templates" / "lexicon"
CATALOGUE = ROOT / "examples" / "catalog" / "catalog.csv"
MAIN = [LIBRARY.template(f"{industry}-main") for industry in INDUSTRIES]
LIFESTYLE = [LIBRARY.template(f"{industry}-lifestyle") for industry in INDUSTRIES]
SHAPES = ((1.0, 1.0), (0.3, 1.0), (1.0, 0.35), (0.7, 1.0), (1.0, 0.75))
"""Widths and heights of products: square, bottle, shoe, jar, toaster."""


def by_id(template: Template) -> str:
    return template.id


def colours(ground: Ground) -> list[str]:
    """The colours a ground is made of, wall first."""
    data = ground.model_dump()
    return [data[name] for name in ("wall", "top", "bottom", "tint") if data.get(name)]


def distance(one: str, other: str) -> float:
    a, b = (srgb_to_lab(np.array([[hex_to_rgb(c)]], np.uint8)) for c in (one, other))
    return float(delta_e_2000(a, b).item())


def test_the_industries_are_exactly_these() -> None:
    assert sorted(p.name for p in STYLES.iterdir() if p.is_dir()) == sorted([*INDUSTRIES, "starter", "studios"])
    for industry in INDUSTRIES:
        files = sorted(p.name for p in (STYLES / industry).glob("*.yaml") if "@" not in p.name)
        assert files == sorted(["industry.yaml", f"{industry}-main.yaml", f"{industry}-lifestyle.yaml"])


@pytest.mark.parametrize("template", [*MAIN, *LIFESTYLE], ids=by_id)
class TestEvery:
    def test_is_what_its_file_is_called(self, template: Template) -> None:
        industry, use = template.id.rsplit("-", 1)
        assert (template.industry, template.use) == (industry, use)

    def test_says_for_what_and_why(self, template: Template) -> None:
        assert len(template.description) > 80
        assert template.applies_to.categories
        assert template.prompt.scene
        assert template.prompt.negative
        assert len(template.prompt.by_category) >= 2
        assert template.consistency

    def test_has_a_crop_for_square_portrait_and_wide(self, template: Template) -> None:
        assert {"1:1", "4:5", "16:9"} <= set(template.crops)
        assert template.use == "main" or "3:2" in template.crops

    def test_shows_samples_that_the_sample_catalogue_has(self, template: Template) -> None:
        with CATALOGUE.open(newline="") as stream:
            known = {row["sku"] for row in csv.DictReader(stream)}
        assert template.samples
        assert set(template.samples) <= known

    def test_terms_are_in_the_lexicon(self, template: Template) -> None:
        for term in template.prompt.terms:
            family, word = term.split(".")
            assert f"\n  {word}:\n" in (LEXICON / f"{family}.yaml").read_text(), term

    def test_fill_asked_for_is_fill_allowed_wherever_the_crop_goes(self, template: Template) -> None:
        """Margins, baseline and crop leave room for the fill that QA insists on, for products of any shape."""
        for place in LIBRARY.destinations():
            rule = limits(template, place).get("fill") if place.id in template.outputs else template.qa["fill"]
            assert rule is not None
            rules, canvas = template.at(place).composition, (place.width, place.height)
            for width, height in SHAPES:
                box = (0, 0, round(width * 1000), round(height * 1000))
                scale = scale_of(Extent(box, box), canvas, rules)
                fill = max(box[2] * scale / canvas[0], box[3] * scale / canvas[1])
                if place.id in template.outputs or place.background == "any":
                    assert (rule.min or 0) + 0.005 <= fill <= (rule.max or 1) - 0.01, (place.id, width, height)

    def test_grounds_keep_apart_from_white_products(self, template: Template) -> None:
        """No ground of ours is white: a white mug has an edge on all of them, more so where the picture tells a story."""
        least = 2.5 if template.use == "main" else 4.0
        for use, ground in {"background": template.background, **template.backgrounds}.items():
            if ground.kind in {"white", "transparent"}:
                continue
            assert distance(colours(ground)[0], "#ffffff") > least, use


@pytest.mark.parametrize("template", MAIN, ids=by_id)
class TestMain:
    def test_white_where_marketplaces_insist_and_tinted_in_the_shop(self, template: Template) -> None:
        assert template.outputs == ("amazon-main", "shopify")
        amazon, shop = (LIBRARY.destination(output) for output in template.outputs)
        assert ground_of(shot(template.at(amazon), amazon)).kind == "white"
        assert ground_of(shot(template.at(shop), shop)).kind == "gradient"

    def test_leaves_the_product_as_it_is(self, template: Template) -> None:
        assert template.relight.preset == "none"
        assert not any(template.harmonise.model_dump().values())
        assert template.reflection.strength == 0

    def test_is_large_enough_for_amazon(self, template: Template) -> None:
        assert template.at(LIBRARY.destination("amazon-main")).composition.fill >= 0.86

    def test_stands_on_a_quiet_shadow(self, template: Template) -> None:
        assert 0 < template.shadow.contact <= 0.65
        assert template.shadow.cast <= 0.22


@pytest.mark.parametrize("template", LIFESTYLE, ids=by_id)
class TestLifestyle:
    def test_has_a_ground_for_every_use_of_a_scene(self, template: Template) -> None:
        assert {"hero", "social", "main"} <= set(template.backgrounds)
        assert template.background.kind in {"surface", "gradient"}

    def test_stands_on_its_table_and_not_on_the_wall(self, template: Template) -> None:
        for output in template.outputs:
            look = template.at(LIBRARY.destination(output))
            if isinstance(look.background, SurfaceGround):
                assert look.composition.baseline is not None
                assert look.composition.baseline >= look.background.horizon + 0.10, output

    def test_what_is_done_to_the_product_is_allowed_for(self, template: Template) -> None:
        if template.relight.preset != "none":
            assert template.qa["delta_e_mean"].max == 3.0
            assert template.relight.strength <= 0.5


def test_no_two_scenes_look_alike() -> None:
    """Wall, top or light differ plainly between any two lifestyle styles."""
    for one, other in combinations(LIFESTYLE, 2):
        a, b = one.background.model_dump(), other.background.model_dump()
        same_top = a.get("material") == b.get("material")
        walls = distance(colours(one.background)[0], colours(other.background)[0])
        turn = abs(one.light.azimuth_deg - other.light.azimuth_deg)
        assert not (same_top and walls < 8 and turn < 45), (one.id, other.id)


def test_the_shop_grounds_are_not_all_one_grey() -> None:
    tops = [colours(template.backgrounds["main"])[0] for template in MAIN]
    assert len(set(tops)) == len(tops)


def test_every_top_is_used() -> None:
    used = {g.material for t in LIFESTYLE for g in (t.background, *t.backgrounds.values()) if isinstance(g, SurfaceGround)}
    assert used == set(SurfaceGround.model_fields["material"].annotation.__args__)  # type: ignore[union-attr]
