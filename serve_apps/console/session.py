"""Who is signed in: a session behind a cookie, and the API key behind the session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request
from starlette.responses import Response

from connectors.audit import Entry
from serve_apps.console.csrf import token_for
from serve_apps.console.shelves import shelves_of
from serve_apps.http.security import EVERYBODY, Caller
from serve_apps.parts import parts_of
from studio.errors import NotFound, Unauthenticated

_STATE = "console"


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody who is signed in: with which key, until when, and the token that their forms carry."""

    caller: Caller
    name: str
    csrf: str
    expires: datetime


def signed_in(request: Request) -> Signed:
    """Who asks, by the session cookie; read once a request. Raises Unauthenticated without a live session of a live key."""
    known = request.scope.setdefault("state", {}).get(_STATE)
    if isinstance(known, Signed):
        return known
    token = token_of(request)
    if not token:
        raise Unauthenticated("sign in to go on")
    session = parts_of(request).sessions.find(token)
    name, caller = _owner(request, session.key_id)
    found = Signed(caller, name, token_for(token), session.expires)
    request.scope["state"][_STATE] = found
    return found


def known(request: Request) -> Signed | None:
    """Who was found to be signed in earlier in this request."""
    found = request.scope.get("state", {}).get(_STATE)
    return found if isinstance(found, Signed) else None


def sign_in(request: Request, secret: str) -> str:
    """A session for the key with this secret; its token. Raises Unauthenticated. While keys are off, everybody may come in."""
    parts = parts_of(request)
    key_id = parts.keys.verify(secret).id if parts.settings.api.require_keys else EVERYBODY.key_id
    token = parts.sessions.begin(key_id)
    shelves_of(request).audit.add([Entry(f"key:{key_id}", "signed.in", "console")])
    return token


def token_of(request: Request) -> str:
    """The session's token as the browser sent it, "" without one."""
    return request.cookies.get(_cookie(request), "")


def keep(request: Request, response: Response, token: str) -> None:
    """Set the session cookie: no script reads it, no other site sends it, and over https it travels on https alone."""
    secure = is_https(request)
    response.set_cookie(
        _cookie(request), token, httponly=True, samesite="strict", secure=secure, path="/" if secure else "/console"
    )


def forget(request: Request, response: Response) -> None:
    """Take the session cookie away."""
    secure = is_https(request)
    response.delete_cookie(_cookie(request), httponly=True, samesite="strict", secure=secure, path="/" if secure else "/console")


def is_https(request: Request) -> bool:
    """Whether the browser came by https, as the server sees it or as `api.base_url` says of the proxy in front."""
    return request.url.scheme == "https" or parts_of(request).settings.api.base_url.startswith("https://")


def _cookie(request: Request) -> str:
    # A name with __Host- is taken from this very host over https only (RFC 6265bis, 4.1.3.2), and must have the path /.
    return "__Host-packshot" if is_https(request) else "packshot_console"


def _owner(request: Request, key_id: str) -> tuple[str, Caller]:
    parts = parts_of(request)
    if not parts.settings.api.require_keys:
        return "everybody", EVERYBODY
    try:
        key = parts.keys.get(key_id)
    except NotFound:
        raise Unauthenticated("sign in to go on") from None
    if key.revoked or (key.expires and key.expires <= datetime.now(UTC)):
        raise Unauthenticated("the API key of this session has ended")
    return key.name, Caller(key.id, frozenset(key.scopes), key.rate_per_minute)
