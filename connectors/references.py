"""Secrets by reference: settings say where a secret is, `env:NAME` or `file:/path`, and it is read when it is used."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from studio.errors import SettingsError

REFERENCES = ("env:", "file:")
"""How a secret in settings begins: the name of a variable of the environment, or the path of a file."""
MAX_SECRET = 64 << 10
"""Bytes of a secret's file; a private key has some thousand."""


def is_reference(secret: SecretStr) -> bool:
    """Whether it says where a secret is, and not the secret."""
    return secret.get_secret_value().startswith(REFERENCES)


def shown(secret: SecretStr) -> str:
    """As it may be written down: references as they are, everything else as asterisks."""
    return secret.get_secret_value() if is_reference(secret) else str(secret)


def resolved(secret: SecretStr, field: str) -> str:
    """The secret itself, without a file's last line break. Raises SettingsError naming the field, never the value."""
    kind, _, rest = (value := secret.get_secret_value()).partition(":")
    if not is_reference(secret):
        return value
    try:
        found = os.environ.get(rest, "") if kind == "env" else _contents(Path(rest))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{field}: {value} cannot be read ({type(error).__name__})") from None
    if not found:
        raise SettingsError(f"{field}: {value} is empty or not set")
    return found


def _contents(path: Path) -> str:
    with path.open("rb") as stream:
        data = stream.read(MAX_SECRET + 1)
    if len(data) > MAX_SECRET:
        raise ValueError("too long")
    return data.decode().removesuffix("\n").removesuffix("\r")
