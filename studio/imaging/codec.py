"""Reading pictures from strangers: sniffed first, measured before decoding, and every failure a typed error."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from studio.errors import CorruptImage, FileTooLarge, ImageError, TooManyPixels, TruncatedImage
from studio.imaging.avif import as_still
from studio.imaging.header import check_size, read_size
from studio.imaging.pixels import split
from studio.imaging.profile import to_srgb
from studio.imaging.sniff import sniff
from studio.take import Photo


@dataclass(frozen=True, slots=True)
class Limits:
    """What we are willing to read: bytes of the file, and pixels its header may promise."""

    max_bytes: int = 64_000_000
    max_pixels: int = 100_000_000


_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "avif": AvifImagePlugin.AvifImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "gif": GifImagePlugin.GifImageFile,
}

_TOO_BIG = (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError)
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    ZeroDivisionError,
    NotImplementedError,
    RecursionError,
    RuntimeError,
    UnicodeError,
    UserWarning,
    struct.error,
    zlib.error,
)


def decode(data: bytes, limits: Limits = Limits()) -> Photo:
    """Encoded bytes as an upright sRGB photo of 8 bits: EXIF orientation and colour profile applied, alpha kept.

    Reads JPEG, PNG, WebP, AVIF, TIFF, BMP and the first frame of GIF and of anything animated. Raises EmptyImage,
    FileTooLarge, UnknownFormat, TooManyPixels (before a pixel is decoded), TruncatedImage or CorruptImage, nothing else.
    A file that ends early is an error and never a photo with a grey rest.
    """
    kind = _admit(data, limits)
    read_size(kind, data, limits.max_pixels)
    try:
        return _decode(kind, data, limits)
    except ImageError:
        raise
    except _TOO_BIG as error:
        raise TooManyPixels(f"the {kind} does not fit into memory: {error}") from error
    except _BROKEN as error:
        problem = f"{type(error).__name__}: {error}"
        if "truncated" in problem.lower():
            raise TruncatedImage(f"the {kind} file ends before its picture does") from error
        raise CorruptImage(f"the {kind} file is broken: {problem}") from error


def dimensions(data: bytes, limits: Limits = Limits()) -> tuple[int, int, str]:
    """Width, height in pixels as stored (before EXIF orientation) and format, from the header alone. Raises like `decode`."""
    kind = _admit(data, limits)
    width, height = read_size(kind, data, limits.max_pixels)
    return width, height, kind


def _admit(data: bytes, limits: Limits) -> str:
    if len(data) > limits.max_bytes:
        raise FileTooLarge(f"{len(data)} bytes, the limit is {limits.max_bytes}")
    return sniff(data)


def _decode(kind: str, data: bytes, limits: Limits) -> Photo:
    image = _open(kind, data)
    check_size(*image.size, limits.max_pixels)
    colour, alpha = split(image, lambda: _open(kind, data))
    if kind == "jpeg" and _ends_in_filler(colour) and _is_cut(data, colour):
        raise TruncatedImage("the jpeg file has an end marker, but its picture data stops early")
    rgb, had_profile = to_srgb(colour, image.info.get("icc_profile"))
    # Asking a PNG for its EXIF loads the pixels, so not before `split`; Pillow turns TIFFs, and only those, while loading.
    turn = 1 if kind == "tiff" else _orientation(image)
    return Photo(
        rgb=np.ascontiguousarray(_turned(rgb, turn)),
        alpha=None if alpha is None else np.ascontiguousarray(_turned(alpha, turn)),
        format=kind,
        had_profile=had_profile,
    )


def _open(kind: str, data: bytes) -> ImageFile.ImageFile:
    """The plugin of the sniffed format, directly: no other parser sees the bytes, and sizes are judged by our limits."""
    return _PLUGINS[kind](io.BytesIO(as_still(data) if kind == "avif" else data))


def _orientation(image: ImageFile.ImageFile) -> int:
    """EXIF orientation 1 to 8; 1 when the EXIF block is missing or broken."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return 1


def _turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Rows and columns as a viewer shows them (EXIF 2.3, tag 0x0112)."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def _ends_in_filler(image: Image.Image) -> bool:
    """Whether the last pixel is the exact mid-grey that libjpeg fills in for missing data."""
    last = image.getpixel((image.width - 1, image.height - 1))
    return all(value in (127, 128) for value in (last if isinstance(last, tuple) else (last,)))


def _is_cut(data: bytes, image: Image.Image) -> bool:
    """Whether more picture data before the end marker would change the picture; a complete one ignores it."""
    end = data.rfind(b"\xff\xd9")
    longer = _open("jpeg", data[:end] + b"\x5a\xa5\x36\xc9" * 64 + data[end:])
    return longer.convert(image.mode).tobytes() != image.tobytes()
