"""What is counted of a shot, and that labels stay few."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cluster.monitoring.catalogue import FIGURES, MOST, OTHER
from cluster.monitoring.meter import LocalMeter, Meter
from cluster.monitoring.observed import count
from cluster.settings import Prices
from studio.shot import Asset, Done, Failed, Rejected, Report

ASSET = Asset(digest="a" * 64, media_type="image/jpeg", width=1, height=1, bytes=1)


def value(meter: Meter, name: str, **labels: str) -> float:
    found = [
        one.value
        for family in text_string_to_metric_families(meter.text().decode())
        for one in family.samples
        if one.name == name and labels.items() <= one.labels.items()
    ]
    return sum(found)


def test_outcomes_become_figures() -> None:
    meter, prices = LocalMeter(), Prices(cpu_hour=3600.0, gpu_hour=0.0)
    parts = {"cutout": 0.5, "cutout:u2netp": 1.5}
    report = Report(
        seconds={"cutout": 2.0, "encode": 0.1},
        cpu_s=2.0,
        cpu_parts=parts,
        gpu_parts={"cutout:u2netp": 0.25},
        lost_parts={"renderer": 4.0},
        model_calls={"u2netp": 3},
        reused=("decode",),
    )
    count(meter, "oak", Done(asset=ASSET, report=report), prices, "urgent")
    count(meter, "oak", Rejected(reason="halo", report=Report(reused=("shot",))), prices, "standard")
    count(meter, "oak", Failed(code="fetch_failed", message="no"), prices, "standard")
    assert value(meter, "packshot_shots_total", template="oak") == 3
    assert value(meter, "packshot_shots_total", outcome="released", tier="urgent") == 1
    assert value(meter, "packshot_rejections_total", reason="halo", template="oak") == 1
    assert value(meter, "packshot_failures_total", code="fetch_failed") == 1
    assert value(meter, "packshot_step_seconds_sum", step="cutout") == 2.0
    assert value(meter, "packshot_step_seconds_bucket", step="cutout", le="2.5") == 1
    assert value(meter, "packshot_cpu_seconds_total", step="cutout") == 2.0
    assert value(meter, "packshot_gpu_seconds_total") == 0.25
    assert value(meter, "packshot_lost_seconds_total", part="renderer") == 4.0
    assert value(meter, "packshot_model_calls_total", model="u2netp") == 3
    assert [value(meter, "packshot_reuse_total", result=name) for name in ("shot", "steps", "nothing")] == [1, 1, 1]
    assert value(meter, "packshot_cost_total", currency="USD", tier="urgent") == pytest.approx(2.0)


@pytest.mark.parametrize("many", [MOST, MOST + 1, 2 * MOST])
def test_labels_are_bounded_and_nothing_is_lost(many: int) -> None:
    meter = LocalMeter()
    for number in [*range(many), *range(many)]:
        meter.add("packshot_failures", code=f"code {number}")
    families = list(text_string_to_metric_families(meter.text().decode()))
    samples = [one for family in families for one in family.samples if one.name == "packshot_failures_total"]
    assert len(samples) == min(many, MOST + 1)
    assert sum(one.value for one in samples) == 2 * many
    assert sum(one.value for one in samples if one.labels["code"] == OTHER) == 2 * max(0, many - MOST)


def test_only_names_of_the_catalogue_are_counted() -> None:
    with pytest.raises(KeyError):
        LocalMeter().add("packshot_nothing")
    with pytest.raises(KeyError):
        LocalMeter().add("packshot_failures")
    assert len({figure.name for figure in FIGURES.values()}) == len(FIGURES)
