"""Extremely randomised trees for each kind of defect against clean pictures, calibrated out of fold, written as plain arrays.

A head learns one kind against clean pictures alone: what else may be wrong is the other heads' business, and the largest
probability decides. A last head, `any`, learns all kinds together. Folds and the held-out split are by product. scikit-learn is
needed here only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from benchmarks.defects.dataset import Row
from benchmarks.defects.seeds import KINDS
from studio.keys import digest_of
from studio.qa.checks import CHECKS
from studio.qa.defects import directed

FOLDS = 5
DIRECTIONS = 12
"""Main directions of the embedding that the trees see."""
BLIND = 0.25
"""Share of the training rows whose embedding is hidden, so that the judge can do without."""
NO_NAMES = {"phash", "defect"}
NO_FEATURES = {"file", "defects", "text", "identity", "safety", "set"}
"""Families of checks that are no features: facts of the file, and what depends on further questions."""
TREES: dict[str, Any] = {
    "n_estimators": 120,
    "min_samples_leaf": 2,
    "max_leaf_nodes": 160,
    "max_features": 0.3,
    "class_weight": "balanced",
    "random_state": 0,
    "n_jobs": 2,
}
ANY = "any"
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Basis:
    """What a row becomes: feature names, the embedding's mean and directions."""

    names: tuple[str, ...]
    mean: NDArray[np.float32]
    directions: NDArray[np.float32]

    def matrix(self, rows: Sequence[Row], *, blind: bool = False) -> F64:
        """(rows, features), NaN where unknown; `blind` hides the embedding of a fixed share of the rows."""
        return np.array([self._vector(row, blind=blind) for row in rows], np.float64)

    def _vector(self, row: Row, *, blind: bool) -> list[float]:
        hidden = blind and int(digest_of(["blind", row.photo, row.style, row.kind])[:4], 16) / 65536 < BLIND
        known = known_of(row) | directed(None if hidden else row.embedding, self.mean, self.directions)
        return [known.get(name, float("nan")) for name in self.names]


def known_of(row: Row) -> dict[str, float]:
    """The row's features without the embedding, as `studio.qa.defects.features` names them."""
    return dict(row.measured) | {f"trace.{name}": value for name, value in row.traces.items()}


def basis_of(rows: Sequence[Row]) -> Basis:
    """Feature names from what the rows have, directions from their embeddings."""
    left_out = {check.name for check in CHECKS if check.family in NO_FEATURES} | NO_NAMES
    counts: dict[str, int] = {}
    for row in rows:
        for name in known_of(row):
            counts[name] = counts.get(name, 0) + 1
    names = sorted(name for name, count in counts.items() if count > 0.1 * len(rows) and name not in left_out)
    vectors = np.array([row.embedding for row in rows], np.float32)
    mean = vectors.mean(axis=0)
    _, _, directions = np.linalg.svd(vectors - mean, full_matrices=False)
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    chosen = (directions * signs[:, None])[:DIRECTIONS].astype(np.float16).astype(np.float32)
    known = (*names, *(f"embedding.{index}" for index in range(len(chosen))))
    return Basis(known, mean.astype(np.float16).astype(np.float32), chosen)


@dataclass(frozen=True, slots=True)
class Head:
    """One fitted head and its calibration."""

    kind: str
    trees: ExtraTreesClassifier
    slope: float
    offset: float


def fit(rows: Sequence[Row], basis: Basis) -> tuple[list[Head], F64]:
    """Every head, and the out-of-fold probabilities (rows, heads) that calibrated them."""
    matrix, kinds = basis.matrix(rows, blind=True), np.array([row.kind for row in rows])
    folds = np.array([int(digest_of(["fold", row.product])[:8], 16) % FOLDS for row in rows])
    heads, probabilities = [], np.zeros((len(rows), len(KINDS) + 1))
    for column, kind in enumerate([*KINDS, ANY]):
        mine = kinds != "" if kind == ANY else kinds == kind
        used = mine | (kinds == "")
        votes = np.zeros(len(rows))
        for fold in range(FOLDS):
            inside, outside = used & (folds != fold), folds == fold
            votes[outside] = _fitted(matrix[inside], mine[inside]).predict_proba(matrix[outside])[:, 1]
        platt = LogisticRegression(C=100.0, class_weight="balanced").fit(votes[used, None], mine[used])
        slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
        heads.append(Head(kind, _fitted(matrix[used], mine[used]), slope, offset))
        probabilities[:, column] = 1 / (1 + np.exp(-(slope * votes + offset)))
        print(f"{kind}: {int(mine.sum())} of {int(used.sum())}", flush=True)
    return heads, probabilities


def _fitted(matrix: F64, labels: NDArray[np.bool_]) -> ExtraTreesClassifier:
    return ExtraTreesClassifier(**TREES).fit(matrix.astype(np.float32), labels)


def alarm(probabilities: F64, rows: Sequence[Row], held: NDArray[np.bool_], share: float) -> float:
    """The probability, one for all heads, from which a picture is held back: at most `share` of the clean pictures reach it with
    any head, from out-of-fold values (rows, heads). `held`: rows that a check holds back anyhow.

    An alarm of its own for each head fits a few hundred clean pictures too closely: on other products it raised ten times the
    false alarms that it was set for.
    """
    clean = np.array([not row.kind for row in rows]) & ~held
    return float(np.quantile(probabilities[clean].max(axis=1), 1 - share, method="higher"))


def arrays(heads: Sequence[Head], basis: Basis) -> dict[str, NDArray[Any]]:
    """The judge as `studio.qa.defects.judge_from` reads it."""
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ("feature", "bound", "left", "right", "missing_left", "value")}
    roots, owners, start = [], [], 0
    for index, head in enumerate(heads):
        for estimator in head.trees.estimators_:
            tree = estimator.tree_
            inner = tree.children_left >= 0
            votes = tree.value[:, 0, 1] / tree.value[:, 0].sum(axis=1) / len(head.trees.estimators_)
            parts["feature"].append(np.where(inner, tree.feature, -1).astype(np.int16))
            parts["bound"].append(np.where(inner, tree.threshold, 0).astype(np.float32))
            parts["left"].append(np.where(inner, tree.children_left + start, 0).astype(np.int32))
            parts["right"].append(np.where(inner, tree.children_right + start, 0).astype(np.int32))
            parts["missing_left"].append(np.where(inner, tree.missing_go_to_left, 0).astype(bool))
            parts["value"].append(np.where(inner, 0, votes).astype(np.float32))
            roots.append(start)
            owners.append(index)
            start += tree.node_count
    return {name: np.concatenate(values) for name, values in parts.items()} | {
        "root": np.array(roots, np.int32),
        "head": np.array(owners, np.int16),
        "slope": np.array([head.slope for head in heads], np.float32),
        "offset": np.array([head.offset for head in heads], np.float32),
        "names": np.array(basis.names),
        "kinds": np.array([head.kind for head in heads]),
        "mean": basis.mean.astype(np.float16),
        "directions": basis.directions.astype(np.float16),
    }
