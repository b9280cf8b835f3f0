"""What a Ray cluster-launcher file (`ray_cluster.yaml`) can host, and whether it keeps its doors shut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from cluster.profile import Profile, Replicas
from studio.errors import SettingsError

MIB = 2**20
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def load_cluster(path: Path) -> dict[str, Any]:
    """The launcher file as written. Raises SettingsError when it is absent, not YAML or has no node types."""
    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("available_node_types"), dict):
        raise SettingsError(f"{path}: no available_node_types")
    return config


def unmet(profile: Profile, cluster: Mapping[str, Any]) -> list[str]:
    """One line for each deployment of the profile that no node type of the launcher file can host."""
    hosts = {name: node for name, node in cluster["available_node_types"].items() if _starts(name, node, cluster)}
    return [line for name, replicas in profile.deployments.items() if (line := _unmet(name, replicas, hosts))]


def exposed(cluster: Mapping[str, Any]) -> list[str]:
    """One line for each start command without token authentication or with a dashboard beyond loopback."""
    problems = []
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        for command in (c for c in cluster.get(key, ()) if "ray start" in c):
            if not re.search(r"\bRAY_AUTH_MODE=token\b", command):
                problems.append(f"{key}: `ray start` without RAY_AUTH_MODE=token")
            host = re.search(r"--dashboard-host[= ](\S+)", command)
            if host and host[1] not in LOOPBACK:
                problems.append(f"{key}: the dashboard listens on {host[1]}")
    return problems


def _starts(name: str, node: Mapping[str, Any], cluster: Mapping[str, Any]) -> bool:
    """Whether a node of this type can exist: the head always does, workers up to `max_workers` (default: the cluster's)."""
    return name == cluster.get("head_node_type") or node.get("max_workers", cluster.get("max_workers", 0)) > 0


def _unmet(name: str, wanted: Replicas, hosts: Mapping[str, Mapping[str, Any]]) -> str:
    labelled = {host: node for host, node in hosts.items() if _labels_match(wanted.labels, node.get("labels", {}))}
    if not labelled:
        return f"{name}: no node type has {_pairs(wanted.labels)}; {_known(wanted.labels, hosts.values())}"
    missing = {host: _missing(wanted, node["resources"]) for host, node in labelled.items()}
    if any(not lacks for lacks in missing.values()):
        return ""
    return f"{name}: " + "; ".join(f"{host} has {', '.join(lacks)}" for host, lacks in missing.items())


def _missing(wanted: Replicas, resources: Mapping[str, float]) -> list[str]:
    """What one node lacks. A node type that does not state its memory is taken to have enough."""
    lacks = [
        f"{resources.get(kind, 0):g} {kind}, {need:g} wanted"
        for kind, need in (("CPU", wanted.num_cpus), ("GPU", wanted.num_gpus))
        if resources.get(kind, 0) < need
    ]
    memory = resources.get("memory")
    if memory is not None and memory < wanted.memory_mb * MIB:
        lacks.append(f"{memory / MIB:.0f} MB memory, {wanted.memory_mb} wanted")
    return lacks


def _labels_match(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(_accepts(value, labels.get(key)) for key, value in selector.items())


def _accepts(wanted: str, value: str | None) -> bool:
    """Ray's label selector syntax: `a`, `!a`, `in(a,b)`, `!in(a,b)`."""
    body = wanted.removeprefix("!")
    group = re.fullmatch(r"in\((.*)\)", body)
    values = [v.strip() for v in group[1].split(",")] if group else [body]
    return (value in values) is not wanted.startswith("!")


def _pairs(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())


def _known(wanted: Mapping[str, str], nodes: Iterable[Mapping[str, Any]]) -> str:
    nodes = list(nodes)
    return ", ".join(
        f"{key} is one of {sorted({node['labels'][key] for node in nodes if key in node.get('labels', {})})}" for key in wanted
    )
