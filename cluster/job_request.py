"""What a submitted run is: the catalogue, the command on the head, the folder that travels, an id derived from all of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.sources.mapping import sidecar
from studio.errors import SettingsError
from studio.keys import digest_bytes, digest_of

MODES = ("serve", "pool", "inline")
EXCLUDES = (".git", ".venv", "**/__pycache__", ".packshot", "out", "dist")
PLAIN_OUTPUT = {"TTY_COMPATIBLE": "0", "NO_COLOR": "1", "FORCE_COLOR": ""}
"""A Ray that a notebook started inherits FORCE_COLOR from its kernel; the job's log would be full of redrawn progress bars."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A run to be submitted.

    `catalog` is a file here, which travels with its folder (`working_dir`; default: the one it is in), or `file:///PATH` on
    the cluster. `date` tells nights apart: the same catalogue on another date is another job. `env` is shown by Ray's
    dashboard and job API, so no secrets belong in it. `python` is the head's interpreter; `python` alone is its PATH's first.
    """

    catalog: str
    templates: Sequence[str] = ()
    out: str = ""
    mode: str = "serve"
    date: str = ""
    submission_id: str = ""
    working_dir: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    python: str = "python"
    excludes: Sequence[str] = EXCLUDES

    def check(self) -> None:
        """Raises SettingsError that names what is wrong."""
        if self.mode not in MODES:
            raise SettingsError(f"mode {self.mode!r} is none of {', '.join(MODES)}")
        if self.submission_id and not _ID.fullmatch(self.submission_id):
            raise SettingsError(f"submission id {self.submission_id!r}: letters, digits, `_`, `.` and `-`, at most 100")
        for name in self.env:
            if not _VARIABLE.fullmatch(name):
                raise SettingsError(f"{name!r} is not the name of an environment variable")
        if not self.catalog:
            raise SettingsError("no catalogue")
        for name, value in (
            ("catalogue", self.catalog),
            ("catalogue", self.place),
            ("out", self.out),
            *(("template", t) for t in self.templates),
        ):
            if value.startswith("-") or not value.isprintable():
                raise SettingsError(f"{name} {value!r} starts with `-` or has unprintable characters")

    @property
    def place(self) -> str:
        """The catalogue as the job finds it: from the folder that travels, or where the cluster has it."""
        local = _local(self.catalog)
        return str(local.relative_to(_folder(local, self.working_dir))) if local else _on_cluster(self.catalog)

    @property
    def arguments(self) -> list[str]:
        """The command on the head as a list of words."""
        words = [self.python, "-m", "pipelines.cli", "run", self.place, "--json", "--mode", self.mode]
        for template in self.templates:
            words += ["--template", template]
        return [*words, "--out", self.out] if self.out else words

    @property
    def entrypoint(self) -> str:
        """The command on the head, quoted for its shell."""
        return shlex.join(self.arguments)

    @property
    def id(self) -> str:
        """`submission_id`, or one that is the same whenever the catalogue's bytes, the command, `env` and `date` are."""
        return self.submission_id or f"packshot-{digest_of(self._identity())[:20]}"

    @property
    def runtime_env(self) -> dict[str, Any]:
        """Ray's runtime environment of the job."""
        local, env = _local(self.catalog), {"env_vars": {**PLAIN_OUTPUT, **self.env}}
        if local is None:
            return dict(env)
        return {"working_dir": str(_folder(local, self.working_dir)), "excludes": list(self.excludes), **env}

    @property
    def metadata(self) -> dict[str, str]:
        """What the dashboard shows beside the job."""
        return {"packshot": "run", "catalog": self.catalog, "date": self.date}

    @property
    def on_cluster(self) -> bool:
        """Whether the catalogue's bytes cannot be seen from here, so that only `date` tells one state of it from another."""
        return _local(self.catalog) is None

    def _identity(self) -> dict[str, Any]:
        local = _local(self.catalog)
        files = [path for path in (local, sidecar(local)) if path] if local else []
        digests = [digest_bytes(path.read_bytes()) for path in files]
        return {"catalog": digests, "run": self.arguments[1:], "env": dict(self.env), "date": self.date}


def _local(catalog: str) -> Path | None:
    """The catalogue as a file of this machine; None when only the cluster can see it."""
    return None if "://" in catalog else Path(catalog).resolve()


def _folder(catalog: Path, working_dir: str) -> Path:
    """The folder that travels: as given, or the catalogue's own, in which its pictures are."""
    folder = Path(working_dir).resolve() if working_dir else catalog.parent
    if not catalog.is_file():
        raise SettingsError(f"there is no catalogue file {catalog}")
    if not catalog.is_relative_to(folder):
        raise SettingsError(f"{catalog} is not inside the working directory {folder}")
    if folder in (Path.home(), Path(folder.anchor)):
        raise SettingsError(f"{folder} would be uploaded as a whole: move the catalogue into a folder of its own")
    return folder


def _on_cluster(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc or not parts.path.startswith("/"):
        raise SettingsError(f"{parts.scheme}://: a catalogue is a file here, or file:///PATH on the cluster")
    return unquote(parts.path)
