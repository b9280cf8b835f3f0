"""What the learned classifier thinks of the picture: the row that catches what no single measurement does."""

from __future__ import annotations

from studio.qa.check import Check
from studio.qa.questions import asks
from studio.qa.subject import Subject
from studio.template import Template


def defect(subject: Subject) -> float | None:
    """Largest calibrated probability of any kind of defect; None where the classifier was not asked."""
    return max(subject.take.evidence.defects.values(), default=None)


def asked(template: Template) -> bool:
    """Whether the look asks for the classifier."""
    return asks(template, "defects")


CHECKS = (Check("defect", "defects", "0..1", "low", "learned probability of a visible defect", defect, asked),)
