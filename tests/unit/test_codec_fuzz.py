"""Hostile input: a corpus with known answers, its memory, and random damage. A photo or a typed error, nothing else."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.errors import ImageError, TooManyPixels, UnknownFormat
from studio.imaging.codec import Limits, decode, dimensions
from studio.take import Photo
from tests.unit.badfiles import Bad, corpus, saved

pytestmark = pytest.mark.filterwarnings("ignore")

CORPUS = corpus()
LIMITS = Limits(max_pixels=1_000_000)
SOURCES: list[tuple[str, dict[str, object]]] = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("PNG", {}),
    ("GIF", {}),
    ("BMP", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("AVIF", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
]
FEW = settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@functools.cache
def valid() -> list[bytes]:
    return [saved(kind, **options) for kind, options in SOURCES]


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 80
    assert len({name for name, _, _ in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("bad", CORPUS, ids=[name for name, _, _ in CORPUS])
def test_bad_files_raise_what_they_should(bad: Bad) -> None:
    _, data, expected = bad
    with pytest.raises(expected) as caught:
        decode(data)
    assert caught.value.message


@pytest.mark.parametrize(
    ("name", "word"), [("svg", "SVG"), ("html", "HTML"), ("pdf", "PDF"), ("heic", "HEIC"), ("json", "JSON"), ("video", "video")]
)
def test_strangers_are_named(name: str, word: str) -> None:
    data = next(data for other, data, _ in CORPUS if other == name)
    with pytest.raises(UnknownFormat, match=word):
        dimensions(data)


def survive(data: bytes) -> Photo | ImageError:
    try:
        photo = decode(data, LIMITS)
    except ImageError as error:
        return error
    assert photo.rgb.dtype == np.uint8
    assert photo.rgb.shape[2] == 3
    assert photo.alpha is None or (photo.alpha.shape == photo.rgb.shape[:2] and 0 <= photo.alpha.min() <= photo.alpha.max() <= 1)
    return photo


@FEW
@given(st.integers(0, len(SOURCES) - 1), st.floats(0, 1))
def test_cut_files_are_refused_or_complete(which: int, part: float) -> None:
    """What is shown of a cut file is the whole picture, never one with a filled-in rest."""
    data = valid()[which]
    result = survive(data[: int(part * len(data))])
    if isinstance(result, Photo):
        assert (result.rgb == decode(data).rgb).all()


@FEW
@given(
    st.integers(0, len(SOURCES) - 1),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=4),
)
def test_flipped_bits(which: int, flips: list[tuple[float, int]]) -> None:
    data = bytearray(valid()[which])
    for part, bit in flips:
        data[int(part**3 * len(data))] ^= 1 << bit
    survive(bytes(data))


@FEW
@given(
    st.sampled_from(
        [
            b"",
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a",
            b"II*\0",
            b"MM\0*",
            b"II+\0",
            b"BM\0\0\0\0\0\0\0\0",
            b"RIFF\x20\0\0\0WEBPVP8 ",
            b"RIFF\x20\0\0\0WEBPVP8X",
            b"\0\0\0\x14ftypavif",
        ]
    ),
    st.binary(max_size=300),
)
def test_random_bytes(magic: bytes, rest: bytes) -> None:
    survive(magic + rest)


@pytest.mark.parametrize("frames", [1, 3])
def test_an_avif_is_judged_by_its_stream_too(frames: int) -> None:
    """The box says 16 x 16, the AV1 stream says 400 x 300, and the decoder would allocate the latter."""
    pictures = [Image.new("RGB", (400, 300), (40 * at, 90, 60)) for at in range(frames)]
    options: dict[str, object] = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    data = bytearray(saved("AVIF", pictures[0], **options))
    assert dimensions(bytes(data)) == (400, 300, "avif")
    at = data.index(b"ispe") + 8
    data[at : at + 8] = (16).to_bytes(4, "big") * 2
    with pytest.raises(TooManyPixels, match="400 x 300"):
        decode(bytes(data), Limits(max_pixels=119_999))
