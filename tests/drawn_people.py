"""People who were never born: figures of solid shapes, so that pictures of people can be shipped, and dressed with known truth.

Lengths are metres: x to the picture's right, y up from the floor, z towards the camera. `tests.drawn_light` makes pictures of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Shape = Callable[[F32], F32]
MONK = ("f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420")
"""Monk Skin Tone scale (Monk 2019, skintone.google), 1 to 10."""
SKIN, HAIR, CLOTH, TROUSERS, EYE, LEATHER, METAL, GLASS = range(8)


@dataclass(frozen=True)
class Figure:
    """Who is drawn. `tone` is on the Monk scale, `girth` widens trunk and limbs, `lean` bends the head aside in metres, `lift`
    turns the hands outwards; `print_` is uint8 (H, W, 4), printed on the chest."""

    tone: int = 5
    girth: float = 1.0
    cloth: tuple[int, int, int] = (196, 199, 203)
    trousers: tuple[int, int, int] = (58, 66, 84)
    hair: tuple[int, int, int] = (52, 36, 28)
    long_hair: bool = False
    stripes: tuple[int, int, int] | None = None
    print_: U8 | None = None
    arms: float = 0.0
    lean: float = 0.0
    hands: bool = True
    head: bool = True
    body: bool = True
    ground: tuple[int, int, int] = (214, 213, 210)


def _v(*xyz: float) -> F32:
    return np.array(xyz, np.float32)


def ellipsoid(p: F32, centre: F32, radii: F32) -> F32:
    q = p - centre
    outer = np.linalg.norm(q / radii, axis=1)
    inner = np.linalg.norm(q / (radii * radii), axis=1)
    return outer * (outer - 1) / np.maximum(inner, 1e-6)


def limb(p: F32, a: F32, b: F32, ra: float, rb: float) -> F32:
    """A capsule whose radius goes from `ra` to `rb`."""
    ab = b - a
    t = np.clip((p - a) @ ab / float(ab @ ab), 0, 1)
    return np.linalg.norm(p - a - t[:, None] * ab, axis=1) - (ra + (rb - ra) * t)


def box(p: F32, centre: F32, half: F32, round_: float) -> F32:
    q = np.abs(p - centre) - half + round_
    return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0) - round_


def join(a: F32, b: F32, k: float) -> F32:
    """Union with a fillet (polynomial smooth minimum)."""
    h = np.maximum(k - np.abs(a - b), 0) / k
    return np.minimum(a, b) - h * h * k * 0.25


def carve(a: F32, b: F32, k: float) -> F32:
    return -join(-a, b, k)


def within(centre: F32, radius: float, shape: Shape) -> Shape:
    """The shape, worked out near a ball around it only; farther away the distance to the ball."""

    def bound(p: F32) -> F32:
        d = np.linalg.norm(p - centre, axis=1).astype(np.float32) - np.float32(radius)
        near = np.flatnonzero(d < 0.04)
        if near.size:
            d[near] = shape(p[near])
        return d

    return bound


def joints(who: Figure, side: float) -> tuple[F32, F32, F32, F32]:
    """Shoulder, elbow, wrist and knuckles of the arm on the picture's left (-1) or right (1)."""
    out = who.arms
    shoulder = _v(0.178 * side * (1 + 0.5 * (who.girth - 1)), 1.405, -0.005)
    elbow = shoulder + _v((0.075 + 0.06 * out) * side, -0.285 + 0.02 * out, -0.012)
    wrist = elbow + _v((0.045 + 0.07 * out) * side, -0.245 + 0.02 * out, 0.055)
    knuckle = wrist + _v(0.012 * side, -0.085, 0.022)
    return shoulder, elbow, wrist, knuckle


def trunk(p: F32, who: Figure) -> F32:
    g = who.girth
    d = ellipsoid(p, _v(0, 1.285, 0), _v(0.158 * g, 0.185, 0.108 * g))
    d = join(d, limb(p, _v(-0.135, 1.395, -0.012), _v(0.135, 1.395, -0.012), 0.062, 0.062), 0.07)
    d = join(d, ellipsoid(p, _v(0, 1.09, 0), _v(0.132 * g, 0.2, 0.094 * g)), 0.09)
    return join(d, ellipsoid(p, _v(0, 0.94, -0.005), _v(0.166 * g, 0.135, 0.112 * g)), 0.09)


def hand(p: F32, who: Figure, side: float) -> F32:
    _, _, wrist, knuckle = joints(who, side)
    d = limb(p, wrist, wrist * 0.25 + knuckle * 0.75, 0.026, 0.033)
    for spread, long in ((-0.02, 0.062), (-0.006, 0.07), (0.008, 0.066), (0.021, 0.052)):
        root = knuckle + _v(-spread * 0.55 * side, 0.012, -spread * 0.75)
        tip = root + _v(-spread * 0.2 * side - 0.004 * side, -long, 0.012 - spread * 0.2)
        bend = root * 0.5 + tip * 0.5 + _v(0.004 * side, 0, 0.004)
        finger = join(limb(p, root, bend, 0.0098, 0.0092), limb(p, bend, tip, 0.0092, 0.0072), 0.006)
        d = join(d, finger, 0.012)
    thumb = wrist + _v(-0.018 * side, -0.03, 0.022)
    return join(d, limb(p, thumb, thumb + _v(-0.016 * side, -0.05, 0.018), 0.012, 0.009), 0.02)


def skull(p: F32, who: Figure) -> F32:
    p = p - _v(who.lean, 0, 0)
    d = ellipsoid(p, _v(0, 1.65, -0.012), _v(0.074, 0.098, 0.094))
    d = join(d, ellipsoid(p, _v(0, 1.58, 0.022), _v(0.057, 0.082, 0.066)), 0.05)
    d = join(d, ellipsoid(p, _v(0, 1.523, 0.048), _v(0.026, 0.02, 0.026)), 0.035)
    mirrored = np.abs(p) * _v(1, 0, 0) + p * _v(0, 1, 1)
    d = join(d, ellipsoid(mirrored, _v(0.042, 1.587, 0.052), _v(0.022, 0.02, 0.02)), 0.03)
    d = carve(d, ellipsoid(mirrored, _v(0.0315, 1.622, 0.092), _v(0.021, 0.0105, 0.018)), 0.016)
    d = join(d, limb(p, _v(0, 1.622, 0.078), _v(0, 1.583, 0.1), 0.0075, 0.0115), 0.016)
    d = join(d, ellipsoid(mirrored, _v(0.012, 1.579, 0.088), _v(0.0085, 0.0075, 0.011)), 0.01)
    d = join(d, ellipsoid(p, _v(0, 1.5515, 0.0815), _v(0.0215, 0.0048, 0.01)), 0.007)
    d = join(d, ellipsoid(p, _v(0, 1.5425, 0.0805), _v(0.018, 0.0058, 0.0105)), 0.007)
    ear = ellipsoid(mirrored, _v(0.0755, 1.605, -0.012), _v(0.0085, 0.031, 0.02))
    ear = carve(ear, ellipsoid(mirrored, _v(0.083, 1.608, -0.005), _v(0.006, 0.02, 0.011)), 0.008)
    return join(d, ear, 0.012)


def neck(p: F32, who: Figure) -> F32:
    d = limb(p, _v(0, 1.4, -0.02), _v(who.lean, 1.56, -0.012), 0.06 * (0.5 + who.girth / 2), 0.05)
    return join(d, limb(p, _v(-0.11, 1.405, -0.02), _v(0.11, 1.405, -0.02), 0.045, 0.045), 0.08)


def hair(p: F32, who: Figure) -> F32:
    p = p - _v(who.lean, 0, 0)
    d = ellipsoid(p, _v(0, 1.662, -0.02), _v(0.085, 0.105, 0.102))
    fringe = ellipsoid(p, _v(0.012, 1.6, 0.1), _v(0.066, 0.095, 0.075))
    d = carve(d, fringe, 0.012)
    d = np.maximum(d, 1.585 - p[:, 1] + np.maximum(p[:, 2] + 0.02, -0.05) * 0.9)
    if who.long_hair:
        d = join(d, ellipsoid(p, _v(0, 1.545, -0.06), _v(0.088, 0.15, 0.05)), 0.03)
    return d


def tee(p: F32, who: Figure) -> F32:
    """A T-shirt: the trunk with air under it, sleeves to above the elbows, open at neck and hem."""
    d = trunk(p, who) - 0.012
    d = join(d, ellipsoid(p, _v(0, 1.02, -0.003), _v(0.178 * who.girth, 0.34, 0.128 * who.girth)), 0.05)
    for side in (-1.0, 1.0):
        shoulder, elbow, _, _ = joints(who, side)
        end = shoulder + (elbow - shoulder) * 0.62
        sleeve = limb(p, shoulder + _v(-0.01 * side, -0.004, 0), end, 0.06 * who.girth, 0.067 * who.girth)
        along = (elbow - shoulder) / np.linalg.norm(elbow - shoulder)
        sleeve = np.maximum(sleeve, (p - end) @ along)
        d = join(d, sleeve, 0.035)
    d = np.maximum(d, 0.88 - p[:, 1])
    return carve(d, ellipsoid(p, _v(0, 1.468, 0.03), _v(0.078, 0.06, 0.12)), 0.006)


def legs(p: F32, who: Figure) -> F32:
    d = ellipsoid(p, _v(0, 0.935, -0.005), _v(0.172 * who.girth, 0.14, 0.116 * who.girth))
    for side in (-1.0, 1.0):
        hip, knee, foot = _v(0.088 * side, 0.88, 0), _v(0.1 * side, 0.48, 0.015), _v(0.108 * side, 0.06, -0.005)
        leg = join(limb(p, hip, knee, 0.092 * who.girth, 0.066), limb(p, knee, foot, 0.066, 0.05), 0.03)
        d = join(d, leg, 0.03)
    return d


def shapes(who: Figure) -> list[tuple[int, Shape]]:
    """Materials with their shapes."""
    found: list[tuple[int, Shape]] = [(CLOTH, lambda p: tee(p, who))]
    if not who.body:
        return found

    found += [(SKIN, _skin(who)), (TROUSERS, lambda p: legs(p, who))]
    if who.head:
        middle = _v(who.lean, 1.62, 0)
        found += [
            (HAIR, within(middle + _v(0, -0.04, 0), 0.24, lambda p: hair(p, who))),
            (EYE, within(middle, 0.13, lambda p: _eyes(p, who))),
        ]
    return found


def _skin(who: Figure) -> Shape:
    head = within(_v(who.lean, 1.61, 0), 0.17, lambda p: join(neck(p, who), skull(p, who), 0.02))
    hands = [
        within(joints(who, side)[3], 0.14, lambda p, side=side: join(_arm(p, who, side), hand(p, who, side), 0.012))
        for side in (-1.0, 1.0)
    ]

    def skin(p: F32) -> F32:
        d = np.minimum(np.minimum(_arm(p, who, -1.0), _arm(p, who, 1.0)), neck(p, who))
        d = np.minimum(d, head(p)) if who.head else d
        return np.min([d, *(one(p) for one in hands)], axis=0) if who.hands else d

    return skin


def _arm(p: F32, who: Figure, side: float) -> F32:
    shoulder, elbow, wrist, _ = joints(who, side)
    return join(limb(p, shoulder, elbow, 0.046, 0.037), limb(p, elbow, wrist, 0.038, 0.025), 0.02)


def _eyes(p: F32, who: Figure) -> F32:
    q = np.abs(p - _v(who.lean, 0, 0)) * _v(1, 0, 0) + p * _v(0, 1, 1)
    return np.linalg.norm(q - _v(0.0315, 1.621, 0.0655), axis=1) - 0.0125
