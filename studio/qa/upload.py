"""`Upload`: anybody's finished picture as the rules of a destination look at it. Every view is made once, on first use."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from PIL import Image

from studio.errors import NoProductFound, PackshotError
from studio.evidence import Line
from studio.imaging.codec import Limits, decode
from studio.imaging.matte import cut
from studio.imaging.pdf import picture_of
from studio.imaging.views import View, closer, frame, item
from studio.models.base import Answer, Models
from studio.qa.subject import Box, Header, above, bounds, read_header
from studio.steps.cutout import meaningful
from studio.take import F32, U8, Photo

UNSTATED_DPI = 72.0
"""What readers assume of a file that states no density."""
SEEN_ALPHA = 0.02
"""Alpha up to which a pixel of a found product counts as ground: a network's matte is never quite 0."""
NEAR_PX = 16
"""Largest block of a JPEG: ringing of an edge cannot reach further."""
SHADOW_SHARE = 0.25
"""Part of the ground that a shadow covers at most."""
SIXTEEN = frozenset({"I", "F", "I;16", "I;16B", "I;16L"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What the header says beyond `Header`: bits a channel, dots per inch, colour profile of another space than sRGB."""

    bits: int
    dpi: float
    foreign_profile: bool


class Upload:
    """A decoded file. `alpha` float32 (H, W) 0..1 is the product, None while nobody looked; `lines` is its lettering, None
    while nobody read it. Masks are uint8 (H, W), 0 or 255."""

    def __init__(self, data: bytes, photo: Photo, *, alpha: F32 | None = None, lines: tuple[Line, ...] | None = None) -> None:
        self.data, self.photo, self.alpha, self.lines = data, photo, alpha, lines

    @property
    def size(self) -> tuple[int, int]:
        """Width, height in pixels as a viewer shows it."""
        return self.photo.size

    @cached_property
    def header(self) -> Header:
        """Header facts of the file."""
        return read_header(self.data)

    @cached_property
    def facts(self) -> Facts:
        """Further header facts."""
        with Image.open(io.BytesIO(picture_of(self.data))) as image:
            profile, density = image.info.get("icc_profile") or b"", image.info.get("dpi")
            deep = image.mode in SIXTEEN or bits_of_png(self.data) > 8
            return Facts(
                bits=16 if deep else 8,
                dpi=float(min(density)) if density and min(density) > 0 else UNSTATED_DPI,
                foreign_profile=bool(profile) and not self.header.srgb,
            )

    @cached_property
    def flat(self) -> U8:
        """The picture over white, uint8 (H, W, 3): what a page shows."""
        if self.photo.alpha is None:
            return self.photo.rgb
        share = self.photo.alpha[..., None]
        return np.asarray(np.rint(self.photo.rgb * share + 255.0 * (1.0 - share)), np.uint8)

    @cached_property
    def solid(self) -> U8:
        """Where the product covers more than half of a pixel; empty while nobody looked."""
        return np.zeros(self.photo.rgb.shape[:2], np.uint8) if self.alpha is None else above(self.alpha, 0.5)

    @cached_property
    def box(self) -> Box:
        """x, y, width, height of the solid product; zeros when there is none."""
        return bounds(self.solid)

    @cached_property
    def off_white(self) -> U8:
        """Where the picture is not 255 in every channel."""
        return np.asarray(cv2.bitwise_not(cv2.inRange(self.flat, (255, 255, 255), (255, 255, 255))), np.uint8)

    @cached_property
    def ground(self) -> U8:
        """Where no product is, nor any block that one shares."""
        seen = self.solid if self.alpha is None else above(self.alpha, SEEN_ALPHA)
        return np.asarray(cv2.bitwise_not(cv2.dilate(seen, square(NEAR_PX))), np.uint8)

    @cached_property
    def attached(self) -> U8:
        """Ground that is not white and hangs together with the product: its shadow, or a part of it that was not found. Empty
        when that is more than a quarter of the ground: then the ground itself is not white."""
        if not cv2.countNonZero(cv2.bitwise_and(self.ground, self.off_white)):
            return np.zeros_like(self.ground)
        near = cv2.bitwise_not(self.ground)
        count, labels = cv2.connectedComponents(cv2.bitwise_or(near, self.off_white), connectivity=8)
        hangs = np.zeros(count, np.uint8)
        hangs[np.unique(labels[near > 0])] = 255
        hangs[0] = 0
        found = np.asarray(cv2.bitwise_and(hangs[labels], self.ground), np.uint8)
        much = cv2.countNonZero(found) > SHADOW_SHARE * cv2.countNonZero(self.ground)
        return np.zeros_like(found) if much else found


def square(radius: int) -> U8:
    """A square structuring element."""
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)


def bits_of_png(data: bytes) -> int:
    """Bits a channel in a PNG's header (ISO 15948, 11.2.2); 8 for any other file."""
    return data[24] if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 24 else 8


async def opened(data: bytes, models: Models, *, matting: str = "", reading: str = "", limits: Limits | None = None) -> Upload:
    """Decode a file, find its product with a matting model and read its lettering with another; an empty name leaves that out.
    A picture with a meaningful alpha channel of its own calls no matting model. Raises ImageError, and what the models raise."""
    photo = decode(picture_of(data), limits or Limits())
    alpha = photo.alpha if meaningful(photo) else (await _found(photo, models, matting) if matting else None)
    return Upload(data, photo, alpha=alpha, lines=await _read(photo, alpha, models, reading) if reading else None)


async def _found(photo: Photo, models: Models, name: str) -> F32:
    views = [await _look(photo, models, name, frame(photo.rgb))]
    again = closer(views[0])
    if again is not None:
        views.append(await _look(photo, models, name, again))
    try:
        return cut(photo.rgb, views, refiner="guided", decontaminate=False, source=name).alpha
    except NoProductFound:
        return np.zeros(photo.rgb.shape[:2], np.float32)


async def _look(photo: Photo, models: Models, name: str, box: Box) -> View:
    return View(await _asked(models, name, item(photo.rgb, box, models.card(name).input_px)), box)


async def _read(photo: Photo, alpha: F32 | None, models: Models, name: str) -> tuple[Line, ...]:
    lines = []
    for text, score, quad in await _asked(models, name, photo.rgb):
        corners = np.asarray(quad, np.float32).reshape(4, 2)
        lines.append(Line(str(text), float(score), corners, _inside(corners, alpha)))
    return tuple(lines)


async def _asked(models: Models, name: str, question: U8) -> Any:
    (answer,) = await models.predict(name, [question])
    if isinstance(answer, PackshotError):
        raise answer
    assert isinstance(answer, Answer)
    return answer.value


def _inside(quad: np.ndarray, alpha: F32 | None) -> float:
    """Share of a quad's area that is product."""
    if alpha is None:
        return 0.0
    area = np.zeros(alpha.shape, np.uint8)
    cv2.fillConvexPoly(area, np.rint(quad).astype(np.int32), 255)
    total = cv2.countNonZero(area)
    return cv2.countNonZero(cv2.bitwise_and(area, above(alpha, 0.5))) / total if total else 0.0
