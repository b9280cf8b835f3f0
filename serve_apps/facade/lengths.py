"""Sizes, lengths, angles and colours as the facade's callers write them, in our own units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from PIL import ImageColor

from serve_apps.facade.fields import Asked
from serve_apps.request.edits import MOST_PIXELS, OutputSize, Sides
from studio.errors import InputError, NotSupported

SIDES = ("top", "right", "bottom", "left")
LEAST, MOST = 16, 10_000
"""Pixels of a canvas side."""
MOST_LENGTH = 0.49
_LENGTH = re.compile(r"(\d{1,5}(?:\.\d{1,9})?)(%|px)?")
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_HEX = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_SPREADS = ((0.0, 80.0), (10.0, 65.0), (45.0, 45.0), (90.0, 25.0))
"""Their angle of spread, and the height of our light in degrees: short, medium and long meet."""
Size = tuple[int, int]


def canvas(asked: Asked, photo: Size) -> Size:
    """`outputSize`, `maxWidth` and `maxHeight` in pixels. Raises InputError, NotSupported for `croppedSubject`."""
    wanted = asked.text("outputSize", "auto")
    if found := _SIZE.fullmatch(wanted):
        if name := asked.any("maxWidth", "maxHeight"):
            raise InputError(f"{name} goes with an outputSize of originalImage")
        size = int(found[1]), int(found[2])
        if min(size) < LEAST or max(size) > MOST or size[0] * size[1] > MOST_PIXELS:
            raise InputError(f"outputSize: sides of {LEAST} to {MOST} pixels, at most {MOST_PIXELS // 1_000_000} megapixels")
        return size
    if wanted == "croppedSubject":
        raise NotSupported("outputSize: croppedSubject is not supported here")
    if wanted not in ("auto", "originalImage"):
        raise InputError("outputSize must be auto, originalImage, croppedSubject or like 200x400")
    limits = asked.number("maxWidth") or MOST, asked.number("maxHeight") or MOST
    return shrunk(photo, MOST_PIXELS, limits)


def shrunk(size: Size, pixels: float, limits: tuple[float, float] = (MOST, MOST)) -> Size:
    """At most so many pixels and no side above its limit, in the same proportions; never enlarged."""
    width, height = size
    scale = min(1.0, limits[0] / width, limits[1] / height, (pixels / (width * height)) ** 0.5)
    return max(LEAST, int(width * scale + 1e-9)), max(LEAST, int(height * scale + 1e-9))


def output_size(size: Size) -> OutputSize:
    """As an edit."""
    return OutputSize(width=size[0], height=size[1])


def margins(asked: Asked, size: Size) -> Mapping[str, Sides]:
    """`margin` and `padding`: theirs is a share of what the margins leave, ours of the whole canvas. Raises InputError."""
    outer = {side: _side(asked, "margin", side, size) for side in SIDES}
    left = {
        "top": 1 - outer["top"] - outer["bottom"],
        "left": 1 - outer["left"] - outer["right"],
    }
    room = {"top": left["top"], "bottom": left["top"], "left": left["left"], "right": left["left"]}
    inner = {side: _side(asked, "padding", side, size, room[side]) for side in SIDES}
    return {"margin": Sides(**outer), "padding": Sides(**inner)}


def _side(asked: Asked, name: str, side: str, size: Size, room: float = 1.0) -> float:
    """One length as a share of the canvas; pixels are pixels whatever the room."""
    own = name + side.capitalize()
    field = own if own in asked.texts else name
    text = asked.text(field, "0")
    found = _LENGTH.fullmatch(text)
    if not found:
        raise InputError(f"{field} must be like 0.3, 30% or 100px")
    value, unit = float(found[1]), found[2]
    along = size[0] if side in ("left", "right") else size[1]
    share = value / along if unit == "px" else (value / 100 if unit else value) * room
    if share > MOST_LENGTH:
        raise InputError(f"{field}: {text} is more than 49 % of the picture")
    return round(share, 6)


def colour(name: str, text: str) -> str:
    """`transparent` or `#rrggbb`. Raises InputError, NotSupported for half-transparent ones."""
    if text == "transparent":
        return text
    if found := _HEX.fullmatch(text):
        digits = "".join(2 * digit for digit in found[1]) if len(found[1]) == 3 else found[1]
        if len(digits) == 8 and digits[6:] == "00":
            return "transparent"
        if len(digits) == 8 and digits[6:].lower() != "ff":
            raise NotSupported(f"{name}: half-transparent colours are not supported here")
        return f"#{digits[:6].lower()}"
    if text.isascii() and text.isalpha() and text.lower() in ImageColor.colormap:
        red, green, blue = ImageColor.getrgb(text)[:3]
        return f"#{red:02x}{green:02x}{blue:02x}"
    raise InputError(f"{name} must be a colour like FF0000 or red")


def degrees(name: str, text: str) -> float:
    """An angle of 0 to 360 degrees. Raises InputError."""
    if not re.fullmatch(r"\d{1,3}(\.\d{1,6})?", text) or float(text) > 360:
        raise InputError(f"{name} must be an angle of 0 to 360 degrees, or one of its names")
    return float(text)


def elevation(spread: float) -> float:
    """Height of the light that throws a shadow as long as theirs, in degrees. Raises InputError beyond 90."""
    for (near, high), (far, low) in pairwise(_SPREADS):
        if near <= spread <= far:
            return round(high + (low - high) * (spread - near) / (far - near), 3)
    raise InputError("shadow.spreadOverride must be at most 90 degrees")
