"""What a Ray cluster-launcher file (`ray_cluster.yaml`) can host, whether it keeps its doors shut and its head remembers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from cluster.profile import Profile, Replicas, load_profile
from studio.errors import SettingsError

MIB = 2**20
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
KEYS = {"cluster_name", "provider", "auth", "docker", "file_mounts", "head_node_type", "available_node_types", "max_workers"}
KEYS |= {"upscaling_speed", "idle_timeout_minutes", "initialization_commands", "setup_commands", "head_setup_commands"}
KEYS |= {"worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands"}
NODE_KEYS = {"resources", "labels", "min_workers", "max_workers", "idle_timeout_s", "priority", "node_config", "docker"}
NODE_KEYS |= {"worker_setup_commands"}
"""Keys that our files use; Ray knows more."""
FILES = ("ray_cluster.yaml", "cluster/launchers/gcp.yaml")


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


def check_launchers(root: Path, profile: str = "production") -> list[str]:
    """One line for each thing that is wrong in a launcher file of the project."""
    lines = []
    for path in (root / name for name in FILES if (root / name).exists()):
        try:
            cluster = load_cluster(path)
            lines += [f"{path.name}: {line}" for line in problems(cluster, load_profile(profile))]
        except (SettingsError, KeyError, TypeError, AttributeError) as error:
            lines.append(f"{path.name}: {error!r}" if not isinstance(error, SettingsError) else str(error))
    return lines


def problems(cluster: Mapping[str, Any], profile: Profile) -> list[str]:
    """One line for each thing that is wrong: fields, hosts, doors, the head's memory, images, markets."""
    nodes = cluster["available_node_types"]
    unknown = [f"{key} is no field that we know" for key in cluster if key not in KEYS]
    unknown += [f"{name}.{key} is no field that we know" for name, node in nodes.items() for key in node if key not in NODE_KEYS]
    second = {
        name: shape.model_copy(update={"labels": shape.or_labels}) for name, shape in profile.models.items() if shape.or_labels
    }
    return [
        *unknown,
        *unmet(profile, cluster),
        *unmet(profile.model_copy(update={"models": second}), cluster),
        *exposed(cluster),
        *_forgetful(cluster),
        *_images(cluster),
        *(line for name, node in nodes.items() if (line := _market(name, node))),
    ]


def _forgetful(cluster: Mapping[str, Any]) -> list[str]:
    """Files that the commands read but nothing mounts, and a head that forgets everything when it ends."""
    found, mounts = [], tuple(f"{mount.rstrip('/')}/" for mount in cluster.get("file_mounts", {}))
    starts = [
        c for key in ("head_start_ray_commands", "worker_start_ray_commands") for c in cluster.get(key, ()) if "ray start" in c
    ]
    for command in starts:
        for path in re.findall(r"(?:RAY_AUTH_TOKEN_PATH=|\(cat )([^\s)]+)", command):
            found += [] if path.startswith(mounts) else [f"{path} is not among file_mounts"]
    head = next((command for command in starts if "--head" in command), "")
    folder = re.search(r"RAY_gcs_storage=rocksdb RAY_gcs_storage_path=(\S+?);?(\s|$)", head)
    volumes = [
        option.partition(":")[2] for option in cluster["docker"].get("head_run_options", ()) if option.startswith("--volume=")
    ]
    if folder and folder[1].rstrip(";") not in volumes:
        found.append(f"{folder[1]} ends with the head's container: no --volume in head_run_options")
    if not folder and not re.search(r"RAY_REDIS_ADDRESS=\S+ RAY_external_storage_namespace=\w", head):
        found.append("the head keeps nothing: neither Redis nor RocksDB")
    return found


def _images(cluster: Mapping[str, Any]) -> list[str]:
    images = {"docker": cluster["docker"].get("image", "")}
    for name, node in cluster["available_node_types"].items():
        image = images[name] = node.get("docker", {}).get("worker_image", images["docker"])
        if node["resources"].get("GPU") and not image.endswith("-gpu"):
            return [f"{name}: {image} has no CUDA"]
    wanted = f":{version('ray')}-py311-"
    return [f"{name}: image {image!r} is not Ray {version('ray')}" for name, image in images.items() if wanted not in image]


def _market(name: str, node: Mapping[str, Any]) -> str:
    """A node type that says `spot` and is not, or the other way round."""
    config = node.get("node_config", {})
    spot = "spot" in (
        config.get("InstanceMarketOptions", {}).get("MarketType"),
        str(config.get("scheduling", {}).get("provisioningModel", "")).lower(),
    )
    said = node.get("labels", {}).get("packshot/market", "on-demand") == "spot"
    return f"{name}: the label packshot/market says {'spot' if said else 'on-demand'}, the machine is not" if spot != said else ""


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
