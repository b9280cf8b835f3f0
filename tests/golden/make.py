"""Make the golden pictures again: `python -m tests.golden.make`. Look at every one of them before you commit it.

`python -m tests.golden.make inputs CATALOGUE` also cuts the inputs out of the sample catalogue's full-size photos first.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tests.golden.pictures import CASES, INPUTS, finished, path

LONGEST = 400
ROOM = 24


def cut_inputs(catalogue: Path) -> None:
    """Photo and true alpha of each product, cut to its box and reduced to 400 pixels. Our own pictures, CC0-1.0."""
    for sku in sorted({sku for _, _, sku in CASES}):
        alpha = Image.open(catalogue / "alpha" / f"{sku}_front.png").convert("L")
        photo = Image.open(catalogue / "images" / f"{sku}_front.jpg").convert("RGB")
        left, top, right, bottom = Image.fromarray((np.asarray(alpha) > 2).astype(np.uint8)).getbbox() or (0, 0, 1, 1)
        box = (max(0, left - ROOM), max(0, top - ROOM), min(photo.width, right + ROOM), min(photo.height, bottom + ROOM))
        scale = LONGEST / max(box[2] - box[0], box[3] - box[1])
        size = round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale)
        photo.resize(size, Image.Resampling.LANCZOS, box).save(INPUTS / f"{sku}.jpg", quality=95, subsampling=0)
        alpha.resize(size, Image.Resampling.BOX, box).save(INPUTS / f"{sku}_alpha.png", optimize=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["inputs"]:
        cut_inputs(Path(sys.argv[2]))
    for case in CASES:
        path(*case).write_bytes(finished(*case).encoded)
