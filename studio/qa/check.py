"""`Check`: one registry row, a named measurement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from studio.qa.subject import Subject
from studio.template import Template


def everything(_template: Template) -> bool:
    """Whatever the look."""
    return True


@dataclass(frozen=True, slots=True)
class Check:
    """What is measured, in which unit, and which direction is good. `measure` answers None where the question makes no
    sense for the picture (white purity of a transparent one); a limit on it then rejects as not measured.
    """

    name: str
    family: str
    unit: str
    better: Literal["high", "low", "range"]
    about: str
    measure: Callable[[Subject], float | None]
    concerns: Callable[[Template], bool] = everything
    """Looks for which the question is asked at all; adding a check for some looks leaves the others' keys alone."""
