"""`python -m benchmarks.ops [NAME...] [--quick] [--write]`: proof that it holds, as tables.

`plan_scale` measures a plan of 1e6 unchanged SKUs, `scale` simulates nights of up to 1e8, `soak` breaks a running service for ten
minutes (more: `python -m benchmarks.ops.soak MINUTES`). Alert rules, dashboards and manifests are held by their own tests.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.__main__ import keep, machine
from benchmarks.goods import ROOT
from benchmarks.tables import table

CASES: dict[str, dict[str, list[Any]]] = {
    "plan_scale": {"quick": [10_000], "full": [1_000_000]},
    "scale": {"quick": [1e6], "full": [1e8]},
    "soak": {"quick": [1.5], "full": [10.0]},
}
TARGETS = {
    "plan_scale": "wall_s <= 60 and peak_mb <= 1500 at 1e6.",
    "scale": "over lower bound <= 1.01 on a fleet for one night at 1e6 and 1e8.",
    "soak": "lost, twice and unexplained: 0; PSS growth <= 3 % an hour (a figure for lives of an hour and more).",
}


def main() -> None:
    """Each case runs in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ops", description=__doc__)
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
            keep(f"ops_{name}", text)


def _module(name: str) -> Any:
    return import_module(f"benchmarks.ops.{name}")


def _section(name: str, size: str) -> str:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.ops", "--one", name, *(["--quick"] if size == "quick" else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    module = _module(name)
    shown: Callable[[dict[str, Any]], str] = getattr(module, "report", _rows)
    again = " ".join(["python -m benchmarks.ops", name, *command[7:]])
    parts = [f"## ops_{name}", str(module.__doc__).strip(), shown(json.loads(done.stdout.splitlines()[-1]))]
    return "\n\n".join([*parts, f"Targets: {TARGETS[name]}", f"`{again}`, {machine()}\n"])


def _rows(result: dict[str, Any]) -> str:
    return table(["", "value"], list(result.items()))


if __name__ == "__main__":
    main()
