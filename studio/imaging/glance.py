"""`glance`: a small picture of the photo that stays with the cut-out, so that QA need not open the photo again."""

from __future__ import annotations

import cv2
import numpy as np

from studio.errors import StepError
from studio.take import U8

LONG_SIDE = 800
"""Pixels of the long side; a larger photo is shrunk by the smallest whole factor that brings it to this or below."""
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


def factor(height: int, width: int) -> int:
    """Pixels of the photo, in each direction, that become one pixel of the glance."""
    return -(-max(height, width) // LONG_SIDE)


def glance(rgb: U8) -> bytes:
    """JPEG of block means of an uint8 (H, W, 3) photo; rows and columns that fill no block are left out."""
    times = factor(*rgb.shape[:2])
    height, width = rgb.shape[0] // times, rgb.shape[1] // times
    if min(height, width) < 1:
        raise StepError(f"a photo of {rgb.shape[1]} x {rgb.shape[0]} pixels is too narrow to look at")
    small = cv2.resize(rgb[: height * times, : width * times], (width, height), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small[..., ::-1], _JPEG)
    if not done:
        raise StepError("the photo could not be shrunk")
    return data.tobytes()


def look(data: bytes, *, half: bool = False) -> U8:
    """The pixels of a glance, uint8 (h, w, 3) sRGB; `half` decodes to half the size, in a third of the time."""
    mode = cv2.IMREAD_REDUCED_COLOR_2 if half else cv2.IMREAD_COLOR
    image = cv2.imdecode(np.frombuffer(data, np.uint8), mode) if data else None
    if image is None:
        raise StepError("this recipe needs the step 'cutout' before 'inspect'")
    return np.ascontiguousarray(image[..., ::-1], dtype=np.uint8)
