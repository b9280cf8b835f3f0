"""What is in the picture: how many products, whole or cut, and its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from studio.qa.check import Check
from studio.qa.glimpse import delivered
from studio.qa.subject import Subject, above

PART = 0.3
"""Separate parts below this share of the largest are not counted as products."""
HASH_SIDE, HASH_BITS = 32, 48
"""Side at which a picture is hashed, and bits of the hash: what a float holds exactly."""
ALIKE = 4
"""Bits by which two hashes may differ and still be of the same picture."""
EXPECTED = ("pieces", "piece_count")
"""Product attributes that say how many things the picture shows."""


def parts(subject: Subject) -> float:
    """Separate things in the picture of at least 0.3 of the largest one's area."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(above(subject.coarse.alpha, 0.5), connectivity=8)
    areas = stats[1:count, cv2.CC_STAT_AREA].astype(np.float64)
    return float((areas >= PART * areas.max()).sum()) if areas.size else 0.0


def surplus_parts(subject: Subject) -> float:
    """Separate things beyond what the product's attribute `pieces` says; 0 where the data says nothing. Things that touch are
    one, so too few are no defect.
    """
    said = pieces(subject)
    return 0.0 if said is None else max(0.0, parts(subject) - said)


def pieces(subject: Subject) -> int | None:
    """How many things the product's data says the picture shows; None where it says nothing."""
    attributes = subject.shot.product.attributes
    said = next((attributes[name] for name in EXPECTED if name in attributes), "")
    return int(said) if said.isdigit() else None


def cropped_edges(subject: Subject) -> float:
    """Edges of the photo that cut the product, 0..4."""
    return float(sum(subject.matte.cropped))


def phash(subject: Subject) -> float:
    """Perceptual hash of the delivered picture: the signs of 48 low frequencies against their median (Zauner 2010), as a whole
    number below 2^48. Compare two with `apart`.
    """
    rgb = delivered(subject)
    grey = cv2.cvtColor(cv2.resize(rgb, (HASH_SIDE, HASH_SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    waves = cv2.dct(grey.astype(np.float32))[:7, :7].ravel()[1 : HASH_BITS + 1]
    bits = waves > np.median(waves)
    return float(sum(1 << place for place, bit in enumerate(bits.tolist()) if bit))


def apart(one: float, other: float) -> int:
    """Bits in which two hashes differ, 0..48."""
    return (int(one) ^ int(other)).bit_count()


def duplicates(hashes: Mapping[str, float], within: int = ALIKE) -> list[tuple[str, ...]]:
    """Names of pictures that look the same, in groups of two or more, sorted. Pictures are alike when their hashes differ in at
    most `within` bits (at most 5); groups are closed under likeness. Hashes that share one of six bytes are compared: two that
    differ in five bits or fewer always do.
    """
    shelves: dict[tuple[int, int], list[str]] = {}
    leader = {name: name for name in hashes}
    for name in sorted(hashes):
        value, near = int(hashes[name]), set[str]()
        for byte in range(6):
            shelf = shelves.setdefault((byte, value >> 8 * byte & 255), [])
            near.update(shelf)
            shelf.append(name)
        for other in sorted(near):
            if apart(value, hashes[other]) <= within:
                leader[_root(leader, name)] = _root(leader, other)
    return _groups(leader)


def _root(leader: dict[str, str], name: str) -> str:
    while leader[name] != name:
        leader[name] = name = leader[leader[name]]
    return name


def _groups(leader: dict[str, str]) -> list[tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name in sorted(leader):
        found.setdefault(_root(leader, name), []).append(name)
    return sorted(tuple(group) for group in found.values() if len(group) > 1)


CHECKS = (
    Check("parts", "geometry", "parts", "range", "separate things in the picture", parts),
    Check("surplus_parts", "geometry", "parts", "low", "separate things beyond what the product's data says", surplus_parts),
    Check("cropped_edges", "geometry", "edges", "low", "edges of the photo that cut the product", cropped_edges),
    Check("phash", "file", "bits", "range", "fingerprint for finding duplicates", phash),
)
