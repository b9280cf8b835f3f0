"""The golden group against the pictures a person has looked at."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.golden.group import CASES, finished, path
from tests.golden.pictures import HERE
from tests.golden.similarity import ssim

FAILURES = HERE / "failures"


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case))
def test_looks_as_approved(case: tuple[str, str]) -> None:
    take = finished(*case)
    now, then = Image.open(io.BytesIO(take.encoded)), Image.open(path(*case))
    assert (now.format, now.mode, now.size) == (then.format, then.mode, then.size)
    score = ssim(np.asarray(now), np.asarray(then))
    if score <= 0.99:
        FAILURES.mkdir(exist_ok=True)
        (FAILURES / f"{'_'.join(case)}.jpg").write_bytes(take.encoded)
    assert score > 0.99
    assert take.measurements["group_collisions"] == take.measurements["group_beyond"] == 0
