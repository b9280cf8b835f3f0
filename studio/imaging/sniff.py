"""What a file is, by its first bytes. Only formats named here ever reach a decoder."""

from __future__ import annotations

from studio.errors import EmptyImage, UnknownFormat

FORMATS = ("jpeg", "png", "webp", "avif", "tiff", "bmp", "gif")
"""Formats we read, as named in `Photo.format`."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
)

_STRANGERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript file"),
    (b"8BPS", "a Photoshop PSD file"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"qoif", "a QOI image"),
    (b"DDS ", "a DDS texture"),
    (b"FUJIFILM", "a camera raw file"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"glTF", "a glTF model"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
    (b"wOF", "a web font"),
)


def sniff(data: bytes) -> str:
    """One of `FORMATS`. Raises EmptyImage for no bytes and UnknownFormat, naming what the file seems to be, for the rest."""
    if not data:
        raise EmptyImage("the file has no bytes")
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and _brands(data) & {b"avif", b"avis"}:
        return "avif"
    if data[:2] == b"BM" and data[6:10] == b"\x00\x00\x00\x00":
        return "bmp"
    raise UnknownFormat(f"not an image we read ({', '.join(FORMATS)}): this seems to be {_guess(data)}")


def _brands(data: bytes) -> set[bytes]:
    """Major and compatible brands of an ISO media file; the box is cut at 256 bytes, real ones have fewer than 20 brands."""
    end = min(int.from_bytes(data[:4], "big"), 256, len(data))
    return {data[8:12]} | {data[at : at + 4] for at in range(16, end - 3, 4)}


def _guess(data: bytes) -> str:
    for magic, what in _STRANGERS:
        if data.startswith(magic):
            return what
    if data[:4] == b"RIFF":
        return "a RIFF file (sound or video)"
    if data[4:8] == b"ftyp":
        return "a HEIC/HEIF image" if _brands(data) & {b"heic", b"heix", b"mif1", b"hevc", b"heim", b"msf1"} else "a video"
    return _guess_text(data)


def _guess_text(data: bytes) -> str:
    head = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in head:
        return "an SVG drawing"
    if head.startswith((b"<!doctype html", b"<html")) or b"<head" in head or b"<body" in head:
        return "an HTML page"
    if head.startswith(b"<?xml"):
        return "an XML document"
    if head.startswith((b"{", b"[")):
        return "a JSON document"
    if data[:1024].isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in data[:1024]):
        return "text"
    return "unknown binary data"
