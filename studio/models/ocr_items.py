"""What the model `ocr` is asked and what it answers: plain tuples that travel between processes."""

from __future__ import annotations

from typing import NamedTuple

from studio.take import F32, U8


class Places(NamedTuple):
    """A picture, and quads in it to read whether or not lettering is found there."""

    rgb: U8
    quads: F32
    """float32 (n, 4, 2): x, y in pixels, clockwise from the upper left of the lettering."""
    search: bool = True
    """Whether lettering is looked for in the rest of the picture too."""


class Found(NamedTuple):
    """One line of lettering. `quad` float32 (4, 2): x, y in pixels, clockwise from the upper left; `score` 0..1."""

    text: str
    score: float
    quad: F32
