"""`python -m benchmarks.defects seed|train|report|all`: make the rows, fit and write the weights, print the held-out figures.

`seed` goes on where it stopped (rows are kept under $PACKSHOT_DEFECTS, /tmp/defects without it); `--fresh` throws rows away, as a
changed check or statistic asks for. `train` learns from no row of a held-out product. `--part 0/2` makes half of the rows."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np

from benchmarks.defects import cutouts, dataset
from benchmarks.defects.photos import held_out, photos
from benchmarks.defects.report import blamed, found, printed, table
from studio.keys import digest_bytes
from studio.qa.defects import FOLDER, Judge, judge_from

FALSE_ALARMS = 0.01
"""Share of the clean training pictures, those that every check passes, which the classifier may hold back out of fold."""


def main() -> None:
    """One of the parts, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.defects", description=__doc__)
    parser.add_argument("what", choices=("seed", "train", "report", "all"))
    parser.add_argument("--fresh", action="store_true", help="make every row anew")
    parser.add_argument("--part", default="0/1", help="which of how many parts of the photos, e.g. 0/2")
    parser.add_argument("--rounds", type=int, default=dataset.ROUNDS, help="styles a photo is taken in")
    parser.add_argument("--side", type=int, default=0, help="side of the canvas in pixels; 0: as in looks.py")
    options = parser.parse_args()
    if options.what in {"seed", "all"}:
        part, parts = (int(number) for number in options.part.split("/"))
        path = cutouts.CACHE / f"rows-{options.side}.{part}of{parts}.jsonl"
        if options.fresh:
            path.unlink(missing_ok=True)
        cutouts.main()
        dataset.make(path, options.side, options.rounds, (part, parts))
    if options.what in {"train", "all"}:
        train(read(0))
    if options.what in {"report", "all"}:
        print(report(read(options.side)))


def read(side: int) -> list[dataset.Row]:
    """Rows of every part at a canvas size."""
    found_rows = [row for path in sorted(cutouts.CACHE.glob(f"rows-{side}.*.jsonl")) for row in dataset.rows(path)]
    if not found_rows:
        sys.exit("no rows yet: python -m benchmarks.defects seed")
    return found_rows


def train(rows: list[dataset.Row]) -> None:
    """Fit on the products that are not held out, set the alarms out of fold, write weights and facts."""
    from benchmarks.defects.training import alarm, arrays, basis_of, fit

    mine = [row for row in rows if not row.held_out]
    basis = basis_of(mine)
    heads, probabilities = fit(mine, basis)
    held = np.array([bool(blamed(row)) for row in mine])
    bound = round(alarm(probabilities, mine, held, FALSE_ALARMS), 4)
    write(arrays(heads, basis), {head.kind: bound for head in heads}, rows, mine)


def write(data: dict[str, Any], bounds: dict[str, float], rows: list[dataset.Row], mine: list[dataset.Row]) -> None:
    """The weights, and beside them how they came about and what they do on held-out products."""
    target = FOLDER / "defects.npz"
    FOLDER.mkdir(exist_ok=True)
    with target.open("wb") as out:
        np.savez_compressed(out, **data)
    results = found([row for row in rows if row.held_out], judge_from(data), bounds)
    facts = {
        "version": digest_bytes(target.read_bytes())[:16],
        "alarms": bounds,
        "training": {
            "rows": len(mine),
            "clean": sum(not row.kind for row in mine),
            "products": len({row.product for row in mine}),
        },
        "held_out_products": sorted(held_out() & {photo.product for photo in photos()}),
        "held_out": table(results),
    }
    (FOLDER / "defects.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{target.name}: {target.stat().st_size} bytes, {len(data['names'])} features, {len(data['kinds'])} heads")


def report(rows: list[dataset.Row]) -> str:
    """The held-out table with the shipped weights, and which clean pictures are held back and why."""
    facts = json.loads((FOLDER / "defects.json").read_text())
    with np.load(FOLDER / "defects.npz", allow_pickle=False) as data:
        judge: Judge = judge_from({name: data[name] for name in data.files})
    held = found([row for row in rows if row.held_out], judge, facts["alarms"])
    false = [f for f in held if not f.row.kind and f.caught]
    named = "\n".join(f"- {f.row.photo} in {f.row.style}: {f.reason or f'classifier: {f.named} {f.defect:.2f}'}" for f in false)
    return f"{printed(table(held))}\n\nClean pictures held back:\n{named or '- none'}"


if __name__ == "__main__":
    main()
