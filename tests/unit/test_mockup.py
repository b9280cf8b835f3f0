"""The mockup studio on small blanks made here: ink, layout, resolution, colour of the blank, own ground, cached prints."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from studio.destination import Destination
from studio.errors import MissingInput, PackshotError, UnknownModel
from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.imaging.prints.print_area import design
from studio.keys import digest_bytes
from studio.models.base import ModelCard
from studio.product import Product, ProductImage, Swatch
from studio.qa.checks.mockup import print_likeness, print_shift
from studio.qa.subject import Subject
from studio.recipes.mockup import build, setups
from studio.shot import Shot
from studio.steps.base import Step
from studio.steps.print import PrintStep
from studio.take import Take
from studio.template import Template

SIDE = 160


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def art(colour: tuple[int, int, int] = (200, 60, 40), size: tuple[int, int] = (400, 300)) -> bytes:
    """A flat colour with darker bars of irregular widths."""
    pixels = np.full((size[1], size[0], 3), colour, np.uint8)
    for left, width in ((30, 20), (80, 50), (190, 12), (250, 90)):
        pixels[40:-60, left : left + width] = (30, 40, 90)
    return png(pixels)


def blank(level: int = 255, shaded: bool = False) -> tuple[bytes, bytes]:
    """A sheet on grey, evenly lit or darker to the right, and its alpha."""
    photo = np.full((SIDE, SIDE, 3), 128, np.uint8)
    ramp = np.linspace(1, 0.5 if shaded else 1, 120)[None, :, None]
    photo[20:140, 20:140] = np.rint(np.full((120, 120, 3), level) * ramp)
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    alpha[20:140, 20:140] = 255
    return png(photo), png(alpha)


def take(brief: dict[str, Any] | None = None, *, artwork: bytes = b"", look: dict[str, Any] | None = None, **sheet: Any) -> Take:
    photo, alpha = blank(**sheet)
    files = {"photo": (photo, "p.png"), "alpha": (alpha, "a.png")}
    assets = {digest_bytes(data): data for data, _ in files.values()}
    named = {key: {"path": path, "digest": digest_bytes(data)} for key, (data, path) in files.items()}
    surface = {"kind": "corners", "size_mm": [100, 100], "points": [[20, 20], [140, 20], [140, 140], [20, 140]]}
    said: dict[str, Any] = {"kind": "mockup", "blank": named | {"base": "#ffffff"}, "surfaces": [surface], "min_dpi": 50} | (
        brief or {}
    )
    said["surfaces"] = [surface | more for more in said["surfaces"]]
    template = Template.model_validate(
        {
            "id": "m",
            "title": "m",
            "outputs": ["x"],
            "brief": said,
            "background": {"kind": "colour", "colour": "#406080"},
            "shadow": {"contact": 0, "cast": 0},
        }
        | (look or {})
    )
    place = Destination.model_validate(
        {
            "id": "x",
            "title": "x",
            "width": 200,
            "height": 200,
            "accepts": ["png"],
            "encoding": {"format": "png"},
            "max_bytes": 10**6,
            "sources": [{"title": "t", "date": "2026-11-22"}],
        }
    )
    data = artwork or art()
    image = ProductImage(uri="art.png", role="artwork", digest=digest_bytes(data))
    product = Product(sku="SKU-9", images=(image,), swatches=(Swatch(hex="#202428"),))
    shot = Shot(product=product, template=template, destination=place, images=(image,), slot="artwork")
    return Take(shot, data, assets)


class NoModels:
    async def predict(self, name: str, items: Sequence[Any]) -> list[Any]:
        raise UnknownModel(name)

    def card(self, name: str) -> ModelCard:
        raise UnknownModel(name)


def run(one: Take, steps: Sequence[Step] | None = None) -> Take:
    async def go() -> None:
        for step in steps if steps is not None else build().steps:
            if step.applies(one.shot):
                (result,) = await step.process([one], NoModels())
                if isinstance(result, PackshotError):
                    raise result

    asyncio.run(go())
    return one


def test_flat_light_gives_the_artworks_own_colours() -> None:
    done = run(take())
    assert done.image is not None
    box = done.need_placed().box
    row, column = box[1] + box[3] // 2, box[0] + 8
    apart = delta_e_2000(srgb_to_lab(done.image[row : row + 1, column]), srgb_to_lab(np.array([[200, 60, 40]], np.uint8)))
    assert float(apart[0]) < 0.5
    assert tuple(done.image[2, 2]) == (64, 96, 128)


def test_shade_of_the_blank_falls_on_the_print() -> None:
    done = run(take(artwork=art((255, 255, 255)), shaded=True))
    assert done.image is not None
    x, y, w, h = done.need_placed().box
    line = done.image[y + h - 30, x + 4 : x + w - 4, 1].astype(int)
    assert line[0] > 245
    assert line[-1] == pytest.approx(line[0] / 2, abs=6)


def test_dark_goods_get_white_under_the_ink() -> None:
    bare = run(take({"ink": {"underbase": 0}, "colour": "#202428"}))
    white = run(take({"colour": "#202428"}))
    spot = slice(150, 152), slice(34, 36)
    assert bare.image is not None
    assert white.image is not None
    assert bare.image[spot].max() < 60
    assert white.image[spot][..., 0].min() > 150


def test_swatch_dyes_the_blank_and_its_absence_is_named() -> None:
    done = run(take({"colour": "swatch", "surfaces": [{"area": {"x": 0.4, "y": 0.4, "width": 0.2, "height": 0.2}}]}))
    assert done.image is not None
    x, y, _, _ = done.need_placed().box
    assert done.image[y + 6, x + 6] == pytest.approx((32, 36, 40), abs=3)
    product = done.shot.product.model_copy(update={"swatches": ()})
    with pytest.raises(MissingInput, match="SKU-9: template m dyes the blank"):
        setups(product, done.shot.template, product.images, None)  # type: ignore[arg-type]


def test_small_artwork_is_turned_away_with_the_pixels_it_needs() -> None:
    with pytest.raises(
        MissingInput, match=r"SKU-9: artwork art\.png has 40 x 30 pixels, 10 to the inch.*at least 394 x 296 pixels"
    ):
        run(take({"min_dpi": 100}, artwork=png(np.zeros((30, 40, 3), np.uint8))))


def test_a_surface_without_its_artwork_is_named() -> None:
    one = take({"surfaces": [{}, {"artwork": 1}]})
    with pytest.raises(MissingInput, match="needs 2 images of the role artwork"):
        setups(one.shot.product, one.shot.template, one.shot.product.images, None)  # type: ignore[arg-type]


def test_own_ground_keeps_every_pixel_that_is_not_printed() -> None:
    done = run(take({"ground": "own", "surfaces": [{"area": {"x": 0.3, "y": 0.3, "width": 0.4, "height": 0.4}}]}))
    assert done.image is not None
    photo = Image.open(io.BytesIO(blank()[0])).resize((200, 200), Image.Resampling.LANCZOS)
    apart = np.abs(np.asarray(photo).astype(int) - done.image).max(axis=2)
    assert apart[:55].max() == 0
    assert apart[95:105, 70:130].max() > 40


def test_cover_fills_area_and_bleed_and_contain_cuts_nothing() -> None:
    one = take({"surfaces": [{"fit": "cover", "bleed_mm": 5}]})
    plan = design(one.shot.template.brief.surfaces[0], (400, 300))  # type: ignore[union-attr]
    assert plan.rect[1] == pytest.approx(-0.05)
    assert plan.rect[3] == pytest.approx(1.05)
    assert plan.cropped == pytest.approx(0.25, abs=1e-6)
    assert plan.filled == 1
    whole = design(take().shot.template.brief.surfaces[0], (400, 300))  # type: ignore[union-attr]
    assert whole.cropped == 0
    assert whole.filled == pytest.approx(0.75)
    assert whole.dpi(whole.pixels(123)) >= 123


def test_a_stored_print_comes_back_as_it_was() -> None:
    done = run(take())
    step = PrintStep()
    again = Take(done.shot, b"", done.assets)
    step.load(again, step.dump(done))
    rest = build().steps[2:]
    run(again, rest)
    assert again.encoded == done.encoded
    assert {k: v for k, v in again.measurements.items() if k.startswith("print")} == {
        k: v for k, v in done.measurements.items() if k.startswith("print")
    }


def test_checks_see_a_print_that_is_wrong_or_in_the_wrong_place() -> None:
    done = run(take(shaded=True))
    subject = Subject(done)
    good = print_likeness(subject)
    assert good is not None
    assert good > 0.9
    assert (print_shift(subject) or 0.0) < 1.5
    other = run(take(artwork=png(np.ascontiguousarray(np.asarray(Image.open(io.BytesIO(art())))[:, ::-1])), shaded=True))
    done.printed = other.printed
    wrong = print_likeness(Subject(done))
    assert wrong is not None
    assert wrong < 0.6


def test_ink_that_sinks_into_the_blank_is_measured() -> None:
    done = run(take(artwork=png(np.full((300, 400, 3), 255, np.uint8))))
    assert done.measurements["print_visible"] < 0.05
    assert run(take()).measurements["print_visible"] == 1
