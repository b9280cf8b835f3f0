"""What is asked of operations beside what was measured, as one table: `python -m benchmarks.ops.figures [PART...] [--long]`.

Parts run one after the other, each in a process of its own; one that cannot run on this machine says why, and the others go on.
The default sizes take some minutes and show that it works; `--long` takes those that are asked, which is hours. The soak of two
hours is `python -m benchmarks.ops.soak 120 FOLDER`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.__main__ import machine
from benchmarks.goods import ROOT
from benchmarks.tables import table

SHORT_S, LONG_S = 1800, 6 * 3600
SEEDED = ("cluster_manifests", "cluster_launchers", "cluster_image")
SEEDS = ("test_what_is_seeded",)
"""Tests that seed one fault each and must find it begin so."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. `met` is None where the figure is not the one that is asked: too small a size, or nothing ran."""

    what: str
    asked: str
    measured: str
    met: bool | None = None

    def row(self) -> list[str]:
        """As text."""
        return [self.what, self.asked, self.measured, {True: "met", False: "missed", None: ""}[self.met]]


@dataclass(frozen=True, slots=True)
class Part:
    """A command, short and long, and what its output says; `what` and `asked` are its rows when it cannot run."""

    short: Sequence[str]
    long: Sequence[str]
    read: Callable[[str, bool], list[Figure]]
    rows: Sequence[tuple[str, str]]
    junit: bool = False
    """Whether what is read is pytest's report instead of what is printed."""


SOAK = ("soak: lost / twice / unexplained; growth of PSS", "0 / 0 / 0; <= 3 % an hour")
QUOTE = ("quote against cost, 500 shots", "within 10 %")
NIGHTS = ("simulated makespan over lower bound", "<= 1.01 at 1e6 and 1e8")
PLAN = ("plan of 1e6 unchanged SKUs on 2 cores", "<= 60 s, <= 1,500 MB")
ALERTS = ("alert rules with a passing unit test", "100 %")
PANELS = ("dashboard panels with data in a live run", "100 %")
CONSOLE = ("console: 10,000 rows over 10 rows, slowest page", "<= 1.5x")
SEEDS_FOUND = ("manifests: seeded mistakes caught", ">= 30, all")


def soak(text: str, long: bool) -> list[Figure]:
    """The account of minutes of faults; growth an hour only where lives were long enough to tell."""
    found = _last(text)
    counts = [found[name] for name in ("lost", "twice", "unexplained")]
    growth = {who: mb.get("growth_%_h") for who, mb in found.get("pss_mb", {}).items() if isinstance(mb, dict)}
    worst = max((value for value in growth.values() if value is not None), default=None)
    said = f"{' / '.join(map(str, counts))} with {sum(found['faults'].values())} faults"
    grown = f"; {worst:+.1f} %" if worst is not None else ""
    wrong = any(counts) or (long and worst is not None and worst > 3)
    return [Figure(*SOAK, said + grown, False if wrong else (True if long else None))]


def quote(text: str, long: bool) -> list[Figure]:
    """The second run, which the first has taught."""
    row = json.loads(text)["rows"]["large, after the first"]
    error = row["quote_error"]
    return [Figure(*QUOTE, f"{error:+.1%} on {row['due']} shots", abs(error) <= 0.1 if long else None)]


def nights(text: str, long: bool) -> list[Figure]:
    """The fleets without a limit of Ray's in their way: the shipped one at 1e6, as many renderers as a night needs at 1e8."""
    whole = [one for one in _last(text)["nights"] if one["due"] == one["skus"]]
    some = [one for one in whole if one["case"] in ("shipped profile", "for 8 h, nodes at once") and one["skus"] in (1e6, 1e8)]
    return [Figure(f"{NIGHTS[0]}, {one['case']}, {one['skus']:.0e}", NIGHTS[1], f"{one['over_lower']:.4f}",
                   one["over_lower"] <= 1.01) for one in some]  # fmt: skip


def plan(text: str, long: bool) -> list[Figure]:
    """Seconds and peak memory."""
    found = _last(text)
    said = f"{found['wall_s']:.1f} s, {found['peak_mb']:.0f} MB for {found['rows']:,} ({found['us_a_sku']:.0f} us a SKU)"
    return [Figure(*PLAN, said, found["wall_s"] <= 60 and found["peak_mb"] <= 1500 if long else None)]


def monitoring(text: str, long: bool) -> list[Figure]:
    """Rules by promtool's tests, panels by a live run."""
    tests = list(_tests(text))
    fires = [state for name, state in tests if name.startswith("test_an_alert_fires")]
    panels = [state for name, state in tests if name.startswith("test_every_panel")]
    return [
        Figure(*pair, _share(states), all(state == "passed" for state in states) if any(map(_ran, states)) else None)
        for pair, states in ((ALERTS, fires), (PANELS, panels))
    ]


def console(text: str, long: bool) -> list[Figure]:
    """The worst ratio of all pages."""
    worst = _last(text)["console_worst_ratio"]
    return [Figure(*CONSOLE, f"{worst:.2f}x", worst <= 1.5)]


def manifests(text: str, long: bool) -> list[Figure]:
    """Tests that seed a mistake, and found it."""
    states = [state for name, state in _tests(text) if name.startswith(SEEDS)]
    return [Figure(*SEEDS_FOUND, _share(states), len(states) >= 30 and all(state == "passed" for state in states))]


def _ops(name: str, *more: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "benchmarks.ops", "--one", name, *more]


def _module(name: str, *more: str) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", name, *more]


_CONTRACT = _module("pytest", "-q", *(f"tests/contract/test_{name}.py" for name in SEEDED))
PARTS = {
    "soak": Part(_ops("soak", "--quick"), _ops("soak"), soak, [SOAK]),
    "quote": Part(_module("benchmarks.cost_quote", "40"), _module("benchmarks.cost_quote", "500"), quote, [QUOTE]),
    "scale": Part(_ops("scale", "--quick"), _ops("scale"), nights, [NIGHTS]),
    "plan": Part(_ops("plan_scale", "--quick"), _ops("plan_scale"), plan, [PLAN]),
    "monitoring": Part([".ci/monitoring.sh"], [".ci/monitoring.sh"], monitoring, [ALERTS, PANELS], junit=True),
    "console": Part(_module("benchmarks.console_rows"), _module("benchmarks.console_rows"), console, [CONSOLE]),
    "manifests": Part(_CONTRACT, _CONTRACT, manifests, [SEEDS_FOUND], junit=True),
}


def measured(part: Part, *, long: bool) -> list[Figure]:
    """The rows of a part. Whatever is wrong with it becomes what its rows say."""
    with tempfile.TemporaryDirectory(prefix="pf") as folder:
        report = Path(folder, "junit.xml")
        call = [*(part.long if long else part.short), *([f"--junitxml={report}"] if part.junit else [])]
        limit = LONG_S if long else SHORT_S
        try:
            done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False)
        except (subprocess.TimeoutExpired, OSError) as error:
            return _silent(part, str(error) if isinstance(error, OSError) else "it did not end in time")
        try:
            return part.read(report.read_text() if part.junit else done.stdout, long)
        except (OSError, ValueError, LookupError, TypeError, ElementTree.ParseError):
            return _silent(part, _reason(done))


def _silent(part: Part, why: str) -> list[Figure]:
    return [Figure(what, asked, f"could not run here: {why}") for what, asked in part.rows]


def report(figures: Sequence[Figure]) -> str:
    """The table as Markdown."""
    return table(["what", "asked", "measured", ""], [figure.row() for figure in figures])


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """The last that a command said."""
    said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return said[-1][:160].replace("|", "/") if said else f"exit code {done.returncode}"


def _last(text: str) -> dict[str, Any]:
    """The JSON object in the last line."""
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def _tests(junit: str) -> Iterator[tuple[str, str]]:
    """Tests of a report of pytest's: name, and passed, failed, or why it was skipped."""
    for case in ElementTree.fromstring(junit).iter("testcase"):
        skipped = case.find("skipped")
        bad = case.find("failure") is not None or case.find("error") is not None
        yield case.get("name", ""), "failed" if bad else "passed" if skipped is None else str(skipped.get("message", "skipped"))


def _ran(state: str) -> bool:
    return state in ("passed", "failed")


def _share(states: Sequence[str]) -> str:
    skipped = [state for state in states if not _ran(state)]
    if not states or len(skipped) == len(states):
        return f"could not run here: {skipped[0] if skipped else 'no such test'}"
    return f"{states.count('passed')} of {len(states)}" + (f", {len(skipped)} skipped: {skipped[0]}" if skipped else "")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ops.figures", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--long", action="store_true", help="the sizes that are asked: hours")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: none of {', '.join(PARTS)}")
    figures: list[Figure] = []
    for name in options.parts or PARTS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        figures += measured(PARTS[name], long=options.long)
    print(report(figures))
    size = "the sizes that are asked" if options.long else "short sizes; without a verdict: not the size that is asked"
    print(f"\n{size}. {machine()}")


if __name__ == "__main__":
    main()
