"""The plan step over a large catalogue that has not changed: `python -m benchmarks.ops.plan_scale [rows]`.

Every SKU has a row and a file of its own (links to a few small photos, a thousand a folder). A first plan fills the records as if
every shot had been released, and leaves what it came to for each row; the second is measured in a process of its own: nothing is
due, no photo is opened. The first takes ten minutes for a million rows on a quiet machine.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.goods import block, night, scratch, tree, write_catalogue
from cluster.settings import Settings, load_settings
from connectors.records import Records, ShotRecord
from pipelines.plan import Planned, Tally

TEMPLATE = "amazon-white"
FOLDER, LINKS = 1000, 50_000
"""Files in a folder, and links to one file (file systems allow about 65,000)."""


def run(rows: int = 1_000_000) -> dict[str, Any]:
    """Seconds and peak memory of planning `rows` SKUs that are up to date."""
    with scratch() as folder:
        catalog = write_catalogue(folder / "catalog.csv", photos(folder / "images", rows))
        settings = tree(folder, TEMPLATE)
        started = time.monotonic()
        seed(settings, catalog)
        seeded_s = time.monotonic() - started
        asked = json.dumps({"folder": str(folder), "catalog": str(catalog)})
        done = subprocess.run(  # noqa: PLW1510 - its rc is read below
            [sys.executable, "-m", "benchmarks.ops.plan_scale", "--measure", asked], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return {"rows": rows, "first_plan_s": seeded_s, **json.loads(done.stdout.splitlines()[-1])}


def photos(folder: Path, count: int) -> list[Path]:
    """`count` files, a thousand a folder: links to a few photos."""
    found = []
    for number in range(count):
        path = folder / f"{number // FOLDER:04}" / f"p{number:07}.png"
        original = folder / f"original{number // LINKS:03}.png"
        if number % LINKS == 0:
            block(original, number, 64)
        if number % FOLDER == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        os.link(original, path)
        found.append(path)
    return found


def seed(settings: Settings, catalog: Path) -> None:
    """Records as after a night in which everything was released."""
    work = night(settings, catalog, mode="inline")
    records = Records(settings.records)
    for some in pages(work.plan(Tally())):
        rows = [
            ShotRecord(
                shot_id=item.shot.id,
                key=item.key,
                status="released",
                parts=item.parts,
                digest=item.key,
                media_type="image/jpeg",
                run="r",
            )
            for item in some
        ]
        records.remember_shots(str(catalog), rows)
    records.close()


def pages(planned: Iterable[Planned], size: int = 5000) -> Iterator[list[Planned]]:
    """Some at a time."""
    rest = iter(planned)
    while some := list(islice(rest, size)):
        yield some


def measure(folder: Path, catalog: Path) -> dict[str, Any]:
    """One plan in this process."""
    settings = load_settings(home=folder / "home", templates=(TEMPLATE,), template_folders=(folder / "art",))
    work, tally = night(settings, catalog, mode="inline"), Tally()
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.monotonic()
    due = sum(1 for _ in work.plan(tally))
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "due": due,
        "unchanged": sum(tally.unchanged.values()),
        "images_read": tally.images_read,
        "wall_s": wall,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "us_a_sku": wall / max(tally.products, 1) * 1e6,
        "peak_mb": after.ru_maxrss / 1024,
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        given = json.loads(sys.argv[2])
        print(json.dumps(measure(Path(given["folder"]), Path(given["catalog"]))))
    else:
        for name, value in run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000).items():
            print(f"{name:16} {value}")
