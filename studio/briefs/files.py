"""`File`: a picture, font or drawing that a brief names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, Field

from studio.product import Frozen


class File(Frozen):
    """A file beside the template; the library fills in the BLAKE3 digest (hex) of its bytes."""

    path: Annotated[str, Field(min_length=1, max_length=500)]
    digest: str = ""


def files_in(value: Any) -> Iterator[File]:
    """Every file that a brief names, at any depth, in the order of its fields."""
    if isinstance(value, File):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from files_in(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from files_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from files_in(inner)
