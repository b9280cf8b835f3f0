"""`Connection`: one shop, PIM or DAM of the user: where it is, how we log in, what is made of its products."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from studio.errors import SettingsError
from studio.fields import Slug
from studio.product import Frozen

Secrets = dict[Slug, SecretStr]


class Connection(Frozen):
    """Settings of a connection. `secrets` are credentials by the vendor's names for them (`packshot source check` lists what is
    missing); they are never logged, shown or part of a key."""

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

    def secret(self, name: str) -> str:
        """A credential. Raises SettingsError naming what to set."""
        if name not in self.secrets:
            raise SettingsError(f"connections.{self.name}.secrets.{name} is not set; {self.vendor} needs it")
        return self.secrets[name].get_secret_value()

    def option(self, name: str, default: str = "") -> str:
        """An option, or its default."""
        return self.options.get(name, default)
