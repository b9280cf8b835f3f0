"""What the studio `on-model` is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from studio.fields import Slug
from studio.people import Person, Wanted
from studio.product import Frozen

Item = Literal["upper", "lower", "dress", "glasses", "hat", "earrings", "necklace", "watch", "bag"]
GARMENTS: tuple[Item, ...] = ("upper", "lower", "dress")
"""Cloth follows a body: these need a generative engine. The others are placed by geometry."""


class Nudge(Frozen):
    """How the item sits, over the rules: `x` and `y` in millimetres (to the right, down), turned clockwise, and resized."""

    x_mm: Annotated[float, Field(ge=-300, le=300)] = 0.0
    y_mm: Annotated[float, Field(ge=-300, le=300)] = 0.0
    turn_deg: Annotated[float, Field(ge=-45, le=45)] = 0.0
    scale: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0


class OnModelBrief(Frozen):
    """A garment or an accessory on a person."""

    kind: Literal["on-model"] = "on-model"
    item: Item
    people: Slug | None = None
    """A file of `templates/people`; the library fills `cast` from it. A product's own photo of role `on-model` comes first."""
    cast: tuple[Person, ...] = ()
    wanted: Wanted = Wanted()
    ground: Literal["own", "set"] = "set"
    """`own`: the person's photo stays as it is around them; `set`: the person is cut out and stands in the look's set."""
    side: Literal["auto", "left", "right"] = "auto"
    """The person's own wrist or hand; `auto`: the one that is seen best."""
    width_mm: Annotated[float, Field(gt=0, le=3000)] | None = None
    """Of items whose product does not tell; None: what is usual for the item, and the picture is marked so."""
    nudge: Nudge = Nudge()
    engine: str = "qwen-image-edit-2509"
    """For garments: a generator of the model registry that edits a picture after a second one."""
    seed: Annotated[int, Field(ge=0)] = 0
    instruction: str = ""
    """What the engine is told, instead of our own words."""

    @property
    def generates(self) -> bool:
        """Whether an engine has to draw the garment."""
        return self.item in GARMENTS

    @model_validator(mode="after")
    def _names_once(self) -> OnModelBrief:
        ids = [person.id for person in self.cast]
        if len(set(ids)) != len(ids):
            raise ValueError("two people have the same id")
        return self
