"""The OpenAPI 3.1 document: what routes say of themselves, and what holds for all of them: keys, limits, problems."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from serve_apps.http.problems import MEDIA_TYPE, Problem
from serve_apps.http.security import is_public, needed

VERSION = "1.0.0"
_ABOUT = """Product photos in, finished and checked product images out.

One image: `POST /v1/images`, with `Prefer: wait=30` to wait for it. Many: `POST /v1/batches`. Every error is an
[RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem with a stable `code`. Send an `Idempotency-Key` with a POST that you
may have to repeat. Ids, cursors and hashes are opaque.
"""
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer pk_...`"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The same key in a header of its own."},
}
_TRACE = {"schema": {"type": "string"}, "description": "W3C trace context of this answer."}
_LATER = {"Retry-After": {"schema": {"type": "integer", "minimum": 0}, "description": "Seconds until it is worth another try."}}
_LEFT = {
    "RateLimit": {"schema": {"type": "string"}, "description": "Calls left to this key, and when there will be more."},
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": "Calls a minute that this key may make."},
}
_WORDS = {
    400: "The request cannot be read.",
    401: "No valid key.",
    402: "A budget of this installation is spent (`budget_exhausted`).",
    403: "The key lacks the scope.",
    404: "There is no such thing, or it is another key's.",
    405: "Not with this method.",
    413: "The body is too large.",
    415: "The body is of a type that is not read here.",
    422: "Something in the request is wrong; `errors` says where.",
    429: "Too many calls.",
    431: "Too many or too large header fields.",
    500: "A fault of the service.",
    503: "Not now.",
}


_SPENDING = frozenset({"create_image", "retry_order", "receive_product"})
"""Operations that may make images, and so may meet a spent budget."""
_LINKS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "create_image": (("get_order", "follow_order", "cancel_order", "retry_order"), "id", "id"),
    "retry_order": (("get_order", "follow_order", "cancel_order"), "id", "id"),
    "create_batch": (("get_batch", "list_batch_errors"), "id", "id"),
    "upload_asset": (("get_asset", "head_asset"), "hash", "hash"),
    "create_webhook": (
        ("get_webhook", "list_webhook_deliveries", "rotate_webhook_secret", "test_webhook", "delete_webhook"),
        "endpoint",
        "id",
    ),
}
"""What can be done next: operations, their parameter, and the field of the answer that fills it."""


def describe(app: FastAPI, extra: dict[str, type[BaseModel]]) -> dict[str, Any]:
    """The document of an app. `extra`: models that routes name in `openapi_extra`, by name."""
    document = get_openapi(
        title="Packshot",
        version=VERSION,
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    models: dict[str, type[BaseModel]] = {**extra, "Problem": Problem}
    for name, model in models.items():
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    document["components"]["securitySchemes"] = _SCHEMES
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _complete(path, method, operation)
    _link(document)
    return document


def _link(document: dict[str, Any]) -> None:
    known = {operation["operationId"]: operation for item in document["paths"].values() for operation in item.values()}
    for name, (following, parameter, field) in _LINKS.items():
        links = {
            other: {"operationId": other, "parameters": {parameter: f"$response.body#/{field}"}}
            for other in following
            if other in known
        }
        for code, response in known[name]["responses"].items():
            if code.startswith("2") and links:
                response["links"] = links


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Security and the answers that the gate or the error handlers may give for this operation."""
    responses = operation["responses"]
    public = is_public(path)
    if not public:
        operation["security"] = [{"bearer": []}, {"key": []}]
        operation["x-required-scope"] = needed(method.upper(), path)
    codes = {400, 429, 431, 500, 503, *(() if public else (401, 403))}
    if "{" in path:
        codes.add(404)
    if operation.get("operationId") in _SPENDING:
        codes.add(402)
    if "requestBody" in operation:
        codes |= {413, 415, 422}
    if operation.get("parameters"):
        codes.add(422)
    for code in sorted(codes):
        responses.setdefault(str(code), {"description": _WORDS[code]})
    for code, response in responses.items():
        if code.isdigit() and int(code) >= 400:
            response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        headers = response.setdefault("headers", {})
        headers["traceparent"] = _TRACE
        if code in ("429", "503"):
            headers.update(_LATER)
        if not public and code.isdigit() and int(code) < 400:
            headers.update(_LEFT)
