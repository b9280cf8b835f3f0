"""YAML to checked models: one error message that names file and field."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from studio.errors import TemplateError

M = TypeVar("M", bound=BaseModel)

SHOWN = 12
"""Problems that one error message lists."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of one file; an empty field is the file as a whole."""

    file: Path
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.message}" if self.field else f"{self.file}: {self.message}"


class _Loader(yaml.CSafeLoader):
    """Safe YAML (libyaml: ten times as fast as in Python) in which a key written twice is an error and a date stays text."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """As in plain YAML, but strict about keys."""
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is written twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load_yaml(path: Path) -> dict[str, Any] | Problem:
    """The mapping in a YAML file, `{}` for an empty one; or what is wrong with the file."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return Problem(path, "", " ".join(str(error).split()))
    if data is None:
        return {}
    if not isinstance(data, dict):
        return Problem(path, "", f"a mapping is expected, not a {type(data).__name__}")
    odd = [key for key in data if not isinstance(key, str)]
    return Problem(path, str(odd[0]), "a name is expected") if odd else data


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; `{}` for an empty one. Raises TemplateError."""
    data = load_yaml(path)
    if isinstance(data, Problem):
        raise TemplateError(str(data))
    return data


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings as one: mappings are merged key by key, everything else is taken from `over`. Mappings whose `kind`
    differs are different things and are not mixed.
    """
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        mix = isinstance(old, Mapping) and isinstance(value, Mapping) and old.get("kind") == value.get("kind", old.get("kind"))
        result[key] = merged(old, value) if mix and isinstance(old, Mapping) else value
    return result


def checked(model: type[M], path: Path, data: Mapping[str, Any]) -> M | list[Problem]:
    """The checked model, or each wrong field."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        return [Problem(path, place(e["loc"], data), e["msg"]) for e in error.errors()]


def parsed(model: type[M], path: Path, data: Mapping[str, Any]) -> M:
    """The checked model. Raises TemplateError that names the file and each wrong field."""
    found = checked(model, path, data)
    if isinstance(found, list):
        raise refusal(found)
    return found


def place(loc: Iterable[int | str], data: Any) -> str:
    """Dotted name of a field from where validation saw it. Names of kinds and types, which no file has as a key, are left out."""
    names = []
    for part in loc:
        if isinstance(data, Mapping):
            if part not in data and data.get("kind") == part:
                continue
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            break
        names.append(str(part))
    return ".".join(names)


def refusal(problems: Iterable[Problem]) -> TemplateError:
    """One error for all of them."""
    lines = [str(problem) for problem in problems]
    more = f"; and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return TemplateError("; ".join(lines[:SHOWN]) + more)
