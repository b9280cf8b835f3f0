"""Final files: JPEG, PNG, WebP, AVIF, PDF with the sRGB profile, source type and density inside, below a byte limit."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, NamedTuple

from PIL import Image

from studio.destination import Encoding
from studio.errors import OverByteLimit, StepError
from studio.fields import Format
from studio.imaging.metadata import density_exif, xmp_packet
from studio.imaging.pdf import page
from studio.imaging.png import FAST, SMALL, density_chunk, png_bytes, profile_chunk, xmp_chunk
from studio.imaging.profile import srgb_profile
from studio.take import U8

MEDIA_TYPES: dict[Format, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "pdf": "application/pdf",
}
LOSSLESS = 100
PAGE_BYTES = 8192
"""Of a PDF beside its picture, at most."""
Compress = Callable[[int], bytes]


class Encoded(NamedTuple):
    """A finished file; `quality` is the one that fitted, 100 for lossless."""

    data: bytes
    media_type: str
    quality: int


def encode(image: U8, encoding: Encoding, *, max_bytes: int, source_type: str, dpi: int = 300) -> Encoded:
    """uint8 (H, W, 3) or (H, W, 4) sRGB with straight alpha as a file of at most `max_bytes`.

    Takes the highest quality from `encoding.quality` down to `encoding.floor` that fits; PNG tries harder compression once.
    `source_type` is the IPTC URI of `metadata.digital_source_type`. The same pixels give the same bytes in every process.
    Raises OverByteLimit when nothing fits and StepError when the format cannot hold an alpha channel.
    """
    if encoding.format in {"jpeg", "pdf"} and image.shape[2] == 4:
        raise StepError(
            f"the destination wants {encoding.format.upper()}, which has no transparency: give the template a background"
        )
    if encoding.format == "png":
        data, quality = _png(image, max_bytes, source_type, dpi), LOSSLESS
    elif encoding.format == "pdf":
        data, quality = _page(image, encoding, max_bytes, source_type, dpi)
    else:
        data, quality = _lossy(image, encoding, max_bytes, source_type, dpi)
    return Encoded(data, MEDIA_TYPES[encoding.format], quality)


def _png(image: U8, max_bytes: int, source_type: str, dpi: int) -> bytes:
    chunks = profile_chunk(srgb_profile()) + density_chunk(dpi) + xmp_chunk(xmp_packet(source_type))
    data = b""
    for level in (FAST, SMALL):
        data = png_bytes(image, level=level, chunks=chunks)
        if len(data) <= max_bytes:
            return data
    raise OverByteLimit(f"the PNG has {len(data)} bytes at its smallest, the limit is {max_bytes}")


def _page(image: U8, encoding: Encoding, max_bytes: int, source_type: str, dpi: int) -> tuple[bytes, int]:
    """A page around the best JPEG that leaves room for the rest of the file."""
    as_jpeg = encoding.model_copy(update={"format": "jpeg"})
    jpeg, quality = _lossy(image, as_jpeg, max_bytes - PAGE_BYTES, source_type, dpi)
    size = image.shape[1], image.shape[0]
    return page(jpeg, size, dpi=dpi, profile=srgb_profile(), xmp=xmp_packet(source_type)), quality


def _lossy(image: U8, encoding: Encoding, max_bytes: int, source_type: str, dpi: int) -> tuple[bytes, int]:
    picture = Image.fromarray(image)
    options = _OPTIONS[encoding.format](encoding, dpi) | {"icc_profile": srgb_profile(), "xmp": xmp_packet(source_type)}

    def compress(quality: int, **more: Any) -> bytes:
        file = io.BytesIO()
        picture.save(file, encoding.format.upper(), quality=quality, **options, **more)
        return file.getvalue()

    data = compress(encoding.quality)
    if len(data) <= max_bytes:
        return data, encoding.quality
    tight = {"optimize": True} if encoding.format == "jpeg" else {}
    return _highest_that_fits(lambda quality: compress(quality, **tight), encoding, max_bytes)


def _highest_that_fits(compress: Compress, encoding: Encoding, max_bytes: int) -> tuple[bytes, int]:
    """Binary search on the quality; size is taken to rise with it. The floor is always tried before giving up."""
    low, high = encoding.floor, encoding.quality
    best, quality = compress(low), low
    if len(best) > max_bytes:
        raise OverByteLimit(f"{len(best)} bytes at the lowest allowed quality {low}, the limit is {max_bytes}")
    while low < high:
        middle = (low + high + 1) // 2
        data = compress(middle)
        if len(data) <= max_bytes:
            best, quality, low = data, middle, middle
        else:
            high = middle - 1
    return best, quality


def _jpeg_options(encoding: Encoding, dpi: int) -> dict[str, Any]:
    return {"subsampling": encoding.subsampling, "dpi": (dpi, dpi)}


def _webp_options(encoding: Encoding, dpi: int) -> dict[str, Any]:
    """Lossy WebP always halves the chroma, whatever `subsampling` says (RFC 9649, 2.5)."""
    return {"method": 2, "exif": density_exif(dpi)}


def _avif_options(encoding: Encoding, dpi: int) -> dict[str, Any]:
    return {"subsampling": encoding.subsampling, "speed": 8, "max_threads": 1, "exif": density_exif(dpi)}


_OPTIONS: dict[Format, Callable[[Encoding, int], dict[str, Any]]] = {
    "jpeg": _jpeg_options,
    "webp": _webp_options,
    "avif": _avif_options,
}
