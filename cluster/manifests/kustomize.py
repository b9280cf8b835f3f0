"""What `kubectl kustomize` makes of a folder, for the few features our manifests use; anything else is refused, not ignored."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from studio.errors import SettingsError

Document = dict[str, Any]
FILE = "kustomization.yaml"
KEYS = {"apiVersion", "kind", "namespace", "resources", "components", "images", "patches"}
CLUSTER_WIDE = {"Namespace", "ClusterSecretStore"}


class _Strict(yaml.SafeLoader):
    """Safe YAML in which a key that is given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if twice := {name for name in names if names.count(name) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"{sorted(map(str, twice))} given twice", node.start_mark)
        self.flatten_mapping(node)
        return {self.construct_object(key, deep=True): self.construct_object(value, deep=True) for key, value in node.value}


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Hashable, Any]:
    return loader.construct_mapping(node)


_Strict.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(path: Path) -> list[Any]:
    """Every document of a YAML file. Raises SettingsError naming the file."""
    try:
        return [_apart(document) for document in yaml.load_all(path.read_text(), _Strict) if document is not None]
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {' '.join(str(error).split())}") from error


def _apart(value: Any) -> Any:
    """A copy in which what YAML's aliases share is there once for each place, so that a patch changes one place."""
    if isinstance(value, dict):
        return {key: _apart(inner) for key, inner in value.items()}
    return [_apart(inner) for inner in value] if isinstance(value, list) else value


def render(folder: Path) -> list[Document]:
    """The documents of a kustomization. Raises SettingsError naming the file for what is broken or not understood."""
    return _accumulate(folder, [])


def _accumulate(folder: Path, found: list[Document]) -> list[Document]:
    path = folder / FILE
    (config,) = read_yaml(path) or [{}]
    if unknown := sorted(config.keys() - KEYS):
        raise SettingsError(f"{path}: {unknown[0]!r} is not understood")
    for name in config.get("resources", ()):
        found = [*found, *_resources(folder / name)]
    for name in config.get("components", ()):
        found = _accumulate(folder / name, found)
    _unique(path, found)
    for patch in config.get("patches", ()):
        _patch(path, patch, found)
    for document in found:
        if config.get("namespace"):
            _move(document, config["namespace"])
        _rename(document, config.get("images", ()))
    return found


def _resources(path: Path) -> list[Document]:
    if path.is_dir():
        return _accumulate(path, [])
    documents = read_yaml(path)
    for document in documents:
        if not isinstance(document, dict) or not {"apiVersion", "kind", "metadata"} <= document.keys():
            raise SettingsError(f"{path}: a document without apiVersion, kind and metadata")
    return documents


def _unique(path: Path, found: Iterable[Document]) -> None:
    seen = set()
    for document in found:
        name = (document["kind"], document["metadata"].get("name"))
        if name in seen:
            raise SettingsError(f"{path}: there are two {name[0]} {name[1]!r}")
        seen.add(name)


def _patch(path: Path, patch: Document, found: list[Document]) -> None:
    target = patch.get("target", {})
    hits = [d for d in found if d["kind"] == target.get("kind") and d["metadata"]["name"] == target.get("name")]
    if not hits:
        raise SettingsError(f"{path}: a patch for {target.get('kind')} {target.get('name')!r}, which is not there")
    steps = read_yaml(path.parent / patch["path"])[0] if "path" in patch else _apart(yaml.load(patch["patch"], _Strict))  # noqa: S506
    for step in steps:
        for document in hits:
            try:
                _apply(document, step)
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise SettingsError(f"{path}: {step.get('op')} {step.get('path')}: there is nothing") from error


def _apply(document: Document, step: Document) -> None:
    """One operation of RFC 6902: add, replace or remove."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    place: Any = document
    for part in way:
        place = place[int(part) if isinstance(place, list) else part]
    value = _apart(step.get("value"))
    if isinstance(place, list):
        _apply_to_list(place, last, step["op"], value)
        return
    if step["op"] != "add":
        place[last]
    if step["op"] == "remove":
        del place[last]
    elif step["op"] in ("add", "replace"):
        place[last] = value
    else:
        raise ValueError(step["op"])


def _apply_to_list(place: list[Any], last: str, op: str, value: Any) -> None:
    if op == "add":
        place.insert(len(place) if last == "-" else int(last), value)
    elif op == "replace":
        place[int(last)] = value
    else:
        del place[int(last)]


def _move(document: Document, namespace: str) -> None:
    metadata = document["metadata"]
    if document["kind"] == "Namespace":
        metadata["name"] = namespace
    elif document["kind"] not in CLUSTER_WIDE:
        metadata["namespace"] = namespace


def _rename(document: Document, images: Iterable[Document]) -> None:
    for container in _containers(document):
        name, separator, tag = _split(container.get("image", ""))
        for image in images:
            if image["name"] == name:
                name = image.get("newName", name)
                separator, tag = (
                    ("@", image["digest"])
                    if "digest" in image
                    else (":", image["newTag"])
                    if "newTag" in image
                    else (separator, tag)
                )
                container["image"] = f"{name}{separator}{tag}"
                break


def _containers(value: Any) -> Iterator[Document]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("containers", "initContainers") and isinstance(inner, list):
                yield from inner
            else:
                yield from _containers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _containers(inner)


def _split(image: str) -> tuple[str, str, str]:
    """Name, `:` or `@`, and what follows; the colon of a registry's port is part of the name."""
    match = re.fullmatch(r"(.+?)(?:(@)(sha256:.+)|(:)([^:/@]+))?", image)
    assert match is not None or not image
    return (match[1], match[2] or match[4] or "", match[3] or match[5] or "") if match else ("", "", "")
