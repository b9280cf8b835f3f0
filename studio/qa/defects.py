"""The learned defect classifier: measurements, picture statistics and an embedding become a probability for each kind of defect.

`python -m benchmarks.defects train` makes the weights; what is here needs numpy alone. It measures, the policy decides.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studio.qa.subject import Subject
from studio.qa.traces import traces
from studio.take import F32

FOLDER = Path(__file__).parent / "weights"
FACTS: dict[str, Any] = json.loads((FOLDER / "defects.json").read_text())
"""How the weights came about: version, alarm, rows, held-out figures."""
VERSION = str(FACTS["version"])
"""Digest of the weights; part of every key that the classifier's opinion is part of."""
ALARM = 0.5
"""Value of the check `defect` from which a picture is held back."""
ALARMS: Mapping[str, float] = FACTS["alarms"]
"""Probability by kind from which a picture is held back: few clean pictures of the training products reach any of them."""

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees of every kind of defect. By node: the feature asked (-1: a leaf), its bound, the next node for `<= bound` and for
    above, whether a missing value goes left, and a leaf's share of its tree's vote. By tree: its root and its kind. By kind: the
    calibration `slope * votes + offset` in log-odds (Platt 1999)."""

    root: Ints
    head: Ints
    feature: Ints
    bound: F32
    left: Ints
    right: Ints
    missing_left: NDArray[np.bool_]
    value: F32
    slope: F32
    offset: F32

    def probabilities(self, features: F32) -> F32:
        """float32 (kinds,) 0..1 for one picture's features float32 (F,), NaN where unknown."""
        node = self.root
        while True:
            asked = self.feature[node]
            inner = asked >= 0
            if not inner.any():
                break
            known = features[asked]
            goes_left = np.where(np.isnan(known), self.missing_left[node], known <= self.bound[node])
            node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
        votes = np.bincount(self.head, weights=self.value[node], minlength=len(self.slope))
        return np.asarray(1 / (1 + np.exp(-(self.slope * votes + self.offset))), np.float32)


@dataclass(frozen=True, slots=True)
class Judge:
    """Feature names in order, kinds in order, the embedding's mean (D,) and main directions (K, D), and the trees."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    mean: F32
    directions: F32
    forest: Forest

    def opinion(self, features: Mapping[str, float], embedding: F32 | None) -> dict[str, float]:
        """Calibrated probability by kind. What is not among the features counts as unknown."""
        known = dict(features) | directed(embedding, self.mean, self.directions)
        vector = np.array([known.get(name, math.nan) for name in self.names], np.float32)
        found = self.forest.probabilities(vector)
        return {kind: round(float(value), 6) for kind, value in zip(self.kinds, found, strict=True)}


def judge(subject: Subject, measured: Mapping[str, float], embedding: F32 | None = None) -> dict[str, float]:
    """Probability 0..1 by kind of defect, as if every second picture had one. `measured`: the checks' values; `embedding`:
    float32 (1280,) of the whole picture (`exhibits.poster`) by the model `embed`."""
    return loaded().opinion(features(subject, measured), embedding)


def features(subject: Subject, measured: Mapping[str, float]) -> dict[str, float]:
    """The checks' values and, as `trace.*`, the picture's own statistics."""
    return dict(measured) | {f"trace.{name}": value for name, value in traces(subject).items()}


def directed(embedding: F32 | None, mean: F32, directions: F32) -> dict[str, float]:
    """An embedding along its main directions, as `embedding.0` and so on; nothing without one."""
    if embedding is None:
        return {}
    return {f"embedding.{index}": float(value) for index, value in enumerate(directions @ (embedding - mean))}


def excess(opinion: Mapping[str, float], alarms: Mapping[str, float] = ALARMS) -> float:
    """How far the opinion goes beyond what clean pictures reach, 0..1: at `ALARM` one kind's probability is at its own alarm."""
    odds = [_logit(value) - _logit(alarms.get(kind, ALARM)) for kind, value in opinion.items()]
    return 1 / (1 + math.exp(-max(odds, default=-50.0)))


def _logit(share: float) -> float:
    inside = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))


@lru_cache(maxsize=1)
def loaded() -> Judge:
    """The shipped weights."""
    with np.load(FOLDER / "defects.npz", allow_pickle=False) as data:
        return judge_from({name: data[name] for name in data.files})


def judge_from(data: Mapping[str, NDArray[Any]]) -> Judge:
    """A judge from arrays as the training writes them."""
    forest = Forest(
        root=data["root"].astype(np.int32),
        head=data["head"].astype(np.int32),
        feature=data["feature"].astype(np.int32),
        bound=data["bound"].astype(np.float32),
        left=data["left"].astype(np.int32),
        right=data["right"].astype(np.int32),
        missing_left=data["missing_left"].astype(np.bool_),
        value=data["value"].astype(np.float32),
        slope=data["slope"].astype(np.float32),
        offset=data["offset"].astype(np.float32),
    )
    mean, directions = data["mean"].astype(np.float32), data["directions"].astype(np.float32)
    return Judge(_texts(data["names"]), _texts(data["kinds"]), mean, directions, forest)


def _texts(values: Sequence[Any] | NDArray[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
