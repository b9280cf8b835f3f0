"""Kubernetes' own kinds, and the pods inside KubeRay's, against Kubernetes' schema; KubeRay's kinds against its definitions."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from cluster.manifests.documents import Pod, pods, ray_cluster, title
from cluster.manifests.kustomize import Document
from studio.errors import SettingsError

VERSION = "1.33"
Validators = dict[tuple[str, str], Any]


def wrong(document: Document) -> Iterator[str]:
    """One line for what Kubernetes' schema does not have. Raises SettingsError when `kubernetes-validate` is not installed."""
    yield from _lines(title(document), document)


def wrong_pods(document: Document) -> Iterator[str]:
    """Likewise for the pod templates of a document of KubeRay's, and for the autoscaler's container."""
    for pod in pods(document):
        yield from _lines(pod.where, _as_pod(pod))
    if options := ray_cluster(document).get("autoscalerOptions"):
        known = ("securityContext", "resources", "volumeMounts", "env", "envFrom")
        container = {"name": "autoscaler", "image": "a:1", **{name: options[name] for name in known if name in options}}
        yield from _lines(f"{title(document)} autoscaler", _as_pod(Pod("autoscaler", {}, {"containers": [container]})))


def definitions(folder: Path) -> Validators:
    """Strict validators out of a folder of KubeRay's CustomResourceDefinitions. Raises SettingsError when there are none."""
    jsonschema = _module("jsonschema")
    found: Validators = {}
    for path in sorted(folder.glob("*.yaml")):
        definition = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        for version in definition["spec"]["versions"]:
            schema = copy.deepcopy(version["schema"]["openAPIV3Schema"])
            _close(schema)
            schema["properties"]["metadata"] = {"type": "object"}
            name = (f"{definition['spec']['group']}/{version['name']}", definition["spec"]["names"]["kind"])
            found[name] = jsonschema.Draft202012Validator(schema)
    if not found:
        raise SettingsError(f"{folder}: no definitions")
    return found


def undefined(document: Document, validators: Validators) -> Iterator[str]:
    """One line for what KubeRay's definition of the kind does not have."""
    validator = validators.get((document["apiVersion"], document["kind"]))
    for error in validator.iter_errors(document) if validator else ():
        yield f"{title(document)}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"


def _as_pod(pod: Pod) -> Document:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": pod.labels}, "spec": pod.spec}


def _lines(where: str, document: Document) -> Iterator[str]:
    problem = _problem(json.dumps(document, sort_keys=True))
    if problem:
        yield f"{where}: {problem}"


@lru_cache(maxsize=1000)
def _problem(document: str) -> str:
    """The first thing that is wrong; a document is JSON, because overlays repeat most of them."""
    kubernetes_validate, given = _module("kubernetes_validate"), json.loads(document)
    try:
        kubernetes_validate.validate(given, VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'/'.join(map(str, getattr(error, 'path', ())))}: {str(getattr(error, 'message', error))[:200]}"
    except kubernetes_validate.SchemaNotFoundError:
        return f"Kubernetes {VERSION} has no {given.get('apiVersion')} {given.get('kind')}"
    return ""


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise SettingsError(f"{name} is not installed: `make setup` brings it") from error


def _close(schema: Any) -> None:
    """Refuse fields that are not there, as `kubectl --validate=strict` does."""
    if isinstance(schema, list):
        for one in schema:
            _close(one)
    if not isinstance(schema, dict):
        return
    free = ("additionalProperties", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource")
    if schema.get("type") == "object" and "properties" in schema and not any(schema.get(name) for name in free):
        schema["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        schema.pop("type", None)
        schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    for name, inner in schema.items():
        if name != "required":
            _close(inner)
