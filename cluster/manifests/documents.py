"""What manifests hold, found in whatever kind of document it is: clusters of Ray, pod templates, containers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.manifests.kustomize import Document

CLUSTERS = {
    "RayService": ("rayClusterConfig",),
    "RayCluster": (),
    "RayJob": ("rayClusterSpec",),
    "RayCronJob": ("jobTemplate", "rayClusterSpec"),
}
"""Where the specification of the Ray cluster is, below `spec`."""
SUBMITTERS = {"RayJob": (), "RayCronJob": ("jobTemplate",)}
UNITS = {"": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod template, where it is, and whether it is the head of a Ray that scales itself."""

    where: str
    labels: dict[str, str]
    spec: dict[str, Any]
    role: str = ""

    @property
    def containers(self) -> list[dict[str, Any]]:
        """All of them, first those that run first."""
        return [*self.spec.get("initContainers", ()), *self.spec.get("containers", ())]


def title(document: Document) -> str:
    """Kind and name."""
    return f"{document.get('kind', '?')}/{document.get('metadata', {}).get('name', '?')}"


def below(value: Any, way: Sequence[str]) -> Any:
    """What is found on the way down; an empty mapping where it ends early."""
    for part in way:
        value = value.get(part, {}) if isinstance(value, dict) else {}
    return value


def ray_cluster(document: Document) -> dict[str, Any]:
    """The RayCluster specification in a document of KubeRay's; empty for any other."""
    way = CLUSTERS.get(document["kind"])
    found: dict[str, Any] = {} if way is None else below(document, ("spec", *way))
    return found


def pods(document: Document) -> Iterator[Pod]:
    """Every pod template of a document."""
    name, spec = title(document), document.get("spec", {})
    if document["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        yield _pod(f"{name}", spec.get("template", {}))
    ray = ray_cluster(document)
    if ray:
        scales = "head" if ray.get("enableInTreeAutoscaling") else "worker"
        yield _pod(f"{name} head", below(ray, ("headGroupSpec", "template")), scales)
        for group in ray.get("workerGroupSpecs", ()):
            yield _pod(f"{name} {group.get('groupName', '?')}", group.get("template", {}), "worker")
    if document["kind"] in SUBMITTERS:
        submitter = below(spec, (*SUBMITTERS[document["kind"]], "submitterPodTemplate"))
        if submitter:
            yield _pod(f"{name} submitter", submitter)


def _pod(where: str, template: dict[str, Any], role: str = "") -> Pod:
    return Pod(where, below(template, ("metadata", "labels")), template.get("spec", {}), role)


def quantity(text: Any) -> float:
    """Kubernetes' amount as a number: `500m` is 0.5, `2Gi` is 2147483648. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]*)", str(text))
    if not match or match[2] not in UNITS:
        raise ValueError(f"{text!r} is no amount")
    return float(match[1]) * UNITS[match[2]]


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector with `matchLabels` alone takes these labels; an empty one takes everything."""
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()
