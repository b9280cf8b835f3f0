"""Layers of a style: what each file says, one over the other, and which of them had the last word on a field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.keys import digest_bytes
from studio.template import Template
from templates.reading import Problem, checked, merged

DEFAULT = "default"
"""Origin of a value that no file states."""

Field = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file says. `name` is its path inside the template folder, or `request`."""

    name: str
    path: Path
    data: Mapping[str, Any]


def stacked(layers: Sequence[Layer]) -> tuple[dict[str, Any], dict[Field, Layer]]:
    """All layers as one mapping, later ones over earlier ones, and for each field in it the layer that it is from."""
    data: dict[str, Any] = {}
    origins: dict[Field, Layer] = {}
    for layer in layers:
        data = merged(data, layer.data)
        origins |= {field: layer for field, _ in fields_of(layer.data)}
    return data, {field: origins[field] for field, _ in fields_of(data)}


def fields_of(data: Mapping[str, Any], above: Field = ()) -> Iterator[tuple[Field, Any]]:
    """Every field with its value. A list, an empty mapping and a plain value are one field each."""
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            yield from fields_of(value, (*above, str(key)))
        else:
            yield (*above, str(key)), value


def resolved(layers: Sequence[Layer]) -> Template | list[Problem]:
    """The look that the layers make, or each wrong field with the file that states it."""
    data, origins = stacked(layers)
    found = checked(Template, layers[-1].path, data)
    if isinstance(found, Template):
        return found
    return [Problem(_file(p.field, origins) or p.file, p.field, p.message) for p in found]


def explained(template: Template, layers: Sequence[Layer]) -> dict[str, str]:
    """Dotted field -> name of the layer that its value is from, `default` where none states it; every field of the look."""
    _, origins = stacked(layers)
    names = {field: layer.name for field, layer in origins.items()}
    return {".".join(field): names.get(field, DEFAULT) for field, _ in fields_of(template.model_dump(mode="json"))}


def with_pictures(path: Path, data: Mapping[str, Any], assets: dict[str, bytes]) -> dict[str, Any] | Problem:
    """A layer's data with the digests of the pictures it names, whose bytes go to `assets`. Paths are relative to the file."""
    done = dict(data)
    for at, holder, key, digest in _pictures(done):
        picture = path.parent / str(holder[key])
        try:
            content = picture.read_bytes()
        except OSError as error:
            return Problem(path, ".".join((*at, key)), f"{holder[key]}: {error.strerror}")
        name = digest_bytes(content)
        assets[name] = content
        done = merged(done, _nested(at, {**holder, digest: name}))
    brief = _filed(path, ("brief",), done.get("brief"), assets)
    if isinstance(brief, Problem):
        return brief
    return {**done, "brief": brief} if "brief" in done else done


def _filed(path: Path, at: Field, value: Any, assets: dict[str, bytes]) -> Any:
    """A brief's value with the digests of the files it names (`studio.briefs.files.File`), or a Problem."""
    if isinstance(value, Mapping):
        if isinstance(value.get("path"), str) and set(value) <= {"path", "digest"}:
            return _file_of(path, at, value["path"], assets)
        parts: dict[str, Any] = {}
        for key, inner in value.items():
            parts[key] = _filed(path, (*at, str(key)), inner, assets)
        return next((part for part in parts.values() if isinstance(part, Problem)), parts)
    if isinstance(value, list):
        items = [_filed(path, (*at, str(place)), inner, assets) for place, inner in enumerate(value)]
        return next((item for item in items if isinstance(item, Problem)), items)
    return value


def _file_of(path: Path, at: Field, name: str, assets: dict[str, bytes]) -> dict[str, str] | Problem:
    try:
        content = (path.parent / name).read_bytes()
    except OSError as error:
        return Problem(path, ".".join((*at, "path")), f"{name}: {error.strerror}")
    digest = digest_bytes(content)
    assets[digest] = content
    return {"path": name, "digest": digest}


def _pictures(data: Mapping[str, Any]) -> Iterator[tuple[Field, Mapping[str, Any], str, str]]:
    """Place, mapping, name of the path field and name of the digest field, for each picture a layer names."""
    grounds: list[tuple[Field, Any]] = [(("background",), data.get("background"))]
    uses = data.get("backgrounds")
    grounds += [(("backgrounds", str(use)), ground) for use, ground in uses.items()] if isinstance(uses, Mapping) else []
    for at, ground in grounds:
        if isinstance(ground, Mapping) and ground.get("kind", "image") == "image" and isinstance(ground.get("path"), str):
            yield at, ground, "path", "digest"
    scene = data.get("scene")
    if isinstance(scene, Mapping) and isinstance(scene.get("reference"), str) and scene["reference"]:
        yield ("scene",), scene, "reference", "reference_digest"


def _nested(at: Field, value: Mapping[str, Any]) -> dict[str, Any]:
    return {at[0]: _nested(at[1:], value) if at[1:] else dict(value)}


def _file(field: str, origins: Mapping[Field, Layer]) -> Path | None:
    """The file that states a field, or else something within it, or else something it is within; the last of several."""
    sought = tuple(field.split("."))
    near = [f for f in origins if f[: len(sought)] == sought] or [f for f in origins if sought[: len(f)] == f]
    return origins[near[-1]].path if near else None
