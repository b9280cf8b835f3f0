"""Which fields the kinds that Kubernetes itself does not know may have here: those that we use, from KubeRay's definitions
(v1, 2026-08-19), the Gateway API (v1) and External Secrets (v1). A misspelt field is one that is not in these tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from cluster.manifests.documents import title
from cluster.manifests.kustomize import Document

TEMPLATE = "pod template"
"""Checked against Kubernetes' own schema (`cluster.manifests.core`)."""
CORE = "core"
"""Likewise: a part of a pod."""
Table = Any
"""A dict of fields (`!` after a name: must be there), `[table]`, a type, a tuple of words, a function, TEMPLATE or CORE."""


def words(value: Any) -> str:
    """Problem of something that must be a mapping of strings to strings."""
    good = isinstance(value, dict) and all(isinstance(x, str) for pair in value.items() for x in pair)
    return "" if good else "is no mapping of strings to strings"


def count(value: Any) -> str:
    """Problem of something that must be a whole number from 0."""
    return "" if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else "is no whole number from 0"


def port(value: Any) -> str:
    """Problem of a TCP port."""
    return "" if isinstance(value, int) and 0 < value < 65536 else "is no port"


def schedule(value: Any) -> str:
    """Problem of when something is to happen, in cron's five fields (numbers, names are not used here)."""
    return "" if isinstance(value, str) and re.fullmatch(r"[\d*/,-]+( [\d*/,-]+){4}", value) else "is no cron schedule"


METADATA = {"name!": str, "namespace": str, "labels": words, "annotations": words}
SECRET_VALUE = {"valueFrom!": {"secretKeyRef!": {"name!": str, "key!": str}}}
HEAD = {"rayStartParams": words, "template!": TEMPLATE, "labels": words, "resources": words, "serviceType": ("ClusterIP",)}
WORKERS = {
    "groupName!": str,
    "replicas!": count,
    "minReplicas!": count,
    "maxReplicas!": count,
    "idleTimeoutSeconds": count,
    "priority": count,
    "labels": words,
    "resources": words,
    "rayStartParams": words,
    "template!": TEMPLATE,
}
CLUSTER = {
    "rayVersion!": str,
    "enableInTreeAutoscaling": bool,
    "autoscalerOptions": {
        "version!": ("v2",),
        "idleTimeoutSeconds": count,
        "upscalingMode": ("Default", "Aggressive", "Conservative"),
        "securityContext": CORE,
        "resources": CORE,
        "volumeMounts": CORE,
        "env": CORE,
        "envFrom": CORE,
    },
    "authOptions!": {"mode!": ("token",), "secretName": str},
    "gcsFaultToleranceOptions": {
        "backend!": ("redis", "rocksdb"),
        "redisAddress": str,
        "redisUsername": SECRET_VALUE,
        "redisPassword": SECRET_VALUE,
        "externalStorageNamespace": str,
        "storage": {
            "size!": str,
            "accessModes": [str],
            "storageClassName": str,
            "claimName": str,
            "deletionPolicy": ("DeleteWithCluster", "Retain"),
        },
    },
    "headGroupSpec!": HEAD,
    "workerGroupSpecs!": [WORKERS],
}
JOB = {
    "entrypoint!": str,
    "suspend": bool,
    "submissionMode!": ("K8sJobMode", "HTTPMode"),
    "submitterPodTemplate": TEMPLATE,
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": count,
    "activeDeadlineSeconds": count,
    "backoffLimit": count,
    "runtimeEnvYAML": str,
    "rayClusterSpec!": CLUSTER,
}
PARENTS = [{"name!": str, "namespace": str, "sectionName": str}]
ROUTE_RULE = {
    "matches": [{"path!": {"type!": ("PathPrefix", "Exact"), "value!": str}}],
    "timeouts": {"request": str, "backendRequest": str},
    "backendRefs": [{"name!": str, "port!": port, "weight": count}],
    "filters": [
        {
            "type!": ("RequestRedirect",),
            "requestRedirect!": {"scheme!": ("https",), "statusCode": (301, 302), "port": port},
        }
    ],
}
LISTENER = {
    "name!": str,
    "hostname!": str,
    "port!": port,
    "protocol!": ("HTTPS", "HTTP"),
    "tls": {"mode!": ("Terminate",), "certificateRefs!": [{"kind": ("Secret",), "name!": str}]},
    "allowedRoutes": {"namespaces!": {"from!": ("Same",)}},
}
SECRET = {
    "refreshInterval": str,
    "secretStoreRef!": {"kind!": ("ClusterSecretStore", "SecretStore"), "name!": str},
    "target!": {"name!": str, "creationPolicy": ("Owner", "Merge")},
    "data!": [{"secretKey!": str, "remoteRef!": {"key!": str, "property": str, "version": str}}],
}
SPECS: dict[tuple[str, str], Table] = {
    ("ray.io/v1", "RayService"): {
        "serveConfigV2!": str,
        "rayClusterConfig!": CLUSTER,
        "excludeHeadPodFromServeSvc": bool,
        "upgradeStrategy": {"type!": ("NewCluster", "None", "NewClusterWithIncrementalUpgrade")},
        "rayClusterDeletionDelaySeconds": count,
        "suspend": bool,
    },
    ("ray.io/v1", "RayJob"): JOB,
    ("ray.io/v1", "RayCronJob"): {"schedule!": schedule, "timeZone!": str, "suspend": bool, "jobTemplate!": JOB},
    ("gateway.networking.k8s.io/v1", "Gateway"): {"gatewayClassName!": str, "listeners!": [LISTENER]},
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): {"parentRefs!": PARENTS, "hostnames!": [str], "rules!": [ROUTE_RULE]},
    ("external-secrets.io/v1", "ExternalSecret"): SECRET,
}


def has_table(document: Document) -> bool:
    """Whether the kind is one of these."""
    return (document.get("apiVersion"), document.get("kind")) in SPECS


def strange(document: Document) -> Iterator[str]:
    """One line for each field that is not in the table of the kind, is missing, or has a wrong value."""
    spec = SPECS[document["apiVersion"], document["kind"]]
    whole = {"apiVersion!": str, "kind!": str, "metadata!": METADATA, "spec!": spec}
    yield from (f"{title(document)}: {line}" for line in _check(document, whole, ""))


def _check(value: Any, table: Table, where: str) -> Iterator[str]:
    if isinstance(table, dict):
        yield from _fields(value, table, where)
    elif isinstance(table, list):
        if not isinstance(value, list) or not value:
            yield f"{where} is no list with something in it"
        else:
            for number, one in enumerate(value):
                yield from _check(one, table[0], f"{where}/{number}")
    elif problem := _wrong(value, table):
        yield f"{where} {problem}"


def _fields(value: Any, table: dict[str, Table], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is no mapping"
        return
    known = {name.rstrip("!"): inner for name, inner in table.items()}
    for name in value:
        if name not in known:
            yield f"{where}/{name} is not a field that we know"
        else:
            yield from _check(value[name], known[name], f"{where}/{name}")
    for name in table:
        if name.endswith("!") and name[:-1] not in value:
            yield f"{where}/{name[:-1]} is missing"


def _wrong(value: Any, table: Table) -> str:
    if table in (TEMPLATE, CORE) if isinstance(table, str) else False:
        return "" if isinstance(value, (dict, list)) and value else "is empty"
    if isinstance(table, tuple):
        return "" if value in table else f"is {value!r}, not {' or '.join(map(str, table))}"
    if isinstance(table, type):
        return "" if isinstance(value, table) and value != "" else f"is {value!r}, no {table.__name__}"
    check: Callable[[Any], str] = table
    return check(value)
