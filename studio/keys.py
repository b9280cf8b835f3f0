"""Content keys: BLAKE3 over canonical JSON. The same inputs give the same key in every process and on every machine."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from blake3 import blake3
from pydantic import BaseModel


def digest_bytes(data: bytes) -> str:
    """BLAKE3 of bytes as 64 hex digits."""
    return blake3(data).hexdigest()


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; pydantic models are dumped first. Raises TypeError for what JSON cannot say."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def digest_of(value: Any) -> str:
    """BLAKE3 of the canonical JSON of a value."""
    return digest_bytes(canonical(value).encode())


def chain(previous: str, part: Mapping[str, Any]) -> str:
    """Key of a step: everything before it and everything it reads."""
    return digest_of({"previous": previous, **part})


def facts(model: BaseModel, *, later: Collection[str], exclude: Collection[str] = ()) -> dict[str, Any]:
    """A model's fields for a key. `later` names fields that did not always exist: while they hold their default they are left
    out, so that keys of earlier versions stay."""
    fields = type(model).model_fields
    unsaid = {name for name in later if getattr(model, name) == fields[name].default}
    return model.model_dump(mode="json", exclude=unsaid | set(exclude))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no canonical form")
