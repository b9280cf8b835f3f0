"""`BadEdit`: an edit that contradicts the template, a destination or another edit."""

from __future__ import annotations

from studio.errors import InputError


class BadEdit(InputError):
    """`field` names it from `edits` on, with dots."""

    code = "invalid_edit"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"edits.{field}: {problem}")
        self.field = f"edits.{field}"
