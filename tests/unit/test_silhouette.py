"""The product of a finished picture, found from the ground alone."""

from __future__ import annotations

import numpy as np

from studio.qa.silhouette import silhouette
from studio.take import Photo


def iou(found: np.ndarray, wanted: np.ndarray) -> float:
    solid = found > 0.5
    return float((solid & wanted).sum() / max(1, (solid | wanted).sum()))


def block(ground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    picture = ground.copy()
    wanted = np.zeros(picture.shape[:2], bool)
    wanted[300:900, 400:800] = True
    picture[wanted] = (140, 40, 60)
    return picture, wanted


def test_a_product_on_white_is_found() -> None:
    picture, wanted = block(np.full((1200, 1200, 3), 255, np.uint8))
    assert iou(silhouette(Photo(picture, None, "jpeg")), wanted) > 0.98


def test_a_gradient_is_ground() -> None:
    ramp = np.linspace(250, 180, 1200).astype(np.uint8)
    picture, wanted = block(np.repeat(np.repeat(ramp[:, None, None], 1200, 1), 3, 2))
    assert iou(silhouette(Photo(picture, None, "jpeg")), wanted) > 0.98


def test_transparency_says_it_itself() -> None:
    picture, wanted = block(np.full((1200, 1200, 3), 255, np.uint8))
    alpha = wanted.astype(np.float32)
    assert silhouette(Photo(picture, alpha, "png")) is alpha


def test_an_empty_picture_has_no_product() -> None:
    assert silhouette(Photo(np.full((300, 500, 3), 240, np.uint8), None, "jpeg")).max() == 0
