"""Released versions of styles: their content is locked. `versions.lock` holds digests, `released/<id>@<n>.json` the content.

The digest is over everything a style says, with the layers below it and the defaults of the schema worked in, without a brand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.keys import digest_of
from studio.template import Template
from templates.layers import fields_of
from templates.reading import Problem, checked, load_yaml

LOCK = "versions.lock"
RELEASED = "released"
KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,63}@[1-9]\d*")
HEAD = "# Released versions of styles and the digests of their content, written by `packshot template release`.\n"
SHOWN = 8
"""Changed fields that an error lists."""


def content(template: Template) -> dict[str, Any]:
    """Everything a look says, JSON-able, without a brand."""
    return template.model_dump(mode="json", exclude={"brand"})


def content_digest(template: Template) -> str:
    """BLAKE3 (hex) of `content`."""
    return digest_of(content(template))


def read_lock(folder: Path) -> dict[str, str] | Problem:
    """`id@version` -> digest for what a template folder has released; `{}` where nothing is."""
    path = folder / LOCK
    if not path.is_file():
        return {}
    data = load_yaml(path)
    if isinstance(data, Problem):
        return data
    odd = [key for key, value in data.items() if not KEY.fullmatch(key) or not isinstance(value, str)]
    return Problem(path, odd[0], "id@version: digest is expected") if odd else data


def read_released(folder: Path, key: str, digest: str) -> Template | list[Problem]:
    """A version as it was released. A file that is gone, or is not what was locked, is a problem."""
    path = _path(folder, key)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return [Problem(path, "", f"{key} is in {LOCK}, but cannot be read: {error}")]
    if not isinstance(data, dict) or digest_of(data) != digest:
        return [Problem(path, "", f"is not what {LOCK} says of {key}; put it back as it was")]
    return checked(Template, path, data)


def drift(template: Template, folder: Path, digest: str, file: Path) -> list[Problem]:
    """What keeps a released version from being what was released. Fields that are new in the schema may be at their default."""
    if content_digest(template) == digest:
        return []
    old = read_released(folder, template.key, digest)
    if isinstance(old, list):
        return old
    changes = sorted(changed(content(old), template.model_dump(mode="json", exclude={"brand"})))
    if not changes:
        return []
    more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    said = f"{template.key} is released and would change in {', '.join(changes[:SHOWN])}{more}; raise version"
    return [Problem(file, "version", said)]


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Dotted field -> value before and after, None where there is none, for fields that differ."""
    before, after = ({".".join(field): value for field, value in fields_of(data) if value != {}} for data in (old, new))
    names = [*before, *(name for name in after if name not in before)]
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def write_release(folder: Path, template: Template) -> Path:
    """Lock a version: its content as JSON, then its digest. Returns the JSON file. A version locked before is left as it is."""
    path = _path(folder, template.key)
    path.parent.mkdir(exist_ok=True)
    _write(path, json.dumps(content(template), indent=1, ensure_ascii=False) + "\n")
    lock = read_lock(folder)
    known = lock if isinstance(lock, dict) else {}
    rows = {template.key: content_digest(template)} | known
    _write(folder / LOCK, HEAD + "".join(f"{key}: {rows[key]}\n" for key in sorted(rows, key=_by_version)))
    return path


def _path(folder: Path, key: str) -> Path:
    return folder / RELEASED / f"{key}.json"


def _by_version(key: str) -> tuple[str, int]:
    name, _, version = key.rpartition("@")
    return name, int(version)


def _write(path: Path, text: str) -> None:
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
