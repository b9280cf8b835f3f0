"""Writing: profile, source type and density in every file, byte limits kept, the same bytes every time."""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from studio.destination import Destination, Encoding, Source
from studio.errors import OverByteLimit, StepError, TruncatedImage
from studio.fields import Format
from studio.imaging.codec import Limits, decode
from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.imaging.encode import MEDIA_TYPES, encode
from studio.imaging.metadata import ALTERED, COMPOSITE, GENERATIVE, digital_source_type
from studio.imaging.png import encode_rgba_png, png_bytes
from studio.imaging.profile import srgb_profile
from studio.keys import digest_bytes
from studio.models.base import Answer, Models
from studio.product import Product, ProductImage
from studio.shot import Shot
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.take import Take
from studio.template import Template

FORMATS: tuple[Format, ...] = ("jpeg", "png", "webp", "avif")
PLENTY = 10_000_000


def picture(width: int = 96, height: int = 80) -> np.ndarray:
    """Smooth colours with a hard-edged dark figure: deterministic arithmetic, no random numbers."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    rgb = np.stack([x * 2 + 40, y * 2 + 30, 200 - x], axis=-1) % 256
    rgb[20:60, 30:50] = (12, 14, 40)
    return rgb.astype(np.uint8)


def transparent() -> np.ndarray:
    alpha = np.clip((np.hypot(*np.ogrid[-40:40, -48:48]) - 20) * -12 + 128, 0, 255).astype(np.uint8)
    return np.dstack([picture(), alpha])


def noise() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def written(kind: Format, image: np.ndarray | None = None, max_bytes: int = PLENTY, **options: Any) -> bytes:
    pixels = picture() if image is None else image
    return encode(pixels, Encoding(format=kind, **options), max_bytes=max_bytes, source_type=COMPOSITE).data


@pytest.mark.parametrize("kind", FORMATS)
def test_profile_source_type_and_density_can_be_read_back(kind: Format) -> None:
    file = encode(picture(), Encoding(format=kind), max_bytes=PLENTY, source_type=COMPOSITE)
    image = Image.open(io.BytesIO(file.data))
    image.load()
    assert file.media_type == MEDIA_TYPES[kind] == image.get_format_mimetype()
    assert image.size == (96, 80)
    assert image.info["icc_profile"] == srgb_profile()
    terms = ElementTree.fromstring(image.info["xmp"]).iter("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert [term.text for term in terms] == ["http://cv.iptc.org/newscodes/digitalsourcetype/composite"]
    density = image.info["dpi"] if kind in ("jpeg", "png") else (image.getexif()[282], image.getexif()[283])
    assert [float(value) for value in density] == pytest.approx([300, 300], abs=0.01)


@pytest.mark.parametrize(("kind", "mean", "worst"), [("jpeg", 0.8, 8), ("png", 0, 0), ("webp", 1.6, 30), ("avif", 1.2, 8)])
def test_a_round_trip_keeps_colours(kind: Format, mean: float, worst: float) -> None:
    photo = decode(written(kind))
    error = delta_e_2000(srgb_to_lab(photo.rgb), srgb_to_lab(picture()))
    assert error.mean() <= mean
    assert error.max() <= worst
    assert photo.had_profile
    assert photo.alpha is None


@pytest.mark.parametrize("kind", FORMATS)
def test_white_stays_white(kind: Format) -> None:
    image = np.full((80, 96, 3), 255, np.uint8)
    image[32:48, 32:64] = (180, 20, 30)
    photo = decode(written(kind, image))
    assert (photo.rgb[:16] == 255).all()
    assert (photo.rgb[64:] == 255).all()


@pytest.mark.parametrize("kind", ["png", "webp", "avif"])
def test_alpha_survives(kind: Format) -> None:
    photo = decode(written(kind, transparent()))
    assert photo.alpha is not None
    assert np.abs(photo.alpha - transparent()[..., 3] / 255).max() <= (0 if kind != "avif" else 0.03) + 1e-6
    solid = transparent()[..., 3] == 255
    assert delta_e_2000(srgb_to_lab(photo.rgb), srgb_to_lab(picture()))[solid].mean() < 2


def test_jpeg_has_no_transparency() -> None:
    with pytest.raises(StepError, match="transparency"):
        written("jpeg", transparent())


@pytest.mark.parametrize(("subsampling", "factors"), [("4:4:4", (1, 1)), ("4:2:0", (2, 2))])
def test_jpeg_subsampling_is_the_asked_one(subsampling: str, factors: tuple[int, int]) -> None:
    image = Image.open(io.BytesIO(written("jpeg", subsampling=subsampling)))
    assert image.layer[0][1:3] == factors  # type: ignore[attr-defined]
    assert "progressive" not in image.info


@given(st.integers(300, 14_000), st.sampled_from(["jpeg", "webp"]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_the_byte_limit_is_kept_with_the_best_quality(limit: int, kind: Format) -> None:
    encoding = Encoding(format=kind, quality=95, floor=40)
    refusal = ""
    try:
        file = encode(noise(), encoding, max_bytes=limit, source_type=COMPOSITE)
    except OverByteLimit as error:
        refusal = error.message
    if refusal:
        stated = re.fullmatch(rf"(\d+) bytes at the lowest allowed quality 40, the limit is {limit}", refusal)
        assert stated is not None
        assert int(stated[1]) > limit
        return
    assert len(file.data) <= limit
    assert 40 <= file.quality <= 95
    if file.quality < 95:
        better = Encoding(format=kind, quality=file.quality + 1, floor=file.quality + 1)
        with pytest.raises(OverByteLimit):
            encode(noise(), better, max_bytes=limit, source_type=COMPOSITE)


def test_quality_falls_with_the_limit() -> None:
    encoding = Encoding(quality=95, floor=20)
    full = len(encode(noise(), encoding, max_bytes=PLENTY, source_type=COMPOSITE).data)
    files = [encode(noise(), encoding, max_bytes=int(full * part), source_type=COMPOSITE) for part in (1, 0.8, 0.6)]
    assert files[0].quality == 95
    assert files[0].quality > files[1].quality > files[2].quality >= 20


def test_png_tries_harder_before_giving_up() -> None:
    fast = len(written("png"))
    small = len(written("png", max_bytes=fast - 1))
    assert small < fast
    assert (decode(written("png", max_bytes=small)).rgb == picture()).all()
    with pytest.raises(OverByteLimit, match=str(small)):
        written("png", max_bytes=small - 1)


@pytest.mark.parametrize("shape", ["grey", "rgb", "rgba"])
def test_bare_pngs_keep_what_can_be_seen(shape: str) -> None:
    rgba = transparent()
    image = {"grey": rgba[..., 3], "rgb": rgba[..., :3], "rgba": rgba}[shape]
    read = np.asarray(Image.open(io.BytesIO(png_bytes(image))))
    seen = np.where(rgba[..., 3:] > 0, rgba, 0) if shape == "rgba" else image
    assert (read == seen).all()


def test_cut_out_pngs_are_exact_and_small() -> None:
    rgba = transparent()
    rgba[..., :3] = np.random.default_rng(2).integers(0, 256, rgba[..., :3].shape)
    read = np.asarray(Image.open(io.BytesIO(encode_rgba_png(rgba))))
    assert (read[rgba[..., 3] > 0] == rgba[rgba[..., 3] > 0]).all()
    assert not read[rgba[..., 3] == 0].any()
    assert len(encode_rgba_png(rgba)) < 0.6 * rgba.size


def test_the_embedded_profile_is_srgb_without_a_clock() -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert str(profile.profile.creation_date).startswith("2000-01-01")


@pytest.mark.parametrize(
    ("engine", "composited", "term"),
    [
        ("procedural", True, COMPOSITE),
        ("procedural", False, ALTERED),
        ("diffusers", True, GENERATIVE),
        ("diffusers:org/model", False, GENERATIVE),
        ("an engine of tomorrow", True, GENERATIVE),
    ],
)
def test_the_source_type_tells_the_truth(engine: str, composited: bool, term: str) -> None:
    assert digital_source_type(engine, composited=composited) == term


class NoModels(Models):
    """These steps ask no model."""

    async def predict(self, name: str, items: Any) -> list[Answer | Any]:
        raise AssertionError(name)


def take(source: bytes, encoding: Encoding, max_bytes: int = PLENTY) -> Take:
    image = ProductImage(uri="memory://front", digest=digest_bytes(source))
    destination = Destination(
        id="here",
        title="Here",
        width=96,
        height=80,
        encoding=encoding,
        max_bytes=max_bytes,
        sources=(Source(title="test", date="2026-01-01"),),
    )
    template = Template(id="plain", title="Plain", outputs=("here",))
    return Take(Shot(product=Product(sku="A", title="A"), template=template, destination=destination, images=(image,)), source)


async def through(step: Decode | Encode, *takes: Take) -> list[Any]:
    return list(await step.process(takes, NoModels()))


def test_steps_read_and_write() -> None:
    good, broken = take(written("png"), Encoding(quality=95)), take(written("png")[:200], Encoding())
    results = asyncio.run(through(Decode(), good, broken))
    assert results[0] is good
    assert isinstance(results[1], TruncatedImage)
    good.image = good.need_photo().rgb
    assert asyncio.run(through(Encode(), good)) == [good]
    assert good.media_type == "image/jpeg"
    assert good.measurements["quality"] == 95
    assert decode(good.encoded).size == (96, 80)
    assert COMPOSITE.encode() in good.encoded


def test_steps_refuse_item_by_item() -> None:
    clear, large = take(b"", Encoding()), take(b"", Encoding(quality=90, floor=85), max_bytes=500)
    clear.image, large.image = transparent(), picture()
    results = asyncio.run(through(Encode(), clear, large))
    assert [type(result) for result in results] == [StepError, OverByteLimit]
    small = asyncio.run(through(Decode(Limits(max_pixels=10)), take(written("png"), Encoding())))
    assert small[0].code == "too_many_pixels"


def test_encode_reads_the_encoding_and_the_limit() -> None:
    one, other = take(b"", Encoding()), take(b"", Encoding(quality=90))
    third = take(b"", Encoding(), max_bytes=9)
    reads = [Encode().reads(item.shot) for item in (one, other, third)]
    assert reads[0] != reads[1]
    assert reads[0] != reads[2]
    assert set(reads[0]) == {"encoding", "max_bytes"}
