"""`Mark`: what a step drew on the picture beside the product, so that it can be measured afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Box = tuple[int, int, int, int]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing drawn. `box` is x, y, width, height of its ink on the canvas, in pixels."""

    kind: Literal["text", "measure", "leader", "figure"]
    box: Box
    text: str = ""
    ends: tuple[Point, Point] | None = None
    """`measure`: the two points between which it measures; `leader`: label end and point shown, canvas pixels."""
    axis: Literal["", "width", "height"] = ""
    """`measure`: what it measures."""
    size_px: float = 0.0
    """`text`: size of the letters."""
    contrast: float = 0.0
    """`text`: WCAG ratio on the ground it stands on."""
    width_mm: float = 0.0
    height_mm: float = 0.0
    """`figure`: its size in life."""
