"""Whether what is seen through glass can be trusted."""

from __future__ import annotations

from studio.qa.check import Check
from studio.qa.subject import Subject
from studio.template import Template


def glass_backdrop(subject: Subject) -> float:
    """How uneven the old backdrop around glass was, 90th percentile of the relative error of its continuation; 0 for what is not
    glass. Before a busy backdrop nobody can tell what lies behind."""
    return subject.take.measurements.get("glass_backdrop", 0.0)


def glass_share(subject: Subject) -> float:
    """Part of the product through which the set is seen, 0..1; 0 for what is not glass."""
    return subject.take.measurements.get("glass_share", 0.0)


def gleam_delta_e(subject: Subject) -> float:
    """Mean CIEDE2000 by which mirroring the ground changed metal; 0 for what is not."""
    return subject.take.measurements.get("gleam_delta_e", 0.0)


def transmits(template: Template) -> bool:
    """Whether the look treats some products as glass."""
    return template.material in ("auto", "glass")


def mirrors(template: Template) -> bool:
    """Whether the look treats some products as metal."""
    return template.material in ("auto", "metal")


CHECKS = (
    Check("glass_backdrop", "scene", "share", "low", "unevenness of the old backdrop behind glass", glass_backdrop, transmits),
    Check("glass_share", "scene", "share", "range", "part of the product the set is seen through", glass_share, transmits),
    Check("gleam_delta_e", "colour", "dE00", "low", "mean colour that metal took from the ground", gleam_delta_e, mirrors),
)
