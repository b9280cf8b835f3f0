"""The set, without the product."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from studio.errors import StepError
from studio.grounds import ColourGround, GradientGround, Ground, ImageGround, SurfaceGround, TransparentGround, WhiteGround
from studio.imaging.codec import decode
from studio.imaging.surfaces import surface_scene
from studio.imaging.sweep import colour_ground, cover, gradient_ground, softened
from studio.keys import digest_of, facts
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.take import U8, Take
from studio.template import Light, Template

KEPT = 6
"""Sets kept in memory: the catalogue's SKUs share them (12 MB each at 2048 px)."""


def ground_of(shot: Shot) -> Ground:
    """The template's ground, unless the destination insists on white or on none."""
    if shot.destination.background == "white":
        return WhiteGround(kind="white")
    if shot.destination.background == "transparent":
        return TransparentGround(kind="transparent")
    return shot.template.background


class SceneStep(PixelStep):
    """Fills `take.ground`; None for a transparent ground. The set depends on the template, not on the product.

    A set that a generator made already is left alone; where one will be painted around the product, this is the canvas it is
    painted on.
    """

    name = "scene"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Engine, ground, light, canvas; the template's id is the seed."""
        template = shot.template
        return {
            "engine": template.scene.engine,
            "ground": _facts(ground_of(shot)),
            "light": facts(template.light, later=("ratio",)),
            "canvas": [shot.destination.width, shot.destination.height],
            "seed": _seed(template),
        }

    def apply(self, take: Take) -> None:
        """Build or reuse the set. Raises StepError when a picture's bytes are missing."""
        shot = take.shot
        if take.ground is not None:
            return
        ground, size = ground_of(shot), (shot.destination.width, shot.destination.height)
        if isinstance(ground, ImageGround):
            take.ground = _picture(_asset(take, ground), size, ground.blur)
        else:
            take.ground = built(ground, shot.template.light, size, _seed(shot.template))


@lru_cache(maxsize=KEPT)
def built(ground: Ground, light: Light, size: tuple[int, int], name: str) -> U8 | None:
    """The procedural set for a template's name, read-only uint8 (H, W, 3); None for a transparent ground."""
    seed = int(digest_of(["set", name])[:8], 16)
    scene: U8 | None = None
    if isinstance(ground, WhiteGround):
        scene = colour_ground("#ffffff", size)
    elif isinstance(ground, ColourGround):
        scene = colour_ground(ground.colour, size)
    elif isinstance(ground, GradientGround):
        scene = gradient_ground(ground, light, size, seed)
    elif isinstance(ground, SurfaceGround):
        scene = surface_scene(ground, light, size, seed)
    if scene is not None:
        scene.setflags(write=False)
    return scene


@lru_cache(maxsize=KEPT)
def _picture(data: bytes, size: tuple[int, int], blur: float) -> U8:
    scene = softened(cover(decode(data).rgb, size), blur)
    scene.setflags(write=False)
    return scene


def _facts(ground: Ground) -> dict[str, Any]:
    return facts(ground, later=("blur",), exclude=("path",)) if isinstance(ground, ImageGround) else facts(ground, later=())


def _seed(template: Template) -> str:
    """What the set's randomness hangs on: the template's name, or the seed asked for."""
    return template.id if template.scene.seed is None else f"seed {template.scene.seed}"


def _asset(take: Take, ground: ImageGround) -> bytes:
    if ground.digest not in take.assets:
        raise StepError(f"the bytes of {ground.path} were not brought along")
    return take.assets[ground.digest]
