"""`Forecast`: what the shots of a plan will take, part by part, from what the same steps took before."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from connectors.spend import Spend, Sum
from studio.recipes.base import Cards
from studio.recipes.catalogue import recipe
from studio.shot import Shot
from studio.steps.base import CachedStep, Step

DAYS = 30
"""How far back a forecast looks."""
Part = tuple[str, str]
"""Step and model; model "" is the step itself."""
EXACT, THIN = 20_000, 16
"""Shots that are counted one by one; of those after them every sixteenth photo is, for sixteen."""
LOOKED_UP = 256
"""Results of cached steps that are looked for in the store; the share found holds for the others."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """Mean seconds of one run of a step, by part."""

    cpu: Mapping[Part, float]
    gpu: Mapping[Part, float]


@dataclass(frozen=True, slots=True)
class Expected:
    """Seconds by part; `unknown`: of steps that never ran, how often they will, and the models that each may call."""

    cpu: Mapping[Part, float]
    gpu: Mapping[Part, float]
    unknown: Mapping[str, tuple[float, tuple[str, ...]]]


@dataclass(slots=True)
class History:
    """Means by step: of a template at a destination, else of the template, else of all that was made."""

    means: Mapping[tuple[str, str, str], Seconds]

    @classmethod
    def read(cls, spend: Spend, *, today: date | None = None) -> History:
        """Of the last thirty days. Raises what `Spend` raises."""
        since = (today or datetime.now(UTC).date()) - timedelta(days=DAYS)
        rows = spend.sums(("template", "destination", "step", "model"), since=since)
        groups: dict[tuple[str, str, str], list[Sum]] = defaultdict(list)
        for row in rows:
            template, destination, step, _ = row.group
            for key in ((template, destination, step), (template, "", step), ("", "", step)):
                groups[key].append(row)
        return cls({key: mean for key, some in groups.items() if key[2] and (mean := _mean(some))})

    def of(self, template: str, destination: str, step: str) -> Seconds | None:
        """One run of a step; None when it never ran."""
        for key in ((template, destination, step), (template, "", step), ("", "", step)):
            if key in self.means:
                return self.means[key]
        return None


@dataclass(slots=True)
class Forecast:
    """Counts which steps will run while a plan goes by. A step whose result is kept runs once for all shots that share it, and
    not at all where the store has it; steps before it that keep nothing run for every shot that needs it.
    """

    cards: Cards
    stored: Callable[[str], bool]
    most: int = LOOKED_UP
    exact: int = EXACT
    shots: int = 0
    _runs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _maybe: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Runs of steps that depend on a result which was not looked for."""
    _known: dict[str, bool | None] = field(default_factory=dict)
    _looked: int = 0
    _models: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def watch(self, shot: Shot, *, afresh: bool = False) -> None:
        """Count a shot that will be made; `afresh`: whatever the store has."""
        self.shots += 1
        weight = 1 if self.shots <= self.exact else THIN
        if weight > 1 and int(shot.images[0].digest[-8:], 16) % THIN:
            return
        waiting: list[Step] = []
        place = (shot.template.key, shot.destination.id)
        for step, key in self._steps(shot):
            waiting.append(step)
            if not isinstance(step, CachedStep):
                continue
            first = key not in self._known
            found = self._found(key, afresh=afresh)
            counts = self._maybe if found is None else self._runs
            if not found:
                counts.update({(*place, one.name): weight for one in waiting if first or one is not step})
            waiting = []
        self._runs.update({(*place, one.name): weight for one in waiting})

    def seconds(self, history: History) -> Expected:
        """What all of it will take. Steps that never ran before are in `unknown` only."""
        cpu: dict[Part, float] = defaultdict(float)
        gpu: dict[Part, float] = defaultdict(float)
        unknown: dict[str, float] = defaultdict(float)
        looked = [found for found in self._known.values() if found is not None]
        missing = 1.0 - sum(looked) / len(looked) if looked else 1.0
        for place in {**self._runs, **self._maybe}:
            runs = self._runs[place] + self._maybe[place] * missing
            mean = history.of(*place)
            if mean is None:
                unknown[place[2]] += runs
                continue
            for sums, means in ((cpu, mean.cpu), (gpu, mean.gpu)):
                for part, seconds in means.items():
                    sums[part] += runs * seconds
        return Expected(dict(cpu), dict(gpu), {step: (runs, self._models[step]) for step, runs in unknown.items()})

    def _steps(self, shot: Shot) -> Iterator[tuple[Step, str]]:
        """Steps that apply, with their keys."""
        for step, key in recipe(shot.template.recipe).keys(shot, self.cards):
            if step.applies(shot):
                self._models.setdefault(step.name, step.models(shot))
                yield step, key

    def _found(self, key: str, *, afresh: bool) -> bool | None:
        """Whether the store has a result; None for one that was not looked for."""
        if afresh:
            self._known[key] = False
        if key not in self._known:
            self._known[key] = self.stored(key) if self._looked < self.most else None
            self._looked += 1
        return self._known[key]


def _mean(rows: Sequence[Sum]) -> Seconds | None:
    """Seconds of a run of a step, a model's share in them; None for a step that never ran."""
    runs = sum(row.runs for row in rows)
    if not runs:
        return None
    cpu: dict[Part, float] = defaultdict(float)
    gpu: dict[Part, float] = defaultdict(float)
    for row in rows:
        part = (row.group[2], row.group[3])
        cpu[part] += row.cpu_s / runs
        gpu[part] += row.gpu_s / runs
    return Seconds(dict(cpu), {part: seconds for part, seconds in gpu.items() if seconds})
