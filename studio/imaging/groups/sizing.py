"""How large a product is in its photo: canvas-free arithmetic on its box and its outer size.

The photo's camera is not known. It is taken to be far away and to look down by 0 to 30 degrees, most likely by 15, at a product
that is turned by up to 60 degrees, most likely not. A product W wide, H high and D deep, turned by y, then looks
`hypot(W cos y, D sin y)` wide, as if its footprint were an ellipse, and `H cos t + 0.85 hypot(W sin y, D cos y) sin t` high.
Scale, tilt and turn are those that fit box and measures best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from studio.errors import MissingInput
from studio.product import Product

TILT_DEG, TILT_SPREAD, STEEPEST = 15.0, 8.0, 30
SPREAD = 0.05
"""Usual error of a side of the box, as a natural logarithm: turned products, rounded edges, perspective."""
TURN_SPREAD, FARTHEST, TURNS = 25.0, 60, 5
TOP = 0.85
"""How much of the depth of a product's top is seen: 1 for a box or cylinder, less for what narrows upwards."""
ROUND = 0.7
"""Depth as part of the smaller of width and height, where the data does not say it."""
STRANGE = 1.4
"""A box whose sides differ from the measures by more than this factor shows something else than was measured."""
PEERS = 3
"""Products of a category from which a median says something."""


@dataclass(frozen=True, slots=True)
class Size:
    """Outer size of a product in millimetres."""

    width: float
    height: float
    depth: float


@dataclass(frozen=True, slots=True)
class Seen:
    """`scale`: photo pixels per millimetre. `misfit`: factor, 1 or more, by which the sides of the box contradict the measures at
    the likeliest tilt."""

    scale: float
    misfit: float


def size_of(product: Product) -> Size:
    """The product's outer size. Raises MissingInput that names the product and the missing measures; depth may be missing."""
    told = product.dimensions
    missing = [name for name in ("width_mm", "height_mm") if getattr(told, name) is None]
    if missing or told.width_mm is None or told.height_mm is None:
        raise MissingInput(f"{product.sku}: {' and '.join(missing)} missing: products at true scale need width and height in mm")
    return Size(told.width_mm, told.height_mm, told.depth_mm or ROUND * min(told.width_mm, told.height_mm))


def seen(box: tuple[float, float], size: Size) -> Seen:
    """Scale of a product whose solid box is (width, height) photo pixels. Least squares in logarithms over tilt and turn.

    On the 26 photos of the sample catalogue with known cameras the median error is 3.1 % (benchmarks/studios/group_shot.py).
    Where the box contradicts the measures, the side that makes the product larger is believed: a cap or cable beside it makes
    a box too large, nothing makes one too small.
    """
    turns = range(0, FARTHEST + 1, TURNS)
    across, up = min(_view(box, size, tilt, turn) for tilt in range(STEEPEST + 1) for turn in turns)[1:]
    misfit = math.exp(abs(across - up))
    if misfit > STRANGE:
        return Seen(math.exp(min(_view(box, size, TILT_DEG, 0)[1:])), misfit)
    return Seen(math.exp((across + up) / 2), misfit)


def _view(box: tuple[float, float], size: Size, tilt: float, turn: float) -> tuple[float, float, float]:
    """How unlikely a view is, and the logarithms of its scale by the width and by the height of the box."""
    aside, down = math.radians(turn), math.radians(tilt)
    wide = math.hypot(size.width * math.cos(aside), size.depth * math.sin(aside))
    deep = math.hypot(size.width * math.sin(aside), size.depth * math.cos(aside))
    across = math.log(box[0] / wide)
    up = math.log(box[1] / (size.height * math.cos(down) + TOP * deep * math.sin(down)))
    cost = (across - up) ** 2 / (2 * SPREAD**2) + ((tilt - TILT_DEG) / TILT_SPREAD) ** 2 + (turn / TURN_SPREAD) ** 2
    return cost, across, up


def strangers(products: Sequence[Product]) -> Mapping[str, float]:
    """By SKU: the factor, 1 or more, by which a product's longest measure differs from the median of those of its category among
    the given products. Categories of fewer than three products say nothing: 1."""
    longest = {product.sku: max(size_of(product).width, size_of(product).height) for product in products}
    found = {}
    for product in products:
        peers = [longest[other.sku] for other in products if other.category and other.category == product.category]
        usual = median(peers) if len(peers) >= PEERS else longest[product.sku]
        found[product.sku] = max(usual / longest[product.sku], longest[product.sku] / usual)
    return found
