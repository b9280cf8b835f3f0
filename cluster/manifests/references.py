"""Everything that a manifest names must be there: accounts, config maps, claims, volumes, services, ports, gateways, pods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cluster.manifests.documents import Pod, below, pods, ray_cluster, selects, title
from cluster.manifests.kustomize import Document

GIVEN = {"ConfigMap": {"kube-root-ca.crt"}}
"""Objects that Kubernetes makes in every namespace."""
AGENT = 52365
"""Port of Ray's agent on every node, for probes."""
OPERATOR_PORTS = {"-serve-svc": {8000}, "-head-svc": {6379, 8265, 10001, 8000}}
"""Services that KubeRay makes for a RayService, and their ports (names of the containers' ports)."""


def dangling(documents: Sequence[Document]) -> Iterator[str]:
    """One line for each name that leads nowhere."""
    found = [pod for document in documents for pod in pods(document)]
    for document in documents:
        for pod in pods(document):
            yield from _pod(pod, documents, _claimed(document))
        yield from _autoscaler(document)
    for document in documents:
        check = _CHECKS.get(document["kind"])
        if check:
            yield from (f"{title(document)}: {line}" for line in check(document["spec"], documents, found))
        yield from (f"{title(document)}: {line}" for line in _head_store(document, documents))


def _names(documents: Sequence[Document], kind: str) -> set[str]:
    return {document["metadata"]["name"] for document in documents if document["kind"] == kind} | GIVEN.get(kind, set())


def _claimed(document: Document) -> set[str]:
    return {below(claim, ("metadata", "name")) for claim in below(document, ("spec", "volumeClaimTemplates")) or ()}


def _pod(pod: Pod, documents: Sequence[Document], claimed: set[str]) -> Iterator[str]:
    wanted = [("ServiceAccount", pod.spec.get("serviceAccountName"))]
    volumes = {volume.get("name") for volume in pod.spec.get("volumes", ())} | claimed
    for volume in pod.spec.get("volumes", ()):
        wanted.append(("PersistentVolumeClaim", below(volume, ("persistentVolumeClaim", "claimName"))))
        wanted.append(("ConfigMap", below(volume, ("configMap", "name"))))
        wanted += [("ConfigMap", below(part, ("configMap", "name"))) for part in below(volume, ("projected", "sources")) or ()]
    for container in pod.containers:
        wanted += [("ConfigMap", below(source, ("configMapRef", "name"))) for source in container.get("envFrom", ())]
        wanted += [("ConfigMap", below(one, ("valueFrom", "configMapKeyRef", "name"))) for one in container.get("env", ())]
        mounted = [mount.get("name") for mount in container.get("volumeMounts", ())]
        yield from (f"{pod.where}: no volume {name!r}" for name in mounted if name not in volumes)
        yield from (f"{pod.where}: {line}" for line in _probes(container))
    yield from (f"{pod.where}: no {kind} {name!r}" for kind, name in wanted if name and name not in _names(documents, kind))


def _probes(container: dict[str, Any]) -> Iterator[str]:
    ports = {port.get(key) for port in container.get("ports", ()) for key in ("name", "containerPort")} | {AGENT}
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        for way in ("httpGet", "tcpSocket"):
            port = below(container, (name, way, "port"))
            if port and port not in ports:
                yield f"{name} asks port {port}, which {container.get('name')} does not have"


def _autoscaler(document: Document) -> Iterator[str]:
    ray = ray_cluster(document)
    volumes = {volume.get("name") for volume in below(ray, ("headGroupSpec", "template", "spec", "volumes")) or ()}
    for mount in below(ray, ("autoscalerOptions", "volumeMounts")) or ():
        if mount.get("name") not in volumes:
            yield f"{title(document)} autoscaler: no volume {mount.get('name')!r}"


def _head_store(document: Document, documents: Sequence[Document]) -> Iterator[str]:
    address = below(ray_cluster(document), ("gcsFaultToleranceOptions", "redisAddress"))
    if address:
        host, _, port = str(address).rpartition(":")
        if not port.isdigit() or int(port) not in _service_ports(host, documents):
            yield f"redisAddress: no service with port at {address!r}"


def _service_ports(name: str, documents: Sequence[Document]) -> set[int]:
    for document in documents:
        if document["kind"] == "Service" and document["metadata"]["name"] == name:
            return {port["port"] for port in document["spec"].get("ports", ())}
        if document["kind"] == "RayService":
            for suffix, ports in OPERATOR_PORTS.items():
                if name == document["metadata"]["name"] + suffix:
                    return ports & _container_ports(list(pods(document)))
    return set()


def _container_ports(found: Sequence[Pod]) -> set[Any]:
    ports = [port for pod in found for container in pod.containers for port in container.get("ports", ())]
    return {port.get(key) for port in ports for key in ("name", "containerPort")} - {None}


def _service(spec: dict[str, Any], _documents: Sequence[Document], found: Sequence[Pod]) -> Iterator[str]:
    chosen = [pod for pod in found if selects({"matchLabels": spec.get("selector", {})}, pod.labels)]
    if not chosen:
        yield "no pod has the labels of its selector"
    for port in spec.get("ports", ()):
        target = port.get("targetPort", port.get("port"))
        if chosen and target not in _container_ports(chosen):
            yield f"no pod of its selector has port {target}"


def _stateful(spec: dict[str, Any], documents: Sequence[Document], _found: Sequence[Pod]) -> Iterator[str]:
    if spec.get("serviceName") not in _names(documents, "Service"):
        yield f"no Service {spec.get('serviceName')!r}"
    if not selects(spec.get("selector", {}), below(spec, ("template", "metadata", "labels"))):
        yield "its pods lack the labels of its selector"


def _policy(spec: dict[str, Any], _documents: Sequence[Document], found: Sequence[Pod]) -> Iterator[str]:
    chosen = [pod for pod in found if selects(spec.get("podSelector", {}), pod.labels)]
    if not chosen:
        yield "no pod has the labels of its selector"
    ports = _container_ports(found if not spec.get("podSelector") else chosen)
    for rule in spec.get("ingress", ()):
        wrong = [port["port"] for port in rule.get("ports", ()) if port["port"] not in ports]
        yield from (f"no pod of its selector has port {port}" for port in wrong)
    for way, peers in (("ingress", "from"), ("egress", "to")):
        for peer in (peer for rule in spec.get(way, ()) for peer in rule.get(peers, ())):
            selector = peer.get("podSelector")
            if selector is not None and not any(selects(selector, pod.labels) for pod in found):
                yield f"{way}: no pod has {selector.get('matchLabels')}"


def _budget(spec: dict[str, Any], _documents: Sequence[Document], found: Sequence[Pod]) -> Iterator[str]:
    if not any(selects(spec.get("selector", {}), pod.labels) for pod in found):
        yield "no pod has the labels of its selector"


def _route(spec: dict[str, Any], documents: Sequence[Document], _found: Sequence[Pod]) -> Iterator[str]:
    gateways = {d["metadata"]["name"]: d["spec"].get("listeners", ()) for d in documents if d["kind"] == "Gateway"}
    for parent in spec.get("parentRefs", ()):
        listeners = {listener.get("name"): listener for listener in gateways.get(parent.get("name"), ())}
        if parent.get("sectionName") not in listeners:
            yield f"no gateway {parent.get('name')!r} with a listener {parent.get('sectionName')!r}"
        elif listeners[parent["sectionName"]].get("hostname") not in spec.get("hostnames", ()):
            yield f"the listener is for {listeners[parent['sectionName']].get('hostname')}"
    for backend in (backend for rule in spec.get("rules", ()) for backend in rule.get("backendRefs", ())):
        if backend.get("port") not in _service_ports(backend.get("name", ""), documents):
            yield f"no service {backend.get('name')!r} with port {backend.get('port')}"


_CHECKS = {
    "Service": _service,
    "StatefulSet": _stateful,
    "NetworkPolicy": _policy,
    "PodDisruptionBudget": _budget,
    "HTTPRoute": _route,
}
