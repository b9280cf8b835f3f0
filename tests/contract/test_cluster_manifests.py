"""Manifests: as they are nothing is wrong, and whatever is seeded into them is found. No cluster, no network."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml
from ray.serve._private.build_app import build_app
from ray.serve.schema import ServeDeploySchema
from typer.main import get_command

from cluster.manifests import FOLDER, core, found, overlays, problems, secrets
from cluster.manifests.__main__ import main
from cluster.manifests.kustomize import render
from cluster.manifests.serving import serve_config
from cluster.profile import load_profile
from cluster.proxy import SERVICE
from cluster.runtime import RAY_ENVIRONMENT
from cluster.settings import Settings
from pipelines.cli import app
from serve_apps.app import AppArguments, build
from studio.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
CRDS = ROOT.parent / "shared" / "data" / "schemas" / "kuberay"
PRODUCTION = FOLDER / "overlays" / "production"
Documents = list[dict[str, Any]]


@pytest.fixture(scope="module")
def production() -> Documents:
    return render(PRODUCTION)


def one(documents: Documents, kind: str, name: str = "packshot") -> dict[str, Any]:
    return next(d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name)


def ray(documents: Documents) -> dict[str, Any]:
    return one(documents, "RayService")["spec"]["rayClusterConfig"]


def group(documents: Documents, name: str = "gpu-spot") -> dict[str, Any]:
    return next(g for g in ray(documents)["workerGroupSpecs"] if g["groupName"] == name)


def head(documents: Documents) -> dict[str, Any]:
    return ray(documents)["headGroupSpec"]["template"]["spec"]


def worker(documents: Documents, name: str = "cpu-spot") -> dict[str, Any]:
    return group(documents, name)["template"]["spec"]["containers"][0]


def without(documents: Documents, kind: str, name: str) -> None:
    documents.remove(one(documents, kind, name))


def environment(documents: Documents) -> dict[str, Any]:
    return one(documents, "ConfigMap", "packshot-environment")["data"]


def policy(documents: Documents, name: str) -> dict[str, Any]:
    return one(documents, "NetworkPolicy", name)["spec"]


def renamed(mapping: dict[str, Any], old: str, new: str) -> None:
    mapping[new] = mapping.pop(old)


SEEDED: dict[str, tuple[Callable[[Documents], Any], str]] = {
    "misspelt field of RayService": (lambda d: renamed(one(d, "RayService")["spec"], "serveConfigV2", "serveConfigv2"), "serveConfigv2"),
    "misspelt field of the cluster": (lambda d: renamed(ray(d), "rayVersion", "rayVersoin"), "rayVersoin"),
    "misspelt field of a group": (lambda d: renamed(group(d), "maxReplicas", "maxReplica"), "maxReplica is not a field"),
    "misspelt field of a pod": (lambda d: renamed(head(d), "serviceAccountName", "serviceAccount_name"), "serviceAccount_name"),
    "misspelt field of a container": (lambda d: renamed(worker(d), "envFrom", "envfrom"), "envfrom"),
    "misspelt field of a probe": (lambda d: renamed(worker(d)["livenessProbe"], "periodSeconds", "period"), "period"),
    "misspelt field of the cron job": (lambda d: renamed(one(d, "RayCronJob", "packshot-night")["spec"], "timeZone", "timezone"), "timezone"),
    "a schedule of four fields": (lambda d: one(d, "RayCronJob", "packshot-night")["spec"].update(schedule="30 1 * *"), "no cron schedule"),
    "misspelt field of the job": (lambda d: renamed(one(d, "RayJob", "packshot-run")["spec"], "ttlSecondsAfterFinished", "ttl"), "ttl"),
    "misspelt field of the gateway": (lambda d: renamed(one(d, "Gateway")["spec"]["listeners"][0], "tls", "tsl"), "tsl"),
    "misspelt field of a budget": (lambda d: renamed(one(d, "PodDisruptionBudget", "packshot-worker")["spec"], "maxUnavailable", "maxUnavailible"), "maxUnavailible"),
    "a number that is a word": (lambda d: group(d).update(maxReplicas="eight"), "maxReplicas is no whole number"),
    "autoscaler v1": (lambda d: ray(d)["autoscalerOptions"].update(version="v1"), "not v2"),
    "no label that urgent work asks for": (lambda d: group(d, "cpu-on-demand")["labels"].pop("packshot/market"), "no node type has packshot/pool=cpu, packshot/market=on-demand"),
    "a label that is misspelt": (lambda d: group(d)["labels"].update({"packshot/pool": "gup"}), "gpu"),
    "a group that lands on other nodes": (lambda d: group(d)["template"]["spec"].pop("nodeSelector"), "may land on nodes without it"),
    "no GPU": (lambda d: [worker(d, "gpu-spot")["resources"][k].pop("nvidia.com/gpu") for k in ("limits", "requests")], "0 GPU"),
    "GPU asked for by another name": (lambda d: [renamed(worker(d, "gpu-spot")["resources"][k], "nvidia.com/gpu", "gpu") for k in ("limits", "requests")], "GPU"),
    "no toleration of GPU nodes": (lambda d: group(d)["template"]["spec"].update(tolerations=[]), "does not tolerate"),
    "too few nodes for the largest night": (lambda d: group(d, "cpu-spot").update(maxReplicas=2), "at most"),
    "too little memory": (lambda d: worker(d, "cpu-on-demand")["resources"]["limits"].update(memory="4Gi"), "memory"),
    "a group that may have no node": (lambda d: group(d).update(maxReplicas=0), "may have no node"),
    "another profile in the Serve config": (lambda d: one(d, "RayService")["spec"].update(serveConfigV2=one(d, "RayService")["spec"]["serveConfigV2"].replace("production", "local")), "not the one of profile"),
    "a profile that does not exist": (lambda d: environment(d).update(PACKSHOT_PROFILE="prodution"), "no profile"),
    "a setting that does not exist": (lambda d: renamed(environment(d), "PACKSHOT_RUNS_URI", "PACKSHOT_RUN_URI"), "PACKSHOT_RUN_URI is no setting"),
    "a misspelt secret": (lambda d: worker(d)["env"][0]["valueFrom"]["secretKeyRef"].update(name="packshot-databse"), "no secret 'packshot-databse'"),
    "a misspelt key of a secret": (lambda d: worker(d)["env"][0]["valueFrom"]["secretKeyRef"].update(key="record-url"), "no key 'record-url'"),
    "no secret for the database": (lambda d: without(d, "ExternalSecret", "packshot-database"), "no secret 'packshot-database'"),
    "no token for Ray": (lambda d: without(d, "ExternalSecret", "packshot-ray-token"), "no secret 'packshot-ray-token'"),
    "no password of the head's store": (lambda d: without(d, "ExternalSecret", "packshot-head-store"), "no secret 'packshot-head-store'"),
    "a secret that nobody wants": (lambda d: one(d, "ExternalSecret", "packshot-shop")["spec"]["data"].append({"secretKey": "old", "remoteRef": {"key": "x"}}), "nobody wants key 'old'"),
    "another certificate": (lambda d: one(d, "Gateway")["spec"]["listeners"][0]["tls"]["certificateRefs"][0].update(name="tls"), "no secret 'tls'"),
    "a password written out": (lambda d: worker(d)["env"].append({"name": "DB_PASSWORD", "value": "x"}), "DB_PASSWORD is written out"),
    "a URL with a password": (lambda d: environment(d).update(PACKSHOT_API__JOBS_ADDRESS="http://a:b@host"), "is written out"),
    "no settings": (lambda d: without(d, "ConfigMap", "packshot-environment"), "no ConfigMap 'packshot-environment'"),
    "no service account": (lambda d: without(d, "ServiceAccount", "packshot-worker"), "no ServiceAccount 'packshot-worker'"),
    "an account that gives its token": (lambda d: one(d, "ServiceAccount", "packshot-worker").pop("automountServiceAccountToken"), "gives its token"),
    "a pod with its account's token": (lambda d: group(d)["template"]["spec"].update(automountServiceAccountToken=True), "gets its account's token"),
    "a container that sees the token": (lambda d: head(d)["containers"][0]["volumeMounts"].append({"name": "api-token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}), "sees the token"),
    "a volume that is not there": (lambda d: worker(d)["volumeMounts"][0].update(name="temp"), "no volume 'temp'"),
    "the autoscaler's volume": (lambda d: ray(d)["autoscalerOptions"]["volumeMounts"][0].update(name="temp"), "autoscaler: no volume"),
    "another port in the route": (lambda d: one(d, "HTTPRoute")["spec"]["rules"][0]["backendRefs"][0].update(port=8080), "with port 8080"),
    "another service in the route": (lambda d: one(d, "HTTPRoute")["spec"]["rules"][0]["backendRefs"][0].update(name="packshot"), "no service 'packshot'"),
    "another listener": (lambda d: one(d, "HTTPRoute")["spec"]["parentRefs"][0].update(sectionName="tls"), "with a listener 'tls'"),
    "another port of the head's store": (lambda d: ray(d)["gcsFaultToleranceOptions"].update(redisAddress="packshot-head-store:6380"), "redisAddress"),
    "a probe of a port that is not open": (lambda d: worker(d)["readinessProbe"]["httpGet"].update(port=8001), "asks port 8001"),
    "a policy for nobody's port": (lambda d: policy(d, "customers")["ingress"][0]["ports"][0].update(port=80), "has port 80"),
    "a policy for nobody": (lambda d: policy(d, "customers")["podSelector"]["matchLabels"].update({"app.kubernetes.io/component": "api"}), "no pod has the labels"),
    "a budget for nobody": (lambda d: one(d, "PodDisruptionBudget", "packshot-head")["spec"]["selector"]["matchLabels"].update({"app.kubernetes.io/name": "pack"}), "no pod has the labels"),
    "a service for nobody": (lambda d: one(d, "Service", "packshot-head-store")["spec"]["selector"].update({"app.kubernetes.io/component": "redis"}), "no pod has the labels"),
    "no wall": (lambda d: without(d, "NetworkPolicy", "deny-all"), "denies everything"),
    "a hole in the wall": (lambda d: policy(d, "monitoring")["ingress"][0].pop("from"), "a rule for everybody"),
    "the cloud's metadata": (lambda d: policy(d, "outside")["egress"][0]["to"][0]["ipBlock"].pop("except"), "metadata"),
    "a mutable root file system": (lambda d: worker(d)["securityContext"].update(readOnlyRootFilesystem=False), "can be written"),
    "a mutable autoscaler": (lambda d: ray(d)["autoscalerOptions"]["securityContext"].pop("readOnlyRootFilesystem"), "autoscaler: its root"),
    "root": (lambda d: group(d)["template"]["spec"]["securityContext"].update(runAsUser=0), "may run as root"),
    "privileges": (lambda d: worker(d)["securityContext"].update(allowPrivilegeEscalation=True), "may gain privileges"),
    "capabilities": (lambda d: worker(d)["securityContext"].update(capabilities={"drop": ["ALL"], "add": ["SYS_PTRACE"]}), "keeps capabilities"),
    "no seccomp": (lambda d: head(d)["securityContext"].pop("seccompProfile"), "no seccomp"),
    "a folder of the node": (lambda d: head(d)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}), "a folder of the node"),
    "the node's network": (lambda d: head(d).update(hostNetwork=True), "hostNetwork"),
    "the latest image": (lambda d: worker(d).update(image="registry.example.com/packshot:latest"), "has no version"),
    "an image without a version": (lambda d: worker(d).update(image="registry.example.com/packshot"), "has no version"),
    "an image of another version": (lambda d: worker(d).update(image="registry.example.com/packshot:0.0.9-cpu"), "is not 0.1.0-cpu"),
    "an image without CUDA on a GPU": (lambda d: worker(d, "gpu-spot").update(image="registry.example.com/packshot:0.1.0-cpu"), "is not 0.1.0-cuda"),
    "another Ray": (lambda d: ray(d).update(rayVersion="2.59.0"), "rayVersion is 2.59.0"),
    "no limit of memory": (lambda d: worker(d)["resources"]["limits"].pop("memory"), "no limit of memory"),
    "no liveness": (lambda d: worker(d).pop("livenessProbe"), "no livenessProbe"),
    "nowhere to write": (lambda d: worker(d)["volumeMounts"].pop(0), "no place to write"),
    "a volume without an end": (lambda d: head(d)["volumes"][0].update(emptyDir={}), "no sizeLimit"),
    "work on the head": (lambda d: ray(d)["headGroupSpec"].update(rayStartParams={}), "the head takes work"),
    "no authentication": (lambda d: ray(d)["authOptions"].update(mode="disabled"), "not token"),
    "usage statistics": (lambda d: environment(d).pop("RAY_USAGE_STATS_ENABLED"), "RAY_USAGE_STATS_ENABLED"),
    "a plain gateway": (lambda d: one(d, "Gateway")["spec"]["listeners"].pop(0), "no TLS"),
    "pods of any kind": (lambda d: one(d, "Namespace")["metadata"].update(labels={}), "pod security"),
    "a secret in a manifest": (lambda d: d.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": "b"}}), "do not belong"),
    "a kind that Kubernetes does not have": (lambda d: d.append({"apiVersion": "policy/v1beta1", "kind": "PodSecurityPolicy", "metadata": {"name": "x"}}), "has no policy/v1beta1"),
}  # fmt: skip


@pytest.mark.parametrize("folder", overlays(), ids=lambda path: path.name)
def test_nothing_is_wrong(folder: Path) -> None:
    assert problems(folder) == []


@pytest.mark.parametrize("name", SEEDED)
def test_what_is_seeded_is_found(production: Documents, name: str) -> None:
    seed, said = SEEDED[name]
    documents = json.loads(json.dumps(production))
    seed(documents)
    assert documents != production
    lines = list(found(documents, secrets.expected(PRODUCTION)))
    assert [line for line in lines if said in line], lines


@pytest.mark.skipif(not CRDS.exists(), reason="KubeRay's definitions are not here; our own tables were used above")
def test_kuberay_accepts_them(production: Documents) -> None:
    known = core.definitions(CRDS)
    for folder in overlays():
        assert problems(folder, known) == []
    broken = json.loads(json.dumps(production))
    renamed(ray(broken), "rayVersion", "rayVersoin")
    assert list(core.undefined(one(broken, "RayService"), known))


@pytest.mark.skipif(not CRDS.exists(), reason="KubeRay's definitions are not here")
def test_our_tables_are_parts_of_kuberays(production: Documents) -> None:
    """A field of ours that KubeRay does not define would be found only at the cluster."""
    from cluster.manifests.fields import CLUSTER

    (version,) = [
        v
        for v in yaml.load((CRDS / "ray.io_rayclusters.yaml").read_text(), yaml.CSafeLoader)["spec"]["versions"]
        if v["name"] == "v1"
    ]

    def walk(table: Any, schema: dict[str, Any], where: str) -> list[str]:
        if isinstance(table, list):
            return walk(table[0], schema["items"], where)
        if not isinstance(table, dict):
            return []
        known, lines = schema.get("properties", {}), []
        for name, inner in table.items():
            field = name.rstrip("!")
            lines += walk(inner, known[field], f"{where}/{field}") if field in known else [f"{where}/{field}"]
        return lines

    assert walk(CLUSTER, version["schema"]["openAPIV3Schema"]["properties"]["spec"], "") == []


@pytest.mark.skipif(which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", overlays(), ids=lambda path: path.name)
def test_rendered_as_kubectl_does(folder: Path) -> None:
    theirs = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True).stdout
    by_name = lambda documents: {(d["kind"], d["metadata"]["name"]): d for d in documents}  # noqa: E731
    assert by_name(render(folder)) == by_name(yaml.safe_load_all(theirs))


def test_there_are_enough_seeds() -> None:
    assert len(SEEDED) >= 30


@pytest.mark.parametrize("profile", ["local", "single-gpu", "production"])
def test_serve_builds_what_the_manifest_says(profile: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Serve's own schema takes the text; the builder that it names makes every deployment of the profile."""
    monkeypatch.setenv("PACKSHOT_HOME", str(tmp_path))
    schema = ServeDeploySchema.model_validate(serve_config(profile))
    (application,) = schema.applications
    assert application.import_path == f"{build.__module__}:{build.__name__}"
    made = build(AppArguments.model_validate(application.args))
    names = {deployment.name for deployment in build_app(made, name=application.name).deployments}
    assert names == {"api", "orchestrator", *load_profile(profile).deployments}
    assert set(serve_config(profile)) <= set(ServeDeploySchema.model_fields)


def test_the_environment_is_settings(production: Documents, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the config map and the secrets set is read as settings, connections included."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment(production).items():
        if name.startswith("PACKSHOT_"):
            monkeypatch.setenv(name, value)
    for variable in worker(production)["env"]:
        if variable["name"].startswith("PACKSHOT_"):
            monkeypatch.setenv(variable["name"], "postgresql+psycopg://packshot@database/packshot")
    settings = Settings()
    assert (settings.profile, settings.connections["shop"].vendor) == ("production", "shopify")
    assert settings.records == settings.online == settings.workflows == "postgresql+psycopg://packshot@database/packshot"
    mounted = {mount["mountPath"] for mount in worker(production)["volumeMounts"]}
    for reference in settings.connections["shop"].model_dump(mode="json")["secrets"].values():
        assert str(Path(reference.removeprefix("file:")).parent) in mounted


@pytest.mark.parametrize(("component", "backend"), [("redis", "redis"), ("rocksdb", "rocksdb")])
def test_both_memories_of_the_head(tmp_path: Path, component: str, backend: str) -> None:
    """A component over the base is whole by itself, but for the secret that it adds."""
    base, part = FOLDER / "base", FOLDER / "components" / component
    (tmp_path / "kustomization.yaml").write_text(
        f"namespace: packshot\nresources: ['{base}']\ncomponents: ['{part}']\nimages: [{{name: head-store, newTag: '8.0.2'}}]\n"
    )
    documents = render(tmp_path)
    more = {"packshot-head-store": ["password"]} if component == "redis" else {}
    assert ray(documents)["gcsFaultToleranceOptions"]["backend"] == backend
    assert list(found(documents, secrets.expected(base) | more)) == []


def test_ray_runs_as_it_does_elsewhere(production: Documents) -> None:
    """What `packshot serve` sets for a Ray of its own, the pods have too."""
    expected = {**RAY_ENVIRONMENT, **SERVICE}
    assert {name: environment(production).get(name) for name in expected} == expected


@pytest.mark.parametrize("folder", overlays(), ids=lambda path: path.name)
def test_entrypoints_are_commands(folder: Path) -> None:
    """Their command, arguments and options exist; a connection that they name is in the settings."""
    documents = render(folder)
    night = one(documents, "RayCronJob", "packshot-night")["spec"]["jobTemplate"]["entrypoint"]
    now = one(documents, "RayJob", "packshot-run")["spec"]["entrypoint"]
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for entrypoint in (night, now):
        program, name, *words = shlex.split(entrypoint)
        context = commands[name].make_context(name, list(words))
        assert program == "packshot"
        if name == "sync":
            assert context.params["name"] in json.loads(environment(documents)["PACKSHOT_CONNECTIONS"])


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([str(FOLDER / "base")]) == 0
    assert capsys.readouterr().out == "1 kustomizations, 0 problems\n"
    (tmp_path / "kustomization.yaml").write_text("resources: [nothing.yaml]")
    assert main([str(tmp_path)]) == 1
    assert "nothing.yaml" in capsys.readouterr().out
    assert main(["--crds", str(tmp_path / "none"), str(FOLDER / "base")]) == 1
    assert "no definitions" in capsys.readouterr().out
    with pytest.raises(SettingsError, match="no manifests here"):
        overlays(tmp_path / "none")
