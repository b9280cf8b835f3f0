"""The digest of everything that a plan follows from beside the catalogue, its photos and the records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from blake3 import blake3

import connectors.sources
import studio
import templates
from studio.keys import digest_bytes, digest_of
from studio.models.registry import Registry
from templates.library import PACKAGED

CODE = (
    Path(studio.__file__).parent,
    Path(templates.__file__).parent,
    Path(connectors.sources.__file__).parent,
    *(Path(__file__).with_name(name) for name in ("plan.py", "plan_memory.py", "choosing.py")),
)
"""Code that says what is made of a row. Not every change of it changes a plan; a row is then compared once more."""


def world(names: Sequence[str], folders: Iterable[Path], assets: Iterable[str], models: Registry) -> str:
    """Of the looks asked for, the template folders, digests of the pictures and typefaces that looks name, the models and our
    code. Files are read whole: they are few."""
    cards = {name: models.card(name).key for name in models.names()}
    told = [_files(folder) for folder in (PACKAGED, *folders)]
    return digest_of({"names": list(names), "folders": told, "assets": sorted(assets), "models": cards, "code": _code()})


@cache
def _code() -> str:
    """Once a process: it runs what it loaded."""
    return digest_of([_files(place, "*.py") if place.is_dir() else digest_bytes(place.read_bytes()) for place in CODE])


def _files(folder: Path, pattern: str = "*") -> str:
    digest = blake3()
    for path in sorted(_plain(folder, pattern)):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _plain(folder: Path, pattern: str) -> Iterator[Path]:
    return (path for path in folder.rglob(pattern) if path.suffix != ".pyc" and path.is_file())
