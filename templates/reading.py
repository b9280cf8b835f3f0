"""YAML to checked models: one error message that names file and field."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from studio.errors import TemplateError

M = TypeVar("M", bound=BaseModel)


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


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; `{}` for an empty one. Raises TemplateError."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TemplateError(f"{path}: {' '.join(str(error).split())}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise TemplateError(f"{path}: a mapping is expected, not a {type(data).__name__}")
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


def parsed(model: type[M], path: Path, data: Mapping[str, Any]) -> M:
    """The checked model. Raises TemplateError that names the file and each wrong field."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise TemplateError(f"{path}: {wrong}") from error
