"""PNG fast: OpenCV compresses, we add the chunks it cannot write."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from studio.take import U8

FAST, SMALL = 1, 9
_SIGNATURE_AND_HEADER = 33


def png_bytes(image: U8, *, level: int = FAST, chunks: bytes = b"") -> bytes:
    """uint8 (H, W), (H, W, 3) or (H, W, 4) sRGB as PNG, losslessly but for one thing: RGB under alpha 0 is written as 0.

    Level 1 takes the averaging filter with zlib's default strategy (about 70 CPU-ms for a 2000 x 2000 cut-out, 6 times
    less than Pillow's default at 1.3 times the size); `SMALL` tries every filter. `chunks` are put before the pixels.
    """
    import cv2

    if image.ndim == 3 and image.shape[2] == 4:
        pixels = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA)
        pixels = cv2.bitwise_and(pixels, pixels, mask=pixels[..., 3])
    else:
        pixels = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    filters = cv2.IMWRITE_PNG_FILTER_AVG if level == FAST else cv2.IMWRITE_PNG_ALL_FILTERS
    strategy = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT)
    options = (cv2.IMWRITE_PNG_COMPRESSION, level, cv2.IMWRITE_PNG_FILTER, filters, *strategy)
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels), options)
    data = encoded.tobytes()
    return data[:_SIGNATURE_AND_HEADER] + chunks + data[_SIGNATURE_AND_HEADER:] if chunks else data


def encode_rgba_png(rgba: U8) -> bytes:
    """A cut-out, uint8 (H, W, 4) sRGB with straight alpha, as a bare fast PNG."""
    return png_bytes(rgba)


def profile_chunk(icc: bytes) -> bytes:
    """`iCCP`: the colour profile (PNG third edition, 11.3.2.3)."""
    return _chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(icc, 9))


def density_chunk(dpi: int) -> bytes:
    """`pHYs`: dots per inch, in dots per metre (11.3.4.3)."""
    dots = round(dpi / 0.0254)
    return _chunk(b"pHYs", struct.pack(">IIB", dots, dots, 1))


def xmp_chunk(packet: bytes) -> bytes:
    """`iTXt` under the keyword that XMP readers look for, uncompressed (ISO 16684-3, 1.1.5)."""
    return _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
