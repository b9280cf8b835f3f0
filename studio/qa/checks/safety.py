"""What must not be seen: nudity anywhere, people where a look has none."""

from __future__ import annotations

from studio.qa.check import Check
from studio.qa.questions import asks
from studio.qa.subject import Subject
from studio.template import Template


def nsfw(subject: Subject) -> float | None:
    """Probability that the picture shows nudity, 0..1; None when nobody was asked."""
    return subject.take.evidence.unsafe


def person(subject: Subject) -> float | None:
    """Share of the picture that is a person, 0..1; None when nobody was asked."""
    return subject.take.evidence.person


def guarded(template: Template) -> bool:
    """Whether nudity is asked about."""
    return asks(template, "safety")


def unpeopled(template: Template) -> bool:
    """Whether people are asked about."""
    return asks(template, "person")


CHECKS = (
    Check("nsfw", "safety", "0..1", "low", "probability of nudity", nsfw, guarded),
    Check("person", "safety", "share", "low", "part of the picture that is a person", person, unpeopled),
)
