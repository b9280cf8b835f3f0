"""`shape` writes one line as a mask; `fit` finds the largest size at which a text fits a box."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from studio.typesetting.bidi import CONTROLS, Direction, direction_of, visual_runs
from studio.typesetting.breaking import HYPHENS, pieces
from studio.typesetting.errors import TextOverflow
from studio.typesetting.fonts import Face, Fonts

F32 = npt.NDArray[np.float32]
Align = Literal["left", "center", "right", "start", "end"]
Box = tuple[int, int, int, int]
PRECISION = 0.99
"""Each size that is tried, as a share of the one before."""
HYPHENATED = 0.6
"""Empty space, as a share of the width, that is rather left than a line ended at a hyphen."""
MEASURED = 1.3
"""Step between the sizes at which words are measured; between them widths grow in proportion."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line. `mask` float32 (h, w) 0..1 holds all ink; the pen starts at column `origin` and row `baseline` of it."""

    text: str
    mask: F32
    origin: int
    baseline: int
    ascent: float
    descent: float
    advance: float
    """Ascent and descent (both positive) of the faces used, and the width that the pen moves, in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Fitted text. `mask` float32 (h, w) 0..1 is as wide and high as the text itself, never larger than the box asked for."""

    mask: F32
    size_px: float
    lines: tuple[str, ...]
    boxes: tuple[Box, ...]
    """Ink of every line in the mask: x, y, width, height."""
    direction: Direction


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one face and direction."""

    face: Face
    text: str
    direction: Direction


def shape(
    text: str,
    fonts: Fonts,
    size_px: float,
    *,
    direction: Direction | None = None,
    language: str | None = None,
    features: Sequence[str] = (),
) -> Line:
    """One line of text (no line breaks) in a chain of fonts; `direction` None is that of its first strong character.

    Raises MissingGlyph. `features` are OpenType ("tnum", "-kern"), `language` is BCP 47 for localised forms.
    """
    plain = _clean(text)
    way = direction or direction_of(plain)
    inks, pen, ascent, descent = [], 0.0, 0.0, 0.0
    for piece in _pieces(plain, fonts, way):
        font = piece.face.at(size_px)
        up, down = font.getmetrics()
        ascent, descent = max(ascent, up), max(descent, down)
        inks.append(_ink(piece, size_px, pen, language, features))
        pen += _advance(piece, size_px, language, tuple(features))
    if not ascent:
        ascent, descent = fonts.first.at(size_px).getmetrics()
    mask, left, top = _joined([ink for ink in inks if ink[0].size])
    return Line(plain, mask, -left, -top, float(ascent), float(descent), pen)


def width_of(
    text: str, fonts: Fonts, size_px: float, *, direction: Direction | None = None, language: str | None = None
) -> float:
    """The advance of a line in pixels, without drawing it. Raises MissingGlyph."""
    plain = _clean(text)
    return sum(_advance(piece, size_px, language, ()) for piece in _pieces(plain, fonts, direction or direction_of(plain)))


def fit(
    text: str,
    fonts: Fonts,
    box: tuple[int, int],
    *,
    max_px: float,
    min_px: float,
    lines: int = 1,
    align: Align = "start",
    leading: float = 1.15,
    direction: Direction | None = None,
    language: str | None = None,
    features: Sequence[str] = (),
) -> Block:
    r"""The text at the largest size from `min_px` to `max_px` at which at most `lines` lines fit `box` (width, height in px).

    Lines end where UAX 14 lets them, as even in length as can be; `\n` ends one always. `leading` is baseline to baseline over
    size. Raises TextOverflow when nothing fits: a word is never cut; MissingGlyph when a character cannot be written.
    """
    way = direction or direction_of(text)
    paragraphs = [_clean(part) for part in text.split("\n")]
    if not any(part.strip() for part in paragraphs):
        raise TextOverflow("there is no text to set")
    sizes = _sizes(max_px, min_px)
    low, high = 0, len(sizes)
    while low < high:
        middle = (low + high) // 2
        rows = _wrapped(paragraphs, fonts, sizes[middle], box[0], lines, way, language)
        fine = rows is not None and (len(rows) - 1) * leading * sizes[middle] <= box[1]
        low, high = (low, middle) if fine else (middle + 1, high)
    for size in sizes[low:]:
        rows = _wrapped(paragraphs, fonts, size, box[0], lines, way, language)
        if rows is None:
            continue
        block = _block(rows, fonts, size, align, leading, way, language, features)
        if block.mask.shape[1] <= box[0] and block.mask.shape[0] <= box[1]:
            return block
    raise TextOverflow(f"{text!r} does not fit {box[0]}x{box[1]} px in {lines} lines of {min_px:g} px or more")


def _sizes(largest: float, smallest: float) -> list[float]:
    """From the largest to the smallest, each a little smaller than the one before."""
    count = max(0, math.ceil(math.log(smallest / largest) / math.log(PRECISION))) if largest > smallest else 0
    return [round(largest * PRECISION**k, 2) for k in range(count)] + [float(min(largest, smallest))]


def _wrapped(
    paragraphs: list[str], fonts: Fonts, size: float, room: int, lines: int, way: Direction, language: str | None
) -> list[str] | None:
    """Rows of text that are no wider than the room; None when more rows than `lines` would be needed."""
    rows: list[str] = []
    for i, paragraph in enumerate(paragraphs):
        left = lines - len(rows) - (len(paragraphs) - 1 - i)
        found = _balanced(pieces(paragraph) or [""], fonts, size, room, left, way, language)
        if found is None:
            return None
        rows += found
    return rows


def _balanced(
    parts: list[str], fonts: Fonts, size: float, room: int, lines: int, way: Direction, language: str | None
) -> list[str] | None:
    """Fewest rows that fit, then the least squared empty space among them."""
    count, rough = len(parts), _rough(size)
    wide = [_measured(part, fonts, rough, way, language) * size / rough for part in parts]
    bare = [_measured(part.rstrip(), fonts, rough, way, language) * size / rough for part in parts]
    upto = [0.0, *accumulate(wide)]

    def length(a: int, b: int) -> float:
        return upto[b - 1] - upto[a] + bare[b - 1]

    @cache
    def best(start: int, rows: int) -> tuple[float, tuple[int, ...]] | None:
        if start == count:
            return (0.0, ()) if rows == 0 else None
        if rows == 0:
            return None
        chosen: tuple[float, tuple[int, ...]] | None = None
        for end in range(start + 1, count + 1):
            taken = length(start, end)
            if taken > room:
                break
            rest = best(end, rows - 1)
            if rest is not None:
                cost = (room - taken) ** 2 + rest[0] + (HYPHENATED * room) ** 2 * (end < count and parts[end - 1][-1] in HYPHENS)
                chosen = (cost, (end, *rest[1])) if chosen is None or cost < chosen[0] else chosen
        return chosen

    for rows in range(1, min(lines, count) + 1):
        found = best(0, rows)
        if found is not None:
            return ["".join(parts[a:b]).strip() for a, b in pairwise((0, *found[1]))]
    return None


@lru_cache(maxsize=4096)
def _measured(text: str, fonts: Fonts, size_px: float, way: Direction, language: str | None) -> float:
    return width_of(text, fonts, size_px, direction=way, language=language)


def _rough(size: float) -> float:
    """A size near this one at which words are measured, so that few sizes are ever loaded."""
    return float(round(MEASURED ** round(math.log(size) / math.log(MEASURED)), 2))


def _block(
    rows: list[str],
    fonts: Fonts,
    size: float,
    align: Align,
    leading: float,
    way: Direction,
    language: str | None,
    features: Sequence[str],
) -> Block:
    shaped = [shape(row, fonts, size, direction=way, language=language, features=features) for row in rows]
    widest = max(line.advance for line in shaped)
    spots = [
        (line, math.floor(_indent(align, way, widest - line.advance)) - line.origin, round(i * leading * size) - line.baseline)
        for i, line in enumerate(shaped)
    ]
    inked = [(line.mask, x, y) for line, x, y in spots if line.mask.size]
    mask, left, top = _joined(inked)
    boxes = tuple((x - left, y - top, ink.shape[1], ink.shape[0]) for ink, x, y in inked)
    return Block(mask, size, tuple(rows), boxes, way)


def _indent(align: Align, way: Direction, spare: float) -> float:
    if align == "center":
        return spare / 2
    starts = {"left": True, "right": False, "start": way == "ltr", "end": way == "rtl"}[align]
    return 0.0 if starts else spare


def _clean(text: str) -> str:
    """Composed (NFC), without direction controls, tabs and breaks as spaces."""
    plain = unicodedata.normalize("NFC", text)
    return "".join(" " if c in "\t\n\r\v\f" else c for c in plain if c not in CONTROLS)


def _pieces(text: str, fonts: Fonts, way: Direction) -> list[Piece]:
    """What is drawn, from left to right."""
    found: list[Piece] = []
    for run, direction in visual_runs(text, way):
        parts = [Piece(face, part, direction) for face, part in fonts.runs(run)]
        found += reversed(parts) if direction == "rtl" else parts
    return found


@lru_cache(maxsize=8192)
def _advance(piece: Piece, size_px: float, language: str | None, features: tuple[str, ...]) -> float:
    font = piece.face.at(size_px)
    return float(font.getlength(piece.text, direction=piece.direction, features=list(features) or None, language=language))


def _ink(piece: Piece, size_px: float, pen: float, language: str | None, features: Sequence[str]) -> tuple[F32, int, int]:
    """The ink of a piece and the pixel its top left corner has, the pen being at (pen, 0)."""
    whole = math.floor(pen)
    core, (x, y) = piece.face.at(size_px).getmask2(
        piece.text,
        mode="L",
        direction=piece.direction,
        features=list(features) or None,
        language=language,
        anchor="ls",
        start=(pen - whole, 0.0),
    )
    width, height = core.size
    plane = np.frombuffer(bytes(core), np.uint8).reshape(height, width) if width and height else np.zeros((0, 0), np.uint8)
    rows, columns = np.flatnonzero(plane.max(axis=1, initial=0)), np.flatnonzero(plane.max(axis=0, initial=0))
    if not rows.size:
        return np.zeros((0, 0), np.float32), whole, 0
    top, left = int(rows[0]), int(columns[0])
    cut = plane[top : rows[-1] + 1, left : columns[-1] + 1]
    return np.asarray(cut, np.float32) / np.float32(255), whole + int(x) + left, int(y) + top


def _joined(inks: Sequence[tuple[F32, int, int]]) -> tuple[F32, int, int]:
    """All inks in one mask, and the pixel of its top left corner. Overlaps keep the stronger ink."""
    if not inks:
        return np.zeros((0, 0), np.float32), 0, 0
    left, top = min(x for _, x, _ in inks), min(y for _, _, y in inks)
    right = max(x + ink.shape[1] for ink, x, _ in inks)
    bottom = max(y + ink.shape[0] for ink, _, y in inks)
    mask = np.zeros((bottom - top, right - left), np.float32)
    for ink, x, y in inks:
        room = mask[y - top : y - top + ink.shape[0], x - left : x - left + ink.shape[1]]
        np.maximum(room, ink, out=room)
    return mask, left, top
