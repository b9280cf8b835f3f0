"""Posters: what they say, where words stand, in which colour, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from studio.brand import Brand
from studio.briefs.ad_poster import AdPosterBrief, Variant, Words
from studio.briefs.files import File
from studio.briefs.lettering import FontFile, Lettering
from studio.destination import Destination, Encoding, SafeArea, Source
from studio.errors import MissingInput, StepError, WeightsMissing
from studio.imaging.pdf import is_pdf, picture_of
from studio.keys import digest_bytes
from studio.posters.copywriting import money, words_of
from studio.posters.layout import Desk, Plan, overlap, planned, safe_box
from studio.product import Product, ProductImage
from studio.qa.measure import measure
from studio.recipes.catalogue import recipe
from studio.setups import Setup
from studio.shot import Shot
from studio.steps.compose import Compose
from studio.steps.encode import Encode
from studio.steps.ground import Ground
from studio.steps.place import Place
from studio.steps.scene import SceneStep
from studio.steps.typeset import Frame, Typeset
from studio.take import Matte, Take
from studio.template import Composition, Shadow, Template, Upscale
from studio.typesetting.cases import case_of
from studio.typesetting.errors import LowContrast, MissingGlyph, TextOverflow
from templates.fonts import families, fonts_for, lettered, scripts_of
from templates.marks import marked
from tests.drawn_fonts import LATIN, OTHER, drawn
from tests.golden.pictures import run

DATA = drawn(LATIN + OTHER + "%−/!'")
FILE = FontFile(file=File(path="boxes.ttf", digest=digest_bytes(DATA)))
TYPE = Lettering(strong_files=(FILE,), plain_files=(FILE,))
ASSETS = {FILE.file.digest: DATA}
PRODUCT = Product(
    sku="A-1", title="Ceramic mug", attributes={"price": "24.90", "was_price": "32", "currency": "EUR", "tagline": "Holds heat"}
)


def brief(**more: Any) -> AdPosterBrief:
    words = more.pop("words", Words(headline="{title}", sub="{tagline}", price="{price}", cta="Shop now", legal="Terms apply"))
    return AdPosterBrief(words=words, lettering=TYPE, **more)


def place(width: int = 320, height: int = 400, **more: Any) -> Destination:
    sources = (Source(title="made for tests", date="2026-11-23"),)
    return Destination(id="here", title="Here", width=width, height=height, max_bytes=5_000_000, sources=sources, **more)


def plan(told: AdPosterBrief, where: Destination, product: Product = PRODUCT) -> Plan:
    canvas = where.width, where.height
    return planned(Desk(words_of(told, product), told, case_of(told.lettering, ASSETS), canvas, None), where)


def taken(told: AdPosterBrief, where: Destination, *, colour: str = "#e8e4dc", product: Product = PRODUCT) -> Take:
    look = Template.model_validate(
        {
            "id": "ad",
            "title": "Ad",
            "recipe": "ad-poster",
            "outputs": ["here"],
            "background": {"kind": "colour", "colour": colour},
        }
    ).model_copy(
        update={
            "brief": told,
            "composition": Composition(fill=0.9),
            "shadow": Shadow(contact=0, cast=0),
            "upscale": Upscale(above=1000),
        }
    )
    image = ProductImage(uri="a.png", digest="0" * 64)
    shot = Shot(product=product, template=look, destination=where, images=(image,))
    alpha = np.zeros((200, 200), np.float32)
    alpha[40:170, 50:150] = 1.0
    rgb = np.full((200, 200, 3), (40, 90, 140), np.uint8)
    return Take(shot, b"", ASSETS, matte=Matte(alpha, rgb, 0.0, "alpha"))


def finished(told: AdPosterBrief, where: Destination, **more: Any) -> Take:
    return run(taken(told, where, **more), (Frame(), Place(), SceneStep(), Ground(), Compose(), Typeset(), Encode()))


def test_words_take_the_products_facts_and_prices_as_the_locale_writes_them() -> None:
    told = brief(words=Words(headline="{title} -{saving}", price="{price}", was="{was_price}"), locale="de-DE")
    assert words_of(told, PRODUCT) == {"headline": "Ceramic mug -22\u00a0%", "price": "24,90\u00a0€", "was": "32,00\u00a0€"}
    assert money("1249.5", "EUR", "ar-EG").strip("\u200f") == "١٬٢٤٩٫٥٠\u00a0€"
    assert money("1249.5", "JPY", "ja-JP") == "￥1,250"


def test_what_the_product_lacks_is_an_error_that_names_it_unless_it_may_be_left_out() -> None:
    bare = Product(sku="B-2", title="Bowl")
    with pytest.raises(MissingInput, match=r"B-2.*\{tagline\}"):
        words_of(brief(), bare)
    assert words_of(brief(optional=("sub", "price")), bare) == {"headline": "Bowl", "cta": "Shop now", "legal": "Terms apply"}
    odd = Product(sku="C", title="Cup", attributes={"price": "12,50 EUR", "tagline": "x"})
    with pytest.raises(MissingInput, match="plain number"):
        words_of(brief(optional=("price",), words=Words(headline="{title}", sub="{price}")), odd)


SHAPES = st.sampled_from([(400, 400), (400, 500), (360, 640), (640, 360), (420, 594)])
TITLES = st.lists(st.text("abcdefgh", min_size=2, max_size=8), min_size=1, max_size=5).map(" ".join)


@settings(max_examples=10, deadline=None)
@given(SHAPES, TITLES, st.sampled_from(["auto", "stack", "side", "low"]), st.booleans())
def test_parts_stay_inside_the_safe_area_and_off_each_other_and_the_product(
    size: tuple[int, int], title: str, layout: Any, mirrored: bool
) -> None:
    where = place(*size, safe_area=SafeArea(top=0.1, bottom=0.15, left=0.06, right=0.06))
    told = brief(layout=layout, mirrored=mirrored)
    try:
        found = plan(told, where, PRODUCT.model_copy(update={"title": title}))
    except TextOverflow:
        return
    left, top, width, height = safe_box(where)
    boxes = [item.box for item in found.items]
    for x, y, w, h in boxes:
        assert left <= x
        assert top <= y
        assert x + w <= left + width
        assert y + h <= top + height
    assert all(overlap(box, found.product) == 0 for box in boxes)
    assert all(overlap(a, b) == 0 for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    sizes = {item.role: item.block.size_px for item in found.items if item.block is not None}
    assert sizes["headline"] >= sizes["sub"] >= sizes["legal"]


def test_the_column_of_a_right_to_left_poster_is_on_the_right() -> None:
    where, wide = place(640, 360), 640 / 2
    latin = plan(brief(), where)
    hebrew = plan(brief(locale="he-IL"), where, PRODUCT.model_copy(update={"title": "שלום בית"}))
    assert latin.items[0].box[0] < wide < latin.product[0] + latin.product[2]
    assert hebrew.items[0].box[0] + hebrew.items[0].box[2] > wide > hebrew.product[0]


def test_the_focus_of_the_set_stays_free() -> None:
    where = place(640, 360)
    told, box = brief(focus=(0.0, 0.3, 0.3, 0.4)), (0, 108, 192, 144)
    assert any(overlap(item.box, box) for item in plan(brief(), where).items)
    found = plan(told, where)
    assert not any(overlap(item.box, box) for item in found.items)
    with pytest.raises(StepError, match="focus"):
        plan(brief(focus=(0.0, 0.0, 1.0, 1.0)), where)


def test_a_finished_poster_measures_as_it_should() -> None:
    take = finished(
        brief(words=Words(headline="{title}", price="{price}", was="{was_price}", badge="-22%", cta="Shop now")), place()
    )
    found = measure(take)
    assert found["word_contrast"] >= 4.5
    assert found["words_on_product"] == 0
    assert found["words_unsafe"] == 0
    assert found["ground_drift"] < 6
    assert {word.role for word in take.words} == {"headline", "price", "was", "badge", "cta"}
    again = finished(
        brief(words=Words(headline="{title}", price="{price}", was="{was_price}", badge="-22%", cta="Shop now")), place()
    )
    assert take.encoded == again.encoded


def test_ink_that_cannot_be_read_gives_way_to_another_colour_then_to_a_veil_then_to_an_error() -> None:
    words = Words(headline="{title}")
    dark = finished(brief(words=words, ink="#202020", paper="#ffffff", accent="#202020"), place(), colour="#151515")
    assert dark.words[0].colour == (255, 255, 255)
    grey = {"ink": "#5a5a5a", "paper": "#ececec", "accent": "#5a5a5a"}
    veiled = finished(brief(words=words, **grey), place(), colour="#9a9a9a")
    assert veiled.words[0].veil > 0
    assert measure(veiled)["word_contrast"] >= 4.5
    with pytest.raises(LowContrast, match=r"4\.5:1"):
        finished(brief(words=words, scrim=False, **grey), place(), colour="#9a9a9a")


def test_overflow_missing_glyphs_and_missing_fonts_are_errors() -> None:
    with pytest.raises(TextOverflow, match="headline"):
        finished(brief(words=Words(headline="unbreakable" * 12)), place())
    with pytest.raises(MissingGlyph, match="U\\+0416"):
        finished(brief(words=Words(headline="\u0416")), place())
    take = taken(brief(), place())
    take.assets = {}
    with pytest.raises(WeightsMissing, match="packshot models fetch fonts"):
        run(take, (Frame(),))


def test_a_pdf_is_a_page_of_the_right_size_with_the_picture_in_it() -> None:
    take = finished(brief(words=Words(headline="{title}")), place(accepts=("pdf",), encoding=Encoding(format="pdf", dpi=300)))
    assert is_pdf(take.encoded)
    assert take.media_type == "application/pdf"
    assert picture_of(take.encoded).startswith(b"\xff\xd8")
    assert b"/MediaBox [0 0 76.8 96]" in take.encoded
    found = measure(take)
    assert found["format_ok"] == 1
    assert found["icc_srgb"] == 1


class Nobody:
    """A poster asks its family for nothing."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def setups_of(told: AdPosterBrief) -> list[Setup]:
    look = Template(id="ad", title="Ad", recipe="ad-poster", outputs=("here",)).model_copy(update={"brief": told})
    image = ProductImage(uri="a.png")
    return list(recipe("ad-poster").setups(PRODUCT, look, [image, image], Nobody()))


def test_each_variant_is_a_picture_of_its_own() -> None:
    assert [setup.slot for setup in setups_of(brief())] == ["front"]
    a, b = setups_of(brief(variants={"a": Variant(headline="One"), "b": Variant(headline="Two", layout="low")}))
    assert (a.slot, b.slot) == ("front-a", "front-b")
    first, second = (setup.template.brief for setup in (a, b) if setup.template is not None)
    assert isinstance(first, AdPosterBrief)
    assert isinstance(second, AdPosterBrief)
    assert (first.words.headline, first.words.cta, first.layout) == ("One", "Shop now", "auto")
    assert (second.words.headline, second.layout) == ("Two", "low")
    with pytest.raises(ValidationError, match="changes nothing"):
        brief(variants={"a": Variant()})


def test_other_words_are_another_key_and_other_wishes_are_not() -> None:
    def reads(told: AdPosterBrief, product: Product = PRODUCT) -> Any:
        return Typeset().reads(taken(told, place(), product=product).shot)

    same = PRODUCT.model_copy(update={"attributes": {**PRODUCT.attributes, "stock": "7"}})
    dearer = PRODUCT.model_copy(update={"attributes": {**PRODUCT.attributes, "price": "25.90"}})
    assert reads(brief()) == reads(brief(), same) == reads(brief(read_back=False))
    assert reads(brief()) != reads(brief(), dearer)
    assert reads(brief()) != reads(brief(contrast=7))


def test_a_brand_gives_colours_and_logo_and_a_script_its_font() -> None:
    sign = {"uri": "https://brand.example/a.svg", "file": {"path": "a.png", "digest": "1" * 64}, "min_width_px": 50}
    house = Brand.model_validate(
        {
            "id": "b",
            "title": "B",
            "palette": {"primary": "#123456"},
            "logo": sign,
            "type": {"family": "Fraunces", "fallback": "serif"},
        }
    )
    look = Template(id="ad", title="Ad", recipe="ad-poster", outputs=("here",)).model_copy(update={"brief": brief()})
    told = marked(look, house).brief
    assert isinstance(told, AdPosterBrief)
    assert told.accent == "#123456"
    assert told.logo is not None
    assert told.logo_least_px == 50
    chain = fonts_for(Lettering(), house, scripts_of(["Mug", "سعر", "漢字"]))
    assert [one.file.path.split(".")[0] for one in chain.strong_files] == [
        "font-fraunces",
        "font-noto-sans-arabic",
        "font-noto-sans-cjk-700",
        "font-noto-sans",
    ]
    filled = lettered(look, PRODUCT, None).brief
    assert isinstance(filled, AdPosterBrief)
    assert filled.lettering.plain_files[0].file.digest == families()["Inter"].files[0].digest
