"""Whether a generator kept its hands off the product."""

from __future__ import annotations

from studio.qa.check import Check
from studio.qa.subject import Subject
from studio.template import Template


def outgrowth(subject: Subject) -> float | None:
    """Area that the generator added to the product over the product's own, as the step `generate` saw it; None where none ran."""
    return subject.take.measurements.get("outgrowth")


def painted_around(template: Template) -> bool:
    """Whether a generator saw the product at all; an empty set cannot extend it."""
    return template.scene.engine == "diffusers" and template.scene.mode != "backdrop"


CHECKS = (Check("outgrowth", "scene", "share", "low", "area that a generator added to the product", outgrowth, painted_around),)
