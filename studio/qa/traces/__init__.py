"""Small statistics of a finished picture that no limit bounds; the defect classifier reads them."""

from __future__ import annotations

from studio.qa.subject import Subject
from studio.qa.traces.outline import outline
from studio.qa.traces.rim import rim
from studio.qa.traces.second import second
from studio.qa.traces.stance import stance
from studio.qa.traces.surface import surface
from studio.qa.traces.surroundings import surroundings

TRACES = (outline, rim, second, stance, surface, surroundings)


def traces(subject: Subject) -> dict[str, float]:
    """Every statistic by name; NaN where the question makes no sense for the picture. Raises StepError like the checks."""
    return {name: float(value) for trace in TRACES for name, value in trace(subject).items()}
