"""How alike the pictures of a set are: the share of released images with every feature inside its tolerance.

A set is what a shopper sees side by side: one template at one destination, counted by category. A feature is compared with the
template's target, or with the median of all the set's pictures, whatever their category: a style promises one look.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from studio.errors import TemplateError
from studio.imaging.colour import delta_e_2000
from studio.qa.checks import features
from studio.qa.policy import known_checks
from studio.template import Template, Tolerance

Z95 = 1.959963984540054
"""Quantile of the normal distribution for an interval of 95 %."""
GROUND = ("ground_l", "ground_a", "ground_b")
CORE = ("fill", "centring_x", "centring_y")
"""Features that every picture has: one without them counts as outside."""
PLAIN = frozenset({"white", "colour", "transparent"})
SCENE_GROUND = 3.0
"""Distance of grounds that show a set instead of a plain colour; plain ones keep to 1 dE00."""

DEFAULTS: Mapping[str, Tolerance] = {
    "fill": Tolerance(within=0.03),
    "centring_x": Tolerance(within=0.02, target=0.0),
    "centring_y": Tolerance(within=0.02, target=0.0),
    "ground_colour": Tolerance(within=1.0, target=0.0),
    "ground_tint": Tolerance(within=1.0, target=0.0),
    "ground_spread": Tolerance(within=1.0),
    "lightness_shift": Tolerance(within=3.0, target=0.0),
    "shadow_density": Tolerance(within=0.05),
    "shadow_direction": Tolerance(within=30.0),
    "shadow_softness": Tolerance(within=0.03),
    "sharpness_ratio": Tolerance(within=0.5, target=1.0),
    "form": Tolerance(within=0.5, target=0.0),
}
"""Feature -> tolerance. `ground_colour` is CIEDE2000 and `ground_tint` the distance in a* and b*, both to the set's median;
`shadow_direction` is
wide because the measurement itself scatters; `form` is 0 for the size and file type that most of the set have, else 1."""
BASELINE = Tolerance(within=0.015)
"""Added where the template stands its products on a line."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One released image as it is compared: category, measurements of QA, and size and file type in a word."""

    category: str
    measurements: Mapping[str, float]
    form: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of how many, with Wilson's interval of 95 %."""

    inside: int
    of: int

    @property
    def share(self) -> float:
        """0..1; 1 for an empty set."""
        return self.inside / self.of if self.of else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound (Wilson 1927); 0 and 1 for an empty set."""
        if not self.of:
            return 0.0, 1.0
        n, p, z = self.of, self.share, Z95
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True, slots=True)
class Consistency:
    """One set: its rate, the same by category, the rate of every feature, the medians that were compared with."""

    rate: Rate
    categories: dict[str, Rate]
    features: dict[str, Rate]
    medians: dict[str, float]


def tolerances(template: Template | None) -> dict[str, Tolerance]:
    """What holds for a template's pictures; None: a template that is not known any more. Raises TemplateError for a tolerance on
    something that no check measures."""
    held = dict(DEFAULTS)
    unknown = set(template.consistency) - known_features() if template is not None else set()
    if template is not None and unknown:
        raise TemplateError(f"template {template.key}: consistency: nothing measures {', '.join(sorted(unknown))}")
    if template is None or template.background.kind not in PLAIN:
        held |= {name: Tolerance(within=SCENE_GROUND, target=0.0) for name in ("ground_colour", "ground_tint")}
        held["ground_spread"] = Tolerance(within=SCENE_GROUND)
    if template is not None and template.composition.baseline is not None:
        held["baseline"] = BASELINE
    return held | (template.consistency if template is not None else {})


def known_features() -> frozenset[str]:
    """Names a tolerance may be about."""
    return known_checks() | set(DEFAULTS) | {check.name for check in features.CHECKS}


def consistency(pictures: Sequence[Picture], held: Mapping[str, Tolerance]) -> Consistency:
    """Compare every picture of a set with the others. Deterministic, in any order of the pictures."""
    medians = _medians(pictures)
    forms = sorted(picture.form for picture in pictures)
    usual = max(dict.fromkeys(forms), key=forms.count, default="")
    inside: list[tuple[str, dict[str, bool]]] = []
    for picture in pictures:
        values = _features(picture, medians, usual)
        inside.append(
            (
                picture.category,
                {name: _holds(values, name, held[name], medians) for name in held if name in values or name in CORE},
            )
        )
    categories = sorted({category for category, _ in inside})
    return Consistency(
        rate=_rate(all(found.values()) for _, found in inside),
        categories={name: _rate(all(found.values()) for category, found in inside if category == name) for name in categories},
        features={
            name: _rate(found[name] for _, found in inside if name in found) for name in held if any(name in f for _, f in inside)
        },
        medians=medians,
    )


def drift(now: Mapping[str, float], before: Mapping[str, float], held: Mapping[str, Tolerance]) -> dict[str, float]:
    """How far a set's medians moved since an earlier run, in tolerances: beyond 1 the two runs do not look alike."""
    moved = {
        name: abs(now[name] - before[name]) / tolerance.within
        for name, tolerance in held.items()
        if name in now and name in before
    }
    if all(name in now and name in before for name in GROUND) and "ground_colour" in held:
        moved["ground_colour"] = _apart(now, before) / held["ground_colour"].within
    return moved


def _medians(pictures: Sequence[Picture]) -> dict[str, float]:
    names = sorted({name for picture in pictures for name, value in picture.measurements.items() if math.isfinite(value)})
    values = {
        name: [p.measurements[name] for p in pictures if math.isfinite(p.measurements.get(name, math.nan))] for name in names
    }
    return {name: float(median(some)) for name, some in values.items()}


def _features(picture: Picture, medians: Mapping[str, float], usual: str) -> dict[str, float]:
    values = {name: value for name, value in picture.measurements.items() if math.isfinite(value)}
    values["form"] = float(picture.form != usual)
    if all(name in values for name in GROUND):
        values["ground_colour"] = _apart(values, medians)
        values["ground_tint"] = math.hypot(values["ground_a"] - medians["ground_a"], values["ground_b"] - medians["ground_b"])
    return values


def _apart(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    first, second = (np.array([values[name] for name in GROUND]) for values in (one, other))
    return float(delta_e_2000(first, second))


def _holds(values: Mapping[str, float], name: str, tolerance: Tolerance, medians: Mapping[str, float]) -> bool:
    if name not in values:
        return False
    target = medians[name] if tolerance.target is None else tolerance.target
    away = abs(values[name] - target)
    return min(away, 360.0 - away) <= tolerance.within if name == "shadow_direction" else away <= tolerance.within


def _rate(found: Iterable[bool]) -> Rate:
    flags = list(found)
    return Rate(sum(flags), len(flags))
