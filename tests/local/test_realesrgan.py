"""Real-ESRGAN x4plus with its trained weights, where they have been fetched."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from studio.errors import WeightsMissing
from studio.models.configured import Given
from studio.models.realesrgan import RealEsrgan
from studio.models.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".packshot" / "models"


def network(tile: int = 160) -> RealEsrgan:
    model = RealEsrgan(Registry(CACHE).card("realesrgan-x4"), weights=CACHE, given=Given(), device="cpu", tile=tile)
    try:
        model.load()
    except WeightsMissing:
        pytest.skip("run `packshot models fetch`")
    return model


def photo(side: int) -> np.ndarray:
    picture = Image.open(ROOT / "tests" / "golden" / "inputs" / "NL-MUG-01.jpg").convert("RGB").resize((200, 200))
    return np.ascontiguousarray(np.asarray(picture)[60 : 60 + side, 60 : 60 + side])


def test_it_keeps_the_picture() -> None:
    small = photo(32)
    (big,) = network().predict([small])
    assert big.shape == (128, 128, 3)
    back = cv2.resize(big, (32, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(back.astype(int) - small).mean() < 2.5


def test_tiles_show_no_seam() -> None:
    small = photo(40)
    (whole,), (tiled,) = network().predict([small]), network(tile=20).predict([small])
    assert np.abs(whole.astype(int) - tiled).max() <= 4
