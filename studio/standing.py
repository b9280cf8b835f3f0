"""`Standing`: one product of a group, on the canvas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.product import ProductImage
from studio.take import F32, U8, Matte, Placed

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """A product with its own pixels in a window of the canvas: `rgb` uint8 (h, w, 3) sRGB, `alpha` float32 (h, w) 0..1 of all of
    it, also where others stand before it. `box` is its solid box on the canvas, `front` and `depth` where it stands and how deep,
    in canvas pixels on the ground away from the camera; `scale` canvas pixels per photo pixel."""

    sku: str
    image: ProductImage
    matte: Matte
    window: Box
    rgb: U8
    alpha: F32
    box: Box
    scale: float
    front: float
    depth: float
    shade: F32 | None = None
    """float32 (h, w) 0..1: light that the products before it keep from it."""
    lit: U8 | None = None
    """uint8 (h, w, 3) sRGB: its colours in that shade."""

    @property
    def colours(self) -> U8:
        """As it is seen in the group."""
        return self.rgb if self.lit is None else self.lit

    @property
    def rows(self) -> tuple[slice, slice]:
        """The window as an index."""
        x, y, w, h = self.window
        return slice(y, y + h), slice(x, x + w)

    def on(self, canvas: tuple[int, int]) -> Placed:
        """The product alone on an empty canvas of (width, height)."""
        rgb, alpha = np.zeros((canvas[1], canvas[0], 3), np.uint8), np.zeros((canvas[1], canvas[0]), np.float32)
        rgb[self.rows], alpha[self.rows] = self.rgb, self.alpha
        return Placed(rgb, alpha, self.scale, self.box)
