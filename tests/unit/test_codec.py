"""Reading: exact pixels where the format is lossless, upright, in sRGB, with alpha, rounded and never cut."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from studio.errors import FileTooLarge, TooManyPixels, TruncatedImage
from studio.imaging.codec import Limits, decode, dimensions
from studio.imaging.colour import delta_e_2000, linear_to_u8, srgb_to_lab
from studio.imaging.profile import srgb_profile
from tests.unit import icc

RNG = np.random.default_rng(7)
NOISE = RNG.integers(0, 256, (23, 31, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (23, 31), dtype=np.uint8)
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
Saved = tuple[str, dict[str, Any]]

LOSSLESS: list[Saved] = [
    ("PNG", {}),
    ("BMP", {}),
    ("WEBP", {"lossless": True, "exact": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", {"compression": "packbits"}),
]


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def smooth(width: int = 60, height: int = 48) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return (np.stack([x, y, 1 - x * y], axis=-1) * 255).round().astype(np.uint8)


@pytest.mark.parametrize(("kind", "options"), LOSSLESS, ids=str)
def test_lossless_formats_keep_every_pixel(kind: str, options: dict[str, Any]) -> None:
    data = save(Image.fromarray(NOISE), kind, **options)
    photo = decode(data)
    assert (photo.rgb == NOISE).all()
    assert photo.alpha is None
    assert not photo.had_profile
    assert (photo.size, photo.format) == ((31, 23), kind.lower())
    assert dimensions(data) == (31, 23, kind.lower())


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("WEBP", {"quality": 95}),
        ("AVIF", {"quality": 90}),
        ("GIF", {}),
    ],
    ids=str,
)
def test_lossy_formats_stay_close(kind: str, options: dict[str, Any]) -> None:
    picture = smooth()
    data = save(Image.fromarray(picture), kind, **options)
    photo = decode(data)
    assert delta_e_2000(srgb_to_lab(photo.rgb), srgb_to_lab(picture)).mean() < (6 if kind == "GIF" else 1.5)
    assert dimensions(data) == (60, 48, kind.lower())
    assert photo.rgb.flags.c_contiguous


def test_jpeg_pixels_equal_those_of_another_decoder() -> None:
    data = save(Image.fromarray(smooth()), "JPEG", quality=90)
    assert (decode(data).rgb == cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_come_out_upright(kind: str, orientation: int) -> None:
    """The stored picture is a known one turned the other way; every orientation must give the same upright picture."""
    upright = np.full((32, 48, 3), 230, np.uint8)
    upright[:16, :16], upright[:16, 32:], upright[16:, :16] = (200, 30, 30), (30, 160, 30), (30, 30, 200)
    back = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options: dict[str, Any] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    data = save(Image.fromarray(np.ascontiguousarray(back(upright))), kind, exif=exif.tobytes(), **options)
    photo = decode(data)
    assert photo.size == (48, 32)
    assert np.abs(photo.rgb.astype(int) - upright).mean() < 4
    assert np.abs(photo.rgb[6, 6].astype(int) - (200, 30, 30)).max() < 16


def test_alpha_is_turned_with_the_picture() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = save(Image.fromarray(np.dstack([NOISE, ALPHA])), "PNG", exif=exif.tobytes())
    photo = decode(data)
    assert photo.alpha is not None
    np.testing.assert_array_equal(photo.alpha, np.rot90(ALPHA, -1) / np.float32(255))
    assert (photo.rgb == np.rot90(NOISE, -1)).all()


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0garbage and more of it", b"\0" * 40])
@pytest.mark.filterwarnings("ignore")
def test_broken_exif_is_no_reason_to_refuse_a_photo(exif: bytes) -> None:
    assert decode(save(Image.fromarray(NOISE), "JPEG", exif=exif)).size == (31, 23)


GAMMA_22 = np.linspace(0, 1, 1024) ** (563 / 256)
SRGB_CURVE = np.where((ramp := np.linspace(0, 1, 1024)) <= 0.04045, ramp / 12.92, ((ramp + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(
    ("primaries", "curve"), [(icc.ADOBE_RGB, GAMMA_22), (icc.DISPLAY_P3, SRGB_CURVE)], ids=["adobe-rgb", "display-p3"]
)
def test_wide_gamut_photos_become_srgb(kind: str, primaries: Any, curve: np.ndarray) -> None:
    """Expected values by plain arithmetic: curve, matrix to XYZ, matrix to sRGB, curve."""
    colours = np.array([*itertools.product((70, 128, 190), repeat=3), (255, 255, 255), (0, 0, 0)], np.uint8)
    picture = np.repeat(np.repeat(colours.reshape(1, -1, 3), 16, axis=0), 16, axis=1)
    linear = np.interp(colours / 255, np.linspace(0, 1, 1024), curve) @ icc.matrix(primaries).T
    expected = linear @ np.linalg.inv(icc.matrix(icc.SRGB)).T
    inside = ((expected > 0.002) & (expected < 0.998)).all(axis=1) | (colours.min(axis=1) == 255)
    assert inside.sum() >= 18
    options: dict[str, Any] = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    }.get(kind, {})
    photo = decode(save(Image.fromarray(picture), kind, icc_profile=icc.rgb_profile(primaries, curve), **options))
    assert photo.had_profile
    measured = srgb_to_lab(photo.rgb[8, 8::16])
    error = delta_e_2000(measured, srgb_to_lab(linear_to_u8(expected)))[inside]
    assert error.max() < (2.0 if kind == "AVIF" else 1.0)
    assert error.mean() < 0.8
    untouched = delta_e_2000(srgb_to_lab(colours), srgb_to_lab(linear_to_u8(expected)))[inside]
    assert untouched.max() > 3.0


@pytest.mark.parametrize("profile", [srgb_profile(), icc.rgb_profile(icc.SRGB, SRGB_CURVE)], ids=["lcms", "v2"])
def test_an_srgb_profile_moves_no_pixel(profile: bytes) -> None:
    photo = decode(save(Image.fromarray(NOISE), "PNG", icc_profile=profile))
    assert photo.had_profile
    assert (photo.rgb == NOISE).all()


def test_grey_profiles_are_applied() -> None:
    levels = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    photo = decode(save(Image.fromarray(levels), "PNG", icc_profile=icc.grey_profile(1.0)))
    expected = linear_to_u8(np.linspace(0, 1, 256))
    assert photo.had_profile
    assert np.abs(photo.rgb[0, 8:].astype(int) - expected[8:, None]).max() <= 1


def test_an_rgb_profile_in_a_grey_photo_is_applied_to_its_greys() -> None:
    levels = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    photo = decode(save(Image.fromarray(levels), "PNG", icc_profile=icc.rgb_profile(icc.ADOBE_RGB, np.linspace(0, 1, 1024))))
    assert np.abs(photo.rgb[0, 8:].astype(int) - linear_to_u8(np.linspace(0, 1, 256))[8:, None]).max() <= 1


@pytest.mark.parametrize(
    "profile", [b"x", b"\0" * 200, srgb_profile()[:300], icc.grey_profile(2.2)], ids=["tiny", "zeros", "cut", "alien"]
)
def test_useless_profiles_are_ignored(profile: bytes) -> None:
    photo = decode(save(Image.fromarray(NOISE), "PNG", icc_profile=profile))
    assert not photo.had_profile
    assert (photo.rgb == NOISE).all()


INKS = np.zeros((2, 2, 2, 2, 3))
for c, m, y, k in itertools.product((0, 1), repeat=4):
    rgb = np.array([[(1 - 0.9 * c) * (1 - 0.8 * k), (1 - 0.85 * m) * (1 - 0.8 * k), (1 - 0.8 * y) * (1 - 0.8 * k)]])
    INKS[c, m, y, k] = srgb_to_lab((rgb * 255).astype(np.uint8))[0]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_with_a_profile_is_what_the_printer_would_show(kind: str) -> None:
    """The profile says the Lab of every full ink; black point compensation keeps white white and colours in place."""
    inks = np.array([*itertools.product((0, 255), repeat=3)], np.uint8)
    picture = np.zeros((16, 16 * len(inks), 4), np.uint8)
    picture[..., :3] = np.repeat(inks, 16, axis=0)
    options: dict[str, Any] = {"quality": 100} if kind == "JPEG" else {}
    image = Image.frombytes("CMYK", (picture.shape[1], 16), picture.tobytes())
    photo = decode(save(image, kind, icc_profile=icc.cmyk_profile(INKS), **options))
    assert photo.had_profile
    measured = srgb_to_lab(photo.rgb[8, 8::16])
    expected = INKS[:, :, :, 0].reshape(8, 3)
    assert photo.rgb[8, 8].tolist() == [255, 255, 255]
    assert delta_e_2000(measured, expected)[:7].max() < 6
    assert delta_e_2000(measured, expected)[:4].mean() < 3


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile(kind: str) -> None:
    inks = np.array([(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255), (0, 0, 0, 128)], np.uint8)
    picture = np.repeat(np.repeat(inks[None], 16, axis=0), 16, axis=1)
    image = Image.frombytes("CMYK", (picture.shape[1], 16), picture.tobytes())
    data = save(image, kind, **({"quality": 100} if kind == "JPEG" else {}))
    expected = [(255, 255, 255), (0, 255, 255), (255, 0, 255), (255, 255, 0), (0, 0, 0), (127, 127, 127)]
    assert np.abs(decode(data).rgb[8, 8::16].astype(int) - expected).max() <= 3


def png16(samples: np.ndarray, *extra: bytes) -> bytes:
    """A 16-bit PNG of (H, W, 1..4) samples with the given chunks (name and body) before the pixels."""
    height, width, bands = samples.shape
    rows = np.ascontiguousarray(samples.astype(">u2")).tobytes()
    step = width * bands * 2
    raw = b"".join(b"\0" + rows[at : at + step] for at in range(0, len(rows), step))
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    chunks = [b"IHDR" + head, *extra, b"IDAT" + zlib.compress(raw), b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)


def tiff16(samples: np.ndarray, order: str, compressed: bool) -> bytes:
    height, width, bands = samples.shape
    raw = np.ascontiguousarray(samples.astype(f"{order}u2")).tobytes()
    strip = zlib.compress(raw) if compressed else raw
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, bands, 0), (259, 3, 1, 8 if compressed else 1)]
    entries += [(262, 3, 1, 2 if bands > 1 else 1), (273, 4, 1, 0), (277, 3, 1, bands), (278, 4, 1, height)]
    entries += [(279, 4, 1, len(strip))] + ([(338, 3, 1, 2)] if bands == 4 else [])
    bits_at = 8 + 2 + 12 * len(entries) + 4
    strip_at = bits_at + 2 * bands
    body = struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        value = {258: bits_at if bands > 2 else 16, 273: strip_at}.get(tag, value)
        small = struct.pack(
            order + ("HH" if (kind == 3 and count == 1) or (tag == 258 and bands <= 2) else "I"),
            *((value, 0) if (kind == 3 and count == 1) or (tag == 258 and bands <= 2) else (value,)),
        )
        body += struct.pack(order + "HHI", tag, kind, count) + small
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "I", 8) + body + bytes(4) + struct.pack(f"{order}{bands}H", *[16] * bands) + strip


DEEP = RNG.integers(0, 65536, (9, 14, 4), dtype=np.uint16)
DEEP[0, :4] = [[0] * 4, [65535] * 4, [128] * 4, [129] * 4]


def rounded(samples: np.ndarray) -> np.ndarray:
    return np.floor(samples * (255 / 65535) + 0.5).astype(np.uint8)


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_deep_pngs_are_rounded(bands: int) -> None:
    samples = DEEP[..., :bands] if bands != 2 else DEEP[..., [0, 3]]
    photo = decode(png16(samples))
    assert (photo.rgb == rounded(samples[..., :3] if bands >= 3 else samples[..., :1])).all()
    if bands in (2, 4):
        assert photo.alpha is not None
        np.testing.assert_allclose(photo.alpha, samples[..., -1] / 65535, atol=1e-7)
    else:
        assert photo.alpha is None


def test_a_transparent_colour_of_a_deep_png() -> None:
    photo = decode(png16(DEEP[..., :3], b"tRNS" + DEEP[4, 5, :3].astype(">u2").tobytes()))
    assert photo.alpha is not None
    assert photo.alpha[4, 5] == 0
    assert photo.alpha.sum() == photo.alpha.size - 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_deep_tiffs_are_rounded(order: str, compressed: bool, bands: int) -> None:
    photo = decode(tiff16(DEEP[..., :bands], order, compressed))
    assert (photo.rgb == rounded(DEEP[..., : min(bands, 3)])).all()
    assert (photo.alpha is not None) == (bands == 4)


def test_float_tiffs() -> None:
    values = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    assert (decode(save(Image.fromarray(values), "TIFF")).rgb[..., 0] == (values * 255).round()).all()
    holes = np.where(values > 0.5, np.float32(np.nan), values)
    assert decode(save(Image.fromarray(holes), "TIFF")).rgb[-1, -1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_kept_as_it_is(kind: str) -> None:
    options: dict[str, Any] = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    photo = decode(save(Image.fromarray(np.dstack([NOISE, ALPHA])), kind, **options))
    assert photo.alpha is not None
    assert photo.alpha.dtype == np.float32
    np.testing.assert_array_equal(photo.alpha, ALPHA / np.float32(255))
    assert (photo.rgb == NOISE).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_an_opaque_alpha_channel_is_no_alpha_channel(kind: str) -> None:
    assert decode(save(Image.fromarray(np.dstack([smooth(), np.full((48, 60), 255, np.uint8)])), kind)).alpha is None


def test_palettes_and_small_depths() -> None:
    indexed = Image.fromarray(NOISE).quantize(16)
    assert (decode(save(indexed, "PNG")).rgb == np.asarray(indexed.convert("RGB"))).all()
    keyed = decode(save(indexed, "PNG", transparency=3))
    assert keyed.alpha is not None
    assert ((keyed.alpha == 0) == (np.asarray(indexed) == 3)).all()
    bits = Image.fromarray(NOISE[..., 0] > 127)
    for kind in ("PNG", "TIFF", "BMP"):
        assert (decode(save(bits, kind)).rgb[..., 0] == np.where(NOISE[..., 0] > 127, 255, 0)).all()
    grey = Image.merge("LA", (Image.fromarray(NOISE[..., 0]), Image.fromarray(ALPHA)))
    photo = decode(save(grey, "PNG"))
    assert photo.alpha is not None
    assert (photo.rgb == NOISE[..., :1]).all()
    np.testing.assert_array_equal(photo.alpha, ALPHA / np.float32(255))


def test_only_the_first_frame_of_a_gif_is_read() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue", "green")]
    data = save(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decode(data).rgb == (255, 0, 0)).all()


def test_lab_tiffs() -> None:
    source = ImageCms.profileToProfile(
        Image.new("RGB", (8, 8), (180, 90, 60)), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert source is not None
    assert np.abs(decode(save(source, "TIFF")).rgb.astype(int) - (180, 90, 60)).max() <= 3


def test_limits_are_the_callers() -> None:
    data = save(Image.fromarray(NOISE), "PNG")
    assert decode(data, Limits(len(data), 31 * 23)).size == (31, 23)
    for reader in (decode, dimensions):
        with pytest.raises(FileTooLarge):
            reader(data, Limits(max_bytes=len(data) - 1))
        with pytest.raises(TooManyPixels):
            reader(data, Limits(max_pixels=31 * 23 - 1))


def test_a_jpeg_that_was_cut_and_closed_again_is_found() -> None:
    """Decoders fill the missing rest with mid-grey and say nothing; a true mid-grey corner must stay readable."""
    data = save(Image.fromarray(cv2.resize(NOISE, (310, 230))), "JPEG", quality=90)
    with pytest.raises(TruncatedImage):
        decode(data[: len(data) // 2] + b"\xff\xd9")
    grey = np.where(np.arange(230)[:, None, None] > 120, 128, cv2.resize(NOISE, (310, 230))).astype(np.uint8)
    whole = save(Image.fromarray(grey), "JPEG", quality=95)
    assert decode(whole).rgb[-1, -1].tolist() == [128, 128, 128]


def test_threads_agree() -> None:
    files = [save(Image.fromarray(smooth(200, 150)), kind) for kind in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")]
    files.append(save(Image.fromarray(NOISE), "PNG", icc_profile=icc.rgb_profile(icc.DISPLAY_P3, SRGB_CURVE)))
    alone = [decode(data).rgb for data in files]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(decode, files * 8))
    for at, photo in enumerate(together):
        assert (photo.rgb == alone[at % len(files)]).all()


def test_real_photos_read_alike_in_both_decoders() -> None:
    photos = sorted((DATA / "sylius").rglob("*.jpg"))[:2]
    sources = [path.read_bytes() for path in photos] or [save(Image.fromarray(smooth(400, 300)), "JPEG")]
    for data in sources:
        photo = decode(data)
        assert photo.size == dimensions(data)[:2]
        assert photo.rgb.std() > 5
