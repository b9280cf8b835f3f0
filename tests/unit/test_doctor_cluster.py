"""What doctor says of a cluster, for clusters that are written down here; and how a replica's phases are counted."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from cluster.inspection import Node, Seen
from cluster.logs import JsonLines
from cluster.profile import Profile, Replicas, load_profile
from cluster.readiness import Phases
from cluster.settings import Settings
from pipelines.doctor import Finding
from pipelines.doctor_cluster import examine_cluster, judge

OURS = {"packshot": "0.1.0", "ray": "2.60.0", "python": "3.11.14"}
GIB = 2**30
CPU = Node(
    "c" * 32,
    "10.0.0.1",
    {"packshot/pool": "cpu", "packshot/market": "on-demand"},
    {"CPU": 16.0, "memory": 48.0 * GIB},
    OURS,
    free_gb=50.0,
)
GPU = replace(
    CPU, id="d" * 32, address="10.0.0.2", labels={**CPU.labels, "packshot/pool": "gpu"}, resources={**CPU.resources, "GPU": 1.0}
)
PRODUCTION = load_profile("production")
WELL = Seen(
    (CPU, GPU),
    app="RUNNING",
    deployments={"renderer": ("HEALTHY", 1), "u2netp": ("HEALTHY", 1)},
    ready={"u2netp": ({"process": 2.0, "weights": 0.5},)},
    same_settings=True,
)


def said(seen: Seen, profile: Profile = PRODUCTION) -> dict[str, Finding]:
    return {finding.name: finding for finding in judge(seen, profile, OURS)}


def test_a_cluster_that_is_well() -> None:
    findings = said(WELL)
    assert all(finding.good for finding in findings.values())
    assert findings["nodes"].message == "2 alive (1 cpu on-demand, 1 gpu on-demand), 0 gone"
    assert "no node yet for renderer-standard" in findings["hosts"].message
    assert findings["ready u2netp"].message == "2.5 s (process 2.0, weights 0.5)"


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        ({"nodes": ()}, "nodes", "0 alive"),
        ({"nodes": (CPU,)}, "hosts", "u2netp: no node type has packshot/pool=gpu"),
        ({"app": ""}, "service", "packshot serve --detach"),
        ({"app": "UNHEALTHY"}, "service", "unhealthy"),
        ({"deployments": {"u2netp": ("UPSCALING", 0)}}, "service", "u2netp upscaling"),
        ({"same_settings": False}, "service", "other settings"),
    ],
)
def test_what_is_wrong_with_the_whole(change: dict[str, object], name: str, words: str) -> None:
    finding = said(replace(WELL, **change))[name]
    assert not finding.good
    assert words in finding.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"skew_s": 3.0, "skew_error_s": 0.5}, "clock is +3.0 s off"),
        ({"skew_s": -9.0}, "clock is -9.0 s off"),
        ({"versions": {**OURS, "ray": "2.59.0"}}, "ray 2.59.0, here 2.60.0"),
        ({"problems": {"store": "no bucket"}}, "store: no bucket"),
        ({"problems": {"node": "does not answer"}, "versions": {}, "free_gb": 0.0}, "does not answer"),
        ({"free_gb": 0.5}, "make room"),
    ],
)
def test_what_is_wrong_with_a_node(change: dict[str, object], words: str) -> None:
    finding = said(replace(WELL, nodes=(replace(CPU, **change), GPU)))["node 10.0.0.1 cccccccc"]
    assert not finding.good
    assert words in finding.message


def test_a_slow_way_is_no_wrong_clock() -> None:
    assert said(replace(WELL, nodes=(replace(CPU, skew_s=5.0, skew_error_s=4.0), GPU)))["node 10.0.0.1 cccccccc"].good


def test_plain_nodes_do_for_a_profile_without_labels() -> None:
    plain = Profile(name="plain", renderer=Replicas(num_cpus=1), models={})
    assert said(replace(WELL, nodes=(replace(CPU, labels={}),)), plain)["hosts"].good


def test_no_cluster_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (finding,), seen = examine_cluster(Settings())
    assert not finding.good
    assert "PACKSHOT_RAY__ADDRESS" in finding.message
    assert seen == {}


def test_phases_are_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    phases = Phases("u2netp")
    with phases.phase("weights"):
        pass
    with pytest.raises(ZeroDivisionError), phases.phase("first call"):
        _ = 1 / 0
    with caplog.at_level(logging.INFO, logger="cluster.readiness"):
        seconds = phases.done()
    assert list(seconds) == ["process", "weights", "first call"]
    assert all(value >= 0 for value in seconds.values())
    line = json.loads(JsonLines().format(caplog.records[0]))
    assert (line["replica"], line["ready_s"]) == ("u2netp", seconds)
