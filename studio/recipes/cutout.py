"""The pure cut-out: the product as it was photographed, without its ground, at the photo's own size."""

from __future__ import annotations

from studio.recipes.base import Recipe
from studio.steps.compose import Deliver
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.recolour import RecolourStep


def build() -> Recipe:
    """Decode, cut out, recolour where asked, deliver with alpha, write."""
    return Recipe("cutout", (Decode(), CutoutStep(), RecolourStep(), Deliver(), Encode()))
