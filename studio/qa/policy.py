"""The only place that decides. Checks measure, limits bound, the verdict says what is released and why not.

Limits come from four homes, each over the one before: `defaults.look`, the template's `qa`, the destination's `qa`, and
`defaults.hard`. A template replaces a default in either direction. Where the destination (or its hard rules) bounds the same
measurement, both bounds hold and the tighter one decides, so a template can tighten a marketplace's rule and never loosen it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from studio.destination import Cure, Destination, Limit
from studio.errors import TemplateError
from studio.qa.checks import CHECKS
from studio.qa.defaults import BARE, BARE_RECIPE, hard, look
from studio.template import Template

NOT_MEASURED = "not_measured"
"""Reason when a limit has nothing to hold: a silent pass is never an answer."""

Action = Literal["release", "retry", "review", "reject"]

CURES: tuple[Cure, ...] = ("refiner", "seed", "engine")
"""In the order in which they are tried: the one that costs least and changes least comes first."""
CLOSE = 0.25
"""Distance from a bound, as a share of it, within which a verdict counts as close."""

_BLAME = {check.name: place for place, check in enumerate(CHECKS)}
_JUDGED = frozenset(
    check.name for check in CHECKS if check.family not in {"file", "geometry", "ground"} and check.unit not in {"0/1", "edges"}
)
"""Measurements that estimate something; those of files, places and white grounds are exact, however close to their bound."""
_UNITS = {check.name: check.unit for check in CHECKS if check.unit in {"px", "MP", "B", "dE00", "dE76", "levels", "edges"}}


@dataclass(frozen=True, slots=True)
class Failure:
    """One broken limit. `value` is None where nothing was measured."""

    name: str
    value: float | None
    limit: Limit

    @property
    def reason(self) -> str:
        """The measurement's name, or `not_measured`."""
        return self.name if self.value is not None else NOT_MEASURED

    @property
    def detail(self) -> str:
        """One sentence with the number, the bound and the unit."""
        unit = _UNITS.get(self.name, "")
        ends = (("at least", self.limit.min), ("at most", self.limit.max))
        bounds = [f"{words} {bound:.8g}" for words, bound in ends if bound is not None]
        found = "was not measured" if self.value is None else f"is {self.value:.6g}"
        return f"{self.name} {found}, wanted {' and '.join(bounds)}" + (f" ({unit})" if unit else "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` names the first failure in order of blame; `cures` is what another attempt may do to cure every failure."""

    released: bool
    reason: str = ""
    detail: str = ""
    cures: tuple[Cure, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def retry(self) -> bool:
        """Whether another attempt is worth it."""
        return bool(self.cures)

    @property
    def action(self) -> Action:
        """What to do: release it, try again, show it to a person, or put it away for good."""
        if self.released:
            return "release"
        return "retry" if self.cures else self.unless_retried

    @property
    def unless_retried(self) -> Literal["review", "reject"]:
        """What becomes of a failure that nothing cures: one limit that is broken beyond use decides."""
        return "reject" if any(failure.limit.on_fail == "reject" for failure in self.failures) else "review"


def known_checks() -> frozenset[str]:
    """Names a limit may bound."""
    return frozenset(_BLAME)


def checks_of(template: Template) -> frozenset[str]:
    """Names of the checks that are made for this look."""
    return frozenset(check.name for check in CHECKS if check.concerns(template))


def require_known(names: Iterable[str], where: str) -> None:
    """Raise TemplateError for a limit on something that no check measures; the message lists what there is."""
    unknown = sorted(set(names) - set(_BLAME))
    if unknown:
        raise TemplateError(f"{where}: no check measures {', '.join(unknown)}; known: {', '.join(sorted(_BLAME))}")


def limits(template: Template, destination: Destination) -> dict[str, Limit]:
    """Every bound that holds for this look at this destination, by measurement. Raises TemplateError for an unknown name."""
    require_known(template.qa, f"template {template.key}")
    require_known(destination.qa, f"destination {destination.id}")
    if template.recipe == BARE_RECIPE:
        return {**BARE, **template.qa}
    wanted = look(template, destination) | destination.qa | template.qa
    for name in destination.qa.keys() & template.qa.keys():
        wanted[name] = tightest(destination.qa[name], template.qa[name])
    for name, rule in hard(destination).items():
        wanted[name] = tightest(rule, wanted[name]) if name in wanted else rule
    return wanted


def tightest(rule: Limit, asked: Limit) -> Limit:
    """Both bounds at once; a retry is worth it only where both say so, and the harder consequence holds."""
    lows = [bound for bound in (rule.min, asked.min) if bound is not None]
    highs = [bound for bound in (rule.max, asked.max) if bound is not None]
    return Limit(
        min=max(lows, default=None),
        max=min(highs, default=None),
        retry=tuple(cure for cure in rule.cures if cure in asked.cures),
        on_fail="reject" if "reject" in (rule.on_fail, asked.on_fail) else "review",
    )


def decide(measurements: Mapping[str, float], limits: Mapping[str, Limit]) -> Verdict:
    """Hold every limit. Missing and NaN measurements fail as `not_measured`. Same inputs, same verdict, in any order."""
    failures = tuple(
        Failure(name, _value(measurements, name), limit)
        for name, limit in sorted(limits.items(), key=_blame)
        if not _holds(_value(measurements, name), limit)
    )
    if not failures:
        return Verdict(released=True)
    first = failures[0]
    more = f"; also {', '.join(failure.name for failure in failures[1:])}" if len(failures) > 1 else ""
    return Verdict(False, first.reason, first.detail + more, _cures(failures), failures)


def passes(measurements: Mapping[str, float], name: str, limit: Limit) -> bool:
    """Whether one limit holds; what was not measured does not pass."""
    return _holds(_value(measurements, name), limit)


def uncertainty(measurements: Mapping[str, float], limits: Mapping[str, Limit]) -> float:
    """How unsure the verdict is, 0 (clear) .. 1: a cut-out that is unsure of itself, a judged value close to its limit on
    either side, a defect neither likely nor unlikely. The three are taken as independent: 1 - product of (1 - each).
    """
    matte = min(max(_value(measurements, "uncertainty") or 0.0, 0.0), 1.0)
    probable = min(max(_value(measurements, "defect") or 0.0, 0.0), 1.0)
    close = max((_closeness(_value(measurements, name), limit) for name, limit in limits.items() if name in _JUDGED), default=0.0)
    return round(1.0 - (1.0 - matte) * (1.0 - close) * (1.0 - 4 * probable * (1.0 - probable)), 6)


def _closeness(value: float | None, limit: Limit) -> float:
    """1 on a bound, 0 from a quarter of the bound away on either side."""
    if value is None:
        return 0.0
    bounds = [bound for bound in (limit.min, limit.max) if bound]
    return max((max(0.0, 1.0 - abs(value - bound) / (CLOSE * abs(bound))) for bound in bounds), default=0.0)


def _cures(failures: tuple[Failure, ...]) -> tuple[Cure, ...]:
    """What every failure says may cure it, cheapest first."""
    if any(failure.value is None for failure in failures):
        return ()
    return tuple(cure for cure in CURES if all(cure in failure.limit.cures for failure in failures))


def _blame(item: tuple[str, Limit]) -> tuple[int, str]:
    return _BLAME.get(item[0], len(_BLAME)), item[0]


def _value(measurements: Mapping[str, float], name: str) -> float | None:
    value = measurements.get(name)
    return None if value is None or math.isnan(value) else value


def _holds(value: float | None, limit: Limit) -> bool:
    if value is None:
        return False
    return (limit.min is None or value >= limit.min) and (limit.max is None or value <= limit.max)
