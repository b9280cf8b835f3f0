"""Twenty-three kinds of defect, each put in at the place where it would come about.

`matte`: into the cut-out before it is placed; `placed`: the placed product before the set; `ground`: the set before shadows, as a
generator would leave it; `shade`: after the shadow was cast; `lit`: the product's light; `image`: the composed picture before it
is written. Everything after the seam is the real pipeline. Strengths go from what a careful person sees to what anybody sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.defects.shapes import WORDS, Rng, blob, laid, lettering, moved, point_in
from studio.steps.ground import Ground
from studio.take import F32, U8, Matte, Placed, Take


@dataclass(frozen=True, slots=True)
class Kind:
    """One defect: `apply` changes the take at `seam`; `fits` says whether the look can have it."""

    name: str
    seam: str
    apply: Callable[[Take, Rng], None]
    fits: Callable[[Take], bool] = lambda _take: True


def _matte(take: Take, alpha: F32, foreground: U8 | None = None) -> None:
    old = take.need_matte()
    take.matte = Matte(
        np.ascontiguousarray(alpha, np.float32), old.foreground if foreground is None else foreground, old.uncertainty, old.source
    )


def _solid(take: Take) -> U8:
    return (take.need_matte().alpha > 0.5).astype(np.uint8)


def _uncut(take: Take) -> bool:
    """Whether the cut-out is ours; one that came with the photo is the seller's own word."""
    return take.need_matte().source != "alpha"


def halo(take: Take, rng: Rng) -> None:
    """A rim of the old ground, 0.4 to 1 % of the photo wide, in its own colour."""
    matte, photo = take.need_matte(), take.need_photo().rgb
    radius = max(2, round(max(matte.alpha.shape) * rng.uniform(0.004, 0.010)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    grown = cv2.GaussianBlur(cv2.dilate(matte.alpha, kernel), (0, 0), 1.0)
    rim = (grown > matte.alpha + 0.02)[..., None]
    _matte(take, np.maximum(grown, matte.alpha), np.where(rim, photo, matte.foreground))


def hole(take: Take, rng: Rng) -> None:
    """One to three pieces inside the product are gone: 1 to 4 % of it."""
    alpha, solid = take.need_matte().alpha.copy(), _solid(take)
    inside = cv2.erode(solid, np.ones((9, 9), np.uint8), iterations=max(1, max(alpha.shape) // 200))
    inside = inside if inside.any() else solid
    total, pieces = rng.uniform(0.01, 0.04) * solid.sum(), int(rng.integers(1, 4))
    for _ in range(pieces):
        alpha *= 1 - blob(alpha.shape, point_in(inside, rng), total / pieces, rng)
    _matte(take, alpha)


def missing_part(take: Take, rng: Rng) -> None:
    """A piece of the outline is gone: a bite of 4 to 15 % of the product."""
    alpha, solid = take.need_matte().alpha.copy(), _solid(take)
    edge = solid - cv2.erode(solid, np.ones((5, 5), np.uint8))
    wanted, target = rng.uniform(0.04, 0.15) * solid.sum(), 0.0
    centre, area = point_in(edge, rng), wanted * 1.6
    for _ in range(6):
        bite = blob(alpha.shape, centre, area, rng)
        target = float((bite * solid).sum())
        if target >= wanted:
            break
        area *= 1.5
    _matte(take, alpha * (1 - bite))


def leftover(take: Take, rng: Rng) -> None:
    """A piece of the old ground beside the product stays: 3 to 12 % of the product's area."""
    matte, solid = take.need_matte(), _solid(take)
    edge = cv2.dilate(solid, np.ones((5, 5), np.uint8)) - solid
    patch = blob(matte.alpha.shape, point_in(edge, rng), rng.uniform(0.06, 0.24) * solid.sum(), rng) * np.float32(
        rng.uniform(0.6, 1.0)
    )
    more = (patch > matte.alpha)[..., None]
    _matte(take, np.maximum(matte.alpha, patch), np.where(more, take.need_photo().rgb, matte.foreground))


def jagged_edge(take: Take, rng: Rng) -> None:
    """The outline is a staircase with steps of 0.6 to 1.4 % of the photo."""
    alpha = take.need_matte().alpha
    step = max(4, round(max(alpha.shape) * rng.uniform(0.006, 0.014)))
    size = max(1, alpha.shape[1] // step), max(1, alpha.shape[0] // step)
    coarse = (cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 0.5).astype(np.float32)
    _matte(take, cv2.resize(coarse, alpha.shape[::-1], interpolation=cv2.INTER_NEAREST), take.need_photo().rgb)


def fuzzy_edge(take: Take, rng: Rng) -> None:
    """The outline fades over 1.5 to 3 % of the photo."""
    alpha = take.need_matte().alpha
    _matte(take, cv2.GaussianBlur(alpha, (0, 0), max(alpha.shape) * rng.uniform(0.006, 0.012)))


def cropped(take: Take, rng: Rng) -> None:
    """A side of the product is cut off straight, 8 to 22 % of it: before it was placed."""
    alpha = take.need_matte().alpha.copy()
    x, y, w, h = cv2.boundingRect(_solid(take))
    part, side = rng.uniform(0.08, 0.22), int(rng.integers(4))
    cuts = (
        np.s_[: y + round(h * part)],
        np.s_[:, x + w - round(w * part) :],
        np.s_[y + h - round(h * part) :],
        np.s_[:, : x + round(w * part)],
    )
    alpha[cuts[side]] = 0
    _matte(take, alpha)


def off_canvas(take: Take, rng: Rng) -> None:
    """The product runs 5 to 20 % of its size over an edge of the canvas."""
    placed = take.need_placed()
    width = placed.alpha.shape[1]
    x, y, w, h = placed.box
    over = rng.uniform(0.05, 0.20)
    moves = ((-(x + over * w), 0.0), (width - x - w + over * w, 0.0), (0.0, -(y + over * h)))
    _move(take, *moves[rng.integers(len(moves))])


def _move(take: Take, dx: float, dy: float) -> None:
    placed = take.need_placed()
    dx, dy = round(dx), round(dy)
    alpha = moved(placed.alpha, dx, dy)
    box = cv2.boundingRect((alpha > 0.5).astype(np.uint8))
    origin = placed.origin[0] + dx, placed.origin[1] + dy
    take.placed = Placed(moved(placed.rgb, dx, dy), alpha, placed.scale, tuple(int(v) for v in box), origin)


def stretched(take: Take, rng: Rng) -> None:
    """Width to height is wrong by 8 to 25 %."""
    placed = take.need_placed()
    x, y, w, h = placed.box
    factor, wide = 1 - rng.uniform(0.08, 0.25), bool(rng.integers(2))
    fx, fy = (factor, 1.0) if wide else (1.0, factor)
    cx, base = x + w / 2, float(y + h)
    across = np.float32([[fx, 0, (1 - fx) * cx], [0, fy, (1 - fy) * base]])
    size = placed.alpha.shape[::-1]
    rgb, alpha = (cv2.warpAffine(plane, across, size, flags=cv2.INTER_AREA) for plane in (placed.rgb, placed.alpha))
    box = cv2.boundingRect((alpha > 0.5).astype(np.uint8))
    origin = (placed.origin[0] - cx) * fx + cx, (placed.origin[1] - base) * fy + base
    take.placed = Placed(rgb, alpha, placed.scale, tuple(int(v) for v in box), origin)


def colour_cast(take: Take, rng: Rng) -> None:
    """The product leans to one colour: gains of 0.8 to 1.2 that differ by at least 0.15."""
    gains = rng.uniform(0.82, 1.18, 3)
    gains[rng.integers(3)] = gains.min() + 0.22 if np.ptp(gains) < 0.15 else gains[0]
    if np.ptp(gains) < 0.15:
        gains = np.array([1.1, 1.0, 0.9])
    take.lit = np.clip(take.need_placed().rgb * gains + 0.5, 0, 255).astype(np.uint8)


def exposure(take: Take, rng: Rng) -> None:
    """The product is far too dark or washed out."""
    power = rng.uniform(1.35, 1.9) if rng.integers(2) else rng.uniform(0.5, 0.72)
    levels = (np.arange(256) / 255.0) ** power * 255
    take.lit = np.asarray(cv2.LUT(take.need_placed().rgb, np.rint(levels).astype(np.uint8)), np.uint8)


def text(take: Take, rng: Rng) -> None:
    """Lettering, 2.5 to 8 % of the canvas high, painted into the set beside the product."""
    assert take.ground is not None
    height, width = take.ground.shape[:2]
    size, line = height * rng.uniform(0.025, 0.08), WORDS[rng.integers(len(WORDS))]
    free = cv2.dilate((take.need_placed().alpha > 0.05).astype(np.uint8), np.ones((15, 15), np.uint8)) == 0
    best: F32 | None = None
    for _ in range(14):
        at = int(rng.uniform(0.02, 0.6) * width), int(rng.uniform(0.08, 0.97) * height)
        plane = lettering((height, width), at, size, line, rng)
        if best is None or float((plane * free).sum()) > float((best * free).sum()):
            best = plane
    assert best is not None
    take.ground = laid(take.ground, _ink(take.ground, rng), best * np.float32(rng.uniform(0.7, 1.0)))


def _ink(ground: U8, rng: Rng) -> tuple[float, ...]:
    light = float(ground.mean()) > 110
    base = rng.uniform(0, 90, 3) if light else rng.uniform(170, 255, 3)
    if rng.integers(3) == 0:
        base = np.array([215.0, 30.0, 35.0])
    return tuple(float(v) for v in base)


def watermark(take: Take, rng: Rng) -> None:
    """Half-transparent lettering again and again across the picture."""
    image = take.need_image()
    height, width = image.shape[:2]
    plane = np.zeros((height, width), np.float32)
    size, line = height * rng.uniform(0.03, 0.06), WORDS[rng.integers(len(WORDS))]
    gap = rng.uniform(0.14, 0.26)
    for row in np.arange(0.1, 1.05, gap):
        at = round(rng.uniform(-0.1, 0.15) * width), round(row * height)
        plane = np.maximum(plane, lettering((height, width), at, size, "   ".join([line] * 4), rng))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-35, 35), 1.3)
    plane = cv2.warpAffine(plane, turn, (width, height))
    ink = 128.0 if rng.integers(2) else (255.0 if float(image.mean()) < 200 else 60.0)
    take.image = laid(image, (ink, ink, ink), plane * np.float32(rng.uniform(0.22, 0.45)))


def frame(take: Take, rng: Rng) -> None:
    """A frame of one colour, 0.8 to 3 % wide."""
    image = take.need_image().copy()
    side, width = min(image.shape[:2]), 0
    inset, width = round(side * rng.uniform(0, 0.02)), max(3, round(side * rng.uniform(0.008, 0.03)))
    ring = np.zeros(image.shape[:2], np.float32)
    ring[inset : image.shape[0] - inset, inset : image.shape[1] - inset] = 1
    ring[inset + width : image.shape[0] - inset - width, inset + width : image.shape[1] - inset - width] = 0
    take.image = laid(image, _ink(image, rng), ring)


def floating(take: Take, rng: Rng) -> None:
    """The shadow lies 2 to 6 % of the canvas below the product."""
    assert take.shade is not None
    gap = take.shade.shape[0] * rng.uniform(0.02, 0.06)
    take.shade = np.asarray(moved(take.shade, 0, gap), np.float32)


def _stands(take: Take) -> bool:
    return take.shot.template.shadow.contact > 0 and not take.need_matte().cropped[2]


def wrong_shadow(take: Take, rng: Rng) -> None:
    """The shadow falls to the side from which the light comes."""
    shot, ground = take.shot, take.ground
    light = shot.template.light.model_copy(update={"azimuth_deg": -shot.template.light.azimuth_deg * rng.uniform(0.9, 1.15)})
    take.shot = shot.model_copy(update={"template": shot.template.model_copy(update={"light": light})})
    Ground().apply(take)
    take.shot, take.ground = shot, ground


def _casts(take: Take) -> bool:
    template = take.shot.template
    return _stands(take) and template.shadow.cast >= 0.25 and abs(template.light.azimuth_deg) > 20


def ghost(take: Take, rng: Rng) -> None:
    """The product is in the set a second time, whole or half transparent."""
    assert take.ground is not None
    placed = take.need_placed()
    x, y, w, h = placed.box
    scale, turn = rng.uniform(0.75, 1.0), 1 if rng.integers(2) else -1
    dx, dy = turn * rng.uniform(0.12, 0.45) * w, rng.uniform(-0.10, 0.05) * h
    about = x + w / 2, float(y + h)
    alpha = np.asarray(moved(placed.alpha, dx, dy, scale, about), np.float32) * np.float32(rng.uniform(0.35, 1.0))
    take.ground = laid(take.ground, np.asarray(moved(placed.rgb, dx, dy, scale, about), np.uint8), alpha)


def extended(take: Take, rng: Rng) -> None:
    """The set continues the product over its outline on one side, by 6 to 16 % of its size."""
    assert take.ground is not None
    placed = take.need_placed()
    x, y, w, h = placed.box
    scale = rng.uniform(1.06, 1.16)
    about = ((x, y + h), (x + w, y + h), (x + w / 2, y + h))[rng.integers(3)]
    alpha = np.asarray(moved(placed.alpha, 0, 0, scale, about), np.float32)
    take.ground = laid(take.ground, np.asarray(moved(placed.rgb, 0, 0, scale, about), np.uint8), alpha)


def banding(take: Take, rng: Rng) -> None:
    """The picture has 6 to 14 levels a channel."""
    step = 255.0 / (int(rng.integers(6, 15)) - 1)
    levels = np.rint(np.rint(np.arange(256) / step) * step).clip(0, 255).astype(np.uint8)
    take.image = np.asarray(cv2.LUT(take.need_image(), levels), np.uint8)


def jpeg_blocks(take: Take, rng: Rng) -> None:
    """The picture was a JPEG of quality 6 to 22 before."""
    image = take.need_image()
    _, data = cv2.imencode(".jpg", image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(6, 23))))
    take.image = np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def noise(take: Take, rng: Rng) -> None:
    """Grain with a deviation of 7 to 20 levels, alike or different in the channels."""
    image = take.need_image()
    grain = rng.normal(0, rng.uniform(7, 20), (*image.shape[:2], 1 if rng.integers(2) else 3)).astype(np.float32)
    take.image = np.clip(image + grain + 0.5, 0, 255).astype(np.uint8)


def blur(take: Take, rng: Rng) -> None:
    """Out of focus: a deviation of 0.15 to 0.5 % of the canvas."""
    image = take.need_image()
    take.image = np.asarray(cv2.GaussianBlur(image, (0, 0), max(image.shape) * rng.uniform(0.0015, 0.005)), np.uint8)


def off_white(take: Take, rng: Rng) -> None:
    """The white ground is not white: a tint, or a corner in shade, of 5 to 25 levels."""
    assert take.ground is not None
    height, width = take.ground.shape[:2]
    depth = rng.uniform(5, 25) * rng.uniform(0.5, 1.0, 3)
    plane = np.ones((height, width), np.float32)
    if rng.integers(2):
        y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(height, width)
        plane = np.clip(np.hypot(x - rng.integers(2), y - rng.integers(2)) / 1.2, 0, 1)
    take.ground = np.clip(take.ground - plane[..., None] * depth + 0.5, 0, 255).astype(np.uint8)


def _white(take: Take) -> bool:
    return take.shot.destination.background == "white" or take.shot.template.background.kind == "white"


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("halo", "matte", halo, _uncut),
        Kind("hole", "matte", hole, _uncut),
        Kind("missing_part", "matte", missing_part, _uncut),
        Kind("leftover", "matte", leftover, _uncut),
        Kind("jagged_edge", "matte", jagged_edge, _uncut),
        Kind("fuzzy_edge", "matte", fuzzy_edge, _uncut),
        Kind("cropped", "matte", cropped, _uncut),
        Kind("off_canvas", "placed", off_canvas),
        Kind("stretched", "placed", stretched),
        Kind("text", "ground", text),
        Kind("ghost", "ground", ghost),
        Kind("extended", "ground", extended),
        Kind("off_white", "ground", off_white, _white),
        Kind("floating", "shade", floating, _stands),
        Kind("wrong_shadow", "shade", wrong_shadow, _casts),
        Kind("colour_cast", "lit", colour_cast),
        Kind("exposure", "lit", exposure),
        Kind("watermark", "image", watermark),
        Kind("frame", "image", frame),
        Kind("banding", "image", banding),
        Kind("jpeg_blocks", "image", jpeg_blocks),
        Kind("noise", "image", noise),
        Kind("blur", "image", blur),
    )
}


def named(take: Take) -> list[str]:
    """Kinds that the take's look and cut-out can have. The take is placed already."""
    return [name for name, kind in KINDS.items() if kind.fits(take)]


def seed(take: Take, kind: str, seam: str, rng: Rng) -> None:
    """Put the defect in if this is its seam."""
    if kind and KINDS[kind].seam == seam:
        KINDS[kind].apply(take, rng)
