"""The registry of checks. The order is the order of blame: the cause nearest the root comes first."""

from __future__ import annotations

from studio.qa.check import Check
from studio.qa.checks import (
    banding,
    blur,
    colour,
    contents,
    cutout,
    defects,
    detail,
    features,
    file,
    geometry,
    ground,
    halo,
    identity,
    outgrowth,
    recolour,
    safety,
    shadow,
    staging,
    text,
)

CHECKS: tuple[Check, ...] = (
    *cutout.CHECKS,
    *safety.CHECKS,
    *outgrowth.CHECKS,
    *identity.CHECKS,
    *text.CHECKS,
    *colour.CHECKS,
    *recolour.CHECKS,
    *halo.CHECKS,
    *detail.CHECKS,
    *blur.CHECKS,
    *banding.CHECKS,
    *contents.CHECKS,
    *geometry.CHECKS,
    *ground.CHECKS,
    *staging.CHECKS,
    *shadow.CHECKS,
    *defects.CHECKS,
    *features.CHECKS,
    *file.CHECKS,
)
