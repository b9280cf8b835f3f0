"""`Connection`: one shop, PIM or DAM of the user: where it is, how we log in, what is made of its products."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, field_serializer

from connectors.references import is_reference, resolved, shown
from studio.errors import SettingsError
from studio.fields import Slug
from studio.product import Frozen

Secrets = dict[Slug, SecretStr]


class Connection(Frozen):
    """Settings of a connection. `secrets` are credentials by the vendor's names for them (`packshot source check` says what is
    missing), in settings as `env:NAME` or `file:/path`, read when used; they are never logged, shown or part of a key."""

    name: Slug
    vendor: Slug
    address: Annotated[str, StringConstraints(pattern=r"^(https?|sftp|s3)://", max_length=2000)]
    secrets: Secrets = Field(default_factory=dict)
    options: dict[Slug, str] = Field(default_factory=dict)
    """What only this vendor asks for, e.g. `channel`, `locale`, `store`."""
    hook_secrets: tuple[SecretStr, ...] = ()
    """Keys of inbound messages; several while they rotate."""
    mapping: str = ""
    """YAML file that says which of the vendor's attributes is which field of a product; "" for the vendor's usual ones."""
    templates: tuple[str, ...] = ("auto",)
    people: Literal["after", "first", "hide"] = "after"
    """Where pictures go that people put there: after ours, before ours, or out of sight where the vendor can."""
    allow_private: bool = False
    """Whether the address may be on our own network."""

    @field_serializer("secrets", when_used="json")
    def _secrets_out(self, secrets: Secrets) -> dict[str, str]:
        return {name: shown(secret) for name, secret in secrets.items()}

    @field_serializer("hook_secrets", when_used="json")
    def _hook_secrets_out(self, secrets: tuple[SecretStr, ...]) -> list[str]:
        return [shown(secret) for secret in secrets]

    def secret(self, name: str) -> str:
        """A credential. Raises SettingsError naming what to set."""
        if name not in self.secrets:
            raise SettingsError(f"connections.{self.name}.secrets.{name} is not set; {self.vendor} needs it")
        return resolved(self.secrets[name], f"connections.{self.name}.secrets.{name}")

    @property
    def live_hook_secrets(self) -> tuple[str, ...]:
        """Keys of inbound messages, looked up at every call, so that a rotated file holds without a restart. One that cannot be
        had is left out while another can. Raises SettingsError when none can."""
        found, problem = [], None
        for number, secret in enumerate(self.hook_secrets):
            try:
                found.append(resolved(secret, f"connections.{self.name}.hook_secrets.{number}"))
            except SettingsError as error:
                problem = error
        if problem is not None and not found:
            raise problem
        return tuple(found)

    @property
    def plain_secrets(self) -> tuple[str, ...]:
        """Names of fields that hold a secret itself instead of where it is."""
        named = {f"secrets.{name}": secret for name, secret in self.secrets.items()}
        named |= {f"hook_secrets.{number}": secret for number, secret in enumerate(self.hook_secrets)}
        return tuple(field for field, secret in named.items() if not is_reference(secret))

    def option(self, name: str, default: str = "") -> str:
        """An option, or its default."""
        return self.options.get(name, default)
