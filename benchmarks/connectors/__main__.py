"""`python -m benchmarks.connectors [NAME...] [--quick] [--write]`: the figures of the connectors as tables."""

from __future__ import annotations

from benchmarks.cases import Case, command

CASES = {
    "accept": Case(
        [10], [60], "p99_ms <= 200; not answered, refused though good, forged, stale, taken more than once and lost: 0."
    ),
    "publish": Case(
        [60], [1000], "right = products; duplicates, lost, left_over, people_touched, calls_that_disturbed_people: 0."
    ),
    "resync": Case([1000], [10_000], "0 renders, 0 writes, calls at the minimum."),
    "deprecated": Case([], [], "0 used."),
}

if __name__ == "__main__":
    command("connectors", __doc__, CASES)
