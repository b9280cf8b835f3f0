"""`Evidence`: what models saw in the finished picture and in the photo. Checks read it, models never decide."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Line:
    """One line of lettering. `quad` float32 (4, 2) x, y in pixels of the picture it was read from, clockwise from the upper
    left; `score` 0..1 is the reader's own confidence; `inside` 0..1 is the share of its area that lies on the product."""

    text: str
    score: float
    quad: NDArray[np.float32]
    inside: float


@dataclass(slots=True)
class Evidence:
    """None: nobody asked. Filled by the step `examine`."""

    lines: tuple[Line, ...] | None = None
    """Lettering in the delivered picture."""
    source_lines: tuple[Line, ...] | None = None
    """Lettering in the photo."""
    embedding: NDArray[np.float32] | None = None
    """float32 (D,), unit length: the delivered product, cropped to its box."""
    source_embedding: NDArray[np.float32] | None = None
    """float32 (D,), unit length: the product in the photo."""
    remade_iou: float | None = None
    """Overlap of the product's outline with the one a matting model finds in the delivered picture."""
    second_look: NDArray[np.float32] | None = None
    """float32 (S, S) 0..1: the matting model's map of the mirrored photo (`studio.qa.traces.second`)."""
    unsafe: float | None = None
    """Probability of nudity, 0..1."""
    person: float | None = None
    """Share of the picture that is a person, 0..1."""
    defects: dict[str, float] = field(default_factory=dict)
    """Calibrated probability by kind of defect, 0..1."""
