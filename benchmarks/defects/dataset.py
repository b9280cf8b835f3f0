"""Rows of features with their defect, made by the hundred: resumable, one JSON line a picture.

Every photo is taken in every style. In two of them it is one clean picture and up to `EACH` seeded ones whose defect can be
seen, in the rest one clean picture. Photos that are defective without seeding
(faulty.yaml) are left out."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.defects.cutouts import path_of
from benchmarks.defects.looks import STYLES
from benchmarks.defects.photos import SourcePhoto, faulty, held_out, photos
from benchmarks.defects.rendering import MATTING, Sitting, looked_again, models, rng_of, visible, waited
from studio.errors import PackshotError
from studio.models.base import Answer
from studio.qa.exhibits import poster, shown
from studio.qa.measure import measure
from studio.qa.subject import Subject
from studio.qa.traces import traces
from studio.qa.traces.second import asked
from studio.take import F32, Take

ROUNDS = 5
SEEDED = (0, 2)
"""Rounds, that is styles of a photo, in which defects are seeded: two of the first three, where white is."""
EACH = 6
"""Seeded pictures of a photo in a style."""
PLAIN = {"off_canvas", "colour_cast", "exposure", "watermark", "banding", "jpeg_blocks", "noise", "blur"}
"""Kinds that the checks see without help: fewer of them are made."""
HARD = {"hole", "missing_part", "cropped", "floating", "ghost"}
"""Kinds that take the most examples to learn."""
TRIES = 3
"""Draws of a defect until one can be seen."""
SAVED = ("photo", "source", "product", "style", "kind", "side")


@dataclass(frozen=True, slots=True)
class Row:
    """One picture: what it is, the checks' values, the statistics, the embedding float32 (D,). A clean one has no `kind`."""

    photo: str
    source: str
    product: str
    style: str
    kind: str
    side: int
    measured: dict[str, float]
    traces: dict[str, float]
    embedding: F32

    @property
    def held_out(self) -> bool:
        """Whether the row is kept for the report."""
        return self.product in held_out()


def styles_of(photo: SourcePhoto) -> list[str]:
    """Every style, by photo; marketplace white is among the first three."""
    others = [style for style in STYLES if style != "amazon-white"]
    start = int(rng_of("styles", photo.id).integers(len(others)))
    around = [others[(start + step) % len(others)] for step in (0, 2, 1, 3)]
    chosen = ["amazon-white", *around[:2]]
    return [chosen[place] for place in rng_of("turns", photo.id).permutation(len(chosen))] + around[2:]


def make(path: Path, side: int = 0, rounds: int = ROUNDS, part: tuple[int, int] = (0, 1)) -> None:
    """Add every row that is not in the file yet; `part` (i, n) takes only every n-th photo from the i-th."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done = {(row["photo"], row["style"]) for row in _lines(path) if row["kind"] == "end"}
    chosen = [photo for photo in photos() if photo.id not in faulty() and path_of(photo).exists()]
    started, count = time.time(), 0
    for turn in range(rounds):
        for photo in chosen[part[0] :: part[1]]:
            style = styles_of(photo)[turn]
            if (photo.id, style) in done:
                continue
            with path.open("a") as out:
                for row in _sitting(photo, style, side, EACH if turn in SEEDED else 0):
                    out.write(json.dumps(row) + "\n")
                    count += 1
            if count % 60 < 6:
                print(f"{turn} {photo.id} {count} rows, {(time.time() - started) / max(count, 1):.2f} s a row", flush=True)


def _sitting(photo: SourcePhoto, style: str, side: int, each: int) -> Iterator[dict[str, Any]]:
    facts = {"photo": photo.id, "source": photo.source, "product": photo.product, "style": style, "side": side}
    try:
        sitting = Sitting(photo, style, side)
        clean = sitting.render()
        yield {**facts, "kind": "", **_seen(clean)}
        kinds = sitting.kinds()
        weights = np.array([2.0 if kind in PLAIN else 5.0 if kind in HARD else 3.5 for kind in kinds])
        for kind in rng_of("kinds", photo.id, style).choice(
            kinds, min(each, len(kinds)), replace=False, p=weights / weights.sum()
        ):
            for attempt in range(TRIES):
                take = sitting.render(str(kind), attempt)
                if visible(clean.need_image()[..., :3], take.need_image()[..., :3], str(kind)):
                    yield {**facts, "kind": str(kind), **_seen(take)}
                    break
    except PackshotError as error:
        print(f"{photo.id} in {style}: {error}", flush=True)
    yield {**facts, "kind": "end"}


def _seen(take: Take) -> dict[str, Any]:
    subject = Subject(take)
    if subject.matte.source != "alpha":
        take.evidence.second_look = looked_again(asked(subject, models().card(MATTING).input_px))
    (answer,) = waited(models().predict("embed", [poster(shown(subject))]))
    assert isinstance(answer, Answer), answer
    small = np.asarray(answer.value, np.float16).tobytes()
    found = {name: round(value, 6) for name, value in traces(subject).items()}
    return {"measured": measure(take), "traces": found, "embedding": base64.b85encode(small).decode()}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.is_file():
        with path.open() as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield json.loads(line)


def rows(path: Path) -> list[Row]:
    """Every row of the file, without photos that were found faulty since."""
    found: dict[tuple[str, str, str], Row] = {}
    for line in _lines(path):
        if line["kind"] != "end" and not {line["photo"], f"{line['photo']}/{line['style']}"} & faulty().keys():
            vector = np.frombuffer(base64.b85decode(line["embedding"]), np.float16).astype(np.float32)
            row = Row(**{key: line[key] for key in SAVED}, measured=line["measured"], traces=line["traces"], embedding=vector)
            found[row.photo, row.style, row.kind] = row
    return list(found.values())
