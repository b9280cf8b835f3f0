"""The registry of checks. The order is the order of blame: the cause nearest the root comes first."""

from __future__ import annotations

from studio.qa.check import Check
from studio.qa.checks import colour, cutout, detail, file, geometry, ground, halo, recolour, shadow

CHECKS: tuple[Check, ...] = (
    *cutout.CHECKS,
    *colour.CHECKS,
    *recolour.CHECKS,
    *halo.CHECKS,
    *detail.CHECKS,
    *geometry.CHECKS,
    *ground.CHECKS,
    *shadow.CHECKS,
    *file.CHECKS,
)
