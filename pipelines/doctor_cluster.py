"""`packshot doctor --cluster`: is the cluster able to work, and what is to be done if not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from cluster.inspection import Node, Seen, look
from cluster.launcher import unmet
from cluster.profile import Profile, load_profile
from cluster.runtime import connected, joins
from cluster.settings import Settings
from pipelines.doctor import MIN_FREE_GB, Finding, here
from studio.errors import PackshotError, SettingsError

SKEW_S = 2.0
"""Clocks that differ by more than this spoil leases, order of events and waiting times; vendors' signatures end at 300 s."""


def examine_cluster(settings: Settings) -> tuple[list[Finding], dict[str, Any]]:
    """Findings, and everything that was seen, for JSON. A cluster that cannot be reached is one bad finding."""
    try:
        if not joins(settings):
            raise SettingsError("which cluster? Set ray.address (PACKSHOT_RAY__ADDRESS) or RAY_ADDRESS")
        profile = load_profile(settings.profile)
        with connected(settings, profile):
            seen = look(settings, profile)
    except PackshotError as error:
        return [Finding("cluster", False, error.message)], {}
    return list(judge(seen, profile, here())), asdict(seen)


def judge(seen: Seen, profile: Profile, ours: Mapping[str, str]) -> Iterator[Finding]:
    """What is to be said of a cluster. `ours` are the versions of this installation."""
    yield _nodes(seen)
    yield from _hosts(seen, profile)
    for node in seen.nodes:
        yield _node(node, ours)
    yield _app(seen)
    for name, replicas in sorted(seen.ready.items()):
        yield Finding(f"ready {name}", True, "; ".join(_phases(one) for one in replicas) or "says nothing")


def _nodes(seen: Seen) -> Finding:
    kinds = Counter(
        " ".join(sorted(node.labels.get(key, "") for key in node.labels if _ours(key))) or "plain" for node in seen.nodes
    )
    text = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return Finding("nodes", bool(seen.nodes), f"{len(seen.nodes)} alive ({text}), {seen.dead} gone")


def _ours(label: str) -> bool:
    return label.startswith("packshot/")


def _hosts(seen: Seen, profile: Profile) -> Iterator[Finding]:
    """Deployments that are always there need a node now; for the others one can still come."""
    types = {node.id[:8]: {"resources": node.resources, "labels": node.labels, "max_workers": 1} for node in seen.nodes}
    missing = unmet(profile, {"available_node_types": types})
    shapes = profile.deployments
    now = [line for line in missing if shapes[line.partition(":")[0]].min_replicas]
    later = [line.partition(":")[0] for line in missing if line not in now]
    for line in now:
        yield Finding("hosts", False, line)
    if not now:
        waiting = f"; no node yet for {', '.join(later)}" if later else ""
        yield Finding("hosts", True, f"every deployment that is always there has a node{waiting}")


def _node(node: Node, ours: Mapping[str, str]) -> Finding:
    wrong = [f"{what}: {problem}" for what, problem in node.problems.items()]
    wrong += [f"{name} {there}, here {ours[name]}" for name, there in node.versions.items() if ours.get(name, there) != there]
    if abs(node.skew_s) - node.skew_error_s > SKEW_S:
        wrong.append(f"clock is {node.skew_s:+.1f} s off: start its time service")
    if "node" not in node.problems and node.free_gb < MIN_FREE_GB:
        wrong.append(f"{node.free_gb:.1f} GB free: make room")
    good = f"packshot {node.versions.get('packshot', '?')}, store, records and weights answer, clock {node.skew_s:+.2f} s"
    return Finding(f"node {node.address} {node.id[:8]}", not wrong, "; ".join(wrong) or good)


def _app(seen: Seen) -> Finding:
    if not seen.app:
        return Finding("service", False, "there is no Serve app: `packshot serve --detach` starts it")
    ill = [f"{name} {state.lower()}" for name, (state, _) in sorted(seen.deployments.items()) if state != "HEALTHY"]
    if seen.app != "RUNNING" or ill:
        return Finding("service", False, f"{seen.app.lower()}: {', '.join(ill) or 'see the dashboard'}")
    if seen.same_settings is False:
        return Finding("service", False, "runs with other settings or another profile than these")
    running = ", ".join(f"{name} {count}" for name, (_, count) in sorted(seen.deployments.items()))
    return Finding("service", True, f"running: {running}")


def _phases(seconds: Mapping[str, float]) -> str:
    return f"{sum(seconds.values()):.1f} s ({', '.join(f'{name} {value:.1f}' for name, value in seconds.items())})"
