"""The wrapper around Serve's HAProxy, with the real HAProxy checking and running what it makes of a configuration."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster.proxy import free_port, proxy_environment

if not shutil.which("setpriv"):
    pytest.skip("needs setpriv (util-linux)", allow_module_level=True)

CONFIG = """global
    maxconn 100
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    errorfile 502 {folder}/500.http
    errorfile 503 {folder}/500.http
    errorfile 504 {folder}/500.http
frontend prometheus
    bind :{metrics}
    http-request use-service prometheus-exporter if {{ path /metrics }}
frontend http_frontend
    bind *:{port}
    default_backend nobody
backend nobody
    server gone 127.0.0.1:1
listen stats
  bind *:{stats}
  stats enable
"""


def wrapped(folder: Path) -> tuple[dict[str, str], Path, int]:
    """The environment, a configuration as Serve writes it, and the port of its frontend."""
    environment, port = proxy_environment(folder), free_port()
    (folder / "500.http").write_text("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
    ports = {name: environment[f"RAY_SERVE_HAPROXY_{name.upper()}_PORT"] for name in ("metrics", "stats")}
    config = folder / "haproxy.cfg"
    config.write_text(CONFIG.format(folder=folder, port=port, **ports))
    return environment, config, port


def test_statistics_stay_on_loopback_and_the_frontend_where_it_was_asked_for(tmp_path: Path) -> None:
    environment, config, port = wrapped(tmp_path)
    done = subprocess.run(
        [environment["RAY_SERVE_HAPROXY_BINARY_PATH"], "-c", "-f", str(config)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    binds = {line.split()[1] for line in config.read_text().splitlines() if line.split()[0] == "bind"}
    metrics, stats = (environment[f"RAY_SERVE_HAPROXY_{name}_PORT"] for name in ("METRICS", "STATS"))
    assert binds == {f"127.0.0.1:{metrics}", f"127.0.0.1:{stats}", f"*:{port}"}


def test_it_ends_with_its_parent_and_answers_a_problem_while_nobody_is_there(tmp_path: Path) -> None:
    environment, config, port = wrapped(tmp_path)
    start = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", start, environment["RAY_SERVE_HAPROXY_BINARY_PATH"], "-db", "-f", str(config)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        answer = ask(port)
        parent.kill()
    assert answer.startswith("HTTP/1.1 503 ")
    assert "application/problem+json" in answer
    assert '"retryable":true' in answer
    assert gone(pid)


def ask(port: int) -> str:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        except ConnectionError:
            continue
    raise AssertionError("HAProxy does not listen")


def gone(pid: int) -> bool:
    import psutil

    try:
        process = psutil.Process(pid)
        return psutil.wait_procs([process], timeout=10)[1] == [] or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
