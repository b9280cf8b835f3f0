"""Every rule of a destination as a measured check on anybody's file: value, limit, source.

What is measured here needs only the file. A destination's `qa` limits that compare with a photo (`sharpness_ratio`) are of no
use for a file that somebody else made; they are listed as left out, never passed in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from studio.destination import Destination, Limit
from studio.errors import TemplateError
from studio.evidence import Line
from studio.qa.checks.detail import steepest
from studio.qa.policy import passes, tightest
from studio.qa.subject import above, cut
from studio.qa.upload import NEAR_PX, Upload, square
from studio.take import U8

Need = Literal["file", "product", "text"]
RING = 0.005
"""Border ring as a fraction of the short side."""
LEAST_AREA = 0.001
"""Smallest share of the picture that counts as a product."""
SURE_TEXT = 0.6
"""Score from which a line counts as read."""
LONG_SIDE = 1024
"""Size at which sharpness looks at the product."""
CLEAR_ALPHA = 0.98
"""Alpha below which a pixel counts as transparent."""
FRAME, FRAME_STEP, FRAME_SHARE = 0.024, 24, 0.6
"""A drawn border ends within this share of the side, with a step of so many levels along so much of the edge. A product that
fills 95 % of the picture stays further away from the edge than that."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One measurement of a file. `mark` shows where it fails: uint8 (H, W), 255 there."""

    name: str
    unit: str
    about: str
    measure: Callable[[Upload, Destination], float | None]
    needs: Need = "file"
    mark: Callable[[Upload], U8] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule held against one file. `value` is None where it could not be measured, which does not pass."""

    rule: Rule
    limit: Limit
    value: float | None
    passed: bool
    source: str

    @property
    def wanted(self) -> str:
        """The bounds in words."""
        ends = (("at least", self.limit.min), ("at most", self.limit.max))
        if self.limit.min == self.limit.max:
            return f"{self.limit.min:.8g}"
        return " and ".join(f"{words} {bound:.8g}" for words, bound in ends if bound is not None)


def rules(destination: Destination) -> dict[str, Limit]:
    """Every limit that a file for this destination is held to. Raises TemplateError for a rule that nothing measures."""
    unknown = sorted(set(destination.upload) - set(RULES))
    if unknown:
        raise TemplateError(
            f"destination {destination.id}: upload: no rule {', '.join(unknown)}; known: {', '.join(sorted(RULES))}"
        )
    wanted = {"format": Limit(min=1), "bytes": Limit(max=destination.max_bytes)}
    if destination.background == "white":
        wanted["product_found"] = Limit(min=1)
    if destination.background == "transparent":
        wanted["has_alpha"] = Limit(min=1)
    for name, limit in (*destination.qa.items(), *destination.upload.items()):
        if name in RULES:
            wanted[name] = tightest(wanted[name], limit) if name in wanted else limit
    return {name: wanted[name] for name in RULES if name in wanted}


def left_out(destination: Destination) -> tuple[str, ...]:
    """Limits of the destination that no foreign file can be held to."""
    return tuple(sorted(set(destination.qa) - set(RULES)))


def needs(destination: Destination, without: Collection[str] = ()) -> frozenset[Need]:
    """What has to be known of a file for this destination's rules."""
    return frozenset(RULES[name].needs for name in rules(destination) if name not in without)


def findings(upload: Upload, destination: Destination, without: Collection[str] = ()) -> list[Finding]:
    """Every rule held against the file, in the registry's order; `without` names rules to leave out."""
    return [_finding(upload, destination, name, limit) for name, limit in rules(destination).items() if name not in without]


def _finding(upload: Upload, destination: Destination, name: str, limit: Limit) -> Finding:
    rule = RULES[name]
    value = None if _blind(rule, upload) else rule.measure(upload, destination)
    value = None if value is None else round(float(value), 6)
    cited = destination.sources[destination.cites.get(name, 0)]
    source = f"{cited.title} ({cited.date})"
    return Finding(rule, limit, value, value is not None and passes({name: value}, name, limit), source)


def _blind(rule: Rule, upload: Upload) -> bool:
    return (rule.needs == "product" and upload.alpha is None) or (rule.needs == "text" and upload.lines is None)


def _format(upload: Upload, destination: Destination) -> float:
    return float(upload.header.format in {*destination.accepts, *destination.also_accepts})


def _frames(upload: Upload, _: Destination) -> float:
    """A camera's MPO holds further views of the same picture, which nothing shows: it counts as one."""
    return 1.0 if upload.header.format == "jpeg" else float(upload.header.frames)


def _colour_mode(upload: Upload, _: Destination) -> float:
    return float(upload.header.mode in {"RGB", "RGBA", "P", "PA"})


def _ratio_error(upload: Upload, destination: Destination) -> float:
    width, height = upload.size
    others = [[float(side) for side in aspect.split(":")] for aspect in destination.aspects]
    accepted = [destination.width / destination.height, *(across / down for across, down in others)]
    return min(abs(width / height / wanted - 1.0) for wanted in accepted)


def _transparency(upload: Upload, _: Destination) -> float:
    alpha = upload.photo.alpha
    return 0.0 if alpha is None else float((alpha < CLEAR_ALPHA).mean())


def _colour_range(upload: Upload, _: Destination) -> float:
    """99.9th percentile over the pixels of largest minus smallest channel, levels: a grey picture has none."""
    small = upload.flat[:: max(1, upload.flat.shape[0] // 1000), :: max(1, upload.flat.shape[1] // 1000)].astype(np.int16)
    return float(np.percentile(small.max(axis=2) - small.min(axis=2), 99.9))


def _frame(upload: Upload, _: Destination) -> float:
    """1 when all four edges end in a straight step from one plain colour to something else: a drawn border."""
    picture = upload.flat
    return float(all(_edge_steps(np.rot90(picture, turn)) for turn in range(4)))


def _edge_steps(picture: U8) -> bool:
    """Whether the rows near the upper edge are of one colour until a step that runs along most of the edge."""
    height, width = picture.shape[:2]
    band = picture[: max(3, int(min(height, width) * FRAME)) + 1, width // 12 : width - width // 12].astype(np.int16)
    plain = np.median(band[0], axis=0)
    apart = (np.abs(band - plain).max(axis=2) > FRAME_STEP).mean(axis=1)
    return bool(apart[0] < 0.02 and apart.max() >= FRAME_SHARE)


def _frame_mark(upload: Upload) -> U8:
    height, width = upload.photo.rgb.shape[:2]
    inset = max(3, int(min(height, width) * FRAME))
    return _outside(height, width, inset)


def _outside(height: int, width: int, inset: int) -> U8:
    ring = np.full((height, width), 255, np.uint8)
    ring[inset : height - inset, inset : width - inset] = 0
    return ring


def _product_found(upload: Upload, _: Destination) -> float:
    return float(cv2.countNonZero(upload.solid) >= LEAST_AREA * upload.solid.size)


def _fill(upload: Upload, _: Destination) -> float | None:
    (across, down), (width, height) = upload.box[2:], upload.size
    return max(across / width, down / height) if across else None


def _touching_edges(upload: Upload, _: Destination) -> float:
    solid = upload.solid
    return float(sum(bool(edge.any()) for edge in (solid[0], solid[-1], solid[:, 0], solid[:, -1])))


def _white_purity_error(upload: Upload, _: Destination) -> float:
    ground = cv2.countNonZero(upload.ground)
    return cv2.countNonZero(_impure(upload)) / ground if ground else 1.0


def _impure(upload: Upload) -> U8:
    """Ground that is not white, shadows left out."""
    clear = cv2.bitwise_and(upload.ground, cv2.bitwise_not(upload.attached))
    return np.asarray(cv2.bitwise_and(clear, upload.off_white), np.uint8)


def _white_far(upload: Upload, _: Destination) -> float:
    return _darkest(upload, _far(upload))


def _far(upload: Upload) -> U8:
    """Ground that is not white, away from the product, its shadow and the blocks they share."""
    clear = cv2.bitwise_and(upload.ground, cv2.bitwise_not(cv2.dilate(upload.attached, square(NEAR_PX))))
    return np.asarray(cv2.bitwise_and(clear, upload.off_white), np.uint8)


def _white_border(upload: Upload, _: Destination) -> float:
    return _darkest(upload, _border(upload))


def _border(upload: Upload) -> U8:
    return np.asarray(cv2.bitwise_and(_ring(upload), cv2.bitwise_and(upload.ground, upload.off_white)), np.uint8)


def _darkest(upload: Upload, where: U8) -> float:
    """Largest distance from 255 under a mask, levels; 0 under an empty one."""
    return 255.0 - float(upload.flat[where > 0].min()) if cv2.countNonZero(where) else 0.0


def _clear_border(upload: Upload, _: Destination) -> float:
    if upload.photo.alpha is None:
        return 0.0
    free = cv2.bitwise_and(_ring(upload), upload.ground)
    total = cv2.countNonZero(free)
    seen = cv2.countNonZero(cv2.bitwise_and(free, above(upload.photo.alpha, 1 / 510)))
    return 1.0 - seen / total if total else 1.0


def _ring(upload: Upload) -> U8:
    height, width = upload.photo.rgb.shape[:2]
    return _outside(height, width, max(2, round(min(height, width) * RING)))


def _sharpness(upload: Upload, _: Destination) -> float | None:
    """Mean step (0..1) of the steepest 5 % of the product, or of the whole picture, with its long side at most 1024 px."""
    box = upload.box if upload.box[2] else (0, 0, *upload.size)
    grey = np.asarray(cv2.cvtColor(cut(upload.flat, box), cv2.COLOR_RGB2GRAY), np.uint8)
    inside = cut(upload.solid, box) if upload.box[2] else np.full(grey.shape, 255, np.uint8)
    scale = min(1.0, LONG_SIDE / max(grey.shape))
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    return steepest(small, np.asarray(cv2.resize(inside, size, interpolation=cv2.INTER_NEAREST), np.uint8)) / 255


def _added(upload: Upload) -> list[Line]:
    """Lettering that does not stand on the product."""
    lines = upload.lines or ()
    return [line for line in lines if line.score >= SURE_TEXT and line.inside < 0.5 and sum(map(str.isalnum, line.text)) >= 2]


def _added_mark(upload: Upload) -> U8:
    mask = np.zeros(upload.photo.rgb.shape[:2], np.uint8)
    for line in _added(upload):
        cv2.fillConvexPoly(mask, np.rint(line.quad).astype(np.int32), 255)
    return mask


def _edge_mark(upload: Upload) -> U8:
    height, width = upload.photo.rgb.shape[:2]
    strip = _outside(height, width, max(2, round(min(height, width) * 0.01)))
    return np.asarray(cv2.bitwise_and(strip, upload.solid), np.uint8)


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("format", "0/1", "the file's format is accepted", _format),
        Rule("bytes", "B", "file size", lambda upload, _: float(len(upload.data))),
        Rule(
            "frames",
            "frames",
            "pictures in the file: more than one is an animation",
            _frames,
        ),
        Rule(
            "upright",
            "0/1",
            "no viewer has to turn it (EXIF orientation)",
            lambda upload, _: float(upload.header.orientation == 1),
        ),
        Rule("rgb", "0/1", "three colour channels: no CMYK, no greyscale file", _colour_mode),
        Rule("bits", "bit", "bits a channel", lambda upload, _: float(upload.facts.bits)),
        Rule("srgb", "0/1", "no colour profile of another space", lambda upload, _: float(not upload.facts.foreign_profile)),
        Rule("dpi", "dpi", "density the file states; 72 where it states none", lambda upload, _: upload.facts.dpi),
        Rule(
            "has_source_type",
            "0/1",
            "IPTC DigitalSourceType is present",
            lambda up, _: float(b"DigitalSourceType" in up.header.xmp),
        ),
        Rule("pixels_longest", "px", "longest side", lambda upload, _: float(max(upload.size))),
        Rule("pixels_shortest", "px", "shortest side", lambda upload, _: float(min(upload.size))),
        Rule("megapixels", "MP", "width times height", lambda upload, _: upload.size[0] * upload.size[1] / 1e6),
        Rule("ratio_error", "fraction", "distance from the nearest accepted width : height", _ratio_error),
        Rule("has_alpha", "0/1", "there is an alpha channel", lambda upload, _: float(upload.photo.alpha is not None)),
        Rule("transparency", "share", "pixels that are not opaque", _transparency),
        Rule("colour_range", "levels", "colour in the picture: 0 is black and white", _colour_range),
        Rule("drawn_border", "0/1", "a drawn border runs round the picture", _frame, mark=_frame_mark),
        Rule("product_found", "0/1", "there is a product", _product_found, "product"),
        Rule("fill", "fraction", "larger side of the product over the picture", _fill, "product"),
        Rule("touching_edges", "edges", "edges the product runs into", _touching_edges, "product", _edge_mark),
        Rule(
            "white_purity_error",
            "share",
            "ground pixels, shadow left out, that are not 255, 255, 255",
            _white_purity_error,
            "product",
            _impure,
        ),
        Rule("white_far", "levels", "worst ground pixel away from product and shadow", _white_far, "product", _far),
        Rule("white_border", "levels", "worst pixel of the border ring", _white_border, "product", _border),
        Rule("clear_border", "share", "transparent part of the border ring", _clear_border, "product"),
        Rule("sharpness", "step", "steepness of the product's details", _sharpness, "product"),
        Rule(
            "text_beside",
            "lines",
            "lines of lettering beside the product",
            lambda up, _: float(len(_added(up))),
            "text",
            _added_mark,
        ),
    )
}
"""Every rule by name, in the order in which they are reported."""
