"""What a dashboard can answer, and what we make of it. The dashboard is a small HTTP server on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cluster.job_client import connect
from pipelines.jobs import attach, submit
from studio.errors import ClusterUnavailable, RunError, SettingsError

VERSION = json.dumps({"version": "4", "ray_version": "2.60.0", "ray_commit": "x", "session_name": "s"})
NO_AGENT = (500, "No available agent to submit job, please try again later.")


class Dashboard(ThreadingHTTPServer):
    """Gives the listed answers to submissions, one after the other, the last for ever; `front` answers the version check."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.front: tuple[int, str] = (200, VERSION)
        self.submissions: list[tuple[int, str]] = []
        self.taken = 0
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Dashboard

    def do_GET(self) -> None:
        self._say(*(self.server.front if self.path == "/api/version" else (404, "Job does not exist")))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answers = self.server.submissions
        answer = answers[min(self.server.taken, len(answers) - 1)]
        self.server.taken += 1
        self._say(*answer)

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with Dashboard() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def send(dashboard: Dashboard, wait_s: float) -> str:
    return submit("file:///srv/catalogue.csv", address=dashboard.url, submission_id="night", ready_timeout_s=wait_s).id


@pytest.mark.parametrize(
    "address", ["", "head:8265", "ray://head:1", "http://", "http://me:secret@head:8265", "http://head:1/api"]
)
def test_wrong_addresses(address: str) -> None:
    with pytest.raises(SettingsError) as raised:
        connect(address)
    assert "http://HOST:8265" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(ClusterUnavailable, match=f"127.0.0.1:{port} does not answer") as raised:
            connect(f"http://127.0.0.1:{port}")
    assert raised.value.retryable


def test_something_else_is_there(dashboard: Dashboard) -> None:
    dashboard.front = (200, "<html>Welcome</html>")
    with pytest.raises(ClusterUnavailable, match="does not answer as a Ray dashboard"):
        connect(dashboard.url)


def test_a_wrong_token(dashboard: Dashboard) -> None:
    dashboard.front = (401, "Unauthorized")
    with pytest.raises(ClusterUnavailable, match="wants another token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH"):
        connect(dashboard.url)


def test_an_address_in_the_environment_is_not_followed_silently(dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", dashboard.url)
    with Dashboard() as other, pytest.raises(SettingsError, match=f"sends jobs to {dashboard.url}, not to {other.url}"):
        connect(other.url)


def test_a_dashboard_that_is_coming_up(dashboard: Dashboard) -> None:
    dashboard.submissions = [NO_AGENT, (200, json.dumps({"job_id": "night", "submission_id": "night"}))]
    assert send(dashboard, 30.0) == "night"
    assert dashboard.taken == 2


def test_a_dashboard_that_never_comes_up(dashboard: Dashboard) -> None:
    dashboard.submissions = [NO_AGENT]
    with pytest.raises(ClusterUnavailable, match="no agent that takes jobs"):
        send(dashboard, 0.0)


def test_a_submission_that_the_cluster_refuses(dashboard: Dashboard) -> None:
    dashboard.submissions = [(400, "Traceback (most recent call last):\n  File x\nValueError: bad runtime_env\n.")]
    with pytest.raises(RunError, match="ValueError: bad runtime_env") as raised:
        send(dashboard, 30.0)
    assert "File x" not in str(raised.value)
    assert dashboard.taken == 1


def test_an_id_that_was_deleted(dashboard: Dashboard) -> None:
    """Ray forgets a deleted job but not its name."""
    dashboard.submissions = [
        (500, "ValueError: Job with submission_id night already exists. Please use a different submission_id.")
    ]
    with pytest.raises(RunError, match="Give another submission id"):
        send(dashboard, 0.0)


def test_an_unknown_job(dashboard: Dashboard) -> None:
    with pytest.raises(RunError, match="knows no job night"):
        attach("night", address=dashboard.url)


def test_a_missing_catalogue_is_found_before_anything_is_asked(dashboard: Dashboard, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no catalogue file"):
        submit(str(tmp_path / "gone.csv"), address=dashboard.url)
    assert dashboard.taken == 0
