"""Finished pictures against the ones a person has looked at. On a mismatch both lie in tests/golden/failures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.golden.pictures import CASES, HERE, finished, path
from tests.golden.similarity import ssim

FAILURES = HERE / "failures"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2]}")
def test_looks_as_approved(case: tuple[str, str, str]) -> None:
    golden = path(*case)
    made = finished(*case).encoded
    now, then = Image.open(io.BytesIO(made)), Image.open(golden)
    assert (now.format, now.mode, now.size) == (then.format, then.mode, then.size)
    score = ssim(np.asarray(now), np.asarray(then))
    if score <= 0.99:
        FAILURES.mkdir(exist_ok=True)
        (FAILURES / golden.name).write_bytes(made)
        (FAILURES / f"approved_{golden.name}").write_bytes(golden.read_bytes())
    assert score > 0.99


def test_the_measure_tells_pictures_apart() -> None:
    picture = np.asarray(Image.open(path(*CASES[1])).convert("RGB"))
    moved = np.roll(picture, 2, axis=1)
    assert ssim(picture, picture) == pytest.approx(1)
    assert ssim(picture, moved) < 0.97
