"""rembg in its own virtual environment, run as its users run it: `rembg p -m u2netp FOLDER OUT`, with our checked weights."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".cache" / "rembg-venv"
WEIGHTS = ROOT / ".packshot" / "models"


def rembg_command() -> list[str]:
    """The installed command; makes the environment at first use."""
    command = VENV / "bin" / "rembg"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(VENV / "bin" / "python"), "-m", "pip", "install", "-q", "rembg[cpu,cli]"], check=True)
    return [str(command)]


def rembg_version() -> str:
    """`rembg 2.0.86` or the like."""
    rembg_command()
    code = "import importlib.metadata as m; print('rembg', m.version('rembg'))"
    return subprocess.run([str(VENV / "bin" / "python"), "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def run_rembg(photos: Path, out: Path, *options: str) -> float:
    """Cut out a folder of photos with U2-Netp; returns CPU seconds of the whole process tree."""
    command = [*rembg_command(), "p", "-m", "u2netp", *options, str(photos), str(out)]
    return cpu_of(command, {"U2NET_HOME": str(WEIGHTS)})


def cpu_of(command: list[str], extra: dict[str, str] | None = None) -> float:
    """User + system seconds of a command and its children. Raises CalledProcessError when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env={**os.environ, **(extra or {})}, cwd=ROOT, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
