"""Hostile input: a corpus with known answers, its memory, and random damage. A photo or a typed error, nothing else."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

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


def test_the_whole_corpus_needs_little_memory() -> None:
    """One process decodes everything with 200 MB of address space beyond what the imports took, and grows by less than 80 MB."""
    code = """
import resource
from tests.unit.badfiles import corpus
from studio.errors import ImageError
from studio.imaging.codec import decode
def field(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
files = corpus()
limit = field("VmSize") * 1024 + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
before, survivors = field("VmHWM"), []
for name, data, _ in files:
    try:
        decode(data)
        survivors.append(name)
    except ImageError as error:
        if "fit into memory" in str(error):
            survivors.append(name)
print(survivors, field("VmHWM") - before < 80_000)
"""
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert out.stdout.split("\n")[-2] == "[] True"


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
