"""Hand-made files for the preflight: for every rule of every destination one just inside it and one just outside.

Nothing here asks the preflight what it thinks: sizes, shares and levels are worked out from the destination's YAML and the
geometry of the picture drawn. The product is a dark, striped block, so that any matting model, also `fake-matte`, finds it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from benchmarks.preflight_canvas import Canvas, drawn, padded, saved, smallest
from studio.destination import Destination, Limit
from studio.evidence import Line
from studio.imaging.profile import srgb_profile
from studio.qa.preflight import RULES, rules

NEAR = 16
"""Ground starts this many pixels from the product (Upload.ground)."""
PRODUCT_RULES = frozenset(name for name, rule in RULES.items() if rule.needs == "product")
LARGE = 8_000_000
"""Pixels from which a file made for a rule about pixels is not searched for its product."""
WHITE = {"white_purity_error", "white_far", "white_border"}


@dataclass(frozen=True, slots=True)
class Case:
    """One file. `breaks` are the rules it must fail, `may` those that fail with them; everything else must pass."""

    destination: str
    rule: str
    name: str
    data: bytes
    breaks: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    lines: tuple[Line, ...] = ()


def cases(where: Destination) -> Iterator[Case]:
    """Every case of one destination."""
    limits = rules(where)
    for name, limit in limits.items():
        yield from (_case(where, name, *made) for made in MAKERS[name](where, limit))


def _case(where: Destination, rule: str, name: str, good: bool, data: bytes, more: dict[str, Any] | None = None) -> Case:
    extra = more or {}
    return Case(
        where.id,
        rule,
        name,
        data,
        breaks=frozenset(extra.get("breaks", () if good else {rule})),
        may=frozenset(extra.get("may", ())),
        without=frozenset(extra.get("without", ())),
        lines=extra.get("lines", ()),
    )


Made = tuple[str, bool, bytes] | tuple[str, bool, bytes, dict[str, Any]]


def _formats(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    loose = {"has_source_type", "frames", "dpi"} | (WHITE if where.background == "white" else set())
    for form in where.accepts:
        if form == "avif" and where.background != "any":
            continue
        yield f"accepted {form}", True, saved(canvas, form), {"may": loose - WHITE if form != "avif" else loose}
    for form in where.also_accepts:
        yield f"accepted {form}", True, saved(canvas, form), {"may": {"has_source_type", "rgb", "bytes"}}
    refused = [form for form in ("png", "webp", "bmp", "gif", "tiff") if form not in {*where.accepts, *where.also_accepts}]
    for form in refused[:2]:
        yield (
            f"refused {form}",
            False,
            saved(canvas, form),
            {"may": {"has_source_type", "rgb", "has_alpha", "clear_border", "bytes"}},
        )


def _bytes(where: Destination, limit: Limit) -> Iterator[Made]:
    assert limit.max is not None
    data = saved(drawn(where))
    yield "all the bytes allowed", True, padded(data, int(limit.max))
    yield "one byte more", False, padded(data, int(limit.max) + 1)


def _frames(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    form = "gif" if "gif" in where.also_accepts else "webp" if "webp" in where.accepts else "png"
    first = Image.fromarray(canvas.rgb if canvas.alpha is None else np.dstack([canvas.rgb, canvas.alpha]))
    second = Image.fromarray(np.roll(np.asarray(first), 3, axis=1))
    for count in (1, 2):
        file = io.BytesIO()
        more: dict[str, Any] = {"save_all": True, "append_images": [second], "duration": 200} if count == 2 else {}
        first.save(file, form.upper(), **more | ({"lossless": True} if form == "webp" else {}))
        yield f"{count} pictures in a {form}", count == 1, file.getvalue(), {"may": {"has_source_type"}}


def _upright(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    exif = Image.Exif()
    exif[0x0112] = 1
    yield "upright as stored", True, saved(canvas, exif=exif)
    exif[0x0112] = 6
    turned = Canvas(where, canvas.size[::-1], canvas.box, np.ascontiguousarray(np.rot90(canvas.rgb)))
    yield "stored lying, to be turned", False, saved(turned, exif=exif)


def _rgb(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    yield "three channels", True, saved(canvas)
    grey = Canvas(where, canvas.size, canvas.box, np.ascontiguousarray(canvas.rgb[..., 0]))
    yield "a greyscale file", False, saved(grey, icc_profile=None), {"may": {"colour_range"}}


def _bits(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    yield "8 bits a channel", True, saved(canvas, "png")
    done, data = cv2.imencode(".png", canvas.rgb[..., ::-1].astype(np.uint16) * 257)
    assert done
    yield "16 bits a channel", False, data.tobytes()


def _srgb(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    yield "tagged sRGB", True, saved(canvas)
    yield "not tagged", True, saved(canvas, icc_profile=None)
    other = srgb_profile().replace(b"sRGB", b"Wide").replace("sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be"))
    yield "tagged as another space", False, saved(canvas, icc_profile=other)


def _dpi(where: Destination, limit: Limit) -> Iterator[Made]:
    assert limit.min is not None
    canvas = drawn(where)
    yield f"{limit.min:g} dpi", True, saved(canvas, dpi=int(limit.min))
    yield f"{limit.min - 1:g} dpi", False, saved(canvas, dpi=int(limit.min) - 1)


def _source_type(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    yield "with DigitalSourceType", True, saved(canvas)
    yield "without", False, saved(canvas, xmp=False)


def _longest(where: Destination, limit: Limit) -> Iterator[Made]:
    yield from _sides(where, limit, longest=True)


def _shortest(where: Destination, limit: Limit) -> Iterator[Made]:
    yield from _sides(where, limit, longest=False)


def _sides(where: Destination, limit: Limit, *, longest: bool) -> Iterator[Made]:
    """Pictures whose longest or shortest side is exactly at the bound, and one pixel beyond it."""
    other = {"pixels_shortest", "megapixels"} if longest else {"pixels_longest"}
    for bound, step in ((limit.min, -1), (limit.max, 1)):
        for side in () if bound is None else (int(bound), int(bound) + step):
            canvas = drawn(where, _with_side(where, side, longest=longest, large=step > 0))
            without = PRODUCT_RULES if canvas.size[0] * canvas.size[1] > LARGE else frozenset()
            yield f"{side} px", side == bound, saved(canvas), {"may": set() if side == bound else other, "without": without}


def _with_side(where: Destination, side: int, *, longest: bool, large: bool) -> tuple[int, int]:
    """A size with this side, in the destination's shape; a long strip where a large one need not have that shape."""
    held = rules(where)
    if large and "ratio_error" not in held:
        small = max(smallest(where)) if "pixels_shortest" not in held else int(held["pixels_shortest"].min or 320)
        return side, small
    upright, ratio = where.height > where.width, max(where.width, where.height) / min(where.width, where.height)
    long, short = (side, math.ceil(side / ratio)) if longest else (round(side * ratio), side)
    return (short, long) if upright else (long, short)


def _megapixels(where: Destination, limit: Limit) -> Iterator[Made]:
    assert limit.max is not None
    most, tall = int(limit.max * 1e6), 1600 if where.background == "white" else 5000
    longest = rules(where).get("pixels_longest")
    if longest is not None and longest.max:
        tall = int(longest.max)
    across = most // tall
    yield f"{across * tall / 1e6:.6g} MP", True, saved(drawn(where, (across, tall))), {"without": PRODUCT_RULES}
    over = saved(drawn(where, (across + 1 + (most - across * tall) // tall, tall)))
    yield "one row more", False, over, {"without": PRODUCT_RULES, "may": {"pixels_longest"}}


def _ratio(where: Destination, limit: Limit) -> Iterator[Made]:
    assert limit.max is not None
    width, height = smallest(where)
    while min(width, height) < 1000:
        width, height = width * 2, height * 2
    for share, good in ((0.85, True), (1.15, False)):
        taller = width, math.floor(width * where.height / where.width / (1 - limit.max * share))
        yield f"taller by {limit.max * share:.2%}", good, saved(drawn(where, taller))
        wider = math.floor(height * where.width / where.height * (1 + limit.max * share)), height
        yield f"wider by {limit.max * share:.2%}", good, saved(drawn(where, wider))
    for aspect in where.aspects:
        across, down = map(int, aspect.split(":"))
        yield f"also accepted {aspect}", True, saved(drawn(where, (height * across // down, height)))


def _has_alpha(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    yield "with alpha", True, saved(canvas)
    canvas.alpha = None
    yield "without alpha", False, saved(canvas, "png"), {"may": {"clear_border"}}


def _transparency(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    canvas.alpha = np.full(canvas.rgb.shape[:2], 255, np.uint8)
    yield "an alpha channel that hides nothing", True, saved(canvas, "png")
    canvas.alpha[0, :40] = 0
    yield "forty transparent pixels", False, saved(canvas, "png")


def _colour_range(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    grey = Canvas(where, canvas.size, canvas.box, np.repeat(canvas.rgb[..., :1], 3, axis=2))
    yield "black and white", False, saved(grey)
    x, y, w, h = canvas.box
    grey.rgb[y : y + h // 10, x : x + w] = (140, 96, 96)
    yield "grey but for a red band", True, saved(grey)


def _frame(where: Destination, _: Limit) -> Iterator[Made]:
    plain = drawn(where)
    side = min(plain.size)
    if where.background == "any":
        room = round(side * 0.026)
        full = drawn(where, box=(room, room, plain.size[0] - 2 * room, plain.size[1] - 2 * room))
        yield "a boxy product that nearly fills it", True, saved(full)
        horizon = drawn(where)
        horizon.rgb[: round(side * 0.01)] = 120
        yield "a step along one edge", True, saved(horizon)
    else:
        yield "no border", True, saved(plain)
    may = {*WHITE, "fill", "touching_edges", "product_found"}
    for name, start, thick in (("a thin border", 0, max(2, round(side * 0.004))), ("an inset line", round(side * 0.012), 3)):
        framed = drawn(where)
        width, height = framed.size
        cv2.rectangle(framed.rgb, (start, start), (width - 1 - start, height - 1 - start), (150, 20, 20), 2 * thick - 1)
        framed.rgb[plain.box[1] : plain.box[1] + plain.box[3]][:, plain.box[0] : plain.box[0] + plain.box[2]] = plain.rgb[
            plain.box[1] : plain.box[1] + plain.box[3], plain.box[0] : plain.box[0] + plain.box[2]
        ]
        yield name, False, saved(framed), {"may": may}


def _product_found(where: Destination, _: Limit) -> Iterator[Made]:
    yield "a product", True, saved(drawn(where))
    empty = drawn(where)
    empty.rgb[:] = 255
    yield "nothing but ground", False, saved(empty), {"may": {"fill", "white_purity_error", "colour_range", "sharpness"}}


def _fills(where: Destination, limit: Limit) -> Iterator[Made]:
    width, height = smallest(where)
    for bound, step in ((limit.min, -1), (limit.max, 1)):
        if bound is None:
            continue
        most = (math.ceil if step < 0 else math.floor)(bound * height - 1e-9)
        for tall, good in ((most, True), (most + step * 2, False)):
            w = round(width * 0.6)
            box = ((width - w) // 2, (height - tall) // 2, w, tall)
            yield f"{tall / height:.4f} of the height", good, saved(drawn(where, box=box))


def _touching(where: Destination, _: Limit) -> Iterator[Made]:
    _, y, w, h = drawn(where).box
    yield "a finger's breadth from the edge", True, saved(drawn(where, box=(40, y, w, h)))
    may = {"clear_border"}
    yield "flush with the edge", False, saved(drawn(where, box=(0, y, w, h))), {"may": may}


def _purity(where: Destination, limit: Limit) -> Iterator[Made]:
    """A patch of 250 that covers a known share of the ground: far from the product, where it breaks `white_far` anyway; and one
    that hangs on the product, like a shadow."""
    assert limit.max is not None
    for share, good in ((limit.max * 0.99, True), (limit.max * 1.01, False)):
        canvas = drawn(where)
        (width, height), (x, y, w, h) = canvas.size, canvas.box
        ground = width * height - (w + 2 * NEAR) * (h + 2 * NEAR)
        wide = x - 2 * NEAR
        tall = round(share * ground / wide)
        canvas.rgb[(height - tall) // 2 : (height - tall) // 2 + tall, :wide] = 250
        breaks = {"white_far", "white_border"} | (set() if good else {"white_purity_error"})
        yield f"{share:.2%} of the ground is not white", good, saved(canvas, _exact(where)), {"breaks": breaks}
    canvas = drawn(where)
    x, y, w, h = canvas.box
    canvas.rgb[y + h - 60 : y + h + 30, x - 30 : x + w + 60] = 235
    canvas.rgb[y : y + h, x : x + w] = drawn(where).rgb[y : y + h, x : x + w]
    yield "a shadow at its foot", True, saved(canvas, _exact(where))


def _far(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    at = max(24, canvas.box[0] // 3) // 8 * 8
    canvas.rgb[48:64, at : at + 16] = 255
    yield "white far away", True, saved(canvas, _exact(where))
    canvas.rgb[48:64, at : at + 16] = 253
    yield "a patch of 253 far away", False, saved(canvas, _exact(where))


def _border(where: Destination, limit: Limit) -> Iterator[Made]:
    """A strip that hangs on to the product and reaches the lower edge, at the level allowed and one below."""
    assert limit.max is not None
    for level, good in ((255 - int(limit.max), True), (254 - int(limit.max), False)):
        canvas = drawn(where)
        x, y, w, h = canvas.box
        canvas.rgb[y + h :, x + w // 2 : x + w // 2 + 48] = level
        yield f"a strip of {level} at the edge", good, saved(canvas, _exact(where))


def _exact(where: Destination) -> str:
    return "png" if "png" in where.accepts else "jpeg"


def _clear_border(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    yield "a clear border", True, saved(canvas)
    assert canvas.alpha is not None
    canvas.alpha[0, 4] = 1
    yield "one pixel of the border is not clear", False, saved(canvas)


def _sharp(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    for sigma, good in ((1.0, True), (12.0, False)):
        x, y, w, h = canvas.box
        soft = drawn(where)
        soft.rgb[y : y + h, x : x + w] = cv2.GaussianBlur(
            canvas.rgb[y : y + h, x : x + w], (0, 0), sigma, borderType=cv2.BORDER_REPLICATE
        )
        yield f"blurred by {sigma:g} px", good, saved(soft)


def _text(where: Destination, _: Limit) -> Iterator[Made]:
    canvas = drawn(where)
    x, y = canvas.box[:2]
    label = np.array([[x + 9, y + 9], [x + 99, y + 9], [x + 99, y + 39], [x + 9, y + 39]], np.float32)
    yield "lettering on the product", True, saved(canvas), {"lines": (Line("NORDLYS 250 ml", 0.97, label, 1.0),)}
    yield "a smudge read as one letter", True, saved(canvas), {"lines": (Line("i", 0.7, label - 40, 0.0),)}
    yield "half on the product", True, saved(canvas), {"lines": (Line("FJELL", 0.9, label, 0.5),)}
    yield "lettering beside it", False, saved(canvas), {"lines": (Line("50 % OFF", 0.93, label - [[x, y]], 0.0),)}


MAKERS: dict[str, Callable[[Destination, Limit], Iterator[Made]]] = {
    "format": _formats, "bytes": _bytes, "frames": _frames, "upright": _upright, "rgb": _rgb, "bits": _bits, "srgb": _srgb,
    "dpi": _dpi, "has_source_type": _source_type, "pixels_longest": _longest, "pixels_shortest": _shortest,
    "megapixels": _megapixels, "ratio_error": _ratio, "has_alpha": _has_alpha, "transparency": _transparency,
    "colour_range": _colour_range, "drawn_border": _frame, "product_found": _product_found, "fill": _fills,
    "touching_edges": _touching,
    "white_purity_error": _purity, "white_far": _far, "white_border": _border, "clear_border": _clear_border, "sharpness": _sharp,
    "text_beside": _text,
}  # fmt: skip
