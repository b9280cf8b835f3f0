"""Width and height from a file's header alone: nothing is decompressed and nothing of the picture's size is allocated.

Every reader returns the largest size that the file's structures promise, so that a header with two stories is judged by
the bigger one. Reading past the end of the bytes (struct.error, IndexError, OverflowError) means a truncated file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from studio.errors import CorruptImage, TooManyPixels, TruncatedImage
from studio.imaging.avif import avif_size

MAX_SCANS = 200
"""Scans in one JPEG. Real progressive files have about ten; each costs a pass over the whole picture."""

_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def read_size(kind: str, data: bytes, max_pixels: int) -> tuple[int, int]:
    """Width, height in pixels. Raises TruncatedImage, CorruptImage, or TooManyPixels when the header promises too much."""
    try:
        width, height = _READERS[kind](data)
        if kind == "tiff":
            _check_tiff(data, max_pixels)
    except (struct.error, IndexError, OverflowError) as error:
        raise TruncatedImage(f"the {kind} file ends inside its header ({len(data)} bytes)") from error
    check_size(width, height, max_pixels)
    return width, height


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise CorruptImage for an empty picture and TooManyPixels for one beyond the limit."""
    if width <= 0 or height <= 0:
        raise CorruptImage(f"the header says {width} x {height} pixels")
    if width * height > max_pixels:
        raise TooManyPixels(f"{width} x {height} = {width * height} pixels, the limit is {max_pixels}")


def _jpeg(data: bytes) -> tuple[int, int]:
    """Frame headers up to the first scan (ITU-T T.81, annex B)."""
    if data.count(b"\xff\xda") > MAX_SCANS:
        raise CorruptImage(f"the JPEG has more than {MAX_SCANS} scans")
    at, best = 2, (0, 0)
    while True:
        at = data.find(b"\xff", at)
        if at < 0:
            raise TruncatedImage("the JPEG ends before its picture data")
        marker = data[at + 1]
        if marker in (0x00, 0xFF) or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            raise CorruptImage("the JPEG has no picture data")
        if marker in _SOF:
            height, width = struct.unpack_from(">HH", data, at + 5)
            best = max(best, (width, height), key=_area)
        if marker == 0xDA:
            return best
        at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])


def _png(data: bytes) -> tuple[int, int]:
    if data[12:16] not in (b"IHDR", b"") and len(data) >= 16:
        raise CorruptImage("the PNG does not begin with its header chunk")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> tuple[int, int]:
    """The logical screen or the first frame, whichever reaches further (GIF89a, sections 18 to 24)."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while data[at] == 0x21:
        at += 2
        while data[at]:
            at += 1 + data[at]
        at += 1
    if data[at] != 0x2C:
        raise CorruptImage("the GIF has no frame")
    left, top, frame_width, frame_height = struct.unpack_from("<4H", data, at + 1)
    if not frame_width or not frame_height:
        raise CorruptImage("the first frame of the GIF is empty")
    return max(width, left + frame_width), max(height, top + frame_height)


def _bmp(data: bytes) -> tuple[int, int]:
    size = struct.unpack_from("<I", data, 14)[0]
    if size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
        return width, height
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)


def _webp(data: bytes) -> tuple[int, int]:
    """Canvas or frame size of the first chunk (RFC 9649)."""
    kind = data[12:16]
    if kind == b"VP8X":
        wide, high = struct.unpack_from("<3s3s", data, 24)
        size = int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
    elif kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        size = width & 0x3FFF, height & 0x3FFF
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif len(data) < 16:
        raise TruncatedImage("the WebP ends inside its header")
    else:
        raise CorruptImage(f"the WebP begins with an unknown chunk {kind!r}")
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise TruncatedImage("the WebP has fewer bytes than its header says")
    return size


_WIDTH, _HEIGHT, _STRIPS, _STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 256, 257, 273, 279, 322, 323, 324, 325
_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


def _tiff(data: bytes) -> tuple[int, int]:
    tags = _tiff_tags(data)
    return tags.get(_WIDTH, (0,))[0], tags.get(_HEIGHT, (0,))[0]


def _check_tiff(data: bytes, max_pixels: int) -> None:
    """A tile is allocated whole however small the picture is, and every strip must lie inside the file."""
    tags = _tiff_tags(data)
    if _TILE_WIDTH in tags and _TILE_HEIGHT in tags:
        check_size(tags[_TILE_WIDTH][0], tags[_TILE_HEIGHT][0], max_pixels)
    for offsets, counts in ((_STRIPS, _STRIP_BYTES), (_TILES, _TILE_BYTES)):
        if any(offset + count > len(data) for offset, count in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False)):
            raise TruncatedImage("the TIFF has fewer bytes than its strips say")


def _tiff_tags(data: bytes) -> dict[int, tuple[int, ...]]:
    """The size and layout tags of the first directory, classic or BigTIFF (TIFF 6.0, section 2)."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    first = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    count = struct.unpack_from(order + ("Q" if big else "H"), data, first)[0]
    start, entry, word = first + (8 if big else 2), 20 if big else 12, "Q" if big else "I"
    if start + count * entry > len(data):
        raise TruncatedImage("the TIFF ends inside its directory")
    tags = {}
    for at in range(start, start + count * entry, entry):
        tag, kind, length = struct.unpack_from(order + "HH" + word, data, at)
        if tag not in _WANTED or kind not in _TYPES or not length:
            continue
        layout = f"{order}{length}{_TYPES[kind]}"
        if length > len(data):
            raise TruncatedImage(f"the TIFF tag {tag} is longer than the file")
        value = at + entry - (8 if big else 4)
        inline = struct.calcsize(layout) <= (8 if big else 4)
        tags[tag] = struct.unpack_from(layout, data, value if inline else struct.unpack_from(order + word, data, value)[0])
    return tags


_WANTED = frozenset({_WIDTH, _HEIGHT, _STRIPS, _STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES})


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


_READERS: dict[str, Callable[[bytes], tuple[int, int]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "gif": _gif,
    "bmp": _bmp,
    "webp": _webp,
    "avif": avif_size,
    "tiff": _tiff,
}
