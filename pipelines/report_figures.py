"""Histograms of the report: geometry only, the page draws them as inline SVG."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.qa.checks import CHECKS

WIDTH, HEIGHT = 240, 72
"""Size of the plot in SVG units."""
BINS = 24
FIRST = ("fill", "delta_e_p95", "delta_e_local", "halo", "uncertainty", "edge_contrast", "sharpness_ratio", "white_purity_error")
"""QA figures that are open when the page is; the others unfold."""
_ROWS = {check.name: check for check in CHECKS}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin: x, width, height of all, height of the rejected part (from the bottom), and what it says when asked."""

    x: float
    width: float
    height: float
    rejected: float
    label: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A histogram with its summary."""

    name: str
    about: str
    unit: str
    bars: tuple[Bar, ...]
    low: float
    high: float
    count: int
    median: float
    p95: float
    rejected: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything the page plots."""

    main: list[Figure]
    more: list[Figure]
    steps: list[Figure]


def figures(rows: Sequence[Mapping[str, Any]]) -> Figures:
    """Histograms of QA values (rejected for that very reason marked) and of the seconds of every step."""
    measured, blamed, spent = defaultdict(list), defaultdict(list), defaultdict(list)
    for row in rows:
        for name, value in dict(row["measurements"] or {}).items():
            if value is not None and math.isfinite(value):
                measured[name].append(value)
                blamed[name].append(row["status"] == "rejected" and row["reason"] == name)
        for step, seconds in dict(row["seconds"] or {}).items():
            spent[step].append(seconds)
    order = [name for name in (*FIRST, *_ROWS) if name in measured]
    drawn = {name: _measurement(name, measured[name], blamed[name]) for name in dict.fromkeys((*order, *sorted(measured)))}
    varied = {name: figure for name, figure in drawn.items() if figure.low < figure.high or figure.rejected}
    steps = [figure(step, "", "s", values, [False] * len(values)) for step, values in spent.items()]
    return Figures(
        main=[varied[name] for name in FIRST if name in varied],
        more=[shown for name, shown in varied.items() if name not in FIRST],
        steps=sorted(steps, key=lambda shown: -shown.median * shown.count),
    )


def figure(name: str, about: str, unit: str, values: Sequence[float], marked: Sequence[bool]) -> Figure:
    """A histogram of at least one value; `marked` values are drawn as rejected. Linear bins from minimum to maximum."""
    data, flags = np.asarray(values, np.float64), np.asarray(marked, bool)
    low, high = float(data.min()), float(data.max())
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    counts, rejected = np.histogram(data, edges)[0], np.histogram(data[flags], edges)[0]
    scale = (HEIGHT - 2) / max(1, int(counts.max()))
    step = WIDTH / BINS
    bars = tuple(
        Bar(
            x=round(place * step + 0.5, 2),
            width=round(step - 1, 2),
            height=round(max(1.5, int(count) * scale), 2),
            rejected=round(int(bad) * scale, 2),
            label=f"{edges[place]:.3g} to {edges[place + 1]:.3g}: {int(count)}",
        )
        for place, (count, bad) in enumerate(zip(counts, rejected, strict=True))
        if count
    )
    median, p95 = (float(value) for value in np.percentile(data, (50, 95)))
    return Figure(name, about, unit, bars, low, high, len(data), median, p95, int(flags.sum()))


def _measurement(name: str, values: Sequence[float], marked: Sequence[bool]) -> Figure:
    row = _ROWS.get(name)
    return figure(name, row.about if row else "", row.unit if row else "", values, marked)
