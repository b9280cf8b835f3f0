"""What goes wrong, as a page for people, and as a problem (RFC 9457) for the console's own scripts."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serve_apps.console.frame import page
from serve_apps.console.session import signed_in
from serve_apps.console.signin import ask
from serve_apps.http.problems import invalid, problem, refusal
from studio.errors import PackshotError, Unauthenticated

log = logging.getLogger(__name__)
_TITLES = {"budget_exhausted": "The budget is spent"}
"""Where the words of HTTP would not say it."""
_UNSAID = "The service's log says more under this trace."


def install(app: FastAPI) -> None:
    """Answer every error of the console."""
    app.add_exception_handler(PackshotError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _request)
    app.add_exception_handler(Exception, _bug)


def wants_data(request: Request) -> bool:
    """Whether a script asks, or an event stream or a picture: nothing that would show a page."""
    accept = request.headers.get("accept", "")
    return ("text/html" not in accept and accept not in ("", "*/*")) or request.headers.get("sec-fetch-dest") == "image"


def _show(request: Request, status: int, code: str, message: str) -> Response:
    try:
        signed_in(request)
    except PackshotError:
        log.debug("an error page for somebody who is not signed in")
    return page(
        request,
        "error",
        status=status,
        code=code,
        title=_TITLES.get(code, HTTPStatus(status).phrase),
        message=message,
        number=status,
    )


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, PackshotError)
    if wants_data(request):
        return refusal(error, request.scope)
    if isinstance(error, Unauthenticated):
        return ask(request, error)
    status = error.http_status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
        log.warning("%s %s: %s: %s", request.method, request.url.path, error.code, error.message)
        return _show(request, status, error.code, _UNSAID)
    return _show(request, status, error.code, error.message)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if wants_data(request):
        return problem(error.status_code, str(error.detail), scope=request.scope, headers=error.headers)
    return _show(request, error.status_code, "", str(error.detail))


async def _request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if wants_data(request):
        return invalid(error, request.scope)
    faults = [f"{'.'.join(str(part) for part in item['loc'][1:])}: {item['msg']}" for item in error.errors()[:5]]
    return _show(request, 422, "invalid_input", "; ".join(faults))


async def _bug(request: Request, error: Exception) -> Response:
    log.error("%s %s: %s", request.method, request.url.path, type(error).__name__, exc_info=error)
    return _show(request, 500, "internal_error", _UNSAID)
