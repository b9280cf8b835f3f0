"""`POST /v1/segment`, `POST /v2/edit` and `GET /v2/edit`: one request, one picture. Each becomes an urgent order like any other.

They are not in our OpenAPI document: their contract is the vendor's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from serve_apps.facade.answers import picture, picture_of, refused
from serve_apps.facade.fields import EDIT, SEGMENT, Asked
from serve_apps.facade.reading import form_of, picture_in, query_of
from serve_apps.facade.wanted import edited, segmented
from serve_apps.http.prefer import Preferences
from serve_apps.http.security import caller_of, require
from serve_apps.http.tracing import trace_of
from serve_apps.parts import Parts, parts_of
from serve_apps.request.intake import Incoming, place, wait_for
from serve_apps.request.schema import ImageRequest
from studio.errors import InputError, PackshotError

router = APIRouter(include_in_schema=False)
_FURTHER = (
    "background.imageFile",
    "background.imageUrl",
    "background.guidance.imageFile",
    "background.guidance.imageUrl",
)


@router.post("/v1/segment")
async def segment(request: Request) -> Response:
    """The product without its ground."""

    async def wanted() -> ImageRequest:
        asked = await form_of(request, SEGMENT)
        if "image_file" not in asked.files:
            raise InputError("Please provide an image: image_file")
        asset, size = await picture_in(parts_of(request), asked, "image_file")
        return segmented(asked, asset, size)

    return await _answer(request, wanted, old=True)


@router.post("/v2/edit")
async def edit(request: Request) -> Response:
    """The product on another ground, placed, lit, with a shadow."""

    async def wanted() -> ImageRequest:
        asked = await form_of(request, EDIT)
        if "imageUrl" in asked.texts:
            raise InputError("imageUrl: POST takes imageFile, GET takes imageUrl")
        return await _edit(parts_of(request), asked, "imageFile")

    return await _answer(request, wanted, old=False)


@router.get("/v2/edit")
async def edit_by_address(request: Request) -> Response:
    """The same of a photo at an address. It spends, so the key must have the scope `write`."""

    async def wanted() -> ImageRequest:
        require(caller_of(request), "write")
        return await _edit(parts_of(request), query_of(request, EDIT), "imageUrl")

    return await _answer(request, wanted, old=False)


async def _edit(parts: Parts, asked: Asked, photo: str) -> ImageRequest:
    if not asked.any(photo):
        raise InputError(f"{photo}: Required")
    asset, size = await picture_in(parts, asked, photo)
    pictures = {name: (await picture_in(parts, asked, name))[0] for name in _FURTHER if asked.any(name)}
    return edited(asked, asset, size, pictures)


async def _made(wanted: Callable[[], Awaitable[ImageRequest]]) -> ImageRequest:
    """The order. Raises InputError also for values that only the order's own fields rule out."""
    try:
        return await wanted()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InputError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None


async def _answer(request: Request, wanted: Callable[[], Awaitable[ImageRequest]], *, old: bool) -> Response:
    """The picture, once it is made. Waits as long as the service lets anybody wait."""
    parts = parts_of(request)
    try:
        incoming = Incoming(await _made(wanted), caller_of(request).key_id, trace=trace_of(request.scope))
        placed = await place(parts, incoming)
        order, _ = await wait_for(parts, placed.order, Preferences(wait_s=int(parts.settings.api.max_wait_s)))
        asset = picture_of(parts, order, placed.hit)
        data = await asyncio.to_thread(parts.storage.get_blob, asset.hash)
    except PackshotError as error:
        return refused(error, old=old)
    as_json = old and "application/json" in request.headers.get("accept", "")
    return picture(data, asset, order.id, as_json=as_json)
