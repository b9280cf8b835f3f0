"""Every reference to a secret against what makes secrets: manifests, External Secrets, and the overlay's `expects.yaml`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster.manifests.documents import Pod, below, pods, ray_cluster, title
from cluster.manifests.kustomize import Document, read_yaml

EXPECTS = "expects.yaml"
AUTH_KEY = "auth_token"
"""Where KubeRay looks for Ray's token in the secret of `authOptions.secretName`."""
Wanted = Iterator[tuple[str, str, str]]
"""Who wants it, the secret's name, the key."""


def expected(folder: Path) -> dict[str, list[str]]:
    """Names and keys of secrets that are made by somebody else. Raises SettingsError when the file is broken."""
    path = folder / EXPECTS
    found: dict[str, list[str]] = read_yaml(path)[0] if path.exists() else {}
    return found


def unresolved(documents: Sequence[Document], expects: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """One line for each secret or key that nothing makes, and for each one made that nobody wants."""
    made: dict[str, set[str]] = defaultdict(set)
    for name, keys in expects.items():
        made[name] |= set(keys)
    for document in documents:
        name, own = _makes(document)
        if name:
            made[name] |= own
    left = {(name, key) for name, keys in made.items() for key in keys}
    for document in documents:
        for who, name, key in _wants(document):
            left.discard((name, key))
            if name not in made:
                yield f"{who}: no secret {name!r}"
            elif key not in made[name]:
                yield f"{who}: secret {name!r} has no key {key!r}"
    yield from (f"secret {name!r}: nobody wants key {key!r}" for name, key in sorted(left))


def _makes(document: Document) -> tuple[str, set[str]]:
    if document["kind"] == "Secret":
        return document["metadata"]["name"], {*document.get("data", {}), *document.get("stringData", {})}
    if document["kind"] == "ExternalSecret":
        spec = document["spec"]
        return below(spec, ("target", "name")) or "", {row.get("secretKey", "") for row in spec.get("data", ())}
    return "", set()


def _wants(document: Document) -> Wanted:
    who = title(document)
    for pod in pods(document):
        yield from _of_pod(pod)
    ray = ray_cluster(document)
    if name := below(ray, ("authOptions", "secretName")):
        yield who, name, AUTH_KEY
    for field in ("redisPassword", "redisUsername"):
        if found := below(ray, ("gcsFaultToleranceOptions", field, "valueFrom", "secretKeyRef")):
            yield who, found.get("name", ""), found.get("key", "")
    for listener in below(document, ("spec", "listeners")) or () if document["kind"] == "Gateway" else ():
        for reference in below(listener, ("tls", "certificateRefs")) or ():
            yield from ((who, reference.get("name", ""), key) for key in ("tls.crt", "tls.key"))


def _of_pod(pod: Pod) -> Wanted:
    for container in pod.containers:
        for variable in container.get("env", ()):
            if found := below(variable, ("valueFrom", "secretKeyRef")):
                yield f"{pod.where} {variable['name']}", found.get("name", ""), found.get("key", "")
    for volume in pod.spec.get("volumes", ()):
        yield from ((f"{pod.where} volume {volume.get('name')}", name, key) for name, key in _of_volume(volume))


def _of_volume(volume: dict[str, Any]) -> Iterator[tuple[str, str]]:
    secret = volume.get("secret")
    if secret:
        yield from ((secret.get("secretName", ""), item.get("key", "")) for item in secret.get("items", ({},)))
