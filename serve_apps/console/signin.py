"""Signing in with an API key, and out."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from serve_apps.console.csrf import check_origin
from serve_apps.console.frame import ROOT, go, page
from serve_apps.console.session import forget, is_https, keep, sign_in, token_of
from serve_apps.http.limits import Rates
from serve_apps.parts import parts_of
from studio.errors import PackshotError, RateLimited, Unauthenticated

router = APIRouter()
TRIES = 60
"""Sign-ins a minute and address. Nobody guesses 256 random bits; this only keeps the database free."""
Secret = Annotated[str, Form(max_length=200)]
Next = Annotated[str, Form(max_length=2000)]


@router.get("/login")
def show_login(request: Request, then: Annotated[str, Query(max_length=2000)] = "") -> Response:
    """The form."""
    return _form(request, then)


@router.post("/login")
async def login(request: Request, key: Secret = "", then: Next = "") -> Response:
    """A session for the key, and on to the page that was asked for. A wrong key shows the form again."""
    check_origin(request)
    rates: Rates = request.app.state.rates
    _, refused = rates.take_as(f"console:{request.client.host if request.client else ''}", TRIES)
    if refused:
        raise RateLimited("too many sign-ins from this address", retry_after_s=refused.retry_after_s)
    try:
        token = await asyncio.to_thread(sign_in, request, key.strip())
    except Unauthenticated as error:
        return _form(request, then, error.message, 401)
    await asyncio.to_thread(parts_of(request).sessions.end, token_of(request))
    response = go(local(then))
    keep(request, response, token)
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session here and everywhere. It needs no token: the worst that another page can do is sign somebody out."""
    check_origin(request)
    await asyncio.to_thread(parts_of(request).sessions.end, token_of(request))
    response = go(f"{ROOT}/login")
    forget(request, response)
    return response


def local(then: str) -> str:
    """`then` if it is a path of the console, else its first page: nobody is sent to another site from here."""
    plain = all(" " < letter < "\x7f" and letter != "\\" for letter in then)
    return then if plain and then.startswith(f"{ROOT}/") and "//" not in then and "/../" not in then else f"{ROOT}/"


def ask(request: Request, error: PackshotError) -> Response:
    """What somebody without a session gets: the sign-in.

    A link from another site comes without the cookie (SameSite=Strict), so that call is made once more, from here.
    """
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
        return page(request, "again", to=local(target))
    where = f"?then={quote(target, safe='')}" if request.method == "GET" and target != f"{ROOT}/" else ""
    ended = token_of(request)
    response = go(f"{ROOT}/login{where}", said=error.message if ended else "")
    if ended:
        forget(request, response)
    return response


def _form(request: Request, then: str, wrong: str = "", status: int = 200) -> Response:
    parts = parts_of(request)
    risky = not is_https(request) and request.url.hostname not in ("127.0.0.1", "localhost", "::1")
    return page(request, "login", status=status, then=local(then), wrong=wrong, keys=parts.settings.api.require_keys, risky=risky)
