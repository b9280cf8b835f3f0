"""Every check on one finished take."""

from __future__ import annotations

from studio.qa.checks import CHECKS
from studio.qa.subject import Subject
from studio.take import Take


def measure(take: Take) -> dict[str, float]:
    """Name -> value for every check that applies, read from the decoded final bytes. Raises ImageError when those do not
    decode and StepError when the take has no cut-out or placement.
    """
    subject = Subject(take)
    values = {check.name: check.measure(subject) for check in CHECKS if check.concerns(take.shot.template)}
    return {name: round(float(value), 6) for name, value in values.items() if value is not None}
