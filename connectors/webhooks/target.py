"""Which addresses webhooks may be sent to, checked when an endpoint is registered; the client checks again at each connection."""

from __future__ import annotations

import re

import httpx

from connectors.addresses import resolve
from studio.errors import InputError

MAX_URL = 2000
"""Characters of an endpoint's URL."""
_PORTS = (80, 443)
_USER_PORTS = range(1024, 65536)
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9.])?|[0-9a-f:.]+", re.IGNORECASE)


def checked_url(url: str, *, allow_private: bool) -> str:
    """The URL of an endpoint, normalised: https (http only where private addresses are allowed), no user, a name that resolves.

    Raises InputError for an address that cannot be an endpoint, FetchFailed when the name does not resolve, FetchRefused for a
    host that is not public. Blocking: it resolves the name.
    """
    if not url.isprintable() or len(url) > MAX_URL:
        raise InputError(f"a webhook URL has at most {MAX_URL} characters, all of them printable")
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL:
        raise InputError("the webhook URL is not an address") from None
    if parsed.scheme not in (("https", "http") if allow_private else ("https",)):
        raise InputError("a webhook URL starts with https://")
    host = parsed.raw_host.decode("ascii")
    if not _HOST.fullmatch(host) or parsed.userinfo:
        raise InputError("a webhook URL names a host, and no user or password")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    if port not in _PORTS and port not in _USER_PORTS:
        raise InputError(f"port {port} is not for webhooks: use 80, 443 or one from 1024 to 65535")
    resolve(host, port, allow_private=allow_private)
    return str(parsed.copy_with(fragment=None))
