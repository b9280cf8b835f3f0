"""Registering who may send signed products: what the command line does, with everything checked before it is stored."""

from __future__ import annotations

from cluster.settings import Settings
from connectors.online.hooks import HookSource, HookSources
from connectors.webhooks.signature import parse_secret
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
