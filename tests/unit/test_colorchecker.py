"""ColorChecker: found in perspective, under casts, noise and JPEG; never found where there is none; corrected; painted out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from studio.imaging.chart import find_chart, painted_out
from studio.imaging.colorchecker import corrected, errors_of, matrix_of, reference
from studio.imaging.colour import delta_e_2000, lab_to_linear, linear_to_u8, srgb_to_lab, u8_to_linear
from studio.models.registry import Registry
from studio.recipes.base import Recipe
from studio.steps.calibrate import Calibrate
from studio.steps.decode import Decode
from studio.take import Photo, Take
from tests import shipped
from tests.golden.pictures import HERE, INPUTS, run, shot

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples" / "catalog" / "images").glob("*.jpg"))
LIBRARY = shipped.library()
PUBLISHED = {0: (115, 82, 68), 6: (214, 126, 44), 12: (56, 61, 150), 15: (231, 199, 31), 18: (243, 243, 242), 23: (52, 52, 52)}
"""Some patches as sRGB levels, from the maker's older sheet for eight-bit use; the colours have moved a little since."""


def card(patch: int = 40, gap: int = 5) -> np.ndarray:
    """The chart's front, in the proportions of the real one (279 by 216 mm)."""
    side, top = round(patch * 0.15), round(patch * 0.5)
    levels = linear_to_u8(np.clip(lab_to_linear(reference()), 0, 1)).reshape(4, 6, 3)
    picture = np.full((4 * patch + 3 * gap + 2 * top, 6 * patch + 5 * gap + 2 * side, 3), 30, np.uint8)
    for row in range(4):
        for column in range(6):
            y, x = top + row * (patch + gap), side + column * (patch + gap)
            picture[y : y + patch, x : x + patch] = levels[row, column]
    return picture


def scene(
    turn: float = 0.0, lean: float = 0.0, side: int = 480, width: float = 0.4, at=(0.30, 0.72)
) -> tuple[np.ndarray, np.ndarray]:
    """A grey room with a block in it and the chart on its floor; and where the chart is, (4, 2)."""
    photo = np.empty((side, side, 3), np.uint8)
    photo[:] = np.linspace(210, 170, side).astype(np.uint8)[:, None, None]
    photo[side // 8 : side // 2, side // 2 : side * 7 // 8] = (150, 60, 40)
    front = card()
    height, wide = front.shape[:2]
    scale, angle = width * side / wide, np.radians(turn)
    corners = np.array([[-wide, -height], [wide, -height], [wide, height], [-wide, height]]) / 2 * scale
    corners[:2] *= 1 - lean
    corners = corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) + np.array(at) * side
    source = np.array([[0, 0], [wide, 0], [wide, height], [0, height]], np.float32)
    move = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    mask = cv2.warpPerspective(np.ones((height, wide), np.float32), move, (side, side))[..., None]
    laid = cv2.warpPerspective(front, move, (side, side), flags=cv2.INTER_AREA)
    return (photo * (1 - mask) + laid * mask).astype(np.uint8), corners


def spoiled(
    photo: np.ndarray, gains=(1.0, 1.0, 1.0), noise: float = 0.0, quality: int = 95, gamma: float = 1.0, seed: int = 1
) -> np.ndarray:
    """Under another light, with noise, as JPEG."""
    levels = linear_to_u8((u8_to_linear(photo) * np.array(gains)).clip(0, 1) ** gamma).astype(float)
    levels += np.random.default_rng(seed).normal(0, noise, photo.shape)
    _, data = cv2.imencode(".jpg", levels.clip(0, 255).astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def test_the_reference_agrees_with_published_levels() -> None:
    for patch, levels in PUBLISHED.items():
        assert float(delta_e_2000(reference()[patch], srgb_to_lab(np.array(levels, np.uint8)))) < 4.0
    assert np.abs(reference()[18:, 1:]).max() < 3.5, "greys stay grey from D50 to D65"


@pytest.mark.parametrize(
    ("where", "how"),
    [
        ({}, {}),
        ({"turn": 90}, {"gains": (1.0, 0.8, 0.5)}),
        ({"turn": 180, "lean": 0.2}, {"gains": (0.6, 0.8, 1.0)}),
        ({"turn": 33, "lean": 0.12}, {"noise": 6.0, "quality": 70}),
        ({"turn": -120, "width": 0.25}, {"gains": (0.55, 0.5, 0.42), "noise": 3.0, "quality": 60, "gamma": 1.12}),
    ],
)
def test_found_and_corrected(where: dict, how: dict) -> None:
    clean, corners = scene(**where)
    photo = spoiled(clean, **how)
    chart = find_chart(photo)
    assert chart is not None
    assert np.abs(chart.card.mean(axis=0) - corners.mean(axis=0)).max() < 0.04 * photo.shape[0]
    matrix = matrix_of(chart.measured)
    assert errors_of(chart.measured @ matrix.T).mean() < 2.5
    block = slice(90, 220), slice(260, 400)
    truth = srgb_to_lab(clean[block]).reshape(-1, 3).mean(axis=0)
    found = srgb_to_lab(corrected(photo, matrix)[block]).reshape(-1, 3).mean(axis=0)
    assert float(delta_e_2000(found, truth)) < 4.0


@pytest.mark.parametrize("path", EXAMPLES[::3], ids=lambda p: p.stem)
def test_no_chart_where_there_is_none(path: Path) -> None:
    assert find_chart(np.asarray(Image.open(path).convert("RGB").resize((480, 480)))) is None


def test_other_grids_are_no_charts() -> None:
    """A drawing box of 24 other colours, a chessboard, a mirrored chart."""
    photo, _ = scene()
    assert find_chart(np.ascontiguousarray(photo[:, ::-1])) is None
    board = (np.indices((320, 320)) // 40).sum(axis=0) % 2 * 200
    assert find_chart(np.repeat(board.astype(np.uint8)[..., None], 3, axis=2)) is None
    rng = np.random.default_rng(5)
    for _ in range(2):
        box = np.full((400, 560, 3), 30, np.uint8)
        for row in range(4):
            for column in range(6):
                box[30 + row * 85 : 100 + row * 85, 30 + column * 85 : 100 + column * 85] = rng.integers(20, 240, 3)
        assert find_chart(box) is None


def test_the_card_becomes_ground() -> None:
    photo, corners = scene(turn=20)
    chart = find_chart(photo)
    assert chart is not None
    painted, touching = painted_out(photo, chart)
    assert touching < 0.05
    mask = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 1)
    bare = np.linspace(210, 170, 480)[:, None, None]
    assert np.abs(painted - bare)[mask > 0].max() < 6, "nothing of the card is left"
    far = cv2.dilate(mask, np.ones((61, 61), np.uint8)) == 0
    assert np.array_equal(painted[far], photo[far])


def test_a_card_that_hides_goods_is_told() -> None:
    photo, _ = scene(at=(0.55, 0.4))
    chart = find_chart(photo)
    assert chart is not None
    painted, touching = painted_out(photo, chart)
    assert touching > 0.2
    assert painted[192, 264].min() > 150, "ground, not invented goods"


class TestStep:
    def test_a_photo_with_a_chart(self) -> None:
        look = LIBRARY.template("amazon-white").model_copy(update={"chart": "auto"})
        take = Take(shot(look, LIBRARY.destination("amazon-main")), b"")
        take.photo = Photo(spoiled(scene()[0], (1.0, 0.8, 0.55)), None, "jpeg")
        run(take, (Calibrate(),))
        assert take.measurements["chart"] == 1
        assert take.measurements["chart_delta_e"] > 6
        assert take.measurements["chart_corrected_delta_e"] < 2
        assert find_chart(take.need_photo().rgb) is None

    def test_a_photo_without_one_stays_as_it_is(self) -> None:
        look = LIBRARY.template("amazon-white").model_copy(update={"chart": "auto"})
        take = Take(shot(look, LIBRARY.destination("amazon-main")), (INPUTS / "NL-MUG-01.jpg").read_bytes())
        run(take, (Decode(),))
        before = take.need_photo()
        run(take, (Calibrate(),))
        assert take.need_photo() is before
        assert take.measurements["chart"] == 0

    def test_only_looks_that_look_for_charts_have_it_in_their_key(self) -> None:
        where, cards = LIBRARY.destination("amazon-main"), Registry(HERE).card
        plain = LIBRARY.template("amazon-white")
        old, new = Recipe("test", (Decode(),)), Recipe("test", (Decode(), Calibrate()))
        assert old.key(shot(plain, where), cards) == new.key(shot(plain, where), cards)
        asking = plain.model_copy(update={"chart": "auto"})
        assert new.key(shot(asking, where), cards) != new.key(shot(plain, where), cards)
