"""A photo's colours set right by the ColorChecker in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from studio.imaging.chart import find_chart, painted_out
from studio.imaging.colorchecker import corrected, errors_of, matrix_of
from studio.shot import Shot
from studio.steps.base import PixelStep
from studio.take import Take


class Calibrate(PixelStep):
    """Where the photo shows a ColorChecker Classic, corrects `take.photo` by it and paints the chart over with its surroundings,
    so that the cut-out sees ground there.

    Records `chart`, 1 when one was found, and the mean CIEDE2000 of its patches to the reference before and after:
    `chart_delta_e` and `chart_corrected_delta_e`; `chart_touching`, the share of the card's outline that does not lie on ground.
    """

    name = "calibrate"

    def applies(self, shot: Shot) -> bool:
        """Only where the template looks for charts."""
        return shot.template.chart == "auto"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """That a chart is looked for."""
        return {"chart": shot.template.chart}

    def apply(self, take: Take) -> None:
        """Look for a chart; without one the photo stays as it is."""
        photo = take.need_photo()
        chart = find_chart(photo.rgb)
        take.measurements["chart"] = float(chart is not None)
        if chart is None:
            return
        matrix = matrix_of(chart.measured)
        rgb, touching = painted_out(corrected(photo.rgb, matrix), chart)
        take.photo = replace(photo, rgb=rgb)
        before, after = errors_of(chart.measured), errors_of(chart.measured @ matrix.T)
        take.measurements |= {
            "chart_touching": round(touching, 6),
            "chart_delta_e": round(float(before.mean()), 6),
            "chart_corrected_delta_e": round(float(after.mean()), 6),
        }
