"""The photography studio: one photo of a product becomes a finished picture of it in a set."""

from __future__ import annotations

from studio.recipes.base import Recipe
from studio.steps.angles import CutAngles, setups
from studio.steps.backdrop import Backdrop
from studio.steps.calibrate import Calibrate
from studio.steps.compose import Compose
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.steps.encode import Encode
from studio.steps.examine import Examine
from studio.steps.focus import Focus
from studio.steps.generate import Generate
from studio.steps.glass import SeeThrough, Transmit
from studio.steps.gleam import Gleam
from studio.steps.ground import Ground
from studio.steps.harmonise import HarmoniseStep
from studio.steps.inspect import Inspect
from studio.steps.place import Place
from studio.steps.recolour import RecolourStep
from studio.steps.relight import RelightStep
from studio.steps.scene import SceneStep


def build() -> Recipe:
    """From the photo to the measured file. Steps that a look does not ask for do not apply to it."""
    product = (Decode(), Calibrate(), CutoutStep(), CutAngles(), RecolourStep(), Place(), Transmit())
    surroundings = (Backdrop(), SceneStep(), Generate(), Focus(), Ground(), SeeThrough())
    picture = (RelightStep(), Gleam(), HarmoniseStep(), Compose(), Encode(), Examine(), Inspect())
    return Recipe("photography", product + surroundings + picture, setups)
