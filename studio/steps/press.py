"""`Press`: what is printed on a blank so far, one surface after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from studio.briefs.files import File
from studio.briefs.mockup import Surface
from studio.errors import MissingInput, StepError
from studio.imaging.codec import decode
from studio.imaging.colour import linear_to_u8, u8_to_linear
from studio.imaging.prints.ink import folds, pressed
from studio.imaging.prints.print_area import Design, design
from studio.imaging.prints.surface_field import surface_box, surface_field
from studio.imaging.prints.uv import Box, window
from studio.imaging.prints.warp import sampled
from studio.imaging.resample import resized_coverage
from studio.imaging.tone import quick_u8
from studio.steps.artwork import artwork, brief_of
from studio.take import F32, U8, Photo, Take

PLAN = 4
"""Pixels of the print, in each direction, for one of `take.printed`."""
SEEN = 6
"""Levels by which a channel differs where print is told from blank: about one just noticeable difference."""


@dataclass(slots=True)
class Press:
    """Prints a take's surfaces on `image`, uint8 (H, W, 3), the blank at print size; `photo` is its own size (width, height)."""

    take: Take
    image: U8
    photo: tuple[int, int]
    material: str
    seen: F32 = field(init=False)
    """float32 (H, W): where there is a printable surface."""
    sheet: F32 = field(init=False)
    """float32 (H, W, 4) premultiplied linear: the design alone, as it lies in the picture."""
    artworks: dict[int, Photo] = field(default_factory=dict)
    dpi: list[float] = field(default_factory=list)
    cropped: list[float] = field(default_factory=list)
    filled: list[tuple[float, float]] = field(default_factory=list)
    """Area of each surface's design and of its ink, in square millimetres."""
    changed: list[tuple[int, int]] = field(default_factory=list)
    """Pixels of each surface that are inked, and those that look different for it."""

    def __post_init__(self) -> None:
        self.image = self.image.copy()
        self.seen = np.zeros(self.image.shape[:2], np.float32)
        self.sheet = np.zeros((*self.image.shape[:2], 4), np.float32)

    @property
    def size(self) -> tuple[int, int]:
        """Width, height in pixels."""
        return self.image.shape[1], self.image.shape[0]

    def put(self, surface: Surface) -> None:
        """Print one surface. Raises MissingInput for an artwork that is not there or too small."""
        picture = self._artwork(surface.artwork)
        plan = design(surface, picture.size)
        self._large_enough(plan, picture.size, surface.artwork)
        self._note(surface, plan, picture)
        data = asset(self.take, surface.map) if surface.kind == "uv" else b""
        box = surface_box(surface, self.size, self.photo, data, plan.clip)
        if box is not None:
            self._ink(surface, plan, picture, data, box)

    def _ink(self, surface: Surface, plan: Design, picture: Photo, data: bytes, box: Box) -> None:
        part = slice(box[1], box[1] + box[3]), slice(box[0], box[0] + box[2])
        where = surface_field(surface, self.size, self.photo, data, box=box, moved=self._moved(surface.displace, part))
        left, top, right, bottom = plan.rect
        span = np.asarray((right - left, bottom - top), np.float32)
        at = np.asarray((where.uv - np.asarray((left, top), np.float32)) / span, np.float32)
        reach = where.cover * window(where.uv, plan.clip)
        if surface.mask is not None:
            reach = reach * resized_coverage(grey(asset(self.take, surface.mask)), self.size)[part]
        ink = sampled(picture.rgb, picture.alpha, at, reach)
        before, brief = self.image[part], brief_of(self.take.shot)
        light = pressed(u8_to_linear(before), ink, reach, self.material, brief.ink, max(self.size))
        after = np.where(((ink[..., 3] * reach) > 0)[..., None], quick_u8(np.clip(light, 0, 1)), before)
        self._compare(before, after, ink[..., 3] * reach)
        self.image[part] = after
        self.sheet[part] = self.sheet[part] * (1 - ink[..., 3:] * reach[..., None]) + ink * reach[..., None]
        self.seen[part] = np.maximum(self.seen[part], where.cover)

    def measured(self) -> dict[str, float]:
        """What is known of the print as a whole."""
        inked, told = (sum(counts) for counts in zip(*(self.changed or [(0, 0)]), strict=True))
        values = {
            "print_dpi": min(self.dpi),
            "print_coverage": sum(ink for _, ink in self.filled) / sum(area for area, _ in self.filled),
            "print_cropped": max(self.cropped),
            "print_visible": told / inked if inked else 0.0,
        }
        return {name: round(float(value), 6) for name, value in values.items()}

    def plan(self) -> U8:
        """What should be seen where: uint8 (h, w, 4), the design's own colours and how much of the pixel they cover."""
        height, width = self.sheet.shape[:2]
        small = cv2.resize(self.sheet, (max(1, width // PLAN), max(1, height // PLAN)), interpolation=cv2.INTER_AREA)
        share = small[..., 3:]
        colour = np.divide(small[..., :3], share, out=np.zeros_like(small[..., :3]), where=share > 1e-3)
        return np.dstack([linear_to_u8(colour), np.rint(share * 255).astype(np.uint8)])

    def _note(self, surface: Surface, plan: Design, picture: Photo) -> None:
        area = surface.area.width * surface.area.height * surface.size_mm[0] * surface.size_mm[1]
        inked = 1.0 if picture.alpha is None else float(picture.alpha.mean())
        self.dpi.append(plan.dpi(picture.size[0]))
        self.cropped.append(plan.cropped)
        self.filled.append((area, area * plan.filled * inked))

    def _compare(self, before: U8, after: U8, ink: F32) -> None:
        there = ink > 0.5
        apart = np.abs(after[there].astype(np.int16) - before[there]).max(axis=1, initial=0)
        self.changed.append((int(there.sum()), int((apart >= SEEN).sum())))

    def _moved(self, strength: float, part: tuple[slice, slice]) -> tuple[F32, F32] | None:
        if strength <= 0:
            return None
        dx, dy = folds(self.image, strength)
        return dx[part], dy[part]

    def _artwork(self, index: int) -> Photo:
        if index not in self.artworks:
            shot = self.take.shot
            if index >= len(shot.images):
                raise MissingInput(f"{shot.product.sku}: {shot.template.id} needs {index + 1} images of the role artwork")
            other = shot.images[index]
            self.artworks[index] = artwork(shot, self.take.opened[other.digest]) if index else self.take.need_photo()
        return self.artworks[index]

    def _large_enough(self, plan: Design, pixels: tuple[int, int], index: int) -> None:
        shot, least = self.take.shot, brief_of(self.take.shot).min_dpi
        dpi = plan.dpi(pixels[0])
        if dpi >= least:
            return
        wide, image = plan.pixels(least), shot.images[index]
        high = round(wide * pixels[1] / pixels[0] + 0.499)
        raise MissingInput(
            f"{shot.product.sku}: artwork {image.uri} has {pixels[0]} x {pixels[1]} pixels, {dpi:.0f} to the inch of print; "
            f"supply at least {wide} x {high} pixels ({least:.0f} dpi), or an SVG or PDF"
        )


def grey(data: bytes) -> F32:
    """A grey picture's levels as float32 (H, W) 0..1. Raises ImageError kinds."""
    return decode(data).rgb[..., 0].astype(np.float32) / np.float32(255)


def asset(take: Take, file: File) -> bytes:
    """The bytes of a file that the brief names. Raises StepError when they were not brought along."""
    if file.digest not in take.assets:
        raise StepError(f"the bytes of {file.path} were not brought along")
    return take.assets[file.digest]
