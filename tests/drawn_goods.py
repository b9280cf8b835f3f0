"""Things that drawn people wear, as solid shapes around the origin; lengths are metres."""

from __future__ import annotations

import numpy as np

from tests.drawn_people import F32, GLASS, LEATHER, METAL, Shape, box, join, limb


def _v(*xyz: float) -> F32:
    return np.array(xyz, np.float32)


def sunglasses() -> list[tuple[int, Shape]]:
    """142 mm wide, seen from the front: rims, lenses, bridge and the hinges' ends."""

    def rim(p: F32) -> F32:
        q = np.abs(p) * _v(1, 0, 0) + p * _v(0, 1, 1)
        d = np.hypot(_lens(q), q[:, 2]) - 0.0032
        bridge = limb(q, _v(0, 0.006, 0.001), _v(0.0115, 0.004, 0), 0.0026, 0.003)
        end = limb(q, _v(0.0625, 0.01, 0), _v(0.0685, 0.0105, -0.003), 0.0035, 0.0025)
        return join(join(d, bridge, 0.002), end, 0.002)

    def lens(p: F32) -> F32:
        q = np.abs(p) * _v(1, 0, 0) + p * _v(0, 1, 1)
        return np.maximum(_lens(q), np.abs(p[:, 2]) - 0.001)

    return [(METAL, rim), (GLASS, lens)]


def _lens(q: F32) -> F32:
    """Distance in the plane to a lens's edge: 52 x 42 mm, round corners."""
    flat = np.stack([q[:, 0] - 0.0365, q[:, 1], np.zeros(len(q), np.float32)], axis=1)
    return box(flat, _v(0, 0, 0), _v(0.026, 0.021, 1), 0.0175)


def bag() -> list[tuple[int, Shape]]:
    """A hand bag, 300 mm wide and with its handle 420 mm high."""

    def body(p: F32) -> F32:
        narrow = p * _v(1, 1, 1) / (1 - 0.35 * np.clip(p[:, 1:2] + 0.13, 0, 0.3) * _v(1, 0, 1))
        return box(narrow, _v(0, -0.06, 0), _v(0.15, 0.12, 0.05), 0.022) * 0.85

    def handle(p: F32) -> F32:
        bow = np.hypot(np.hypot(p[:, 0], np.maximum(p[:, 1] - 0.1, 0)) - 0.07, p[:, 2] - 0.02) - 0.0085
        return np.maximum(bow, 0.035 - p[:, 1])

    def fittings(p: F32) -> F32:
        q = np.abs(p) * _v(1, 0, 0) + p * _v(0, 1, 1)
        ring = np.hypot(np.hypot(q[:, 0] - 0.07, p[:, 1] - 0.035) - 0.013, p[:, 2] - 0.036) - 0.003
        return np.minimum(ring, box(p, _v(0, 0.0, 0.045), _v(0.022, 0.011, 0.01), 0.004))

    return [(LEATHER, lambda p: join(body(p), handle(p), 0.004)), (METAL, fittings)]
