"""Where an artwork lies on a printable surface, how large it is printed, and how much of it is cut."""

from __future__ import annotations

from dataclasses import dataclass

from studio.briefs.mockup import Printable

INCH = 25.4
Rect = tuple[float, float, float, float]
"""Left, top, right, bottom, as fractions of the surface's width and height."""

_START = {"left": 0.0, "top": 0.0, "center": 0.5, "right": 1.0, "bottom": 1.0}


@dataclass(frozen=True, slots=True)
class Design:
    """`rect`: the whole artwork on the surface; `clip`: the part of the surface that may be printed; `width_mm`: the artwork's
    printed width; `cropped` 0..1: how much of it lies outside the clip and its bleed."""

    rect: Rect
    clip: Rect
    width_mm: float
    cropped: float

    def dpi(self, pixels: int) -> float:
        """Artwork pixels (across) per inch of print."""
        return pixels / (self.width_mm / INCH)

    def pixels(self, dpi: float) -> int:
        """Width in pixels that reaches a resolution."""
        return max(1, round(self.width_mm / INCH * dpi + 0.499))

    @property
    def filled(self) -> float:
        """Share of the clip that the artwork's rectangle covers, 0..1."""
        return _area(_common(self.rect, self.clip)) / _area(self.clip)


def design(surface: Printable, size: tuple[int, int]) -> Design:
    """Lay an artwork of (width, height) pixels on a surface by its `fit`, `area`, alignment and bleed."""
    wide, high = surface.size_mm
    area = surface.area
    left, top = area.x * wide, area.y * high
    room = min(area.width, 1 - area.x) * wide, min(area.height, 1 - area.y) * high
    bleed = surface.bleed_mm if surface.fit == "cover" else 0.0
    sides = (room[0] + 2 * bleed) / size[0], (room[1] + 2 * bleed) / size[1]
    scale = {"contain": min(sides), "cover": max(sides), "width": sides[0]}[surface.fit]
    width, height = size[0] * scale, size[1] * scale
    x = left - bleed + (room[0] + 2 * bleed - width) * _START[surface.align_x]
    y = top - bleed + (room[1] + 2 * bleed - height) * _START[surface.align_y]
    rect = x / wide, y / high, (x + width) / wide, (y + height) / high
    clip = left / wide, top / high, (left + room[0]) / wide, (top + room[1]) / high
    sheet = (left - bleed) / wide, (top - bleed) / high, (left + room[0] + bleed) / wide, (top + room[1] + bleed) / high
    return Design(rect, clip, width, max(0.0, 1 - _area(_common(rect, sheet)) / _area(rect)))


def _common(a: Rect, b: Rect) -> Rect:
    left, top = max(a[0], b[0]), max(a[1], b[1])
    return left, top, max(left, min(a[2], b[2])), max(top, min(a[3], b[3]))


def _area(rect: Rect) -> float:
    return (rect[2] - rect[0]) * (rect[3] - rect[1])
