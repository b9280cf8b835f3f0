"""`Subject`: one finished take as the checks look at it. Every view is made once, on first use, by one thread."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.errors import StepError
from studio.imaging.codec import decode
from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.imaging.glance import factor, look
from studio.imaging.pdf import is_pdf, picture_of
from studio.qa.thumb import Thumb, block_mean, shrink
from studio.shot import Shot
from studio.take import F32, U8, Matte, Photo, Placed, Take

Box = tuple[int, int, int, int]
Index = NDArray[np.intp]

COARSE = 8

VISIBLE_ALPHA = 1 / 510
"""Alpha up to which a pixel shows nothing of the product in 8 bit."""
VISIBLE_SHADE = 1 / 512
"""Shade up to which white stays 255 in 8 bit, composed in linear light or in sRGB."""

SAMPLES = 20_000
"""Pixels whose colour is compared; more would change the third digit."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the file says about itself. `subsampled` is None for formats that do not tell."""

    format: str
    mode: str
    size: tuple[int, int]
    frames: int
    orientation: int
    srgb: bool
    subsampled: bool | None
    xmp: bytes


class Subject:
    """The take, its final bytes decoded again, and masks on the canvas (uint8 (H, W), 0 or 255)."""

    def __init__(self, take: Take) -> None:
        if not take.encoded:
            raise StepError("this recipe needs the step 'encode' before 'inspect'")
        self.take = take
        self.shot: Shot = take.shot
        self.matte: Matte = take.need_matte()
        self.placed: Placed = take.need_placed()

    @cached_property
    def header(self) -> Header:
        """Header facts of the final bytes."""
        return read_header(self.take.encoded)

    @cached_property
    def final(self) -> Photo:
        """The final bytes, decoded. Raises StepError when their size is not the canvas's: nothing could be compared."""
        photo = decode(picture_of(self.take.encoded))
        if photo.rgb.shape != self.placed.rgb.shape:
            raise StepError(f"final picture is {photo.size}, the canvas is {self.placed.rgb.shape[1::-1]}")
        return photo

    @property
    def canvas(self) -> tuple[int, int]:
        """Width, height of the canvas in pixels."""
        return self.placed.rgb.shape[1], self.placed.rgb.shape[0]

    @cached_property
    def solid(self) -> U8:
        """Where the product covers more than half of a pixel."""
        return above(self.placed.alpha, 0.5)

    @cached_property
    def box(self) -> Box:
        """x, y, width, height of the solid product on the canvas; zeros when there is none."""
        return bounds(self.solid)

    @cached_property
    def source_box(self) -> Box:
        """x, y, width, height of the solid product in the photo, as far as the canvas shows it; zeros when there is none."""
        solid = above(self.matte.alpha, 0.5)
        if self.shot.template.composition.scaling == "fill":
            solid = self._shown(solid)
        return bounds(solid)

    def _shown(self, mask: U8) -> U8:
        """The part of a mask of the photo that lies on the canvas."""
        (left, top), scale, (width, height) = self.placed.origin, self.placed.scale, self.canvas
        x, y = max(0, round(-left / scale)), max(0, round(-top / scale))
        right, bottom = max(x, round((width - left) / scale)), max(y, round((height - top) / scale))
        shown = np.zeros_like(mask)
        shown[y:bottom, x:right] = mask[y:bottom, x:right]
        return shown

    @cached_property
    def inner(self) -> U8:
        """The product without its edge: opaque and 0.4 % of the short side away from anything else; the opaque part
        as a whole where nothing is left of a thin product.
        """
        opaque = above(self.placed.alpha, 0.99)
        radius = max(2, round(min(self.canvas) * 0.004))
        kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        eroded = cv2.erode(opaque, kernel, borderType=cv2.BORDER_REPLICATE)
        enough = cv2.countNonZero(eroded) >= 0.05 * max(1, cv2.countNonZero(self.solid))
        return np.asarray(eroded if enough else opaque, np.uint8)

    @cached_property
    def drift(self) -> F32:
        """CIEDE2000 of up to 20,000 pixels of the eroded product, delivered bytes against the placed product."""
        ys, xs = sample(self.inner, SAMPLES)
        now, then = self.final.rgb[ys, xs], self.placed.rgb[ys, xs]
        return np.asarray(delta_e_2000(srgb_to_lab(now), srgb_to_lab(then)), np.float32)

    @cached_property
    def thumb(self) -> Thumb:
        """The photo and its cut-out, at most 800 px long."""
        times = factor(*self.matte.alpha.shape)
        return Thumb(look(self.take.glance), block_mean(self.matte.alpha, times), times)

    @cached_property
    def coarse(self) -> Thumb:
        """The placed product at an eighth of the canvas."""
        return shrink(self.placed.rgb, self.placed.alpha, COARSE)

    @cached_property
    def off_white(self) -> U8:
        """Where the final picture is not 255 in every channel."""
        return np.asarray(cv2.bitwise_not(cv2.inRange(self.final.rgb, (255, 255, 255), (255, 255, 255))), np.uint8)

    @cached_property
    def background(self) -> U8:
        """Where neither product nor shadow shows."""
        clear = cv2.bitwise_not(above(self.placed.alpha, VISIBLE_ALPHA))
        if self.take.shade is not None:
            clear = cv2.bitwise_and(clear, cv2.bitwise_not(above(self.take.shade, VISIBLE_SHADE)))
        return np.asarray(clear, np.uint8)


def above(values: F32, bound: float) -> U8:
    """255 where a float32 plane is above the bound, else 0."""
    return np.asarray(cv2.compare(values, bound, cv2.CMP_GT), np.uint8)


def sample(mask: U8, wanted: int) -> tuple[Index, Index]:
    """Rows and columns of about `wanted` (at most twice as many) non-zero pixels, evenly spread; every one of a small mask."""
    every = 3 if cv2.countNonZero(mask) > 6 * wanted else 1
    found = np.flatnonzero(mask[::every])
    ys, xs = np.divmod(found[:: max(1, found.size // wanted) | 1], mask.shape[1])
    return ys * every, xs


def bounds(mask: U8) -> Box:
    """x, y, width, height of the non-zero part of a mask."""
    x, y, w, h = cv2.boundingRect(mask)
    return int(x), int(y), int(w), int(h)


def cut(plane: U8, box: Box) -> U8:
    """The part of a picture or mask inside a box (a view)."""
    x, y, w, h = box
    return plane[y : y + h, x : x + w]


def read_header(data: bytes) -> Header:
    """Header facts of an encoded picture; no pixel is decoded. Those of a PDF are its picture's, but for the format."""
    if is_pdf(data):
        return replace(read_header(picture_of(data)), format="pdf")
    with Image.open(io.BytesIO(data)) as image:
        name = (image.format or "").lower()
        return Header(
            format="jpeg" if name == "mpo" else name,
            mode=image.mode,
            size=image.size,
            frames=getattr(image, "n_frames", 1),
            orientation=image.getexif().get(0x0112, 1),
            srgb=_says_srgb(image),
            subsampled=_subsampled(image),
            xmp=_xmp(data, image),
        )


def _says_srgb(image: Image.Image) -> bool:
    profile = image.info.get("icc_profile") or b""
    return b"sRGB" in profile or b"s\x00R\x00G\x00B" in profile or image.info.get("srgb") is not None


def _subsampled(image: Image.Image) -> bool | None:
    layers = getattr(image, "layer", None)
    if image.format not in {"JPEG", "MPO"} or not layers:
        return None
    return any((h, v) != layers[0][1:3] for _, h, v, *_ in layers)


def _xmp(data: bytes, image: Image.Image) -> bytes:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if isinstance(packet, str):
        packet = packet.encode()
    found = packet or b"".join(re.findall(rb"<x:xmpmeta.*?</x:xmpmeta>", data[:65536], re.DOTALL))
    return bytes(found)
