"""ICC profiles: what a photo's own profile means in sRGB, and the sRGB profile that goes into everything we write."""

from __future__ import annotations

import io
import logging
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from studio.take import U8

log = logging.getLogger(__name__)

_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}
_BROKEN = (ImageCms.PyCMSError, OSError, ValueError, TypeError, SyntaxError, MemoryError)
_DATE = slice(24, 36)
_FIXED_DATE = b"\x07\xd0\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """The sRGB profile as bytes, the same in every process: the creation date in its header is set to 2000-01-01."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data[: _DATE.start] + _FIXED_DATE + data[_DATE.stop :]


def to_srgb(image: Image.Image, icc: bytes | None) -> tuple[U8, bool]:
    """Pixels of an L, RGB, CMYK or LAB picture as uint8 (H, W, 3) sRGB, and whether its profile was understood.

    Relative colorimetric with black point compensation. A profile that is broken or belongs to another colour space is
    ignored with a log line: grey and RGB then count as sRGB, CMYK as (1 - C)(1 - K), Lab as D50 (TIFF 6.0, section 23).
    """
    if image.mode == "LAB":
        return _transform(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))), False
    profile = _open(icc) if icc else None
    if icc is None or profile is None:
        return _plain(image), False
    space = profile.profile.xcolor_space.strip()
    if image.mode == "L" and space == "RGB":
        image = image.convert("RGB")
    if _SPACES[image.mode] != space:
        log.info("a %s profile in a %s picture is ignored", space, image.mode)
        return _plain(image), False
    try:
        if space == "RGB" and _is_srgb(icc):
            return _plain(image), True
        return _transform(image, profile), True
    except _BROKEN as error:
        log.info("a broken colour profile is ignored: %s", error)
        return _plain(image), False


def _open(icc: bytes) -> ImageCms.ImageCmsProfile | None:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except _BROKEN as error:
        log.info("an unreadable colour profile is ignored: %s", error)
        return None


def _transform(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> U8:
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(
        profile,
        target,
        image.mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    result = ImageCms.applyTransform(image, transform)
    assert result is not None
    return np.asarray(result)


@lru_cache(maxsize=32)
def _is_srgb(icc: bytes) -> bool:
    """Whether an RGB profile moves no colour of a coarse grid, nor any grey, by more than one level: pixels then stay."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(1, -1, 3)
    greys = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, -1, 3)
    probe = np.concatenate([grid, greys], axis=1)
    moved = _transform(Image.fromarray(probe), ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    return bool(np.abs(moved.astype(np.int16) - probe).max() <= 1)


def _plain(image: Image.Image) -> U8:
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
