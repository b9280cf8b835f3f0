"""The one Ray of the test run: a head with dashboard on loopback, fake GPUs, a short temp dir; it ends with the session."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster.runtime import prepare_environment

ROOT = Path(__file__).resolve().parents[2]
prepare_environment()
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["PYTHONPATH"] = str(ROOT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def cluster() -> Iterator[SimpleNamespace]:
    """`.address` for drivers, `.dashboard` for jobs, `.nodes` to add and remove nodes."""
    import ray
    from ray import serve
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="pt")
    os.environ["RAY_TMPDIR"] = folder
    (Path(folder) / "ray").mkdir()
    dashboard = free_port()
    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 8,
            "num_gpus": 4,
            "object_store_memory": 512 << 20,
            "include_dashboard": True,
            "dashboard_host": "127.0.0.1",
            "dashboard_port": dashboard,
            "dashboard_agent_listen_port": free_port(),
            "temp_dir": folder,
        },
    )
    ray.init(address=made.address, log_to_driver=False)
    os.environ["RAY_ADDRESS"] = made.address
    try:
        yield SimpleNamespace(address=made.address, dashboard=f"http://127.0.0.1:{dashboard}", folder=Path(folder), nodes=made)
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        serve.shutdown()
        ray.shutdown()
        made.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
