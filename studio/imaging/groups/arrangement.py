"""Where the products of a group stand: a ground plane in millimetres, seen from afar and slightly above.

x runs to the right, z away from the camera. A piece stands on the ground from its front line `z` back by its depth, and looks as
wide and high as in its photo. The camera is so far away that nothing gets smaller with the distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from studio.briefs.group_shot import GroupShotBrief, Order
from studio.imaging.base import FORESHORTEN

NARROW = 0.5
"""Part of the narrower of two neighbours that one may stand before the other at most."""
BEHIND = 0.3
"""Room between footprints that stand behind each other, as part of the room between neighbours."""
ROUNDING = 1e-6
EMPTY = 0.15
"""Cost of each empty place of a grid, as part of its size."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A product to be placed, in millimetres: how wide and high it looks, how deep it stands."""

    width: float
    height: float
    depth: float


@dataclass(frozen=True, slots=True)
class Spot:
    """Middle of a piece's front line, in millimetres."""

    x: float
    z: float

    @property
    def rise(self) -> float:
        """How far the front line lies above that of z = 0 in the picture, in millimetres there."""
        return self.z * FORESHORTEN


def arranged(pieces: Sequence[Piece], brief: GroupShotBrief, aspect: float) -> tuple[Spot, ...]:
    """A spot for every piece, in their order. `aspect` is the canvas's width over its height; only a grid asks for it.

    No two footprints touch. Nobody hides more than `brief.overlap` of anybody's box, and nothing in row, arc and grid.
    """
    if brief.layout == "grid":
        return _grid(pieces, brief, aspect)
    line, fronts = _formation(pieces, brief)
    overlap = brief.overlap if brief.layout in ("pyramid", "hero") else 0.0
    return _packed(pieces, line, fronts, _Room(room(pieces, brief), overlap))


def room(pieces: Sequence[Piece], brief: GroupShotBrief) -> float:
    """Millimetres between neighbours."""
    return brief.spacing * median(piece.width for piece in pieces)


def extent(pieces: Sequence[Piece], spots: Sequence[Spot]) -> tuple[float, float, float, float]:
    """Left, lowest, right and highest of the group in the picture, in millimetres; up is positive."""
    both = list(zip(pieces, spots, strict=True))
    return (
        min(spot.x - piece.width / 2 for piece, spot in both),
        min(spot.rise for _, spot in both),
        max(spot.x + piece.width / 2 for piece, spot in both),
        max(spot.rise + piece.height for piece, spot in both),
    )


def hidden(pieces: Sequence[Piece], spots: Sequence[Spot]) -> list[float]:
    """Share of each piece's box, 0..1, that the boxes of pieces further in front hide (counted twice where two do)."""
    return [
        sum(_hides(pieces[j], spots[j], piece, spot) for j in range(len(pieces)))
        for piece, spot in zip(pieces, spots, strict=True)
    ]


def _hides(front: Piece, at: Spot, back: Piece, behind: Spot) -> float:
    if at.z >= behind.z:
        return 0.0
    across = (front.width + back.width) / 2 - abs(at.x - behind.x)
    down = min(at.rise + front.height, behind.rise + back.height) - behind.rise
    return max(0.0, min(across, front.width, back.width)) * max(0.0, down) / (back.width * back.height)


@dataclass(frozen=True, slots=True)
class _Room:
    """Room between neighbours in millimetres, and the share of a box that all neighbours together may hide."""

    gap: float
    overlap: float


def _formation(pieces: Sequence[Piece], brief: GroupShotBrief) -> tuple[list[int], list[float]]:
    """Pieces from left to right, and the front line of each piece by its own index."""
    if brief.layout == "row":
        return _ordered(pieces, brief.order), [0.0] * len(pieces)
    behind = BEHIND * room(pieces, brief)
    if brief.layout == "arc":
        return _bow(pieces, brief)
    if brief.layout == "hero":
        back = pieces[0].depth + behind
        return _centre_out(list(range(len(pieces)))), [0.0, *[back] * (len(pieces) - 1)]
    ranked = sorted(range(len(pieces)), key=lambda i: -pieces[i].height)
    rings = [ranked[:1], *(ranked[i : i + 2] for i in range(1, len(ranked), 2))]
    fronts, front = [0.0] * len(pieces), 0.0
    for ring in rings[1:]:
        front -= max(pieces[i].depth for i in ring) + behind
        for i in ring:
            fronts[i] = front
    return _centre_out(ranked), fronts


def _bow(pieces: Sequence[Piece], brief: GroupShotBrief) -> tuple[list[int], list[float]]:
    line = _ordered(pieces, brief.order)
    wide = sum(piece.width for piece in pieces)
    fronts = [0.0] * len(pieces)
    for place, i in enumerate(line):
        aside = 2 * place / max(1, len(line) - 1) - 1
        fronts[i] = brief.bow * wide * (1 - aside**2)
    return line, fronts


def _ordered(pieces: Sequence[Piece], order: Order) -> list[int]:
    found = list(range(len(pieces)))
    if order == "catalogue":
        return found
    found.sort(key=lambda i: -pieces[i].height)
    return _centre_out(found) if order == "tallest-centre" else found[::-1] if order == "ascending" else found


def _centre_out(ranked: Sequence[int]) -> list[int]:
    """The first in the middle, the others by turns to its left and right."""
    return [*ranked[1::2][::-1], ranked[0], *ranked[2::2]]


def _packed(pieces: Sequence[Piece], line: Sequence[int], fronts: Sequence[float], rules: _Room) -> tuple[Spot, ...]:
    """As close to each other as the rules allow, from left to right, centred. Only neighbours ever stand before each other."""
    x = dict.fromkeys(line, 0.0)
    for place, i in enumerate(line[1:], 1):
        reach = [x[j] + (pieces[j].width + pieces[i].width) / 2 + rules.gap for j in line[: place - 1]]
        j = line[place - 1]
        x[i] = max([x[j] + _apart(pieces, fronts, (j, i), rules), *reach])
    left = min(x[i] - pieces[i].width / 2 for i in line)
    right = max(x[i] + pieces[i].width / 2 for i in line)
    return tuple(Spot(x[i] - (left + right) / 2, fronts[i]) for i in range(len(pieces)))


def _apart(pieces: Sequence[Piece], fronts: Sequence[float], pair: tuple[int, int], rules: _Room) -> float:
    """Least distance between the middles of two neighbours."""
    front, back = sorted(pair, key=lambda i: fronts[i])
    before, behind = pieces[front], pieces[back]
    beside = (before.width + behind.width) / 2
    if not rules.overlap or fronts[front] + before.depth * (1 - ROUNDING) > fronts[back]:
        return beside + rules.gap
    rise = (fronts[back] - fronts[front]) * FORESHORTEN
    down = min(before.height - rise, behind.height)
    most = NARROW * min(before.width, behind.width)
    if down > 0:
        most = min(most, rules.overlap / 2 * behind.width * behind.height / down)
    return beside - most


def _grid(pieces: Sequence[Piece], brief: GroupShotBrief, aspect: float) -> tuple[Spot, ...]:
    """Rows from the back to the front, columns as wide as their widest piece."""
    if brief.columns:
        return _rows(pieces, min(brief.columns, len(pieces)), room(pieces, brief))

    def cost(columns: int) -> float:
        left, low, right, high = extent(pieces, _rows(pieces, columns, room(pieces, brief)))
        empty = -len(pieces) % columns
        return max(right - left, (high - low) * aspect) * (1 + EMPTY * empty)

    return _rows(pieces, min(range(1, len(pieces) + 1), key=cost), room(pieces, brief))


def _rows(pieces: Sequence[Piece], columns: int, gap: float) -> tuple[Spot, ...]:
    rows = [range(i, min(i + columns, len(pieces))) for i in range(0, len(pieces), columns)]
    widths = [max(pieces[i].width for i in range(c, len(pieces), columns)) for c in range(columns)]
    spots: dict[int, Spot] = {}
    front = 0.0
    for row in reversed(rows):
        mine = widths if len(row) == columns else [pieces[i].width for i in row]
        at = -(sum(mine) + gap * (len(mine) - 1)) / 2
        for i, width in zip(row, mine, strict=True):
            spots[i] = Spot(at + width / 2, front)
            at += width + gap
        front += max(max(pieces[i].height for i in row) + gap, FORESHORTEN * max(pieces[i].depth for i in row)) / FORESHORTEN
    return tuple(spots[i] for i in range(len(pieces)))
