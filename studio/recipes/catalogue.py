"""Recipes by name. Adding one is one row; its steps are imported when it is first asked for."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from studio.errors import TemplateError
from studio.recipes.base import Recipe

NAMES = (
    "ad-poster",
    "callouts",
    "cutout",
    "detail-crop",
    "dimensions",
    "ghost-mannequin",
    "group-shot",
    "in-hand",
    "listing-set",
    "lookalike",
    "mockup",
    "on-model",
    "photography",
    "variant-strip",
)
"""Each is a module of this package (with underscores) with a function `build() -> Recipe`."""


@lru_cache
def recipe(name: str) -> Recipe:
    """The recipe of that name. Raises TemplateError for an unknown one."""
    if name not in NAMES:
        raise TemplateError(f"no recipe {name!r}; there are {', '.join(NAMES)}")
    built = import_module(f"studio.recipes.{name.replace('-', '_')}").build()
    assert isinstance(built, Recipe)
    return built
