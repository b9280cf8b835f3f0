"""Consistency of a run's sets, and how far they drifted since earlier runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from pipelines.ledger import read_ledger
from pipelines.runfiles import RunFiles
from studio.errors import RunError
from studio.qa.consistency import Consistency, Picture, Rate, consistency, drift, tolerances
from studio.template import Template

Place = tuple[str, str]
"""Template key and destination."""
EARLIER = 5
"""Runs looked back at."""
MEDIANS = "medians.json"
"""What a run leaves for later ones, so that they need not read its ledger."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier run over the same catalogue: medians of what it released, by set."""

    run: str
    medians: Mapping[Place, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Drift:
    """The feature that moved most since an earlier run, in tolerances."""

    run: str
    feature: str
    tolerances: float


@dataclass(frozen=True, slots=True)
class Set:
    """One template at one destination. `weak` are the features that are not always inside, worst first."""

    template: str
    destination: str
    found: Consistency
    weak: list[tuple[str, Rate]]
    drifts: list[Drift]


def sets(
    rows: Iterable[Mapping[str, Any]], template: Callable[[str], Template | None], earlier: Sequence[Earlier] = ()
) -> list[Set]:
    """The sets of a ledger's released rows that have measurements, least consistent first."""
    found = [_set(place, pictures, template(place[0]), earlier) for place, pictures in _released(rows).items()]
    return sorted(found, key=lambda one: (one.found.rate.share, -one.found.rate.of, one.template, one.destination))


def earlier_runs(files: RunFiles, catalog: str, most: int = EARLIER) -> list[Earlier]:
    """Runs before this one over the same catalogue that released something, latest first; unreadable ones are passed over."""
    parent = PurePosixPath(files.root).parent
    infos = files.fs.get_file_info(pafs.FileSelector(str(parent), allow_not_found=True))
    names = sorted((info.base_name for info in infos if info.type == pafs.FileType.Directory), reverse=True)
    found: list[Earlier] = []
    for name in names:
        if name < files.run and len(found) < most and (medians := _medians(_beside(files, name), catalog)):
            found.append(Earlier(name, medians))
    return found


def keep_medians(files: RunFiles, rows: Iterable[Mapping[str, Any]]) -> None:
    """Leave the medians of what a run released, by set, for the runs after it."""
    found = _medians_of(rows)
    files.write_json(
        MEDIANS, [{"template": place[0], "destination": place[1], "medians": found[place]} for place in sorted(found)]
    )


def _beside(files: RunFiles, run: str) -> RunFiles:
    other = copy(files)
    other.run, other.root = run, str(PurePosixPath(files.root).parent / run)
    return other


def _medians(files: RunFiles, catalog: str) -> dict[Place, dict[str, float]]:
    try:
        run = files.read_json("run.json")
        if run.get("catalog") != catalog or not run.get("released", 1):
            return {}
        if files.exists(MEDIANS):
            return {(kept["template"], kept["destination"]): kept["medians"] for kept in files.read_json(MEDIANS)}
        return _medians_of(read_ledger(files))
    except (RunError, pa.ArrowInvalid, OSError):
        return {}


def _medians_of(rows: Iterable[Mapping[str, Any]]) -> dict[Place, dict[str, float]]:
    return {place: consistency(pictures, {}).medians for place, pictures in _released(rows).items()}


def _released(rows: Iterable[Mapping[str, Any]]) -> dict[Place, list[Picture]]:
    places: dict[Place, list[Picture]] = {}
    for row in rows:
        if row["status"] == "released" and row["measurements"]:
            form = f"{row['width']} x {row['height']} {row['media_type']}"
            measured = {name: value for name, value in dict(row["measurements"]).items() if value is not None}
            places.setdefault((row["template"], row["destination"]), []).append(
                Picture(row.get("category") or "", measured, form)
            )
    return places


def _set(place: Place, pictures: Sequence[Picture], template: Template | None, earlier: Sequence[Earlier]) -> Set:
    held = tolerances(template)
    found = consistency(pictures, held)
    weak = sorted(((n, rate) for n, rate in found.features.items() if rate.inside < rate.of), key=lambda pair: pair[1].share)
    drifts = []
    for run in earlier:
        moved = drift(found.medians, run.medians.get(place, {}), held)
        if moved:
            feature = max(sorted(moved), key=lambda name: moved[name])
            drifts.append(Drift(run.run, feature, moved[feature]))
    return Set(*place, found, weak, drifts)
