"""`ray_cluster.yaml` against Ray's own validator, our profiles and the rules of the house. Offline."""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from ray._private.label_utils import validate_node_label_syntax, validate_node_labels
from ray.autoscaler._private.util import prepare_config, validate_config

from cluster.launcher import MIB, exposed, load_cluster, unmet
from cluster.profile import FOLDER, Profile, Replicas, load_profile
from cluster.settings import load_settings
from studio.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "ray_cluster.yaml"
SIX = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_HAPROXY_TCP_NODELAY": "1",
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "1",
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
}


@pytest.fixture
def cluster() -> dict[str, Any]:
    return load_cluster(FILE)


@pytest.fixture
def production() -> Profile:
    return load_profile("production")


def environment(cluster: dict[str, Any]) -> dict[str, str]:
    options = [o.removeprefix("--env=") for o in cluster["docker"]["run_options"] if o.startswith("--env=")]
    return dict(option.split("=", 1) for option in options)


def commands(cluster: dict[str, Any]) -> list[str]:
    return [c for key in ("head_start_ray_commands", "worker_start_ray_commands") for c in cluster[key] if "ray start" in c]


def test_ray_accepts_the_file(cluster: dict[str, Any]) -> None:
    prepared = prepare_config(copy.deepcopy(cluster))
    validate_config(prepared)
    assert prepared["available_node_types"].keys() == {"head", "cpu_on_demand", "cpu_spot", "gpu_on_demand", "gpu_spot"}
    for node in prepared["available_node_types"].values():
        validate_node_label_syntax(node.get("labels", {}))
        validate_node_labels(node.get("labels", {}))


def test_what_ray_does_not_check(cluster: dict[str, Any]) -> None:
    assert cluster["cluster_name"]
    assert cluster["provider"]["region"]
    workers = [node for name, node in cluster["available_node_types"].items() if name != cluster["head_node_type"]]
    assert cluster["max_workers"] >= sum(node["max_workers"] for node in workers)
    assert all(
        node["resources"]["CPU"] > 0 and node["resources"]["memory"] > 0 and node["idle_timeout_s"] > 0 for node in workers
    )
    assert all(node["node_config"]["InstanceType"] for node in cluster["available_node_types"].values())


def test_no_work_on_the_head(cluster: dict[str, Any], production: Profile) -> None:
    assert cluster["available_node_types"]["head"]["resources"] == {"CPU": 0}
    alone = {**cluster, "available_node_types": {"head": cluster["available_node_types"]["head"]}}
    assert len(unmet(production, alone)) == len(production.deployments)


def test_spot_is_spot_and_tried_first(cluster: dict[str, Any]) -> None:
    nodes = cluster["available_node_types"]
    for name, node in nodes.items():
        market = node["node_config"].get("InstanceMarketOptions", {}).get("MarketType", "on-demand")
        assert node.get("labels", {}).get("packshot/market", "on-demand") == market, name
    for pool in ("cpu", "gpu"):
        spot, on_demand = nodes[f"{pool}_spot"], nodes[f"{pool}_on_demand"]
        assert spot["priority"] > on_demand["priority"]
        assert spot["resources"] == on_demand["resources"]
        assert spot["min_workers"] == on_demand["min_workers"] == 0


def test_doors_are_shut(cluster: dict[str, Any]) -> None:
    assert exposed(cluster) == []
    for command in commands(cluster):
        assert re.search(r"\bRAY_AUTH_TOKEN_PATH=\S+", command)
        assert "RAY_USAGE_STATS_ENABLED=0" in command
        assert "RAY_enable_autoscaler_v2=1" in command
    assert "--dashboard-host=127.0.0.1" in " ".join(cluster["head_start_ray_commands"])


def test_no_secret_in_the_file() -> None:
    text = FILE.read_text()
    assert not re.search(r"RAY_AUTH_TOKEN=|AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY|aws_secret|[0-9a-f]{40}", text)


def test_the_token_is_on_every_node(cluster: dict[str, Any]) -> None:
    folders = tuple(f"{mount.rstrip('/')}/" for mount in cluster["file_mounts"])
    for command in commands(cluster):
        path = re.search(r"RAY_AUTH_TOKEN_PATH=(\S+)", command)
        assert path
        assert path[1].startswith(folders)


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("worker_start_ray_commands", "RAY_AUTH_MODE=token ", ""),
        ("head_start_ray_commands", "RAY_AUTH_MODE=token", "RAY_AUTH_MODE=disabled"),
        ("head_start_ray_commands", "--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0"),
        ("head_start_ray_commands", "--dashboard-host=127.0.0.1", "--dashboard-host 0.0.0.0"),
    ],
)
def test_open_doors_are_reported(cluster: dict[str, Any], key: str, old: str, new: str) -> None:
    cluster[key] = [command.replace(old, new) for command in cluster[key]]
    assert [problem.split(":")[0] for problem in exposed(cluster)] == [key]


def test_serve_variables(cluster: dict[str, Any]) -> None:
    env = environment(cluster)
    assert {name: env.get(name) for name in SIX} == SIX
    assert env["RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S"] == "0.5"
    assert env["RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S"] == "0.5"


def test_packshot_variables_are_settings(cluster: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every PACKSHOT_ variable of the containers changes the setting that it names."""
    monkeypatch.chdir(tmp_path)
    ours = {name: value for name, value in environment(cluster).items() if name.startswith("PACKSHOT_")}
    assert {"PACKSHOT_PROFILE", "PACKSHOT_STORAGE__URI", "PACKSHOT_RUNS_URI"} <= ours.keys()
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    for name, value in ours.items():
        found: Any = settings
        for part in name.removeprefix("PACKSHOT_").lower().split("__"):
            found = getattr(found, part)
        assert str(found) == value
    assert load_profile(settings.profile).name == "production"


def test_every_node_installs_this_version(cluster: dict[str, Any]) -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    ray = re.search(r'"ray\[.*\]==([\d.]+)\.\*"', (ROOT / "pyproject.toml").read_text())
    assert version
    assert ray
    gpu = [node for node in cluster["available_node_types"].values() if node["resources"].get("GPU")]
    for steps in (cluster["setup_commands"], *(node["worker_setup_commands"] for node in gpu)):
        assert any(f"packshot-{version[1]}-" in step for step in steps)
        assert "packshot models fetch" in steps
    assert all("onnxruntime-gpu" in node["worker_setup_commands"][-1] for node in gpu)
    images = [cluster["docker"]["image"], *(node["docker"]["worker_image"] for node in gpu)]
    assert all(f":{ray[1]}." in image and "-py311-" in image for image in images)


def clustered() -> list[Profile]:
    """Packaged profiles that ask for labels are meant for a cluster."""
    profiles = [load_profile(path.stem) for path in sorted(FOLDER.glob("*.yaml"))]
    return [p for p in profiles if any(r.labels for r in p.deployments.values())]


def test_production_is_for_clusters() -> None:
    assert "production" in {profile.name for profile in clustered()}


@pytest.mark.parametrize("profile", clustered(), ids=lambda p: p.name)
def test_every_deployment_has_a_host(cluster: dict[str, Any], profile: Profile) -> None:
    assert unmet(profile, cluster) == []


@pytest.mark.parametrize("profile", clustered(), ids=lambda p: p.name)
def test_the_largest_night_fits(cluster: dict[str, Any], profile: Profile) -> None:
    """The nodes that the labels allow have, together, what every deployment asks for at max_replicas."""
    wanted: dict[tuple[tuple[str, str], ...], list[Replicas]] = defaultdict(list)
    for replicas in profile.deployments.values():
        wanted[tuple(sorted(replicas.labels.items()))].append(replicas)
    for labels, group in wanted.items():
        nodes = [n for n in cluster["available_node_types"].values() if dict(labels).items() <= n.get("labels", {}).items()]
        for kind, need in (
            ("CPU", sum(r.num_cpus * r.max_replicas for r in group)),
            ("GPU", sum(r.num_gpus * r.max_replicas for r in group)),
            ("memory", sum(r.memory_mb * MIB * r.max_replicas for r in group)),
        ):
            assert need <= sum(n["resources"].get(kind, 0) * n["max_workers"] for n in nodes), (labels, kind)


@pytest.mark.parametrize("profile", clustered(), ids=lambda p: p.name)
def test_every_fallback_has_a_host(cluster: dict[str, Any], profile: Profile) -> None:
    """Where the nodes of the first choice cannot be had, those of the second can host the deployment."""
    second = [shape.model_copy(update={"labels": shape.or_labels}) for shape in profile.deployments.values() if shape.or_labels]
    assert second
    assert unmet(Profile(name="second", models={str(i): shape for i, shape in enumerate(second)}), cluster) == []


def test_urgent_work_is_not_on_spot_nodes(production: Profile) -> None:
    for name, shape in (("renderer", production.renderer), *production.models.items()):
        assert shape.labels["packshot/market"] == "on-demand", name
        assert shape.standard is not None
        assert (shape.standard.labels["packshot/market"], shape.standard.min_replicas) == ("spot", 0), name


def with_renderer(profile: Profile, **changes: Any) -> Profile:
    return profile.model_copy(update={"renderer": profile.renderer.model_copy(update={"standard": None, **changes})})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": {"packshot/pool": "cpuu"}}, "packshot/pool=cpuu; packshot/pool is one of ['cpu', 'gpu']"),
        ({"labels": {"packshot/pol": "cpu"}}, "packshot/pol=cpu; packshot/pol is one of []"),
        ({"labels": {"packshot/pool": "cpu", "packshot/market": "reserved"}}, "no node type has"),
        (
            {"labels": {"packshot/pool": "gpu"}, "num_gpus": 4.0},
            "gpu_on_demand has 1 GPU, 4 wanted; gpu_spot has 1 GPU, 4 wanted",
        ),
        ({"num_cpus": 17.0}, "cpu_on_demand has 16 CPU, 17 wanted"),
        ({"memory_mb": 64_000}, "MB memory, 64000 wanted"),
        ({"num_gpus": 0.5}, "cpu_on_demand has 0 GPU, 0.5 wanted"),
    ],
)
def test_what_nothing_can_host_is_named(cluster: dict[str, Any], production: Profile, changes: dict[str, Any], said: str) -> None:
    problems = unmet(with_renderer(production, **changes), cluster)
    assert len(problems) == 1
    assert problems[0].startswith("renderer: ")
    assert said in problems[0]


@pytest.mark.parametrize(
    ("selector", "hosted"),
    [("in(cpu,gpu)", True), ("in(tpu,npu)", False), ("!gpu", True), ("!in(cpu,gpu)", False), ("!cpu", False)],
)
def test_label_selectors(cluster: dict[str, Any], production: Profile, selector: str, hosted: bool) -> None:
    """`!cpu` leaves the GPU types, which are then too small; every form is read as Ray reads it."""
    wanted = with_renderer(production, labels={"packshot/pool": selector}, num_cpus=17.0 if selector == "!cpu" else 4.0)
    assert (unmet(wanted, cluster) == []) is hosted


def test_a_type_that_may_not_start_hosts_nothing(cluster: dict[str, Any], production: Profile) -> None:
    cluster["available_node_types"]["cpu_on_demand"]["max_workers"] = 0
    found = {line.split(":")[0] for line in unmet(production, cluster)}
    assert found == {name for name, shape in production.deployments.items() if shape.labels == production.renderer.labels}
    assert "renderer" in found


@pytest.mark.parametrize("text", ["", "[1, 2]", "cluster_name: x", "a: [", None])
def test_broken_files_are_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "broken.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError, match=r"broken\.yaml"):
        load_cluster(path)
