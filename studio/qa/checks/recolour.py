"""Whether a recoloured product has the colour that was asked for."""

from __future__ import annotations

import numpy as np

from studio.imaging.colour import delta_e_2000, srgb_to_lab
from studio.imaging.recolour import target_lab
from studio.qa.check import Check
from studio.qa.subject import SAMPLES, Subject, sample
from studio.template import Template

SURE = 0.9
"""Weight of the recolouring from which a pixel belongs to the region."""


def recolour_delta_e(subject: Subject) -> float | None:
    """CIEDE2000 between the target and the median colour of the recoloured region in the delivered bytes; None when no part of
    the region is seen."""
    wanted, region = subject.shot.template.recolour, subject.take.recoloured
    if wanted is None or region is None:
        return None
    ys, xs = sample(subject.inner, SAMPLES)
    (left, top), scale, (height, width) = subject.placed.origin, subject.placed.scale, region.shape
    rows = np.clip(((ys + 0.5 - top) / scale).astype(np.intp), 0, height - 1)
    columns = np.clip(((xs + 0.5 - left) / scale).astype(np.intp), 0, width - 1)
    inside = region[rows, columns] > SURE
    if not inside.any():
        return None
    colours = srgb_to_lab(subject.final.rgb[ys[inside], xs[inside]])
    return float(delta_e_2000(np.median(colours, axis=0), target_lab(wanted)))


def recoloured(template: Template) -> bool:
    """Whether the look asks for another colour."""
    return template.recolour is not None


CHECKS = (
    Check(
        "recolour_delta_e", "colour", "dE00", "low", "distance of the new colour from the target", recolour_delta_e, recoloured
    ),
)
