"""Who may send us messages: senders of signed products, registered with everything checked, and connections of the settings."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.settings import Settings
from connectors.online.hooks import HookSource, HookSources
from connectors.vendors.registry import open_vendor
from connectors.webhooks.signature import parse_secret
from studio.errors import InputError
from studio.selection import AUTO
from templates.library import Library


def add_source(settings: Settings, name: str, *, key_id: str = "", secret: str = "", template: str = "") -> HookSource:
    """Register a sender for `POST /hooks/generic/<name>`. Its current secret is `secrets[0].secret`: show it once.

    `key_id` is the API key that its orders belong to (none: only administrators see them), `secret` one the sender dictates
    (`whsec_` and base64), `template` what its products are made with unless they say otherwise. Raises InputError for a bad
    name or secret, UnknownTemplate, Conflict.
    """
    if secret:
        parse_secret(secret)
    if template and template != AUTO:
        Library.default(settings.template_folders).template(template)
    data = {"template": template} if template else {}
    return HookSources(settings.online).add(name, key_id=key_id, secret=secret, data=data)


@dataclass(frozen=True, slots=True)
class HookAddress:
    """Where a connection's vendor sends its messages; `problem` is why they would be refused, "" when they are taken."""

    name: str
    vendor: str
    address: str
    problem: str


def hook_addresses(settings: Settings) -> list[HookAddress]:
    """Of every connection whose vendor sends messages, by name. A path only where `api.base_url` is not set. No call is made."""
    base, found = settings.api.base_url.rstrip("/"), []
    for name, connection in sorted(settings.connections.items()):
        problem = ""
        try:
            if open_vendor(connection).inbound is None:
                continue
            problem = "" if connection.live_hook_secrets else f"connections.{name}.hook_secrets is not set"
        except InputError as error:
            problem = error.message
        found.append(HookAddress(name, connection.vendor, f"{base}/hooks/{connection.vendor}/{name}", problem))
    return found
