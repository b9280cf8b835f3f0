"""Whether a product shown on a person is still that product, and the person still that person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from studio.briefs.on_model import OnModelBrief
from studio.qa.check import Check
from studio.qa.subject import Subject
from studio.template import Template


def on_model(template: Template) -> bool:
    """Looks of the studio on-model."""
    return template.recipe == "on-model"


def drawn(template: Template) -> bool:
    """Looks whose garments an engine draws."""
    return isinstance(template.brief, OnModelBrief) and template.brief.generates


def placed(template: Template) -> bool:
    """Looks whose accessories are placed by geometry."""
    return isinstance(template.brief, OnModelBrief) and not template.brief.generates


EDGES = frozenset({"edge_contrast", "halo", "strays", "surplus_parts", "shadow_gap", "shadow_angle", "frame", "white_on_white"})
"""About a cut-out's edge and its shadow: a photo that keeps its own ground has none."""


def unbounded(template: Template) -> frozenset[str]:
    """Bounds that make no sense for a look of this studio."""
    whole = isinstance(template.brief, OnModelBrief) and template.brief.ground == "own"
    return EDGES if whole else frozenset()


def _told(name: str) -> Callable[[Subject], float | None]:
    """What a step before wrote down."""

    def measure(subject: Subject) -> float | None:
        return subject.take.measurements.get(name)

    return measure


def _check(name: str, unit: str, better: Literal["high", "low"], about: str, concerns: Callable[[Template], bool]) -> Check:
    return Check(name, "on-model", unit, better, about, _told(name), concerns)


CHECKS: tuple[Check, ...] = (
    _check("worn_delta_e", "dE00", "low", "colours of the product on the person against its own photo", on_model),
    _check("worn_texture", "octaves", "low", "how much rougher or smoother the product became", on_model),
    _check("wear_frontal", "share", "high", "how straight the face or trunk is seen that the item lies on", placed),
    _check("wear_sure", "share", "high", "the least sure landmark that the item's place hangs on", placed),
    _check("wear_shown", "share", "high", "part of the item that lies inside the picture", placed),
    _check("wear_grip", "share", "high", "skin-coloured pixels where a hand holds the item", placed),
    _check("wear_assumed", "0/1", "low", "1 where no width was known and the usual one was taken", placed),
    _check("worn_alike", "cosine", "high", "likeness of the drawn garment to its own photo", drawn),
    _check("worn_cer", "share", "low", "letters of the garment that were lost", drawn),
    _check("try_on_spill", "share", "low", "part of the rest of the picture that the engine changed in vain", drawn),
    _check("faces_lost", "faces", "low", "faces that are no longer found", drawn),
    _check("face_shift", "share", "low", "how far the face's points moved, over its width", drawn),
    _check("face_delta_e", "dE00", "low", "how far the face's colours moved", drawn),
    _check("limbs_lost", "joints", "low", "joints that are no longer seen", drawn),
    _check("pose_shift", "share", "low", "how far the joints moved, over the shoulders' width", drawn),
    _check("hand_shift", "share", "low", "how far the worst point of wrists and hands moved, over the shoulders' width", drawn),
)
