"""`Ghost`: what was taken out of, and put into, a ghost-mannequin picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ghost:
    """At source geometry: `mannequin` uint8 (H, W) 0 or 255, where the mannequin showed in the photo; `lining` uint8 (H, W), how
    much of a pixel came from the photo of the inside."""

    mannequin: NDArray[np.uint8]
    lining: NDArray[np.uint8]
