"""Rules of the house for what runs: nobody is root, no tokens, limits, probes, pinned images, closed networks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from cluster.manifests.documents import Pod, below, pods, quantity, ray_cluster, title
from cluster.manifests.kustomize import Document

AMOUNTS = ("cpu", "memory", "ephemeral-storage")
GPU = "nvidia.com/gpu"
TOKEN_PATH = "/var/run/secrets/kubernetes.io"  # noqa: S105 - a path
HOST = ("hostNetwork", "hostPID", "hostIPC", "hostUsers")
SECRETIVE = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|(RECORDS|ONLINE|WORKFLOWS)_URL")
PLAIN = re.compile(r"//[^/\s:@]+:[^/\s@]+@|AKIA[0-9A-Z]{16}|PRIVATE KEY")
ALWAYS = {"RAY_USAGE_STATS_ENABLED": "0", "HF_HUB_OFFLINE": "1"}
OURS = re.compile(r"(?:.*/)?packshot")


def soft(documents: Sequence[Document], version: str, ray: str) -> Iterator[str]:
    """One line for each rule that is broken. `version` is Packshot's, `ray` is Ray's."""
    for document in documents:
        for pod in pods(document):
            yield from (f"{pod.where}: {line}" for line in _pod(pod))
            for container in pod.containers:
                who = f"{pod.where} {container.get('name', '?')}"
                yield from (f"{who}: {line}" for line in _container(container, version))
                if not pod.where.endswith(" submitter"):
                    yield from (f"{who}: no {name}" for name in ("readinessProbe", "livenessProbe") if name not in container)
        yield from (f"{title(document)}: {line}" for line in (*_ray(document, ray), *_plain(document)))
    yield from _whole(documents)


def _pod(pod: Pod) -> Iterator[str]:
    context = pod.spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser") or not context.get("runAsGroup"):
        yield "may run as root"
    if below(context, ("seccompProfile", "type")) != "RuntimeDefault":
        yield "no seccomp profile"
    if pod.spec.get("automountServiceAccountToken") is not False:
        yield "gets its account's token"
    yield from (f"{name} is set" for name in HOST if pod.spec.get(name))
    for volume in pod.spec.get("volumes", ()):
        if "hostPath" in volume:
            yield f"volume {volume.get('name')} is a folder of the node"
        if "emptyDir" in volume and not below(volume, ("emptyDir", "sizeLimit")):
            yield f"volume {volume.get('name')} has no sizeLimit"
        tokens = [part for part in below(volume, ("projected", "sources")) or () if "serviceAccountToken" in part]
        if tokens and pod.role != "head":
            yield f"volume {volume.get('name')} is a token of its account"


def _container(container: dict[str, Any], version: str) -> Iterator[str]:
    yield from _sealed(container)
    limits, requests = (below(container, ("resources", name)) for name in ("limits", "requests"))
    for name in AMOUNTS:
        yield from (f"no {kind} of {name}" for kind, of in (("limit", limits), ("request", requests)) if name not in of)
    for name in AMOUNTS:
        if name in limits and name in requests and _number(requests[name]) > _number(limits[name]):
            yield f"asks for more {name} than its limit"
    image = str(container.get("image", ""))
    name, _, tag = image.rpartition(":")
    if not name or "/" in tag or tag == "latest":
        yield f"image {image!r} has no version"
    elif OURS.fullmatch(name) and "@" not in name and tag != (wanted := f"{version}-{'cuda' if GPU in limits else 'cpu'}"):
        yield f"image {image!r} is not {wanted}"
    if any(str(mount.get("mountPath", "")).startswith(TOKEN_PATH) for mount in container.get("volumeMounts", ())):
        yield "sees the token of its account"
    writable = {mount.get("mountPath") for mount in container.get("volumeMounts", ())}
    if OURS.fullmatch(name) and not {"/tmp", "/var/packshot"} <= writable:  # noqa: S108 - a mount
        yield "has no place to write: mount /tmp and /var/packshot"


def _number(amount: Any) -> float:
    try:
        return quantity(amount)
    except ValueError:
        return -1.0


def _sealed(container: dict[str, Any]) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("readOnlyRootFilesystem") is not True:
        yield "its root file system can be written"
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "may gain privileges"
    if below(context, ("capabilities", "drop")) != ["ALL"] or below(context, ("capabilities", "add")):
        yield "keeps capabilities"
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
        yield "may run as root"


def _ray(document: Document, ray: str) -> Iterator[str]:
    spec = ray_cluster(document)
    if not spec:
        return
    if spec.get("rayVersion") != ray:
        yield f"rayVersion is {spec.get('rayVersion')}, the image has {ray}"
    if below(spec, ("headGroupSpec", "rayStartParams", "num-cpus")) != "0":
        yield "the head takes work: num-cpus is not '0'"
    if below(spec, ("authOptions", "mode")) != "token":
        yield "Ray asks for no token"
    yield from (f"autoscaler: {line}" for line in _sealed(spec.get("autoscalerOptions", {})))


def _plain(document: Document) -> Iterator[str]:
    if document["kind"] == "Secret":
        yield "secrets do not belong into manifests"
    values: list[tuple[str, Any]] = list(document.get("data", {}).items()) if document["kind"] == "ConfigMap" else []
    for pod in pods(document):
        values += [(one["name"], one.get("value")) for container in pod.containers for one in container.get("env", ())]
    for name, value in values:
        if value and (SECRETIVE.search(name) or PLAIN.search(str(value))):
            yield f"{name} is written out: give it by secretKeyRef"


def _whole(documents: Sequence[Document]) -> Iterator[str]:
    policies = [document for document in documents if document["kind"] == "NetworkPolicy"]
    shut = [p for p in policies if p["spec"].get("podSelector") == {} and not ({"ingress", "egress"} & p["spec"].keys())]
    if not any({"Ingress", "Egress"} <= set(p["spec"].get("policyTypes", ())) for p in shut):
        yield "no NetworkPolicy denies everything that is not named"
    for policy in policies:
        rules = [rule for way in ("ingress", "egress") for rule in policy["spec"].get(way, ())]
        if any(not rule.get("from") and not rule.get("to") for rule in rules):
            yield f"{title(policy)}: a rule for everybody"
        for peer in (peer for rule in rules for peer in (*rule.get("from", ()), *rule.get("to", ()))):
            block = peer.get("ipBlock", {})
            if block.get("cidr") == "0.0.0.0/0" and "169.254.0.0/16" not in block.get("except", ()):
                yield f"{title(policy)}: reaches the cloud's metadata"
    for document in documents:
        labels = below(document, ("metadata", "labels"))
        if document["kind"] == "Namespace" and labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{title(document)}: pod security is not `restricted`"
        if document["kind"] == "ServiceAccount" and document.get("automountServiceAccountToken") is not False:
            yield f"{title(document)}: gives its token to every pod"
        if document["kind"] == "Gateway" and not any(x.get("protocol") == "HTTPS" for x in document["spec"].get("listeners", ())):
            yield f"{title(document)}: no TLS"
        if document["kind"] == "ConfigMap" and "PACKSHOT_PROFILE" in document.get("data", {}):
            wrong = [name for name, value in ALWAYS.items() if document["data"].get(name) != value]
            yield from (f"{title(document)}: {name} is not {ALWAYS[name]}" for name in wrong)
