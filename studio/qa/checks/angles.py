"""Whether the angles of one product have one scale and one line."""

from __future__ import annotations

from studio.qa.check import Check
from studio.qa.subject import Subject
from studio.steps.angles import shared_scale
from studio.template import Template


def angle_scale(subject: Subject) -> float:
    """Share by which the product on the canvas is larger or smaller than the scale that all its angles fit at: 0 ideal."""
    wanted = shared_scale(subject.take)
    (_, _, width, height), (_, _, photo_w, photo_h) = subject.box, subject.source_box
    if not photo_w or not photo_h:
        return 1.0
    found = max(width, height) / max(photo_w, photo_h)
    return abs(found / wanted - 1)


def angle_baseline(subject: Subject) -> float:
    """Distance of the product's lowest point from the line on which all its angles stand, as a fraction of the canvas height."""
    line = subject.shot.template.composition.baseline
    assert line is not None
    return abs((subject.box[1] + subject.box[3]) / subject.canvas[1] - line)


def one_scale(template: Template) -> bool:
    """Whether the look draws all angles to one scale."""
    return template.composition.same_scale


CHECKS = (
    Check("angle_scale", "geometry", "share", "low", "scale against the other angles'", angle_scale, one_scale),
    Check(
        "angle_baseline", "geometry", "fraction", "low", "foot against the line of the other angles", angle_baseline, one_scale
    ),
)
