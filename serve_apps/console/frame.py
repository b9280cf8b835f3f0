"""What every page of the console stands on: who looks, who acts, the page around the contents, paging.

A page module has routes on a `router`, and `ENTRY`, its place in the menu; `serve_apps/console/app.py` names it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote, unquote

import jinja2
from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from serve_apps.console import words
from serve_apps.console.csrf import FIELD, check_origin, check_token
from serve_apps.console.session import known, signed_in
from serve_apps.console.statics import static
from serve_apps.http.limits import Rates
from serve_apps.http.security import Caller, require
from serve_apps.http.tracing import trace_of
from studio.errors import RateLimited

ROOT = "/console"
PAGE = 25
"""Rows of a page where a route does not say otherwise."""
_SAID = "packshot_said"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the menu: its words, its path under the console, and the letter that goes there after `g`."""

    label: str
    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """Rows of one page. `shown` says which; links are "" where there is nothing more."""

    items: Sequence[T]
    shown: str
    previous: str
    next: str


def viewer(request: Request) -> Caller:
    """Who is signed in, may be who only reads. Raises Unauthenticated, which leads to the sign-in."""
    caller = signed_in(request).caller
    require(caller, "read")
    return caller


async def actor(request: Request, caller: Annotated[Caller, Depends(viewer)]) -> Caller:
    """Who may act: scope `write`, a page of this host, the session's token, and calls left this minute. Raises Forbidden."""
    require(caller, "write")
    check_origin(request)
    rates: Rates = request.app.state.rates
    _, refused = rates.take(caller)
    if refused:
        raise RateLimited(refused.message, retry_after_s=refused.retry_after_s)
    await check_token(request, signed_in(request).csrf)
    return caller


Viewer = Annotated[Caller, Depends(viewer)]
"""Parameter of a route that shows something."""
Actor = Annotated[Caller, Depends(actor)]
"""Parameter of a route that does something."""


def page(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    """The template `name` (`templates/<name>.html.j2`) with these values, inside the frame. It is never kept by a cache."""
    signed = known(request)
    path = request.url.path
    text = (
        environment()
        .get_template(f"{name}.html.j2")
        .render(
            **values,
            request=request,
            entries=request.app.state.entries if signed else (),
            here=path,
            signed=signed,
            may_act=bool(signed and signed.caller.may("write")),
            is_admin=bool(signed and signed.caller.may("admin")),
            csrf=signed.csrf if signed else "",
            csrf_field=FIELD,
            said=unquote(request.cookies.get(_SAID, "")),
            trace=trace_of(request.scope),
        )
    )
    response = Response(text, status, {"cache-control": "no-store"}, "text/html")
    if _SAID in request.cookies:
        response.delete_cookie(_SAID, path=ROOT, httponly=True, samesite="strict")
    return response


def go(to: str, said: str = "") -> Response:
    """Back to a page after something was done (303), with a word about it that is shown once."""
    response = RedirectResponse(to, 303, {"cache-control": "no-store"})
    if said:
        response.set_cookie(_SAID, quote(said[:300]), max_age=30, path=ROOT, httponly=True, samesite="strict")
    return response


def paged(
    request: Request, items: Sequence[T], *, total: int | None = None, number: int = 1, size: int = PAGE, following: str = ""
) -> Paged[T]:
    """One page of rows, with links that keep the other parameters of the address.

    Of a listing by number: `total` rows, this is page `number` (from 1) of `size`. Of a listing by cursor: `following` is the
    next cursor, and back is the newest page.
    """
    if total is not None:
        first = (number - 1) * size + 1 if items else 0
        shown = f"{first:,}\u2013{first + len(items) - 1:,} of {total:,}" if items else "none"
        before = _link(request, page=number - 1) if number > 1 else ""
        return Paged(items, shown, before, _link(request, page=number + 1) if number * size < total else "")
    later = bool(request.query_params.get("cursor"))
    shown = words.plural(len(items), "row") + (", later ones are on the pages before" if later else "")
    return Paged(items, shown, _link(request, cursor="") if later else "", _link(request, cursor=following) if following else "")


def _link(request: Request, **changed: Any) -> str:
    return str(request.url.include_query_params(**changed).query and "?" + request.url.include_query_params(**changed).query)


@functools.cache
def environment() -> jinja2.Environment:
    """The console's templates: everything is escaped, a name that is not there is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters |= words.FILTERS
    made.globals |= {"root": ROOT, "static": static}
    return made
