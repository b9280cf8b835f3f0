"""`python -m benchmarks [NAME...] [--full] [--write]`: run the cases, print their tables, keep them in docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from benchmarks.tables import TABLES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
CASES: dict[str, dict[str, Any]] = {
    "batch_efficiency": {"quick": 160, "full": 160},
    "gpu_duty": {"quick": 30, "full": 60},
    "unchanged": {"quick": 5000, "full": 5000},
    "memory": {"quick": 16, "full": 24},
    "faults": {"quick": 48, "full": 160},
}
"""Case modules, and what their `run` is given."""
SERVING: dict[str, dict[str, Any]] = {
    "serve_tax": {"quick": 3, "full": 9},
    "serve_hit": {"quick": 5, "full": 15},
    "serve_urgent": {"quick": 30, "full": 100},
    "serve_spike": {"quick": 64, "full": 64},
    "serve_faults": {"quick": 500, "full": 500},
    "small_job": {"quick": 3, "full": 7},
}
"""The same for the HTTP service: `make bench-serve`."""
KNOWN = CASES | SERVING
PRINTING = ("cutout_quality", "rembg_cpu")
"""Modules that print their own table; run by name or with --full."""
HEAD = """# Benchmarks

Every figure is a ratio against an ideal or a peer that was measured in the same run on the same machine. `make bench` runs them
all; `python -m benchmarks NAME --write` runs one and replaces its section here. CPU is user and system time of the driver and
everything below it (raylet, GCS and workers included).
"""


def main() -> None:
    """Each case runs in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*KNOWN, *PRINTING]))
    parser.add_argument("--full", action="store_true", help="larger sizes, and the cut-out comparisons")
    parser.add_argument("--serve", action="store_true", help="the cases of the HTTP service")
    parser.add_argument("--write", action="store_true", help="append to or replace sections of docs/benchmarks.md")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = "full" if options.full else "quick"
    if options.one:
        print(json.dumps(import_module(f"benchmarks.{options.one}").run(KNOWN[options.one][size])))
        return
    usual = SERVING if options.serve else [*CASES, *(PRINTING if options.full else ())]
    for name in options.names or usual:
        text = section(name, size)
        print(text, flush=True)
        if options.write:
            keep(name, text)


def section(name: str, size: str) -> str:
    """One case, run, as Markdown."""
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    if name in KNOWN:
        command = [sys.executable, "-m", "benchmarks", "--one", name, *(["--full"] if size == "full" else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=PAGE.parents[1])
    what = (import_module(f"benchmarks.{name}").__doc__ or name).strip()
    shown = TABLES[name](json.loads(done.stdout.splitlines()[-1])) if name in KNOWN else f"```\n{done.stdout.strip()}\n```"
    again = f"python -m benchmarks {name}" + (" --full" if size == "full" else "")
    return f"## {name}\n\n{what}\n\n{shown}\n\n`{again}`, {machine()}\n"


def machine() -> str:
    """Date, cores, memory and processor."""
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    memory = psutil.virtual_memory().total / 2**30
    return f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {memory:.0f} GB, {model[1] if model else 'unknown processor'}"


def keep(name: str, text: str) -> None:
    """Replace the case's section of the page, or add it at the end."""
    page = PAGE.read_text() if PAGE.exists() else HEAD
    found = re.search(rf"^## {name}\n.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    page = page[: found.start()] + text + "\n" + page[found.end() :] if found else page.rstrip() + "\n\n" + text
    PAGE.write_text(page.rstrip() + "\n")


if __name__ == "__main__":
    main()
