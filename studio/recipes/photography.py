"""The photography studio: one photo of a product becomes a finished picture of it in a set."""

from __future__ import annotations

from studio.recipes.base import Recipe
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.ground import Ground
from studio.steps.inspect import Inspect
from studio.steps.place import Place
from studio.steps.recolour import RecolourStep
from studio.steps.scene import SceneStep


def build() -> Recipe:
    """Decode, cut out, recolour where asked, place, build the set, let the light fall, compose, write, measure."""
    return Recipe(
        "photography",
        (Decode(), CutoutStep(), RecolourStep(), Place(), SceneStep(), Ground(), Compose(), Encode(), Inspect()),
    )
