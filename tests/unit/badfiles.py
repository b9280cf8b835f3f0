"""Maker of files that must be refused: each with the error that must come out. Small on disk, some enormous in promise."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from studio.errors import CorruptImage, EmptyImage, ImageError, TooManyPixels, TruncatedImage, UnknownFormat

Bad = tuple[str, bytes, type[ImageError] | tuple[type[ImageError], ...]]
BROKEN = (CorruptImage, TruncatedImage)


def saved(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    if image is None:
        image = Image.fromarray(np.random.default_rng(3).integers(0, 256, (40, 50, 3), dtype=np.uint8))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunks) + chunk(b"IEND", b"")


@functools.cache
def zeros(megabytes: int) -> bytes:
    """A zlib stream of that many megabytes of zeros."""
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


def tiff(*entries: tuple[int, int, int, int], tail: bytes = b"") -> bytes:
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4) + tail


def tiff_of(width: int, height: int, *more: tuple[int, int, int, int], tail: bytes = b"") -> bytes:
    base = {256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 259: (3, 1, 8), 262: (3, 1, 1), 277: (3, 1, 1)}
    base |= {tag: (kind, count, value) for tag, kind, count, value in more}
    return tiff(*((tag, *rest) for tag, rest in sorted(base.items())), tail=tail)


def with_jpeg_size(data: bytes, width: int, height: int) -> bytes:
    at = next(at for at in range(len(data)) if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC2))
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def strangers() -> Iterator[Bad]:
    yield "zero bytes", b"", EmptyImage
    for name, data in {
        "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        "html": b"<!DOCTYPE html><html><body>Not found</body></html>",
        "pdf": b"%PDF-1.7\n%\xe2\xe3",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "zip": b"PK\x03\x04" + bytes(30),
        "psd": b"8BPS\0\1" + bytes(30),
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40),
        "jpeg xl": b"\xff\x0a" + bytes(30),
        "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
        "video": b"\0\0\0\x18ftypisom\0\0\0\0isomavc1" + bytes(40),
        "sound": b"RIFF\x24\0\0\0WAVEfmt " + bytes(30),
        "icon": b"\0\0\1\0\1\0" + bytes(40),
        "json": b'{"error": "forbidden"}',
        "text": b"404 page not found\n",
        "noise": np.random.default_rng(1).bytes(400).replace(b"\xff\xd8\xff", b"abc"),
        "one byte": b"\xff",
        "xpm": b"/* XPM */\nstatic char *x[] = {\n",
        "ppm bomb": b"P6 60000 60000 255\n",
        "fits": b"SIMPLE  =                    T",
    }.items():
        yield name, data, UnknownFormat


def bombs() -> Iterator[Bad]:
    """Files whose header, honest or not, promises more than the limit."""
    yield "png 60000 x 60000", png(60000, 60000, chunk(b"IDAT", zeros(8))), TooManyPixels
    yield "png 1-bit interlaced", png(200_000, 200_000, chunk(b"IDAT", zeros(1)), depth=1, colour=0, interlace=1), TooManyPixels
    yield "png 2**31", png(2**31 - 1, 2**31 - 1, chunk(b"IDAT", b"")), TooManyPixels
    yield "jpeg 65500 x 65500", with_jpeg_size(saved("JPEG"), 65500, 65500), TooManyPixels
    yield "progressive jpeg", with_jpeg_size(saved("JPEG", progressive=True), 65500, 65500), TooManyPixels
    yield "gif screen", b"GIF89a" + struct.pack("<HH", 65535, 65535) + saved("GIF")[10:], TooManyPixels
    gif = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b"!\xf9\4\x08\0\0\0\0"
    yield "gif frame", gif + b"," + struct.pack("<4HB", 0, 0, 65535, 65535, 0) + b"\x08\1\0\0;", TooManyPixels
    head = b"BM" + struct.pack("<IHHI", 100, 0, 0, 54)
    yield "bmp", head + struct.pack("<IiiHHIIiiII", 40, 90000, -90000, 1, 24, 0, 0, 0, 0, 0, 0), TooManyPixels
    rle = struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 8, 1, 0, 0, 0, 0, 0)
    yield "bmp rle", head + rle + b"\xff\0" * 200, TooManyPixels
    canvas = (16382).to_bytes(3, "little") * 2
    yield "webp canvas", b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<II", 10, 2) + canvas, TooManyPixels
    bits = struct.pack("<I", 16383 | 16383 << 14)
    yield (
        "webp lossless",
        b"RIFF" + struct.pack("<I", 20) + b"WEBPVP8L" + struct.pack("<I", 8) + b"/" + bits + bytes(7),
        TooManyPixels,
    )
    avif = saved("AVIF")
    at = avif.index(b"ispe") + 8
    yield "avif", avif[:at] + struct.pack(">II", 60000, 60000) + avif[at + 8 :], TooManyPixels
    yield "tiff", tiff_of(100_000, 100_000, (273, 4, 1, 8), (279, 4, 1, 8)), TooManyPixels
    tiles = ((322, 4, 1, 65520), (323, 4, 1, 65520), (324, 4, 1, 8), (325, 4, 1, 8))
    yield "tiff tile", tiff_of(10, 10, *tiles), TooManyPixels
    big = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2)
    big += b"".join(struct.pack("<HHQQ", tag, 4, 1, 50000) for tag in (256, 257)) + bytes(8)
    yield "bigtiff", big, TooManyPixels


def swollen() -> Iterator[Bad]:
    """Small pictures with something inside that would unpack to far more than the picture."""
    pixels = chunk(b"IDAT", zlib.compress(bytes(4 * 13)))
    yield "png profile bomb", png(4, 4, chunk(b"iCCP", b"x\0\0" + zeros(150)), pixels), CorruptImage
    yield "png text bomb", png(4, 4, chunk(b"zTXt", b"x\0\0" + zeros(150)), pixels), CorruptImage
    yield "png texts bomb", png(4, 4, *[chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(1 << 20)))] * 80, pixels), CorruptImage
    yield "jpeg scans", saved("JPEG")[:-2] + b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0\0" * 400, CorruptImage
    yield "tiff strip count", tiff_of(10, 10, (273, 4, 2**30, 8), (279, 4, 2**30, 8)), TruncatedImage
    yield "tiff bits", tiff_of(10, 10, (258, 3, 2**31, 8), (273, 4, 1, 8), (279, 4, 1, 8)), BROKEN
    yield "tiff samples", tiff_of(10, 10, (277, 4, 1, 2**31), (273, 4, 1, 8), (279, 4, 1, 8)), BROKEN


def cut() -> Iterator[Bad]:
    """Files that end too early, at several places."""
    for kind, options in (
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("AVIF", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
    ):
        data = saved(kind, **options)
        for part in (0.5, 0.9):
            yield f"{kind} {options} at {part}", data[: int(len(data) * part)], TruncatedImage
    yield "tiff lzw", saved("TIFF", compression="tiff_lzw")[:-300], TruncatedImage
    yield "jpeg of two bytes and a marker", b"\xff\xd8\xff\xe0", TruncatedImage
    yield "png signature", b"\x89PNG\r\n\x1a\n", TruncatedImage
    yield "bigtiff far directory", b"II+\0\x08\0\0\0" + b"\xff" * 8 + bytes(40), TruncatedImage
    yield "gif signature", b"GIF89a", TruncatedImage
    yield "tiff signature", b"II*\0", TruncatedImage
    half = saved("JPEG", Image.fromarray(np.random.default_rng(3).integers(0, 256, (160, 160, 3), dtype=np.uint8)))
    yield "jpeg closed early", half[: len(half) // 2] + b"\xff\xd9", TruncatedImage


def corrupt() -> Iterator[Bad]:
    """The right magic, then nonsense."""
    jpeg, picture = saved("JPEG"), saved("PNG")
    yield "png zero width", png(0, 10, chunk(b"IDAT", zlib.compress(b""))), CorruptImage
    yield "jpeg zero height", with_jpeg_size(jpeg, 50, 0), CorruptImage
    yield "jpeg without picture", b"\xff\xd8\xff\xe0\0\4ab\xff\xd9", CorruptImage
    yield "jpeg without tables", jpeg.replace(b"\xff\xc4", b"\xff\xef").replace(b"\xff\xdb", b"\xff\xef"), BROKEN
    yield "jpeg arithmetic lossless", jpeg.replace(b"\xff\xc0", b"\xff\xc3"), BROKEN
    yield "jpeg 12 bit", jpeg.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"), BROKEN
    yield "png bad stream", picture[:60] + bytes(400) + picture[460:], BROKEN
    yield "png bad depth", png(4, 4, chunk(b"IDAT", zeros(1)), depth=7), CorruptImage
    yield "png bad filter", png(4, 4, chunk(b"IDAT", zlib.compress((b"\x09" + bytes(12)) * 4))), CorruptImage
    yield "png too little data", png(40, 40, chunk(b"IDAT", zlib.compress(bytes(100)))), BROKEN
    yield "png without pixels", png(4, 4), BROKEN
    yield "png without header", b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", zlib.compress(b"x")) + bytes(20), CorruptImage
    yield "gif without frame", b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0, 0, 0) + b";" + bytes(20), CorruptImage
    yield (
        "bmp negative width",
        b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<Iii", 40, -9, 9) + bytes(60),
        CorruptImage,
    )
    yield (
        "bmp bad depth",
        b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<IiiHH", 40, 9, 9, 1, 5) + bytes(90),
        CorruptImage,
    )
    yield "webp unknown chunk", b"RIFF" + struct.pack("<I", 30) + b"WEBPABCD" + bytes(60), CorruptImage
    avif = saved("AVIF")
    yield "avif without picture", avif[:32] + struct.pack(">I4s", 100, b"free") + bytes(92), CorruptImage
    yield "avif box smaller than itself", avif[:32] + struct.pack(">I4s", 4, b"free") + bytes(92), CorruptImage
    yield "tiff loop", tiff_of(10, 10, (273, 4, 1, 8), (279, 4, 1, 8))[:-4] + struct.pack("<I", 8), BROKEN
    yield "tiff without size", tiff((258, 3, 1, 8), (273, 4, 1, 8)), CorruptImage
    yield "tiff unknown compression", tiff_of(4, 4, (259, 3, 1, 9999), (273, 4, 1, 8), (279, 4, 1, 8)), CorruptImage
    yield "tiff directory beyond the end", b"II*\0\xff\xff\xff\x7f", TruncatedImage


def corpus() -> list[Bad]:
    return [*strangers(), *bombs(), *swollen(), *cut(), *corrupt()]
