"""Names on Ray: what Ray's own recorder makes of ours, and what `prometheus.yml` makes of that."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from cluster.monitoring.catalogue import FIGURES, series

ROOT = Path(__file__).resolve().parents[2]
RECORD = """
from prometheus_client import REGISTRY, generate_latest
from ray._private.telemetry.open_telemetry_metric_recorder import OpenTelemetryMetricRecorder
from cluster.monitoring.catalogue import FIGURES
recorder = OpenTelemetryMetricRecorder(gauge_metric_ttl_seconds=60)
for figure in FIGURES.values():
    labels = dict.fromkeys(figure.labels, "x") | {"WorkerId": "w"}
    if figure.kind == "counter":
        recorder.register_counter_metric(figure.name, figure.help)
    elif figure.kind == "histogram":
        recorder.register_histogram_metric(figure.name, figure.help, list(figure.buckets))
    else:
        continue
    recorder.set_metric_value(figure.name, labels, 1.0)
print(generate_latest(REGISTRY).decode())
"""


def test_figures_have_the_same_names_on_ray() -> None:
    done = subprocess.run([sys.executable, "-c", RECORD], cwd=ROOT, capture_output=True, text=True, check=True, timeout=200)
    shown = {line.partition("{")[0] for line in done.stdout.splitlines() if line.startswith("ray_packshot_")}
    config = yaml.safe_load((ROOT / "cluster" / "monitoring" / "prometheus.yml").read_text())
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "ray"]
    rule = job["metric_relabel_configs"][0]
    pattern = re.compile(rule["regex"])
    renamed = {found[1] for name in shown if (found := pattern.fullmatch(name))}
    assert (rule["target_label"], rule["replacement"]) == ("__name__", "$1")
    wanted = {name for figure in FIGURES.values() if figure.kind != "gauge" for name in figure.series}
    assert wanted <= renamed
    assert renamed <= series()
