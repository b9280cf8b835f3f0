"""How often the preflight agrees with hand-made files: `python -m benchmarks.preflight [destination...]`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.preflight_files import Case, cases
from studio.destination import Destination
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.qa.preflight import findings, needs
from studio.qa.upload import Upload, opened
from templates.library import Library

MODELS = LocalModels(Registry(Path("no-weights")))


def judged(case: Case, where: Destination) -> frozenset[str]:
    """The rules that the preflight says the file breaks."""
    wanted = needs(where, case.without)
    upload: Upload = asyncio.run(opened(case.data, MODELS, matting="fake-matte" if "product" in wanted else ""))
    upload.lines = case.lines
    return frozenset(finding.rule.name for finding in findings(upload, where, case.without) if not finding.passed)


def agrees(case: Case, broken: frozenset[str]) -> bool:
    """Whether it breaks what it must, and nothing else but what comes with that."""
    return case.breaks <= broken <= case.breaks | case.may


def main(names: list[str]) -> None:
    library, counts, started = Library.default(), Counter[str](), time.monotonic()
    for where in library.destinations():
        if names and where.id not in names:
            continue
        for case in cases(where):
            broken = judged(case, where)
            good = agrees(case, broken)
            counts["inside" if not case.breaks else "outside"] += 1
            counts["agree"] += good
            if not good:
                print(f"{case.destination} {case.rule}: {case.name}: broken {sorted(broken)}, wanted {sorted(case.breaks)}")
    total = counts["inside"] + counts["outside"]
    print(f"{total} files ({counts['inside']} inside, {counts['outside']} outside): {counts['agree']} agree")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
