"""What the learned classifier thinks of the picture: the row that catches what no single measurement does."""

from __future__ import annotations

from studio.qa.check import Check
from studio.qa.defects import excess
from studio.qa.questions import asks
from studio.qa.subject import Subject
from studio.template import Template


def defect(subject: Subject) -> float | None:
    """The probability of a defect, as far as it goes beyond what clean pictures of that kind of doubt reach (0.5 is the alarm);
    None where the classifier was not asked."""
    opinion = subject.take.evidence.defects
    return excess(opinion) if opinion else None


def asked(template: Template) -> bool:
    """Whether the look asks for the classifier."""
    return asks(template, "defects")


CHECKS = (Check("defect", "defects", "0..1", "low", "learned probability of a visible defect", defect, asked),)
