"""A Ray of two nodes on this machine for a soak: a head and a worker node, each killed as a machine would be, and begun again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.goods import ROOT
from cluster.proxy import free_port, proxy_environment
from cluster.runtime import RAY_ENVIRONMENT

ADDRESS = {"head": "127.0.0.2", "node": "127.0.0.3"}
"""Loopback, but not the one that Ray would take for no cluster, or replace by the machine's own."""
SIZE = {"head": ("--num-cpus=4", "--num-gpus=0"), "node": ("--num-cpus=4", "--num-gpus=2")}
"""Logical. Only the worker node has (pretended) GPUs, so all models are there."""
REPLICA = "ray::ServeReplica:packshot:"
START_S, STARTS = 120.0, 5


class Cluster:
    """Both nodes. `logs` is a folder for what they print."""

    def __init__(self, logs: Path) -> None:
        self._logs, self._port = logs, free_port()
        self.address = f"{ADDRESS['head']}:{self._port}"
        # What answers late on a busy machine is not dead; and processes that nobody asked for are in the way there.
        patient = {"RAY_health_check_failure_threshold": "20", "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60"}
        patient |= {"RAY_prestart_worker_first_driver": "0", "RAY_enable_worker_prestart": "0"}
        quiet = {"RAY_AUTH_MODE": "disabled", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1", "RAY_enable_metrics_collection": "0"}
        base = {name: value for name, value in os.environ.items() if name not in ("RAY_ADDRESS", "RAY_TMPDIR")}
        self.environment = base | dict(RAY_ENVIRONMENT) | quiet | patient | {"PYTHONPATH": str(ROOT)}
        self.more: dict[str, dict[str, str]] = {"head": {}, "node": {}}
        """Further variables of each node."""
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}
        self._folders: dict[str, Path] = {}

    def start(self, name: str) -> None:
        """`head` or `node`; the head first. On a busy machine Ray may give up before a node is up: tried again, as a supervisor
        does. Raises RuntimeError."""
        for left in reversed(range(STARTS)):
            try:
                self._begin(name)
                break
            except RuntimeError:
                self.kill(name)
                if not left:
                    raise

    def _begin(self, name: str) -> None:
        folder = self._folders[name] = Path(tempfile.mkdtemp(prefix=f"s{name[0]}"))
        words = [str(Path(sys.executable).with_name("ray")), "start", "--block", *SIZE[name], "--object-store-memory=134217728"]
        words += [f"--node-ip-address={ADDRESS[name]}", f"--dashboard-agent-listen-port={free_port()}"]
        if name == "head":
            words += ["--head", f"--port={self._port}", f"--ray-client-server-port={free_port()}", "--include-dashboard=false"]
            words += [f"--temp-dir={folder}"]
        else:
            words += [f"--address={self.address}", f"--temp-dir={folder}"]
        (folder / "proxy").mkdir()
        environment = self.environment | proxy_environment(folder / "proxy") | self.more[name]
        log = self._logs / f"ray-{name}.out"
        before = log.stat().st_size if log.exists() else 0
        with log.open("ab") as written:
            process = subprocess.Popen(words, env=environment, stdout=written, stderr=written, start_new_session=True)
        self._nodes[name] = process
        until = time.monotonic() + START_S
        while "Ray runtime started" not in log.read_text(errors="replace")[before:]:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Ray's {name} did not start: {log.read_text(errors='replace')[before:][-800:]}")
            time.sleep(0.2)

    def kill(self, name: str) -> None:
        """SIGKILL for every process of the node at once."""
        process = self._nodes.pop(name, None)
        if process is None:
            return
        for one in _tree(process.pid):
            with suppress(psutil.Error):
                one.kill()
        process.wait()
        shutil.rmtree(self._folders.pop(name), ignore_errors=True)

    def stop(self) -> None:
        """Both."""
        for name in list(self._nodes):
            self.kill(name)

    def alive(self, name: str) -> bool:
        """Whether the node's raylet has not ended by itself."""
        return name in self._nodes and self._nodes[name].poll() is None

    def replicas(self) -> Iterator[tuple[str, int]]:
        """Deployment and process id of every replica."""
        for node in list(self._nodes.values()):
            for one in _tree(node.pid):
                with suppress(psutil.Error):
                    title = " ".join(one.cmdline())
                    if title.startswith(REPLICA):
                        yield re.split(r"[.: ]", title.removeprefix(REPLICA))[0], one.pid


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []
