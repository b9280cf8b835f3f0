"""The Serve configuration of a RayService, and whether its nodes can host what the profile asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from cluster.launcher import MIB, unmet
from cluster.manifests.documents import below, pods, quantity, ray_cluster, title
from cluster.manifests.hardening import GPU
from cluster.manifests.kustomize import Document
from cluster.profile import Profile, Replicas, load_profile
from cluster.settings import Settings
from studio.errors import SettingsError

PREFIX = "PACKSHOT_"
VARIABLE = f"{PREFIX}PROFILE"


def serve_config(profile: str) -> dict[str, Any]:
    """What `serveConfigV2` says for a profile: everything else is made by `serve_apps.app:build` from settings and profile."""
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": "0.0.0.0", "port": 8000},  # noqa: S104 - inside a pod, behind a NetworkPolicy
        "logging_config": {"enable_access_log": False, "log_level": "WARNING"},
        "applications": [
            {"name": "packshot", "import_path": "serve_apps.app:build", "route_prefix": "/", "args": {"profile": profile}}
        ],
    }


def unserved(documents: Sequence[Document]) -> Iterator[str]:
    """One line for each deployment without a node, group without its node, setting that does not exist, stale Serve config."""
    shared = _shared(documents)
    for document in documents:
        ray = ray_cluster(document)
        if not ray:
            continue
        name = _head_environment(ray).get(VARIABLE) or shared.get(VARIABLE, "")
        yield from (f"{title(document)}: {line}" for line in _hosted(name, ray))
        if document["kind"] == "RayService":
            yield from (f"{title(document)}: {line}" for line in _config(document["spec"].get("serveConfigV2", ""), name))
        for pod in pods(document):
            variables = {one.get("name", "") for container in pod.containers for one in container.get("env", ())}
            yield from (f"{pod.where}: {name} is no setting" for name in sorted(variables) if not _is_setting(name))
    yield from (f"environment: {name} is no setting" for name in shared if not _is_setting(name))


def _shared(documents: Sequence[Document]) -> dict[str, str]:
    found: dict[str, str] = {}
    for document in documents:
        if document["kind"] == "ConfigMap":
            found |= document.get("data", {})
    return found


def _head_environment(ray: Mapping[str, Any]) -> dict[str, str]:
    (head, *_) = below(ray, ("headGroupSpec", "template", "spec", "containers")) or [{}]
    return {one.get("name", ""): one.get("value", "") for one in head.get("env", ())}


def _is_setting(name: str) -> bool:
    """Whether a variable of ours names a setting (`PACKSHOT_GROUP__FIELD`); other people's variables are theirs."""
    if not name.startswith(PREFIX):
        return True
    model: Any = Settings
    for part in name.removeprefix(PREFIX).lower().split("__"):
        fields = getattr(model, "model_fields", {})
        if part not in fields:
            return False
        model = fields[part].annotation
    return True


def _config(text: str, profile: str) -> Iterator[str]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        yield f"serveConfigV2: {error}"
        return
    if found != serve_config(profile):
        yield f"serveConfigV2 is not the one of profile {profile!r}: {serve_config(profile)}"


def _hosted(name: str, ray: Mapping[str, Any]) -> Iterator[str]:
    try:
        profile = load_profile(name)
        types = {group.get("groupName", "?"): _node_type(group) for group in ray.get("workerGroupSpecs", ())}
    except (SettingsError, ValueError, IndexError) as error:
        yield str(error)
        return
    yield from unmet(profile, {"available_node_types": types})
    yield from _too_small(profile, types)
    for group in ray.get("workerGroupSpecs", ()):
        yield from (f"{group.get('groupName')}: {line}" for line in _group(group))


def _node_type(group: Mapping[str, Any]) -> dict[str, Any]:
    """The group as the launcher file would have it: KubeRay tells Ray the limits of the first container."""
    limits = below(group["template"]["spec"]["containers"][0], ("resources", "limits"))
    amounts = {"CPU": "cpu", "memory": "memory", "GPU": GPU}
    resources = {ray: quantity(limits[kubernetes]) for ray, kubernetes in amounts.items() if kubernetes in limits}
    return {"resources": resources, "labels": group.get("labels", {}), "max_workers": group.get("maxReplicas", 0)}


def _too_small(profile: Profile, types: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Kinds of node that, all of them together, have less than their deployments take at `max_replicas`."""
    wanted: dict[tuple[tuple[str, str], ...], list[Replicas]] = defaultdict(list)
    for shape in profile.deployments.values():
        wanted[tuple(sorted(shape.labels.items()))].append(shape)
    for labels, shapes in wanted.items():
        nodes = [node for node in types.values() if dict(labels).items() <= node["labels"].items()]
        for kind, need in (
            ("CPU", sum(s.num_cpus * s.max_replicas for s in shapes)),
            ("GPU", sum(s.num_gpus * s.max_replicas for s in shapes)),
            ("memory", sum(s.memory_mb * s.max_replicas for s in shapes) * MIB),
        ):
            have = sum(node["resources"].get(kind, 0) * node["max_workers"] for node in nodes)
            if need > have + 1e-6:
                yield f"{dict(labels) or 'all nodes'} have {have:g} {kind} at most, {need:g} wanted"


def _group(group: Mapping[str, Any]) -> Iterator[str]:
    spec = below(group, ("template", "spec"))
    selector = spec.get("nodeSelector", {})
    for key, value in group.get("labels", {}).items():
        if selector.get(key) != value:
            yield f"says {key}={value} but may land on nodes without it"
    limits = below(spec["containers"][0], ("resources", "limits"))
    tolerated = {toleration.get("key") for toleration in spec.get("tolerations", ())}
    if GPU in limits and GPU not in tolerated:
        yield f"wants a GPU and does not tolerate {GPU}"
    if GPU in limits and below(spec["containers"][0], ("resources", "requests")).get(GPU) != limits[GPU]:
        yield f"request and limit of {GPU} differ"
    if not group.get("minReplicas", 0) <= group.get("replicas", 0) <= group.get("maxReplicas", 0):
        yield "replicas are not between minReplicas and maxReplicas"
    if group.get("maxReplicas", 0) == 0:
        yield "may have no node"
