"""`python -m benchmarks.ops [NAME...] [--quick] [--write]`: proof that it holds, as tables.

`plan_scale` measures a plan of 1e6 unchanged SKUs, `scale` simulates nights of up to 1e8, `soak` breaks a running service for ten
minutes (more: `python -m benchmarks.ops.soak MINUTES`). Alert rules, dashboards and manifests are held by their own tests.
"""

from __future__ import annotations

from benchmarks.cases import Case, command

CASES = {
    "plan_scale": Case([10_000], [1_000_000], "wall_s <= 60 and peak_mb <= 1500 at 1e6."),
    "scale": Case([1e6], [1e8], "over lower bound <= 1.01 on a fleet for one night at 1e6 and 1e8."),
    "soak": Case(
        [1.5], [10.0], "lost, twice and unexplained: 0; PSS growth <= 3 % an hour (a figure for lives of an hour and more)."
    ),
}

if __name__ == "__main__":
    command("ops", __doc__, CASES)
