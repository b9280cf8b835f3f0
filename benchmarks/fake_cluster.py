"""A Ray head whose autoscaler (v2) starts pretended nodes on this machine, as a cloud would: for watching nodes come and go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PORT = 6379
"""The pretending provider knows no other."""
HEAD = "ray.head.default"
"""So it must be called: the pretending provider says so."""
START_S = 60.0


@contextmanager
def fake_cluster(groups: Mapping[str, Mapping[str, Any]], *, head_cpus: int = 4, idle_s: float = 6.0) -> Iterator[str]:
    """Address of a head with these node types (`resources`, `max_workers`, `labels`). Everything ends with the block.
    Raises RuntimeError when the head does not start, or its port is taken."""
    folder = tempfile.mkdtemp(prefix="fk")
    import ray.autoscaler._private.fake_multi_node as provider
    from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID

    config = _config(groups, head_cpus, idle_s, FAKE_HEAD_NODE_ID)
    path = Path(folder) / "autoscaling.json"
    path.write_text(json.dumps(config))
    example = Path(str(provider.__path__[0])) / "example.yaml"
    ours = not example.exists()
    if ours:  # the provider reads a file that the wheel lacks
        example.write_text(json.dumps(config))
    environment = os.environ | {
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_FAKE_CLUSTER": "1",
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    ray = str(Path(sys.executable).with_name("ray"))
    words = [ray, "start", "--head", "--block", f"--port={PORT}", f"--num-cpus={head_cpus}", "--include-dashboard=false"]
    words += [f"--temp-dir={folder}", f"--autoscaling-config={path}", "--object-store-memory=268435456"]
    with (Path(folder) / "head.log").open("w") as log:
        head = subprocess.Popen(words, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        _wait(head, Path(folder) / "head.log")
        yield f"127.0.0.1:{PORT}"
    finally:
        os.killpg(head.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            head.wait(10)
        _end(folder)
        if ours:
            example.unlink(missing_ok=True)


def _config(groups: Mapping[str, Mapping[str, Any]], head_cpus: int, idle_s: float, head_id: str) -> dict[str, Any]:
    workers = {name: {"node_config": {}, "min_workers": 0} | dict(group) for name, group in groups.items()}
    head = {"resources": {"CPU": head_cpus}, "node_config": {}, "max_workers": 0}
    lists = ("head_start_ray_commands", "worker_start_ray_commands", "setup_commands", "head_setup_commands")
    lists += ("worker_setup_commands", "initialization_commands", "cluster_synced_files", "rsync_exclude", "rsync_filter")
    return {
        "cluster_name": "fake",
        "max_workers": sum(int(group["max_workers"]) for group in groups.values()),
        "upscaling_speed": 100,
        "idle_timeout_minutes": idle_s / 60,
        "provider": {"type": "fake_multinode", "launch_multiple": True, "head_node_id": head_id},
        "available_node_types": {HEAD: head, **workers},
        "head_node_type": HEAD,
        "file_mounts": {},
        "file_mounts_sync_continuously": False,
        "auth": {},
        **{name: [] for name in lists},
    }


def _wait(head: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while "Ray runtime started" not in log.read_text(errors="replace"):
        if head.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the head did not start: {log.read_text(errors='replace')[-800:]}")
        time.sleep(0.2)


def _end(folder: str) -> None:
    """Pretended nodes outlive their head: end whatever names our folder."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            if int(entry.name) != os.getpid() and folder.encode() in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
