"""`Take`: the working state of one shot inside a recipe. Steps only add to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from studio.body import Wearer
from studio.errors import StepError
from studio.evidence import Evidence
from studio.ghost import Ghost
from studio.marks import Mark
from studio.reading import Reading
from studio.shot import Shot
from studio.typesetting.placed import PlacedText

if TYPE_CHECKING:
    from studio.standing import Standing

T = TypeVar("T")
U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photo: `rgb` uint8 (H, W, 3) sRGB, `alpha` float32 (H, W) 0..1 or None; upright, ICC already applied."""

    rgb: U8
    alpha: F32 | None
    format: str
    had_profile: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width, height in pixels."""
        return self.rgb.shape[1], self.rgb.shape[0]


@dataclass(frozen=True, slots=True)
class Matte:
    """A cut-out at source geometry: `alpha` float32 (H, W) 0..1, `foreground` uint8 (H, W, 3) sRGB with the old ground's
    colour taken out of the edge, equal to the photo where alpha is 1. `uncertainty` 0 (sure) .. 1."""

    alpha: F32
    foreground: U8
    uncertainty: float
    source: str
    """`alpha` when the photo's own channel was kept, else the model's name."""

    @property
    def cropped(self) -> tuple[bool, bool, bool, bool]:
        """Whether the product is cut by the photo's top, right, bottom, left edge (more than 1 % of that edge is product)."""
        solid = self.alpha > 0.5
        edges = (solid[0], solid[:, -1], solid[-1], solid[:, 0])
        top, right, bottom, left = (bool(edge.mean() > 0.01) for edge in edges)
        return top, right, bottom, left


@dataclass(frozen=True, slots=True)
class Placed:
    """The product resampled onto the canvas: `rgb` uint8 (H, W, 3) sRGB, `alpha` float32 (H, W) 0..1, canvas-sized.
    `scale` is canvas pixels per source pixel; `box` is (x, y, width, height) of alpha > 0.5 in canvas pixels."""

    rgb: U8
    alpha: F32
    scale: float
    box: tuple[int, int, int, int]
    origin: tuple[float, float] = (0.0, 0.0)
    """Canvas point on which the photo's upper left corner lies."""


@dataclass(slots=True)
class Take:
    """Working state of one shot. `source` and `assets` are encoded bytes; everything else is added by the steps."""

    shot: Shot
    source: bytes
    assets: Mapping[str, bytes] = field(default_factory=dict)
    opened: dict[str, bytes] = field(default_factory=dict)
    """Bytes, by digest, of the further photos that steps open (`Step.opens`)."""
    photo: Photo | None = None
    matte: Matte | None = None
    reading: Reading | None = None
    """What was read off the picture that a lookalike imitates."""
    others: dict[str, Matte] = field(default_factory=dict)
    """Cut-outs of further photos, by the photo's digest."""
    glances: dict[str, bytes] = field(default_factory=dict)
    """Glances at the same further photos, by digest."""
    wearer: Wearer | None = None
    """The person that the product is put on, and where it lies on them."""
    ghost: Ghost | None = None
    """What was taken out of, and put into, a ghost-mannequin picture."""
    recoloured: F32 | None = None
    """float32 (H, W) 0..1 at source geometry: where, and how far, the product was given another colour."""
    glance: bytes = b""
    """JPEG of the photo at a whole fraction of its size (`studio.imaging.glance`), kept with the cut-out for QA and previews."""
    printed: U8 | None = None
    """uint8 (h, w, 4) sRGB at a quarter of `matte`: the artwork's own colours, and how much of each pixel they cover."""
    placed: Placed | None = None
    layout: tuple[Standing, ...] = ()
    """The products of a group where they stand on the canvas, from the back to the front."""
    transmission: F32 | None = None
    """float32 (H, W, 3) linear 0..1, canvas-sized: the part of the ground's light that comes through glass, by channel."""
    ground: U8 | None = None
    """uint8 (H, W, 3) sRGB: the set without the product; None while the background is transparent."""
    shade: F32 | None = None
    """float32 (H, W) 0..1: how much light the product keeps from the ground (1 = full shadow)."""
    lit: U8 | None = None
    """uint8 (H, W, 3) sRGB, canvas-sized: the placed product under the set's light; None while it keeps its own."""
    image: U8 | None = None
    """uint8 (H, W, 3) or (H, W, 4) sRGB: the finished picture before encoding."""
    drawn: list[Mark] = field(default_factory=list)
    """Words, lines and figures beside the product, in the order of drawing (canvas pixels)."""
    words: tuple[PlacedText, ...] = ()
    """Text that stands on `image`, part by part (`studio.typesetting.placed`)."""
    encoded: bytes = b""
    media_type: str = ""
    engine: str = "procedural"
    evidence: Evidence = field(default_factory=Evidence)
    measurements: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    cpu_parts: dict[str, float] = field(default_factory=dict)
    gpu_parts: dict[str, float] = field(default_factory=dict)
    model_calls: Counter[str] = field(default_factory=Counter)

    def spend(self, part: str, *, cpu_s: float = 0.0, gpu_s: float = 0.0) -> None:
        """Count seconds on the total and on their part: `step`, or `step:model`."""
        self.cpu_s, self.gpu_s = self.cpu_s + cpu_s, self.gpu_s + gpu_s
        if cpu_s:
            self.cpu_parts[part] = self.cpu_parts.get(part, 0.0) + cpu_s
        if gpu_s:
            self.gpu_parts[part] = self.gpu_parts.get(part, 0.0) + gpu_s

    def take_over(self, other: Take) -> None:
        """Count what another take spent as this one's."""
        for step, seconds in other.seconds.items():
            self.seconds[step] = self.seconds.get(step, 0.0) + seconds
        for part, seconds in other.cpu_parts.items():
            self.spend(part, cpu_s=seconds)
        for part, seconds in other.gpu_parts.items():
            self.spend(part, gpu_s=seconds)
        self.model_calls.update(other.model_calls)

    def need_photo(self) -> Photo:
        """The photo, or StepError when the recipe forgot `decode`."""
        return _made(self.photo, "decode")

    def need_matte(self) -> Matte:
        """The cut-out, or StepError when the recipe forgot `cutout`."""
        return _made(self.matte, "cutout")

    def need_placed(self) -> Placed:
        """The placed product, or StepError when the recipe forgot `place`."""
        return _made(self.placed, "place")

    def need_image(self) -> U8:
        """The finished picture, or StepError when the recipe forgot `compose`."""
        return _made(self.image, "compose")


def _made(value: T | None, step: str) -> T:
    if value is None:
        raise StepError(f"this recipe needs the step {step!r} earlier")
    return value
