"""`POST /v1/images`: one order, from JSON or an upload."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serve_apps.http.answers import APPLIED, LOCATION, IdempotencyKey, Prefer, documented, order_response
from serve_apps.http.prefer import applied, preferences
from serve_apps.http.problems import fault
from serve_apps.http.security import caller_of
from serve_apps.http.tracing import trace_of
from serve_apps.http.uploads import check_upload, content_type, parsed, read_form, read_json, unsupported
from serve_apps.parts import Parts, parts_of
from serve_apps.request.intake import Incoming, place, quote_of, spec_of, wait_for
from serve_apps.request.schema import ImageInput, ImageRequest, OrderView, PhotoInput, Quote
from studio.keys import digest_bytes
from studio.product import ImageRole

router = APIRouter(prefix="/v1/images", tags=["images"])
_JSON, _FORM = "application/json", "multipart/form-data"
_REPLAYED = {
    "Idempotency-Replayed": {"schema": {"type": "string"}, "description": "`true`: the key was known, nothing new was ordered."}
}
_FURTHER = {"type": "string", "contentMediaType": "application/octet-stream", "description": "A further photo, by its role."}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        _JSON: {"schema": {"$ref": "#/components/schemas/ImageRequest"}},
        _FORM: {
            "schema": {
                "type": "object",
                "required": ["request", "file"],
                "additionalProperties": False,
                "properties": {
                    "request": {"$ref": "#/components/schemas/ImageRequest"},
                    "file": {"type": "string", "contentMediaType": "application/octet-stream", "description": "The photo."},
                    **dict.fromkeys(ImageRole, _FURTHER),
                },
            },
            "encoding": {"request": {"contentType": _JSON}, "file": {"contentType": "image/*, application/octet-stream"}},
        },
    },
}


@router.post(
    "",
    status_code=202,
    response_model=OrderView,
    operation_id="create_image",
    summary="Order one product's images",
    openapi_extra={"requestBody": _BODY},
    responses={
        200: {
            "description": "Done: known already, or within the time you waited. With `dry_run`: the quote.",
            "model": OrderView | Quote,
            "headers": {**APPLIED, **_REPLAYED},
        },
        **documented(202, "Accepted: it is stored and will be done.", {**LOCATION, **APPLIED, **_REPLAYED}),
        404: {"description": "No such template, destination, product or asset."},
        501: {"description": "No engine here can do this edit (`not_supported`)."},
    },
)
async def create_image(
    request: Request,
    dry_run: Annotated[bool, Query(description="Say what would be made and what it costs; spend nothing.")] = False,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = "",
) -> Response:
    """Makes an image for every destination of the template. The photo is an address, an asset, a known product's, or uploaded as
    the part `file`. Answers 202 unless the images are known already, or are made within `Prefer: wait=N` seconds.
    """
    parts, caller, wishes = parts_of(request), caller_of(request), preferences(prefer)
    wanted, uploaded = await _read(request, parts, keep=not dry_run)
    if dry_run:
        quote = await asyncio.to_thread(
            lambda: quote_of(
                parts,
                spec_of(parts, wanted, has_blob=lambda d: d in uploaded or parts.storage.has_blob(d)),
                wanted.priority,
            )
        )
        return Response(quote.model_dump_json(), headers={"cache-control": "no-store"}, media_type=_JSON)
    incoming = Incoming(wanted, caller.key_id, idempotency_key or "", trace_of(request.scope))
    placed = await place(parts, incoming)
    order, waited = await wait_for(parts, placed.order, wishes)
    headers = applied(waited, respond_async=wishes.respond_async and not order.state.ended and waited is None)
    if not placed.created:
        headers["idempotency-replayed"] = "true"
    return order_response(parts, order, headers, hit=placed.hit if placed.created else None)


async def _read(request: Request, parts: Parts, *, keep: bool) -> tuple[ImageRequest, set[str]]:
    """The request with its uploads as assets, and the uploads' digests. A picture is stored only if `keep`."""
    kind = content_type(request)
    if kind == _JSON:
        wanted = await read_json(request, ImageRequest)
        if wanted.input is None:
            raise fault("give the photo as input, or upload it as the part `file` of a form", "input")
        return wanted, set()
    if kind != _FORM:
        raise unsupported(_JSON, _FORM)
    form = await read_form(request)
    wanted = parsed(form.request, ImageRequest)
    if not (form.file or form.photos) or wanted.input is not None:
        raise fault("a form has the photo as its part `file` or under the name of its role, and no input", "input")
    named = {role: await _uploaded(parts, data, role, keep=keep) for role, data in form.photos.items()}
    if form.file:
        first = ImageInput(asset=await _uploaded(parts, form.file, None, keep=keep))
    else:
        role = next(iter(named))
        first = ImageInput(asset=named[role], role=role)
    further = tuple(PhotoInput(asset=name, role=role) for role, name in named.items() if role != first.role)
    uploaded = {str(first.asset), *named.values()}
    return wanted.model_copy(update={"input": first, "photos": (*wanted.photos, *further)}), uploaded


async def _uploaded(parts: Parts, data: bytes, role: ImageRole | None, *, keep: bool) -> str:
    """Digest of a picture that came with the request; it is stored only if `keep`."""
    upload = await check_upload(data, parts.settings.fetch, artwork=role is ImageRole.ARTWORK)
    if keep:
        return await asyncio.to_thread(parts.storage.put_blob, upload.data, media_type=upload.media_type)
    return digest_bytes(upload.data)
