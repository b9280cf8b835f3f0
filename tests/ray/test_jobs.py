"""Jobs on a real cluster: one submission, many attachments; logs, summaries, failures, stops. The program is a small stand-in."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from pipelines.jobs import Job, attach, submit
from studio.errors import Interrupted, RunError

pytestmark = pytest.mark.ray
WAIT_S = 120.0

PROGRAM = """
import json, os, pathlib, sys, time
words, folder = sys.argv[1:], pathlib.Path(os.environ["NOTES"])
assert pathlib.Path(words[1]).read_text().startswith("sku"), words
print("planning", flush=True)
with (folder / "starts").open("a") as notes:
    notes.write(words[0] + "\\n")
starts = len((folder / "starts").read_text().splitlines())
if words[-1] == "stay":
    print("ready", flush=True)
    time.sleep(3600)
if words[-1] == "break" and starts == 1:
    print("error [row] the catalogue is wrong", flush=True)
    sys.exit(1)
print(json.dumps({"run": "r", "words": words}))
sys.exit(3 if words[-1] == "break" else 0)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A working directory with a catalogue and a stand-in for the command line."""
    (tmp_path / "shop" / "pipelines").mkdir(parents=True)
    (tmp_path / "shop" / "pipelines" / "__init__.py").touch()
    (tmp_path / "shop" / "pipelines" / "cli.py").write_text(PROGRAM)
    (tmp_path / "shop" / "nightly catalogue.csv").write_text(f"sku,title\nA,{tmp_path}\n")
    return tmp_path / "shop"


def send(cluster: Any, shop: Path, how: str) -> Job:
    return submit(
        str(shop / "nightly catalogue.csv"),
        address=cluster.dashboard,
        templates=("it's; exit 9", "$HOME"),
        out=how,
        env={"NOTES": str(shop.parent)},
        python=sys.executable,
    )


def starts(shop: Path) -> int:
    return len((shop.parent / "starts").read_text().splitlines())


def test_submitted_once_by_two_at_a_time(cluster: Any, shop: Path) -> None:
    jobs: list[Job] = []
    threads = [threading.Thread(target=lambda: jobs.append(send(cluster, shop, "go"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert len({job.id for job in jobs}) == 1
    assert sorted(job.attached for job in jobs) == [False, True]

    lines: list[str] = []
    assert jobs[0].wait(WAIT_S, on_log=lines.append) == "SUCCEEDED"
    words = [
        "run",
        "nightly catalogue.csv",
        "--json",
        "--mode",
        "serve",
        "--template",
        "it's; exit 9",
        "--template",
        "$HOME",
        "--out",
        "go",
    ]
    assert jobs[1].result() == {"run": "r", "words": words}
    assert [line for line in lines if line.startswith(("planning", '{"run":'))] == [
        line for line in jobs[0].logs().splitlines(keepends=True) if line.startswith(("planning", '{"run":'))
    ]
    assert lines.count("planning\n") == 1

    again = send(cluster, shop, "go")
    assert (again.id, again.attached, again.status()) == (jobs[0].id, True, "SUCCEEDED")
    assert attach(again.id, address=cluster.dashboard).result() == jobs[0].result()
    assert again.stop() is False
    assert starts(shop) == 1


def test_a_failed_run_is_tried_again(cluster: Any, shop: Path) -> None:
    first = send(cluster, shop, "break")
    assert first.wait(WAIT_S) == "FAILED"
    with pytest.raises(RunError, match="the catalogue is wrong"):
        first.result()

    second = send(cluster, shop, "break")
    assert (second.id, second.attached) == (f"{first.id}-2", False)
    assert second.wait(WAIT_S) == "FAILED", "exit code 3: done, with rejected or failed shots"
    assert second.result()["run"] == "r"
    assert starts(shop) == 2


def test_a_run_is_stopped(cluster: Any, shop: Path) -> None:
    job = send(cluster, shop, "stay")
    with pytest.raises(RunError, match="wait for its end"):
        job.result()
    seen: list[str] = []

    def stop_when_ready(line: str) -> None:
        seen.append(line)
        if line == "ready\n":
            with pytest.raises(RunError, match=r"is still RUNNING after 0 s"):
                job.wait(0)
            assert job.stop() is True

    assert job.wait(WAIT_S, on_log=stop_when_ready) == "STOPPED"
    assert "ready\n" in seen
    with pytest.raises(Interrupted, match=job.id):
        job.result()


def test_unknown_jobs(cluster: Any) -> None:
    with pytest.raises(RunError, match="knows no job packshot-nothing"):
        attach("packshot-nothing", address=cluster.dashboard)
