"""`Library`: every style and destination, read from YAML, checked, and found by id."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from studio.destination import Destination
from studio.errors import TemplateError, UnknownTemplate
from studio.keys import digest_bytes
from studio.qa.policy import require_known
from studio.template import Template
from templates.reading import merged, parsed, read_yaml

N = TypeVar("N", Template, Destination)

BASE = "base.yaml"
"""`styles/base.yaml` of a folder holds what all its styles share; a style's own fields win."""


class Library:
    """Styles and destinations of one or more folders. Raises TemplateError naming file and field for what is wrong in them."""

    def __init__(self, root: Path, extra: Sequence[Path] = ()) -> None:
        self._destinations: dict[str, Destination] = {}
        self._templates: dict[str, Template] = {}
        self._assets: dict[str, bytes] = {}
        self._origin: dict[str, Path] = {}
        for folder in (root, *extra):
            if not folder.is_dir():
                raise TemplateError(f"{folder}: no such template folder")
            self._load(folder)
        self._check_outputs()
        self._check_limits()

    def _check_limits(self) -> None:
        """A limit on something that no check measures is an error of the file that states it."""
        for template in self._templates.values():
            require_known(template.qa, str(self._origin[f"template {template.key}"]))
        for destination in self._destinations.values():
            require_known(destination.qa, str(self._origin[f"destination {destination.id}"]))

    @classmethod
    def default(cls, extra: Sequence[Path] = ()) -> Library:
        """What Packshot brings along, and further folders of the same layout."""
        return cls(Path(__file__).resolve().parent, extra)

    def template(self, name: str) -> Template:
        """By `id@version`, or the highest version by `id`. Raises UnknownTemplate, with close matches."""
        if name in self._templates:
            return self._templates[name]
        versions = [t for t in self._templates.values() if t.id == name]
        if not versions:
            raise _unknown("template", name, [*self._templates, *(t.id for t in self._templates.values())])
        return max(versions, key=lambda t: t.version)

    def templates(self) -> list[Template]:
        """All versions of all templates, by id and version."""
        return sorted(self._templates.values(), key=lambda t: (t.id, t.version))

    def destination(self, name: str) -> Destination:
        """By id. Raises UnknownTemplate, with close matches."""
        if name not in self._destinations:
            raise _unknown("destination", name, self._destinations)
        return self._destinations[name]

    def destinations(self) -> list[Destination]:
        """All destinations, by id."""
        return sorted(self._destinations.values(), key=lambda d: d.id)

    def asset(self, digest: str) -> bytes:
        """Bytes of a background picture. Raises UnknownTemplate for a digest no template names."""
        if digest not in self._assets:
            raise _unknown("asset", digest, self._assets)
        return self._assets[digest]

    def assets(self) -> Iterator[tuple[str, bytes]]:
        """Digest and bytes of every background picture."""
        yield from self._assets.items()

    def _load(self, folder: Path) -> None:
        for path in sorted((folder / "destinations").glob("*.yaml")):
            self._add(self._destinations, path, "destination", parsed(Destination, path, read_yaml(path)))
        styles = folder / "styles"
        base = read_yaml(styles / BASE) if (styles / BASE).is_file() else {}
        for path in sorted(styles.rglob("*.yaml")):
            if path != styles / BASE:
                data = self._with_asset(path, merged(base, read_yaml(path)))
                self._add(self._templates, path, "template", parsed(Template, path, data))

    def _add(self, shelf: dict[str, N], path: Path, kind: str, item: N) -> None:
        key = item.key if isinstance(item, Template) else item.id
        if key in shelf:
            raise TemplateError(f"{path}: id: {kind} {key} exists already, in {self._origin[f'{kind} {key}']}")
        shelf[key] = item
        self._origin[f"{kind} {key}"] = path

    def _with_asset(self, path: Path, data: dict[str, Any]) -> dict[str, Any]:
        """Take in the picture of an image ground and write its digest into the data."""
        ground = data.get("background")
        if not isinstance(ground, dict) or ground.get("kind") != "image" or not isinstance(ground.get("path"), str):
            return data
        try:
            picture = (path.parent / ground["path"]).read_bytes()
        except OSError as error:
            raise TemplateError(f"{path}: background.path: {ground['path']}: {error.strerror}") from error
        digest = digest_bytes(picture)
        self._assets[digest] = picture
        return {**data, "background": {**ground, "digest": digest}}

    def _check_outputs(self) -> None:
        for template in self._templates.values():
            for output in template.outputs:
                if output not in self._destinations:
                    path = self._origin[f"template {template.key}"]
                    raise TemplateError(f"{path}: outputs: {_unknown('destination', output, self._destinations).message}")


def _unknown(kind: str, name: str, known: Iterable[str]) -> UnknownTemplate:
    close = difflib.get_close_matches(name, sorted(set(known)), n=3)
    return UnknownTemplate(f"no {kind} {name!r}" + (f"; close: {', '.join(close)}" if close else ""))
