"""What models are shown of a take: pictures made from it alone, so that the same photo is shown the same way every time."""

from __future__ import annotations

import cv2
import numpy as np

from studio.qa.subject import Box, Subject, cut
from studio.take import F32, U8

GREY = 128
"""Level around a product that is shown without its ground."""
ROOM = 0.04
"""Room around the product's box, as a fraction of its longer side."""
FACE_PX = 224
PAGE_PX = 2048
"""Long side up to which lettering is looked for at full size."""


def face_of_product(subject: Subject) -> U8:
    """The delivered product without its ground, uint8 (224, 224, 3) sRGB, centred on grey."""
    return _face(subject.final.rgb, subject.placed.alpha, subject.box)


def face_of_source(subject: Subject) -> U8:
    """The photographed product likewise, as far as the canvas shows it."""
    return _face(subject.matte.foreground, subject.matte.alpha, subject.source_box)


def poster(rgb: U8) -> U8:
    """A whole picture, uint8 (224, 224, 3), aspect kept, on grey."""
    return _squared(rgb, FACE_PX)


def shown(subject: Subject) -> U8:
    """The delivered picture as it is seen, a transparent one on grey."""
    final = subject.final
    return final.rgb if final.alpha is None else _on_grey(final.rgb, final.alpha)


def page_of_source(subject: Subject) -> tuple[U8, F32]:
    """The photographed product on grey, cropped, and the float32 (2, 3) matrix from the page's pixels to the photo's."""
    x, y, w, h = room = _roomy(subject.source_box, subject.matte.alpha.shape)
    rgb = _on_grey(cut(subject.matte.foreground, room), subject.matte.alpha[y : y + h, x : x + w])
    page, scale = _bounded(rgb)
    return page, np.array([[1 / scale, 0, x], [0, 1 / scale, y]], np.float32)


def page_of_final(subject: Subject) -> tuple[U8, F32]:
    """The delivered picture, and the float32 (2, 3) matrix from the page's pixels to the canvas's."""
    page, scale = _bounded(shown(subject))
    return page, np.array([[1 / scale, 0, 0], [0, 1 / scale, 0]], np.float32)


def to_canvas(subject: Subject) -> F32:
    """float32 (2, 3): from the photo's pixels to the canvas's."""
    (left, top), scale = subject.placed.origin, subject.placed.scale
    return np.array([[scale, 0, left], [0, scale, top]], np.float32)


def moved(points: F32, matrix: F32) -> F32:
    """float32 (..., 2) points through a (2, 3) matrix."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def back(matrix: F32) -> F32:
    """The (2, 3) matrix the other way."""
    return np.asarray(cv2.invertAffineTransform(matrix), np.float32)


def _face(rgb: U8, alpha: F32, box: Box) -> U8:
    x, y, w, h = room = _roomy(box, alpha.shape)
    return _squared(_on_grey(cut(rgb, room), alpha[y : y + h, x : x + w]), FACE_PX)


def _roomy(box: Box, shape: tuple[int, ...]) -> Box:
    x, y, w, h = box if min(box[2:]) else (0, 0, shape[1], shape[0])
    room = round(ROOM * max(w, h))
    left, top = max(0, x - room), max(0, y - room)
    return left, top, min(shape[1], x + w + room) - left, min(shape[0], y + h + room) - top


def _on_grey(rgb: U8, alpha: F32) -> U8:
    share = alpha[..., None]
    return np.asarray(np.rint(rgb * share + np.float32(GREY) * (1 - share)), np.uint8)


def _squared(rgb: U8, side: int) -> U8:
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    square = np.full((side, side, 3), GREY, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square


def _bounded(rgb: U8) -> tuple[U8, float]:
    scale = min(1.0, PAGE_PX / max(rgb.shape[:2]))
    if scale == 1.0:
        return np.ascontiguousarray(rgb), 1.0
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8), scale
