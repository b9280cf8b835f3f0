"""Whether the product's colour is still the photo's: CIEDE2000 between the delivered bytes and what was photographed."""

from __future__ import annotations

import cv2
import numpy as np

from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.qa.check import Check
from studio.qa.subject import Subject, cut
from studio.take import U8
from studio.template import Template

SEEN_THROUGH = 0.05
"""Part of the ground's light from which a pixel of glass is the ground's as well."""
CELLS = 40
"""Cells along the product's longer side for the local comparison."""


def delta_e_mean(subject: Subject) -> float | None:
    """Mean CIEDE2000 inside the eroded product, delivered bytes against the placed product."""
    values = subject.drift
    return float(values.mean()) if values.size else None


def delta_e_p95(subject: Subject) -> float | None:
    """95th percentile of the same."""
    values = subject.drift
    return float(np.percentile(values, 95)) if values.size else None


def delta_e_local(subject: Subject) -> float | None:
    """Largest CIEDE2000 between cells of the delivered product and the same cells of the photo itself: what repainted a
    label or shifted one part would show here. Cells are a fortieth of the product; only fully opaque ones count, and none
    through which the set is seen.
    """
    _, _, width, height = subject.box
    if not min(*subject.box[2:], *subject.source_box[2:]):
        return None
    scale = CELLS / max(width, height)
    grid = (max(1, round(width * scale)), max(1, round(height * scale)))
    whole = cv2.resize(cut(_solid(subject), subject.box), grid, interpolation=cv2.INTER_AREA) == 255
    if not whole.any():
        return None
    now = _cells(cut(subject.final.rgb, subject.box), grid)[whole]
    then = _cells(cut(subject.matte.foreground, subject.source_box), grid)[whole]
    return float(delta_e_2000(srgb_to_lab(now), srgb_to_lab(then)).max())


def _solid(subject: Subject) -> U8:
    """The inner product without its glass."""
    through = subject.take.transmission
    return subject.inner if through is None else np.where(through.max(axis=2) > SEEN_THROUGH, np.uint8(0), subject.inner)


def relit_delta_e(subject: Subject) -> float | None:
    """Mean CIEDE2000 by which another light changed the product, before encoding; noted by the step that lit it."""
    return subject.take.measurements.get("relit_delta_e")


def relit_hue(subject: Subject) -> float | None:
    """Mean turn of hue, in degrees, by the same."""
    return subject.take.measurements.get("relit_hue")


def relit(template: Template) -> bool:
    """Whether the look asks for another light on the product."""
    return template.relight.preset != "none" and template.relight.strength > 0


def _cells(rgb: U8, grid: tuple[int, int]) -> U8:
    return np.asarray(cv2.resize(rgb, grid, interpolation=cv2.INTER_AREA), np.uint8)


CHECKS = (
    Check("delta_e_mean", "colour", "dE00", "low", "mean colour change of the product", delta_e_mean),
    Check("delta_e_p95", "colour", "dE00", "low", "colour change that 5 % of the product exceed", delta_e_p95),
    Check("delta_e_local", "colour", "dE00", "low", "largest colour change of any part against the photo", delta_e_local),
    Check("relit_delta_e", "colour", "dE00", "low", "mean colour change by another light", relit_delta_e, relit),
    Check("relit_hue", "colour", "degrees", "low", "mean turn of hue by another light", relit_hue, relit),
)
