"""From whatever sample layout a file has to 8-bit colour and a float alpha channel, by rounding and never by truncation."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from studio.take import F32, U8

U16 = NDArray[np.uint16]
Reader = Callable[[], ImageFile.ImageFile]

_OTHER_END = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_WIDE = frozenset({"RGB", "RGBA", "RGBa", "RGBX", "CMYK"})


def split(image: ImageFile.ImageFile, reopen: Reader) -> tuple[Image.Image, F32 | None]:
    """An opened, not yet loaded picture as an L, RGB, CMYK or LAB picture of 8 bits and alpha float32 (H, W) 0..1 or None.

    `reopen` gives the same file opened afresh: Pillow keeps one byte of each 16-bit sample, so the other one is read in a
    second pass. A fully opaque alpha channel is None.
    """
    colour, alpha = _split(image, reopen)
    return colour, None if alpha is None or bool((alpha >= 1.0).all()) else alpha


def narrow(samples: U16) -> U8:
    """16-bit samples to 8 bits, rounded: 0 to 0, 65535 to 255."""
    return ((samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _split(image: ImageFile.ImageFile, reopen: Reader) -> tuple[Image.Image, F32 | None]:
    raw = _rawmode(image)
    layout, _, depth = raw.partition(";16")
    if layout == "LA" and depth == "B":
        return _grey_alpha_16(image)
    if layout in _WIDE and depth in _OTHER_END:
        return _wide(image, reopen(), layout, depth)
    image.load()
    if image.mode.startswith("I") or image.mode == "F":
        return _numeric(image)
    if image.has_transparency_data:
        return _with_alpha(image)
    if image.mode in ("RGB", "L", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def _with_alpha(image: Image.Image) -> tuple[Image.Image, F32]:
    grey = image.mode in ("L", "LA", "La", "1")
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = np.asarray(rgba.getchannel("A")).astype(np.float32) / np.float32(255)
    return rgba.getchannel("R") if grey else rgba.convert("RGB"), alpha


def _numeric(image: Image.Image) -> tuple[Image.Image, F32 | None]:
    """Grey of 16 or 32 bits. Integers count up to 65535, floats up to 1, 255 or 65535, the smallest that holds them all."""
    samples = np.asarray(image)
    if samples.dtype.kind == "f":
        samples = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        top = next((top for top in (1.0, 255.0) if samples.max(initial=0) <= top), 65535.0)
        return Image.fromarray((samples.clip(0, top) * (255 / top)).round().astype(np.uint8)), None
    key = image.info.get("transparency")
    alpha = (samples != key).astype(np.float32) if isinstance(key, int) else None
    return Image.fromarray(narrow(samples.clip(0, 65535).astype(np.uint16))), alpha


def _grey_alpha_16(image: ImageFile.ImageFile) -> tuple[Image.Image, F32]:
    """A 16-bit grey and alpha PNG: four bytes a pixel, read as if they were four samples."""
    image.tile = [_with_rawmode(image.tile[0], "RGBA")]
    image.load()
    grey, alpha = _join(np.asarray(image)[..., 0::2], np.asarray(image)[..., 1::2]).transpose(2, 0, 1)
    return Image.fromarray(narrow(grey)), _unit(alpha)


def _wide(image: ImageFile.ImageFile, again: ImageFile.ImageFile, layout: str, depth: str) -> tuple[Image.Image, F32 | None]:
    """16-bit colour in two passes: the high bytes as Pillow reads them, the low bytes by claiming the other byte order."""
    straight = "RGBA" if layout == "RGBa" else layout
    image.tile = [_with_rawmode(tile, f"{straight};16{depth}") for tile in image.tile]
    again.tile = [_with_rawmode(tile, f"{straight};16{_OTHER_END[depth]}") for tile in again.tile]
    image.load()
    again.load()
    samples = _join(np.asarray(image), np.asarray(again))
    if image.mode == "CMYK":
        return Image.frombytes("CMYK", image.size, narrow(samples).tobytes()), None
    rgb, alpha = samples[..., :3], _unit(samples[..., 3]) if samples.shape[2] == 4 else None
    if layout == "RGBa" and alpha is not None:
        rgb = (rgb / np.maximum(alpha, 1 / 65535)[..., None]).round().clip(0, 65535).astype(np.uint16)
    key = image.info.get("transparency")
    if alpha is None and isinstance(key, tuple):
        alpha = (rgb != np.array(key)).any(axis=2).astype(np.float32)
    return Image.fromarray(np.ascontiguousarray(narrow(rgb))), alpha


def _join(high: U8, low: U8) -> U16:
    return np.asarray(high, np.uint16) << np.uint16(8) | np.asarray(low, np.uint16)


def _unit(samples: U16) -> F32:
    return samples.astype(np.float32) / np.float32(65535)


def _rawmode(image: ImageFile.ImageFile) -> str:
    """The sample layout the first tile is unpacked with; empty for decoders that unpack themselves."""
    if not image.tile:
        return ""
    args: Any = image.tile[0].args
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _with_rawmode(tile: ImageFile._Tile, rawmode: str) -> ImageFile._Tile:
    args: Any = (rawmode, *tile.args[1:]) if isinstance(tile.args, tuple) else rawmode
    return tile._replace(args=args)
