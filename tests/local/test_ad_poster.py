"""Real typefaces: every script is written, and a poster says what it should when it is read back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cluster.engine import registry, storage
from cluster.renderer import Renderer
from connectors.fetch import Fetcher
from studio.briefs.lettering import Lettering
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.product import Product, ProductImage
from studio.shot import Done, Shot
from studio.typesetting.cases import case_of
from studio.typesetting.text import fit, shape
from templates.fonts import font_assets, fonts_for, scripts_of
from templates.library import Library
from templates.marks import written
from tests import sample

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / ".packshot" / "models"
SAMPLES = {
    "latin": "Příliš žluťoučký kůň €49,90",
    "greek": "Καλημέρα κόσμε",
    "cyrillic": "Съешь ещё этих булок",
    "hebrew": "שלום עולם 50%",
    "arabic": "السعر ٤٩٫٩٠ فقط",
    "devanagari": "नमस्ते दुनिया",
    "thai": "สวัสดีชาวโลก",
    "han": "苔のナイトクリーム 夜の森",
    "hangul": "안녕하세요 세계",
}


@pytest.fixture(scope="module")
def assets() -> dict[str, bytes]:
    return dict(font_assets(WEIGHTS))


@pytest.mark.parametrize("script", sorted(SAMPLES))
@pytest.mark.parametrize("family", ["Inter", "Fraunces"])
def test_every_script_finds_a_font_and_fits(script: str, family: str, assets: dict[str, bytes]) -> None:
    text = SAMPLES[script]
    fonts = case_of(fonts_for(Lettering(family=family), None, scripts_of([text])), assets).strong
    assert fonts.missing(text) == ()
    block = fit(text, fonts, (600, 200), max_px=120, min_px=20, lines=2)
    assert block.mask.max() == 1
    assert block.size_px > 40


def test_arabic_letters_join_and_marks_add_no_width(assets: dict[str, bytes]) -> None:
    fonts = case_of(fonts_for(Lettering(), None, ("arabic",)), assets).plain
    joined, apart = shape("سعر", fonts, 100).advance, sum(shape(c, fonts, 100).advance for c in "سعر")
    assert joined < 0.9 * apart
    assert shape("e\u0301", fonts, 100).advance == shape("é", fonts, 100).advance


def test_a_heavier_weight_has_more_ink(assets: dict[str, bytes]) -> None:
    case = case_of(fonts_for(Lettering(strong=800, plain=300), None, ()), assets)
    heavy, light = (shape("Hamburg", fonts, 80).mask.sum() for fonts in (case.strong, case.plain))
    assert heavy > 1.5 * light


def test_a_poster_of_a_real_photo_is_released_and_read_back(tmp_path: Path) -> None:
    path = ROOT / "examples" / "catalog" / "images" / "NL-VAS-01_front.jpg"
    image = ProductImage(uri=str(path), digest=digest_bytes(path.read_bytes()))
    says = {"price": "49.90", "was_price": "69.00", "tagline": "Hand-glazed in sage", "action": "See the colours"}
    product = Product(sku="NL-VAS-01", title="Matte Bulb Vase", images=(image,), attributes=says)
    library, settings = Library.default(), sample.settings(tmp_path)
    look = written(library.template("ad-sale"), product, None, WEIGHTS)
    shot = Shot(product=product, template=look, destination=library.destination("ad-portrait"), images=(image,))
    store = storage(settings)
    for _, data in (*library.assets(), *font_assets(WEIGHTS)):
        store.put_blob(data)
    renderer = Renderer(LocalModels(registry(settings)), store, Fetcher().read)
    (outcome,) = asyncio.run(renderer.render([shot]))
    assert isinstance(outcome, Done), outcome
    found = outcome.report.measurements
    assert found["copy_cer"] == 0
    assert found["word_contrast"] >= 4.5
    assert found["words_on_product"] == found["words_unsafe"] == 0
    assert found["smallest_words"] >= 0.014
