"""Whether it is still the same product: likeness, outline, and details in their places."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import cv2
import numpy as np

from studio.qa.check import Check
from studio.qa.questions import asks
from studio.qa.subject import Subject, cut
from studio.take import F32, U8
from studio.template import Template

LONG_SIDE = 640
"""Size of the product at which its details are compared."""
POINTS = 400
ENOUGH = 24
"""Details below which a product is too plain for its details to be compared."""
RATIO = 0.8
"""A detail is found again when its best match is this much nearer than the second (Lowe 2004)."""
UNLIKE = 0.7
"""Distance of two details' descriptors, both of unit length, from which they are different things."""
REACH = 0.15
"""How far a detail may have moved, as a fraction of the product's longer side, to be looked for."""
MANY = 60
NEAR_PX = 3.0
"""Distance, at 640 px, within which a detail is at its place."""

_COMPARED: WeakKeyDictionary[Subject, tuple[float, float]] = WeakKeyDictionary()
"""Two checks ask the same; the answer lives as long as the subject."""


def same_product(subject: Subject) -> float | None:
    """Cosine between the embeddings of the photographed and of the delivered product, -1..1; None when nobody looked."""
    then, now = subject.take.evidence.source_embedding, subject.take.evidence.embedding
    return None if then is None or now is None else float(then @ now)


def silhouette_iou(subject: Subject) -> float | None:
    """Overlap of the product's outline with the one that the matting model finds in the delivered picture, 0..1."""
    return subject.take.evidence.remade_iou


def keypoint_inliers(subject: Subject) -> float | None:
    """Share of the placed product's details that the delivered picture shows at the same place under one homography, 0..1; 1 for
    a product with fewer than 24 details.
    """
    return _compared(subject)[0]


def keypoint_shift(subject: Subject) -> float | None:
    """Largest move of the product's corners under that homography, as a fraction of its longer side; 0 for a plain product, 1
    where no homography fits.
    """
    return _compared(subject)[1]


def _compared(subject: Subject) -> tuple[float, float]:
    """Inlier share and shift: SIFT (Lowe 2004), ratio test, homography by RANSAC."""
    if not min(subject.box[2:]):
        return 1.0, 0.0
    if subject not in _COMPARED:
        _COMPARED[subject] = matched(*_views(subject))
    return _COMPARED[subject]


def matched(then: U8, now: U8, mask: U8) -> tuple[float, float]:
    """Share of grey `then`'s details under the mask that grey `now` has at the same place, and the shift of the corners."""
    sift = cv2.SIFT_create(nfeatures=POINTS)  # type: ignore[attr-defined]
    points, marks = sift.detectAndCompute(then, mask)
    if len(points) < ENOUGH:
        return 1.0, 0.0
    others, their_marks = sift.detectAndCompute(now, mask)
    if len(others) < 4:
        return 0.0, 1.0
    spots, theirs = (np.array([p.pt for p in ps], np.float32) for ps in (points, others))
    pairs = _pairs(spots, marks, theirs, their_marks, REACH * max(then.shape))
    if len(pairs) < 4:
        return 0.0, 1.0
    a, b = spots[[i for i, _ in pairs]], theirs[[j for _, j in pairs]]
    homography, inside = _fit(a, b)
    if homography is None or inside is None:
        return 0.0, 1.0
    return min(1.0, float(inside.sum()) / len(points)), _shift(homography, then.shape)


def _fit(a: F32, b: F32) -> tuple[F32 | None, F32 | None]:
    """A homography where many details hold it, else a similarity, which a few details do not bend; and who holds it."""
    if len(a) >= MANY:
        homography, inside = cv2.findHomography(a, b, cv2.RANSAC, NEAR_PX)
        if homography is not None and int(inside.sum()) >= MANY:
            return homography, inside
    similar, inside = cv2.estimateAffinePartial2D(a, b, ransacReprojThreshold=NEAR_PX)
    return (None, None) if similar is None else (np.vstack((similar, (0, 0, 1))).astype(np.float32), inside)


def _pairs(spots: F32, marks: F32, theirs: F32, their_marks: F32, reach: float) -> list[tuple[int, int]]:
    """Details and their best match within `reach` pixels, where it is much better than the best one that lies elsewhere: products
    repeat themselves, and a match across the product is none.
    """
    apart = np.linalg.norm(spots[:, None] - theirs[None], axis=2)
    unlike = np.sqrt(np.maximum(2.0 * (1.0 - _unit(marks) @ _unit(their_marks).T), 0.0))
    unlike[apart > reach] = np.inf
    found = []
    for i, best in enumerate(unlike.argmin(axis=1).tolist()):
        elsewhere = unlike[i][np.linalg.norm(theirs - theirs[best], axis=1) > NEAR_PX]
        second = float(elsewhere.min()) if elsewhere.size else np.inf
        if unlike[i, best] < min(RATIO * second, UNLIKE):
            found.append((i, best))
    return found


def _unit(marks: F32) -> F32:
    return np.asarray(marks / np.maximum(np.linalg.norm(marks, axis=1, keepdims=True), 1e-6), np.float32)


def _shift(homography: F32, shape: tuple[int, ...]) -> float:
    height, width = shape[:2]
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)
    moved = cv2.perspectiveTransform(corners, homography)
    return min(1.0, float(np.linalg.norm(moved - corners, axis=2).max()) / max(height, width))


def _views(subject: Subject) -> tuple[U8, U8, U8]:
    """The placed and the delivered product in grey, and the inner product, at most 640 px long."""
    _, _, width, height = subject.box
    scale = min(1.0, LONG_SIDE / max(width, height))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    greys = [cv2.cvtColor(cut(rgb, subject.box), cv2.COLOR_RGB2GRAY) for rgb in (subject.placed.rgb, subject.final.rgb)]
    then, now = (np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8) for grey in greys)
    mask = cv2.resize(cut(subject.inner, subject.box), size, interpolation=cv2.INTER_NEAREST)
    return then, now, np.asarray(mask, np.uint8)


def known(template: Template) -> bool:
    """Whether identity is asked about."""
    return asks(template, "identity")


CHECKS = (
    Check("same_product", "identity", "cosine", "high", "likeness of photographed and delivered product", same_product, known),
    Check("silhouette_iou", "identity", "0..1", "high", "outline found again in the delivered picture", silhouette_iou, known),
    Check("keypoint_inliers", "identity", "share", "high", "details of the product at their places", keypoint_inliers, known),
    Check("keypoint_shift", "identity", "fraction", "low", "how far the details moved together", keypoint_shift, known),
)
