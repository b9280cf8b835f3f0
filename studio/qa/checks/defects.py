"""What the learned classifier thinks of the picture: the row that catches what no single measurement does."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from studio.destination import Limit
from studio.qa.check import Check
from studio.qa.defects import ALARM, excess
from studio.qa.questions import asks
from studio.qa.subject import Subject
from studio.template import Template

LEARNED: Mapping[str, Limit] = MappingProxyType({"defect": Limit(max=ALARM), "halo": Limit(max=12.0, retry=True)})
"""Bounds where the classifier is asked. It knows halos better than their bound alone: clean pictures of dark goods on dark sets
measure up to 11.8, seeded halos from 2 to over 20."""


def defect(subject: Subject) -> float | None:
    """The probability of a defect, as far as it goes beyond what clean pictures of that kind of doubt reach (0.5 is the alarm);
    None where the classifier was not asked."""
    opinion = subject.take.evidence.defects
    return excess(opinion) if opinion else None


def asked(template: Template) -> bool:
    """Whether the look asks for the classifier."""
    return asks(template, "defects")


CHECKS = (Check("defect", "defects", "0..1", "low", "learned probability of a visible defect", defect, asked),)
