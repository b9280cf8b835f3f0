"""Launcher files of both clouds: alike where they must be, accepted by Ray, and whatever is seeded into them is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray.autoscaler._private.util import prepare_config, validate_config

from cluster.launcher import check_launchers, load_cluster, unmet
from cluster.launcher import problems as launcher_problems
from cluster.profile import load_profile

ROOT = Path(__file__).resolve().parents[2]


def renamed(mapping: dict[str, Any], old: str, new: str) -> None:
    mapping[new] = mapping.pop(old)


LAUNCHER: dict[str, tuple[str, Callable[[dict[str, Any]], Any], str]] = {
    "misspelt field": ("gcp", lambda c: renamed(c, "max_workers", "max_worker"), "max_worker is no field"),
    "misspelt field of a node": ("gcp", lambda c: renamed(c["available_node_types"]["cpu_spot"], "idle_timeout_s", "idle"), "cpu_spot.idle"),
    "spot at full price": ("gcp", lambda c: c["available_node_types"]["gpu_spot"]["node_config"].pop("scheduling"), "gpu_spot"),
    "on-demand that is spot": ("aws", lambda c: c["available_node_types"]["cpu_on_demand"]["node_config"].update(InstanceMarketOptions={"MarketType": "spot"}), "cpu_on_demand"),
    "no GPU": ("aws", lambda c: [c["available_node_types"][n]["resources"].pop("GPU") for n in ("gpu_spot", "gpu_on_demand")], "0 GPU"),
    "no second choice": ("gcp", lambda c: c["available_node_types"]["gpu_on_demand"].update(max_workers=0), "packshot/market=on-demand"),
    "forgetful head": ("aws", lambda c: c.update(head_start_ray_commands=[x.replace("RAY_REDIS_ADDRESS", "RAY_REDIS") for x in c["head_start_ray_commands"]]), "keeps nothing"),
    "memory in the container": ("gcp", lambda c: c["docker"].pop("head_run_options"), "ends with the head's container"),
    "no token": ("aws", lambda c: c["file_mounts"].pop("/home/ray/auth"), "not among file_mounts"),
    "no authentication": ("gcp", lambda c: c.update(worker_start_ray_commands=["ray start --address=x"]), "without RAY_AUTH_MODE"),
    "another Ray": ("gcp", lambda c: c["docker"].update(image="rayproject/ray:2.59.0-py311-cpu"), "is not Ray"),
    "no CUDA": ("aws", lambda c: c["available_node_types"]["gpu_spot"].pop("docker"), "has no CUDA"),
}  # fmt: skip
LAUNCHERS = {"aws": ROOT / "ray_cluster.yaml", "gcp": ROOT / "cluster" / "launchers" / "gcp.yaml"}


def test_the_launchers_are_clean() -> None:
    assert check_launchers(ROOT) == []


@pytest.mark.parametrize("name", LAUNCHER)
def test_what_is_seeded_into_a_launcher_is_found(name: str) -> None:
    file, seed, said = LAUNCHER[name]
    cluster = copy.deepcopy(json.loads(json.dumps(load_cluster(LAUNCHERS[file]))))
    seed(cluster)
    lines = launcher_problems(cluster, load_profile("production"))
    assert [line for line in lines if said in line], lines


@pytest.mark.parametrize("file", LAUNCHERS)
def test_ray_accepts_them(file: str) -> None:
    prepared = prepare_config(copy.deepcopy(load_cluster(LAUNCHERS[file])))
    validate_config(prepared)
    assert prepared["available_node_types"].keys() == {"head", "cpu_on_demand", "cpu_spot", "gpu_on_demand", "gpu_spot"}


def test_both_clouds_are_alike() -> None:
    """Groups, labels, resources, limits and steps; only machines, storage and the head's memory differ."""
    aws, gcp = (load_cluster(LAUNCHERS[file]) for file in ("aws", "gcp"))
    same = ("resources", "labels", "min_workers", "max_workers", "idle_timeout_s", "priority", "docker", "worker_setup_commands")
    for name, node in aws["available_node_types"].items():
        assert {key: node.get(key) for key in same} == {key: gcp["available_node_types"][name].get(key) for key in same}, name
    for key in ("max_workers", "setup_commands", "worker_start_ray_commands", "file_mounts", "upscaling_speed"):
        assert aws[key] == gcp[key], key
    assert set(aws["docker"]["run_options"]) <= set(gcp["docker"]["run_options"])


@pytest.mark.parametrize("file", LAUNCHERS)
@pytest.mark.parametrize("profile", ["night", "production"])
def test_every_deployment_has_a_host(file: str, profile: str) -> None:
    assert unmet(load_profile(profile), load_cluster(LAUNCHERS[file])) == []
