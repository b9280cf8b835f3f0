"""Pictures and files for the preflight: the clean picture of a destination, and files of it of every kind and size."""

from __future__ import annotations

import io
import math
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from studio.destination import Destination, Limit
from studio.imaging.metadata import COMPOSITE, xmp_packet
from studio.imaging.profile import srgb_profile
from studio.qa.preflight import rules

Box = tuple[int, int, int, int]


@dataclass(slots=True)
class Canvas:
    """A picture to be: size, the product's box (x, y, w, h), pixels uint8 (H, W, 3), alpha uint8 (H, W) or None."""

    where: Destination
    size: tuple[int, int]
    box: Box = (0, 0, 0, 0)
    rgb: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8))
    alpha: np.ndarray | None = None


def drawn(
    where: Destination, size: tuple[int, int] | None = None, *, fill: float | None = None, box: Box | None = None
) -> Canvas:
    """The clean picture: product in the middle, ground as the destination wants it."""
    canvas = Canvas(where, size or smallest(where))
    width, height = canvas.size
    canvas.box = box or _middle(canvas.size, fill or _fill(where))
    x, y, w, h = canvas.box
    canvas.rgb = np.full((height, width, 3), 228 if where.background == "any" else 255, np.uint8)
    product = np.full((h, w, 3), (40, 60, 120), np.uint8)
    product[:, :: max(8, w // 24)] = (200, 170, 40)
    canvas.rgb[y : y + h, x : x + w] = product
    if where.background == "transparent":
        canvas.alpha = np.zeros((height, width), np.uint8)
        canvas.alpha[y : y + h, x : x + w] = 255
    return canvas


def _middle(size: tuple[int, int], fill: float) -> Box:
    """A box whose larger relative side is exactly round(fill * side) pixels, narrow on the other axis."""
    width, height = size
    if width >= height * 4 or height >= width * 4:
        w, h = round(width * fill), round(height * fill)
    else:
        h = round(height * fill)
        w = round(width * min(fill * 0.8, 0.7))
    return (width - w) // 2, (height - h) // 2, w, h


def _fill(where: Destination) -> float:
    limit = rules(where).get("fill", Limit(min=0.75, max=0.85))
    return ((limit.min or 0.8) + min(limit.max or 0.94, 0.94)) / 2


def smallest(where: Destination) -> tuple[int, int]:
    """The smallest size of the destination's shape that its pixel rules allow."""
    held = rules(where)
    long, short = held.get("pixels_longest"), held.get("pixels_shortest")
    ratio = where.width / where.height
    side = max((long.min if long and long.min else 320) / max(ratio, 1 / ratio), short.min if short and short.min else 320)
    return (math.ceil(side * ratio), math.ceil(side)) if ratio >= 1 else (math.ceil(side), math.ceil(side / ratio))


def saved(canvas: Canvas, form: str = "", *, dpi: int = 300, xmp: bool = True, **options: Any) -> bytes:
    """The picture as a file: JPEG, or PNG where there is alpha."""
    form = form or ("png" if canvas.alpha is not None else "jpeg")
    rgb, alpha = canvas.rgb, canvas.alpha
    picture = Image.fromarray(rgb if alpha is None else np.dstack([rgb, alpha]))
    file = io.BytesIO()
    settings: dict[str, Any] = {"dpi": (dpi, dpi)} if form in {"jpeg", "png", "tiff"} else {}
    if form in {"jpeg", "png", "webp", "avif"}:
        settings["icc_profile"] = srgb_profile()
    if form == "jpeg":
        settings |= {"quality": 95, "subsampling": 0}
    if form == "webp":
        settings["lossless"] = True
    if form == "avif":
        settings |= {"quality": 100, "subsampling": "4:4:4", "speed": 9}
    if form == "png":
        settings["compress_level"] = 1
    if xmp and form in {"jpeg", "webp", "avif"}:
        settings["xmp"] = xmp_packet(COMPOSITE)
    picture.save(file, form.upper(), **settings | options)
    data = file.getvalue()
    return with_chunk(data, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp_packet(COMPOSITE)) if xmp and form == "png" else data


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


def padded(data: bytes, size: int) -> bytes:
    """The same picture in a file of exactly `size` bytes: JPEG comments, or a private PNG chunk."""
    missing = size - len(data)
    if data[:4] == b"\x89PNG":
        return with_chunk(data, b"paDd", bytes(missing - 12))
    comments = []
    while missing:
        part = min(missing, 65_000) if missing - min(missing, 65_000) not in range(1, 4) else missing - 100
        comments.append(b"\xff\xfe" + struct.pack(">H", part - 2) + bytes(part - 4))
        missing -= part
    return data[:2] + b"".join(comments) + data[2:]
