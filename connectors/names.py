"""File names made of SKUs and of what an image is."""

from __future__ import annotations

import mimetypes

from blake3 import blake3

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
MAX_NAME = 120
"""Characters of a safe name."""
_EXTENSIONS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/avif": ".avif", "application/pdf": ".pdf"}


def safe_name(sku: str) -> str:
    """A file and URL path segment for any SKU: letters, digits, `-_.` and `~`, 1 .. 120 characters, different for different SKUs.

    Every other byte of the UTF-8 form is `~XX`; so are dots at either end, which keeps `..` and hidden files out. `~` needs no
    escape in a URL (RFC 3986, unreserved). A longer name is cut and ends in `~~` and 128 bits of its BLAKE3.
    """
    data = sku.encode("utf-8", "surrogatepass")
    last = len(data) - 1
    marks = [
        chr(byte) if byte in _PLAIN and not (byte == 0x2E and at in (0, last)) else f"~{byte:02X}" for at, byte in enumerate(data)
    ]
    name = "".join(marks) or "~~"
    if len(name) <= MAX_NAME:
        return name
    tail = f"~~{blake3(data).hexdigest(16)}"
    kept, room = "", MAX_NAME - len(tail)
    for mark in marks:
        if len(kept) + len(mark) > room:
            break
        kept += mark
    return kept + tail


def asset_name(template: str, destination: str, slot: str, media_type: str) -> str:
    """File name of a finished image in its SKU's folder: `template.destination.slot.jpg`."""
    return f"{template}.{destination}.{slot}{extension_of(media_type)}"


def extension_of(media_type: str) -> str:
    """With its dot; "" for a type that nobody knows."""
    return _EXTENSIONS.get(media_type) or mimetypes.guess_extension(media_type) or ""
