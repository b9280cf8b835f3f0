"""The command line as a user meets it: exit codes, messages, one photo, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests import sample

ROOT = Path(__file__).resolve().parents[2]
COUNT = 6


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    sample.catalogue(tmp_path, COUNT)
    sample.art(tmp_path / "art")
    return tmp_path


def environment(shop: Path, fake: str = "") -> dict[str, str]:
    models = {"configured": {"fake-matte": fake}} if fake else {}
    return os.environ | {
        "PACKSHOT_HOME": str(shop / "home"),
        "PACKSHOT_WEIGHTS": str(ROOT / ".packshot" / "models"),
        "PACKSHOT_TEMPLATES": '["tiny-grey"]',
        "PACKSHOT_TEMPLATE_FOLDERS": json.dumps([str(shop / "art")]),
        "PACKSHOT_MODELS": json.dumps(models),
        "PYTHONPATH": str(ROOT),
    }


def packshot(shop: Path, *words: str, fake: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli", *words]
    return subprocess.run(command, cwd=shop, env=environment(shop, fake), capture_output=True, text=True, check=False)


def test_plan_run_and_report(shop: Path) -> None:
    planned = packshot(shop, "plan", "catalog.csv", "--json")
    document = json.loads(planned.stdout)
    assert (planned.returncode, len(document["due"]), document["why"]) == (0, COUNT, {"new": COUNT})
    ran = packshot(shop, "run", "catalog.csv", "--mode", "inline", "--out", "out", "--json")
    summary = json.loads(ran.stdout.splitlines()[-1])
    assert (ran.returncode, summary["released"]) == (0, COUNT), ran.stderr
    assert packshot(shop, "report", summary["run"]).stdout.strip().endswith("report.html")
    again = json.loads(packshot(shop, "plan", "catalog.csv", "--json").stdout)
    assert (again["due"], again["unchanged"], again["images_read"]) == ([], {"released": COUNT}, 0)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "missing.csv", "--mode", "inline"], "invalid_input"),
        (["plan", "catalog.csv", "-t", "no-such-look"], "unknown_template"),
        (["run", "--resume", "never", "--mode", "inline"], "run_failed"),
        (["shoot", "images/none.png", "-t", "tiny-grey"], "fetch_failed"),
    ],
)
def test_what_is_wrong_is_one_line(shop: Path, words: list[str], code: str) -> None:
    done = packshot(shop, *words)
    assert done.returncode == 1
    assert f"({code})" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_photo(shop: Path) -> None:
    done = packshot(shop, "shoot", "images/p00000.png", "-t", "tiny-grey", "-o", "one.jpg")
    assert done.returncode == 0, done.stderr
    with Image.open(shop / "one.jpg") as image:
        assert (image.size, image.format) == ((160, 160), "JPEG")


def test_ctrl_c_stops_cleanly_and_resume_finishes(shop: Path) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "run", "catalog.csv", "--mode", "inline", "--out", "out"]
    slow = environment(shop, "delay_s=3")
    with subprocess.Popen(command, cwd=shop, env=slow, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "  released " in line and "  released 0 " not in line:
                break
        run.send_signal(signal.SIGINT)
        output, _ = run.communicate()
    assert run.returncode == 130, output
    assert "go on with: packshot run --resume" in output
    run_id = output.split("--resume ")[1].split()[0]
    done = packshot(shop, "run", "--resume", run_id, "--mode", "inline", "--out", "out", "--json")
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, summary["released"], summary["due"]) == (0, COUNT, COUNT), done.stdout + done.stderr
    assert len(sample.tree(shop / "out")) == COUNT


def test_doctor_names_what_is_missing(shop: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "doctor"],
        cwd=shop,
        env=environment(shop) | {"PACKSHOT_WEIGHTS": str(shop / "nowhere")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "packshot models fetch" in done.stdout
