"""Checks of the studio `lookalike`: the finished picture read as the reference was, aspect by aspect."""

from __future__ import annotations

from functools import partial
from weakref import WeakKeyDictionary

from studio.imaging.reference.imitation import scores
from studio.imaging.reference.read_picture import read_picture
from studio.qa.check import Check
from studio.qa.subject import Subject
from studio.template import Template

_SCORES: WeakKeyDictionary[Subject, dict[str, float]] = WeakKeyDictionary()


def lookalike(template: Template) -> bool:
    """Whether the look imitates a reference."""
    return template.recipe == "lookalike"


def match(subject: Subject, name: str) -> float | None:
    """One aspect, 0 (nothing alike) .. 1; None without a reference, and where the destination insists on a ground of its own."""
    reading = subject.take.reading
    if reading is None or subject.shot.destination.background != "any":
        return None
    if subject not in _SCORES:
        _SCORES[subject] = scores(reading, read_picture(subject.final.rgb, subject.placed.alpha))
    return _SCORES[subject][name]


def _check(name: str, about: str) -> Check:
    return Check(name, "lookalike", "fraction", "high", about, partial(match, name=name), lookalike)


CHECKS: tuple[Check, ...] = (
    _check("match_background", "kind of ground, against the reference's"),
    _check("match_palette", "main colours of the set, against the reference's"),
    _check("match_light", "direction of the light, against the reference's"),
    _check("match_softness", "softness of the light, against the reference's"),
    _check("match_contrast", "key, contrast and colourfulness of the set, against the reference's"),
    _check("match_horizon", "height of the table's edge, against the reference's"),
    _check("match_box", "size and place of the subject, against the reference's"),
)
