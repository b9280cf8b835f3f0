"""A ColorChecker beside the product, through the trained cut-out: the product is cut out as without it, the card is not."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.steps.calibrate import Calibrate
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.take import Take
from templates.library import Library
from tests.golden.pictures import run, shot
from tests.unit.test_colorchecker import card, spoiled

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".packshot" / "models"
SKUS = ("NL-MUG-01", "NL-VAS-01", "NL-STL-01")


def with_card(photo: np.ndarray) -> tuple[np.ndarray, tuple[slice, slice]]:
    """The chart small in the lower left corner, where catalogue photos show ground."""
    front = cv2.resize(card(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    top, left = photo.shape[0] - front.shape[0] - 12, 12
    window = slice(top, top + front.shape[0]), slice(left, left + front.shape[1])
    result = photo.copy()
    result[window] = front
    return result, window


@pytest.mark.parametrize("sku", SKUS)
def test_the_card_is_ground_and_the_product_is_not(sku: str) -> None:
    if not (CACHE / "u2netp.onnx").is_file():
        pytest.skip("run `packshot models fetch`")
    found = sorted((ROOT / "examples" / "catalog" / "images").glob(f"{sku}_front.*"))
    photo = np.asarray(Image.open(found[0]).convert("RGB").resize((1000, 1000)))
    library, models = Library.default(), LocalModels(Registry(CACHE))
    look = library.template("amazon-white").model_copy(update={"chart": "auto"})

    def cut(picture: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        take = Take(shot(look, library.destination("amazon-main")), file.getvalue())
        return run(take, (Decode(), Calibrate(), CutoutStep()), models).need_matte().alpha

    marked, window = with_card(photo)
    alpha, plain = cut(spoiled(marked, (0.9, 0.8, 0.65), noise=1.5)), cut(photo)
    assert float(alpha[window].max()) < 0.1
    both = ((alpha > 0.5) & (plain > 0.5)).sum() / ((alpha > 0.5) | (plain > 0.5)).sum()
    assert both > 0.98
