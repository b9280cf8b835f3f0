"""Posters of the sample catalogue in every channel: contrast, reading back, and CPU seconds by step."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from studio.product import Product, ProductImage
from studio.shot import Done, Rejected, Shot

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "examples" / "catalog" / "images"
LOOKS = ("ad-clean", "ad-sale", "ad-night")
CHANNELS = ("ad-square", "ad-story", "ad-wide")
GOODS = (("NL-MUG-01", "Classic Ceramic Mug 350 ml"), ("NL-VAS-01", "Matte Bulb Vase"), ("NL-HPH-01", "Stille Headphones"))
SAYS = {
    "price": "49.90",
    "was_price": "69.00",
    "tagline": "Made to be used every day",
    "action": "Shop now",
    "terms": "Terms apply.",
}
TEXTS = ("Short", "A product name of middling length", "A very long name that has to be set in three lines of a poster at least")
BOXES = ((300, 120), (600, 200), (900, 300))


def run() -> dict[str, Any]:
    """Figures; without fetched typefaces and cut-out weights it says what is missing."""
    from cluster.settings import load_settings
    from studio.errors import PackshotError

    weights = load_settings().weights_folder
    try:
        return {"posters": _posters(weights), "typesetting": _typesetting(weights)}
    except PackshotError as error:
        return {"skipped": error.message}


def _posters(weights: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        outcomes = asyncio.run(_rendered(weights, Path(folder)))
    made = [outcome.report for outcome in outcomes if isinstance(outcome, Done | Rejected)]
    contrast = [report.measurements["word_contrast"] for report in made]
    steps = sorted({name for report in made for name in report.seconds})
    return {
        "pictures": len(outcomes),
        "released": sum(isinstance(outcome, Done) for outcome in outcomes),
        "held_back_by": sorted({outcome.reason for outcome in outcomes if isinstance(outcome, Rejected)}),
        "least_contrast": round(min(contrast), 2),
        "worst_copy_cer": max(report.measurements.get("copy_cer", 0.0) for report in made),
        "cpu_s_median": round(statistics.median(report.cpu_s for report in made), 2),
        "wall_s_by_step": {name: round(statistics.mean(r.seconds.get(name, 0.0) for r in made), 3) for name in steps},
    }


async def _rendered(weights: Path, folder: Path) -> list[Any]:
    from cluster.engine import registry, storage
    from cluster.renderer import Renderer
    from cluster.settings import load_settings
    from connectors.fetch import Fetcher
    from studio.models.base import LocalModels
    from templates.fonts import font_assets
    from templates.library import Library

    library, settings = Library.default(), load_settings(home=folder, weights=weights)
    store = storage(settings)
    for _, data in (*library.assets(), *font_assets(weights)):
        store.put_blob(data)
    renderer = Renderer(LocalModels(registry(settings)), store, Fetcher().read)
    return list(await renderer.render([shot for look in LOOKS for shot in _shots(library, look, weights)]))


def _shots(library: Any, look: str, weights: Path) -> list[Shot]:
    from studio.keys import digest_bytes
    from templates.marks import written

    shots = []
    for sku, title in GOODS:
        path = PHOTOS / f"{sku}_front.jpg"
        image = ProductImage(uri=str(path), digest=digest_bytes(path.read_bytes()))
        product = Product(sku=sku, title=title, images=(image,), attributes=SAYS)
        template = written(library.template(look), product, None, weights)
        shots += [Shot(product=product, template=template, destination=library.destination(c), images=(image,)) for c in CHANNELS]
    return shots


def _typesetting(weights: Path) -> dict[str, Any]:
    """Milliseconds to fit a text, first and second time."""
    from studio.briefs.lettering import Lettering
    from studio.typesetting.cases import case_of
    from studio.typesetting.text import fit
    from templates.fonts import check, font_assets, fonts_for

    lettering = fonts_for(Lettering(), None, ("latin",))
    check(lettering, weights)
    fonts = case_of(lettering, dict(font_assets(weights))).strong

    def once() -> float:
        started = time.thread_time()
        for text in TEXTS:
            for box in BOXES:
                fit(text, fonts, box, max_px=box[1], min_px=8, lines=4)
        return round((time.thread_time() - started) * 1000 / len(TEXTS) / len(BOXES), 1)

    return {"fit_ms_cold": once(), "fit_ms_warm": once()}


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
