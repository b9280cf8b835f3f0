"""PP-OCRv6 small: where lettering is in a picture, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from studio.errors import WeightsCorrupt
from studio.models.base import ModelCard
from studio.models.cached import weight_bytes
from studio.models.configured import Given
from studio.models.graph import session, usable
from studio.models.ocr_items import Found, Places
from studio.models.witnesses import OCR_DETECT
from studio.take import F32, U8

LEAST_SIDE, LONG_SIDE, STRIDE = 640, 1280, 32
"""The finder sees a picture whose short side has at least 640 px and whose long side at most 1280, both multiples of 32."""
SURE, SURE_BOX, GROWTH = 0.3, 0.6, 1.6
"""DB's thresholds for a pixel and for a box, and how far boxes grow back (Liao 2020: area * GROWTH / perimeter)."""
THIN = 3.0
"""Boxes thinner than this in the finder's pixels are specks."""
MOST_LINES = 200
LINE_PX, LONGEST_LINE = 48, 2400
"""Height at which the reader sees a line, and the widest line it is shown."""
UPRIGHT = 1.5
"""A box this much taller than wide holds lettering that runs down the side: it is turned before it is read."""
LEAST_SCORE = 0.5


class OcrDetect:
    """uint8 (H, W, 3) sRGB -> float32 (n, 4, 2) quads of lettering, top to bottom (DB head; Liao 2020)."""

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        self._weights, self.device = weights, usable(card.name, device)
        self._session: Any = None

    def load(self) -> None:
        """Raises WeightsMissing or WeightsCorrupt."""
        self._session = session(weight_bytes(self.card, self._weights), self.device)

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """Quads for every item, in order."""
        return [self.find(item) for item in batch]

    def example(self) -> U8:
        """Black lettering on white."""
        item = np.full((200, 640, 3), 255, np.uint8)
        cv2.putText(item, "SAMPLE 123", (40, 130), cv2.FONT_HERSHEY_SIMPLEX, 3, (0, 0, 0), 6, cv2.LINE_AA)
        return item

    def find(self, rgb: U8) -> F32:
        """Quads in one picture."""
        planes = _planes(_fitted(rgb))
        heat = self._session.run(None, {"x": planes[None]})[0][0, 0]
        quads = _quads(heat)
        quads *= np.array([rgb.shape[1] / heat.shape[1], rgb.shape[0] / heat.shape[0]], np.float32)
        np.clip(quads, 0, np.array([rgb.shape[1], rgb.shape[0]], np.float32), out=quads)
        return quads


class Ocr:
    """uint8 (H, W, 3) sRGB -> a `Found` for every line that is read with a score of 0.5 or more, top to bottom. For a `Places`
    the first answers are those for its quads, one each, also where nothing can be read (text "", score 0).

    A line is read level or turned a quarter; lettering that stands on its head is not turned.
    """

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        self._weights, self.device = weights, usable(card.name, device)
        self._finder = OcrDetect(OCR_DETECT, weights=weights, given=given, device=device)
        self._session: Any = None
        self._letters: list[str] = []

    def load(self) -> None:
        """Raises WeightsMissing or WeightsCorrupt."""
        self._finder.load()
        self._session = session(weight_bytes(self.card, self._weights), self.device)
        listed = self._session.get_modelmeta().custom_metadata_map.get("character", "")
        if not listed:
            raise WeightsCorrupt(f"{self.card.name}: the file names no characters")
        self._letters = ["", *listed.removesuffix("\n").split("\n"), " "]

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """Lines of every item, in order."""
        return [self._one(item) for item in batch]

    def example(self) -> U8:
        """Black lettering on white."""
        return self._finder.example()

    def _one(self, item: U8 | Places) -> list[Found]:
        asked = item if isinstance(item, Places) else Places(item, np.zeros((0, 4, 2), np.float32))
        given = [self._read(asked.rgb, quad) for quad in asked.quads]
        found = (self._read(asked.rgb, quad) for quad in (self._finder.find(asked.rgb) if asked.search else ()))
        return [*given, *(line for line in found if line.text.strip() and line.score >= LEAST_SCORE)]

    def _read(self, rgb: U8, quad: F32) -> Found:
        text, score = self._decoded(self._session.run(None, {"x": _planes(_level(rgb, quad))[None]})[0][0])
        return Found(text, score, np.asarray(quad, np.float32))

    def _decoded(self, steps: F32) -> tuple[str, float]:
        """Greedy CTC: repeats are one letter, class 0 is none (Graves 2006)."""
        best = steps.argmax(axis=1)
        kept = [i for i in range(len(best)) if best[i] and (i == 0 or best[i] != best[i - 1])]
        if not kept:
            return "", 0.0
        return "".join(self._letters[best[i]] for i in kept), float(steps[kept, best[kept]].mean())


def _fitted(rgb: U8) -> U8:
    short, long = min(rgb.shape[:2]), max(rgb.shape[:2])
    scale = min(max(1.0, LEAST_SIDE / short), LONG_SIDE / long)
    height, width = (max(STRIDE, round(side * scale / STRIDE) * STRIDE) for side in rgb.shape[:2])
    smaller = scale < 1
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8)


def _planes(rgb: U8) -> F32:
    """float32 (3, H, W), -1..1, blue first as both networks were trained."""
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"wanted uint8 (H, W, 3), got {rgb.shape}")
    return np.ascontiguousarray(rgb[..., ::-1].transpose(2, 0, 1), np.float32) / np.float32(127.5) - np.float32(1)


def _quads(heat: F32) -> F32:
    mask = cv2.dilate((heat > SURE).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads = [quad for contour in contours[:1000] if (quad := _quad(contour, heat)) is not None]
    quads.sort(key=lambda quad: (round(float(quad[:, 1].min()) / 8), float(quad[:, 0].min())))
    return np.array(quads[:MOST_LINES], np.float32).reshape(-1, 4, 2)


def _quad(contour: Any, heat: F32) -> F32 | None:
    centre, (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < THIN:
        return None
    corners = cv2.boxPoints((centre, (width, height), angle))
    x, y, w, h = cv2.boundingRect(np.asarray(corners, np.float32))
    x, y, right, bottom = max(x, 0), max(y, 0), min(x + w, heat.shape[1]), min(y + h, heat.shape[0])
    inside = np.zeros((bottom - y, right - x), np.uint8)
    cv2.fillPoly(inside, [(corners - (x, y)).astype(np.int32)], 1)
    if cv2.mean(heat[y:bottom, x:right], inside)[0] < SURE_BOX:
        return None
    room = width * height * GROWTH / (width + height)
    return _clockwise(cv2.boxPoints((centre, (width + room, height + room), angle)))


def _clockwise(corners: Any) -> F32:
    """From the upper left: the first two corners are the upper ones, left before right."""
    by_x = sorted(np.asarray(corners, np.float32).tolist())
    left, right = sorted(by_x[:2], key=lambda p: p[1]), sorted(by_x[2:], key=lambda p: p[1])
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def _level(rgb: U8, quad: F32) -> U8:
    """The quad's contents as an uint8 (48, W, 3) strip."""
    sides = [float(np.hypot(*(b - a))) for a, b in pairwise([*quad, quad[0]])]
    width, height = max(sides[0], sides[2], 1.0), max(sides[1], sides[3], 1.0)
    corners = np.asarray(quad, np.float32)
    if height / width >= UPRIGHT:
        corners, width, height = corners[[1, 2, 3, 0]], height, width
    span = int(np.clip(round(width * LINE_PX / height), LINE_PX // 3, LONGEST_LINE))
    shrink = max(1.0, height / LINE_PX)
    flat = (max(1, round(span * shrink)), max(1, round(LINE_PX * shrink)))
    to = np.array([[0, 0], [flat[0], 0], [flat[0], flat[1]], [0, flat[1]]], np.float32)
    strip = cv2.warpPerspective(
        rgb, cv2.getPerspectiveTransform(corners, to), flat, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(strip, (span, LINE_PX), interpolation=cv2.INTER_AREA), np.uint8)
