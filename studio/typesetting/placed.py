"""`PlacedText`: words that stand on a picture, kept on the take for checks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PlacedText:
    """One piece of text on the canvas. `mask` float32 (h, w) 0..1 is its ink, whose upper left corner lies at `at` (x, y)."""

    role: str
    text: str
    mask: NDArray[np.float32]
    at: tuple[int, int]
    size_px: float
    lines: tuple[tuple[int, int, int, int], ...] = ()
    """Ink of every line in the mask: x, y, width, height."""
    colour: tuple[int, int, int] = (0, 0, 0)
    contrast: float = 0.0
    """WCAG ratio against the worst spot of the ground it was inked on; 0 while it is not inked."""
    veil: float = 0.0
    """Strength of the veil laid under it."""
    read: str | None = None
    """What a reader saw there in the finished picture; None when none was asked."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width, height of the ink on the canvas."""
        return (*self.at, self.mask.shape[1], self.mask.shape[0])
