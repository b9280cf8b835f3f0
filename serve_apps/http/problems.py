"""Errors as RFC 9457 problem details: one shape for everything that goes wrong, with stable codes."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serve_apps.http.tracing import trace_of
from studio.errors import OverCapacity, PackshotError, RateLimited
from studio.product import Frozen

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
MAX_ERRORS = 50
"""Errors named in one answer."""
_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    402: "budget_exhausted",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "body_too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    422: "invalid_input",
    429: "rate_limited",
    431: "headers_too_large",
    500: "internal_error",
    501: "not_supported",
    503: "unavailable",
}
log = logging.getLogger(__name__)


class Fault(Frozen):
    """One thing that is wrong with the request."""

    detail: str = Field(description="What is wrong.", examples=["Input should be less than or equal to 1"])
    pointer: str = Field(
        "", description="JSON pointer (RFC 6901, as a fragment) into the body.", examples=["#/edits/layout/fill"]
    )
    parameter: str = Field("", description="Query, path or header parameter.", examples=["limit"])


class Problem(Frozen):
    """An error (RFC 9457). `code` is stable; `detail` is for people and may change."""

    type: str = Field(description="URN of the kind of problem.", examples=["urn:packshot:problem:invalid_input"])
    title: str = Field(description="The kind of problem in words.", examples=["Invalid input"])
    status: Annotated[int, Field(ge=400, le=599, description="The HTTP status.", examples=[422])]
    code: str = Field(description="Stable, machine-readable kind of problem.", examples=["invalid_input"])
    detail: str = Field(description="What is wrong with this request.", examples=["edits.layout.fill is above 1"])
    instance: str = Field(description="Path of the request.", examples=["/v1/images"])
    trace: str = Field(
        description="Trace id (W3C) of the request, as in the service's log.", examples=["0af7651916cd43dd8448eb211c80319c"]
    )
    retryable: bool = Field(description="Whether the same request may succeed later.", examples=[False])
    errors: tuple[Fault, ...] = Field((), description="Every single fault, where there are several or their place is known.")


def problem(
    status: int,
    detail: str,
    *,
    scope: Mapping[str, Any],
    code: str = "",
    retryable: bool = False,
    errors: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem response. `scope` is the request's ASGI scope."""
    code = code or _CODES.get(status, "internal_error" if status >= 500 else "bad_request")
    body = Problem(
        type=f"urn:packshot:problem:{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        code=code,
        detail=detail,
        instance=quote(str(scope.get("path", "")), safe="/:@!$&'()*+,;=-._~%"),
        trace=trace_of(scope),
        retryable=retryable,
        errors=tuple(errors[:MAX_ERRORS]),
    )
    more = {"retry-after": str(RETRY_AFTER_S)} if status in (429, 503) else {}
    return Response(
        body.model_dump_json(exclude_defaults=True), status, {"cache-control": "no-store", **more, **(headers or {})}, MEDIA_TYPE
    )


def refusal(error: PackshotError, scope: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """The response to one of our own errors. What a fault of the service says stays in its log."""
    status, detail = error.http_status, error.message
    if status >= 500 and not isinstance(error, OverCapacity):
        log.warning("%s %s: %s: %s", scope.get("method"), scope.get("path"), error.code, error.message)
        detail = detail if status == HTTPStatus.NOT_IMPLEMENTED else _in_words(status)
    if isinstance(error, RateLimited | OverCapacity):
        headers = {"retry-after": str(math.ceil(error.retry_after_s)), **(headers or {})}
    return problem(status, detail, scope=scope, code=error.code, retryable=error.retryable, headers=headers)


def in_body(error: ValidationError) -> RequestValidationError:
    """What pydantic has against a body that a route parsed itself, as FastAPI would have raised it."""
    return RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)])


def fault(message: str, *place: str | int) -> RequestValidationError:
    """A fault of the body that no model can find; `place` is where."""
    return RequestValidationError([{"type": "value_error", "loc": ("body", *place), "msg": message, "input": None}])


def invalid(error: RequestValidationError, scope: Mapping[str, Any]) -> Response:
    """422 with a pointer or parameter name for each fault."""
    faults = [_fault(item) for item in error.errors()]
    first = faults[0]
    place = first.pointer.removeprefix("#/").replace("/", ".") or first.parameter
    return problem(422, f"{place}: {first.detail}" if place else first.detail, scope=scope, errors=faults)


def install(app: FastAPI) -> None:
    """Answer every error of this app as a problem."""
    app.add_exception_handler(PackshotError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _request)
    app.add_exception_handler(Exception, _bug)


def _fault(item: Mapping[str, Any]) -> Fault:
    where, *place = [str(part) for part in item["loc"]] or ["body"]
    detail = str(item["msg"])
    if where != "body":
        return Fault(detail=detail, parameter=".".join(place))
    if item["type"] == "json_invalid":
        return Fault(detail=detail, pointer="#")
    return Fault(detail=detail, pointer="#" + "".join("/" + _escaped(part) for part in place))


def _escaped(part: str) -> str:
    return quote(part.replace("~", "~0").replace("/", "~1"), safe="~!$&'()*+,;=:@-._")


def _in_words(status: int) -> str:
    return f"{HTTPStatus(status).phrase}; the service's log says more under this trace"


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, PackshotError)
    return refusal(error, request.scope)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), scope=request.scope, headers=error.headers)


async def _request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return invalid(error, request.scope)


async def _bug(request: Request, error: Exception) -> Response:
    log.error("%s %s: %s", request.method, request.url.path, type(error).__name__, exc_info=error)
    return problem(500, _in_words(500), scope=request.scope)
