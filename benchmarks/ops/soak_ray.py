"""A soak's stand on the real parts: Ray of two nodes, PostgreSQL, S3. What a supervisor would start again is started again."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import yaml

from benchmarks.ops.soak_cluster import Cluster
from benchmarks.ops.soak_servers import Bucket, Postgres
from benchmarks.ops.soak_stand import AWAY_S, Stand
from tests.doubles.woocommerce import WooDouble

PROFILE = """
name: soak
api: 2
renderer: {num_cpus: 0.1, min_replicas: 2, max_replicas: 2, ongoing: 4, threads: 1}
models: {fake-matte: {num_cpus: 0.1, num_gpus: 0.5, min_replicas: 2, max_replicas: 2, ongoing: 3, batch: 1}}
batch: {chunk: 4}
"""
DEPLOYS = 5
"""Attempts to deploy, as a supervisor has them."""


class RayStand(Stand):
    """The service lives on the cluster; the nights are drivers of it."""

    kind = "ray"

    def __init__(self, folder: Path, woo: WooDouble) -> None:
        self._servers = Path(tempfile.mkdtemp(prefix="sv"))
        self._servers.chmod(0o755)
        with ExitStack() as undone:
            self.postgres = Postgres(self._servers / "postgres")
            undone.callback(self.postgres.stop)
            self.bucket = Bucket(self._servers / "s3")
            undone.pop_all()
        self.cluster, self._up = Cluster(folder), False
        (folder / "profile.yaml").write_text(PROFILE)
        url = self.postgres.url
        more = {
            "records_url": url,
            "online_url": url,
            "workflows_url": url,
            "storage": {"uri": "s3://soak/store", "endpoint_url": self.bucket.url},
            "runs_uri": "s3://soak/runs",
            "profile": str(folder / "profile.yaml"),
            "ray": {"address": self.cluster.address},
        }
        super().__init__(folder, woo, more)
        document = self.settings.model_dump(mode="json")
        document["api"]["port"] = self.port
        (folder / "packshot.yaml").write_text(yaml.safe_dump(document))

    def start(self) -> None:
        """Cluster, service, nights."""
        self.cluster.more["node"] = self.clocked("node")
        self._bring_up()
        self._begin("nights")
        self._watcher.start()

    def stop(self) -> None:
        """Everything, servers last."""
        super().stop()
        self.cluster.stop()
        self.orders.close()
        self.sync.close()
        self.bucket.stop()
        self.postgres.stop()
        self._servers.rmdir()

    def pids(self) -> Iterator[tuple[str, int]]:
        """Nights and replicas, these by deployment."""
        yield from super().pids()
        yield from self.cluster.replicas()

    def environment(self) -> dict[str, str]:
        """Drivers have the cluster's."""
        return {
            name: value for name, value in self.cluster.environment.items() if "FAKETIME" not in name and name != "LD_PRELOAD"
        }

    def lose_node(self) -> None:
        """The worker node, and all that runs there; it comes back."""
        with self.killing:
            self.cluster.kill("node")
            time.sleep(AWAY_S)
            self.cluster.start("node")

    def lose_head(self) -> None:
        """The head, with what Ray knew; the worker node is nothing without it. Both come back, and the service is deployed."""
        with self.killing:
            self.cluster.kill("head")
            self.cluster.kill("node")
            time.sleep(AWAY_S)
            self._bring_up()

    def revive(self) -> None:
        """A node that ended by itself, too."""
        if not self._up or not self.cluster.alive("head"):
            self.died.append((time.time(), "Ray's head ended, or the service was not deployed"))
            self.cluster.stop()
            self._bring_up()
        elif not self.cluster.alive("node"):
            self.died.append((time.time(), "Ray's node ended"))
            self.cluster.kill("node")
            self.cluster.start("node")
        super().revive()

    def _bring_up(self) -> None:
        self._up = False
        self.cluster.start("head")
        self.cluster.start("node")
        if not any(self._deployed() for _ in range(DEPLOYS) if not self._over.is_set()):
            raise RuntimeError("the service cannot be deployed")
        self.answers()
        self._up = True

    def _deployed(self) -> bool:
        """Whether `packshot serve --detach` succeeds."""
        command = [sys.executable, "-W", "ignore", "-m", "pipelines.cli", "serve", "--detach", "--json"]
        with (self.folder / "deploy.out").open("ab") as written:
            run = subprocess.run(command, cwd=self.folder, env=self.environment(), stdout=written, stderr=written, check=False)
        return run.returncode == os.EX_OK
