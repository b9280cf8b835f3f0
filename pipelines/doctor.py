"""Is this installation able to work, and what is to be done if not."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cluster.engine import registry, storage
from cluster.profile import load_profile
from cluster.settings import Settings
from connectors.records import Records
from connectors.weights import verify
from studio.errors import PackshotError
from templates.library import Library

MIN_FREE_GB = 2
PACKAGES = (
    "ray",
    "torch",
    "diffusers",
    "transformers",
    "onnxruntime",
    "pyarrow",
    "pillow",
    "opencv-python-headless",
    "pydantic",
    "boto3",
)

TOGETHER = ("packshot", "ray")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; a bad one says what to do."""

    name: str
    good: bool
    message: str


def examine(settings: Settings) -> list[Finding]:
    """Look at Python, packages, weights, templates, profile, store, records and disk."""
    return [
        _python(),
        _packages(),
        _checked("weights", lambda: _weights(settings)),
        _checked(
            "templates", lambda: f"{len(list(Library.default(extra=settings.template_folders).templates()))} templates load"
        ),
        _checked("profile", lambda: f"{load_profile(settings.profile).name} loads"),
        _checked("store", lambda: _store(settings)),
        _checked("records", lambda: f"{Records(settings.records).url} answers"),
        _disk(settings.home),
    ]


def here() -> dict[str, str]:
    """Versions that must be the same on every node of a cluster."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in TOGETHER}}


def _python() -> Finding:
    good = sys.version_info >= (3, 11)
    return Finding("python", good, platform.python_version() + ("" if good else ": install Python 3.11 or newer"))


def _packages() -> Finding:
    missing, found = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", False, f"missing {', '.join(missing)}: run `make setup`")
    return Finding("packages", True, ", ".join(found))


def _weights(settings: Settings) -> str:
    cards = registry(settings)
    for problem in verify([cards.card(name) for name in cards.names()], settings.weights_folder).values():
        if problem is not None:
            raise problem
    return f"as pinned, in {settings.weights_folder}"


def _store(settings: Settings) -> str:
    store = storage(settings)
    digest = store.put_blob(b"packshot doctor")
    store.get_blob(digest)
    return f"{settings.storage_uri} takes and gives bytes"


def _disk(home: Path) -> Finding:
    folder = next(p for p in (home.absolute(), *home.absolute().parents) if p.exists())
    free = shutil.disk_usage(folder).free / 1e9
    return Finding(
        "disk", free >= MIN_FREE_GB, f"{free:.1f} GB free in {folder}" + ("" if free >= MIN_FREE_GB else ": make room")
    )


def _checked(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except (PackshotError, OSError) as error:
        return Finding(name, False, str(error))
