"""`python -m benchmarks.connectors [NAME...] [--quick] [--write]`: the figures of the connectors as tables."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib import import_module
from typing import Any

from benchmarks.__main__ import keep, machine
from benchmarks.goods import ROOT
from benchmarks.tables import table

CASES: dict[str, dict[str, list[Any]]] = {
    "accept": {"quick": [10], "full": [60]},
    "publish": {"quick": [60], "full": [1000]},
    "resync": {"quick": [1000], "full": [10_000]},
    "deprecated": {"quick": [], "full": []},
}
"""Modules of this package, and what their `run` is given."""
TARGETS = {
    "accept": "p99_ms <= 200; not answered, refused though good, forged, stale, taken more than once and lost: 0.",
    "publish": "right = products; duplicates, lost, left_over, people_touched, calls_that_disturbed_people: 0.",
    "resync": "0 renders, 0 writes, calls at the minimum.",
    "deprecated": "0 used.",
}


def main() -> None:
    """Each case runs in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.connectors", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--quick", action="store_true", help="smaller sizes: whether it works, no figures")
    parser.add_argument("--write", action="store_true", help="append to or replace sections of docs/benchmarks.md")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = "quick" if options.quick else "full"
    if options.one:
        print(json.dumps(_module(options.one).run(*CASES[options.one][size])))
        return
    for name in options.names or CASES:
        if name not in CASES:
            parser.error(f"{name} is none of {', '.join(CASES)}")
        text = _section(name, size)
        print(text, flush=True)
        if options.write:
            keep(f"connectors_{name}", text)


def _module(name: str) -> Any:
    return import_module(f"benchmarks.connectors.{name}")


def _section(name: str, size: str) -> str:
    command = [sys.executable, "-m", "benchmarks.connectors", "--one", name, *(["--quick"] if size == "quick" else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    rows = list(json.loads(done.stdout.splitlines()[-1]).items())
    again = " ".join(["python", *command[1:3], name, *command[5:]])
    parts = [f"## connectors_{name}", str(_module(name).__doc__).strip(), table(["", "value"], rows), f"Targets: {TARGETS[name]}"]
    return "\n\n".join([*parts, f"`{again}`, {machine()}\n"])


if __name__ == "__main__":
    main()
