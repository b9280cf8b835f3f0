"""Cases of a package of benchmarks as a command: each in a process of its own, its result as a section of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from benchmarks.__main__ import keep, machine
from benchmarks.goods import ROOT
from benchmarks.tables import table


@dataclass(frozen=True, slots=True)
class Case:
    """What a module's `run` is given, quick and in full, and what is asked of its result."""

    quick: list[Any]
    full: list[Any]
    target: str


def command(package: str, about: str | None, cases: Mapping[str, Case]) -> None:
    """`python -m benchmarks.<package> [NAME...] [--quick] [--write]`."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{package}", description=about)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(cases))
    parser.add_argument("--quick", action="store_true", help="smaller sizes: whether it works, no figures")
    parser.add_argument("--write", action="store_true", help="append to or replace sections of docs/benchmarks.md")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        case = cases[options.one]
        print(json.dumps(_module(package, options.one).run(*(case.quick if options.quick else case.full))))
        return
    for name in options.names or cases:
        if name not in cases:
            parser.error(f"{name} is none of {', '.join(cases)}")
        text = _section(package, name, cases[name].target, quick=options.quick)
        print(text, flush=True)
        if options.write:
            keep(f"{package}_{name}", text)


def _module(package: str, name: str) -> Any:
    return import_module(f"benchmarks.{package}.{name}")


def _section(package: str, name: str, target: str, *, quick: bool) -> str:
    more = ["--quick"] if quick else []
    call = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{package}", "--one", name, *more]
    done = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    module = _module(package, name)
    shown: Callable[[dict[str, Any]], str] = getattr(module, "report", _rows)
    parts = [f"## {package}_{name}", str(module.__doc__).strip(), shown(json.loads(done.stdout.splitlines()[-1]))]
    again = " ".join([f"python -m benchmarks.{package}", name, *more])
    return "\n\n".join([*parts, f"Targets: {target}", f"`{again}`, {machine()}\n"])


def _rows(result: dict[str, Any]) -> str:
    return table(["", "value"], list(result.items()))
