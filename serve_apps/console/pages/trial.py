"""Try it: upload a photo, choose a template, see the steps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from serve_apps.console.frame import ROOT, Actor, Entry, Viewer, go, page
from serve_apps.console.pages.orders import PREVIEWS, OrderId, opened
from serve_apps.http.tracing import trace_of
from serve_apps.http.uploads import check_upload
from serve_apps.parts import Parts, parts_of
from serve_apps.request.intake import Incoming, place, quote_of, spec_of
from serve_apps.request.schema import ImageInput, ImageRequest, OrderSpec, ProductFacts
from studio.errors import InputError, PackshotError
from studio.template import Template

router = APIRouter(prefix="/try")
ENTRY = Entry("Try it", "/try", "y")
M = TypeVar("M", bound=BaseModel)
_ANY = ImageInput(url="https://example.com/any")
"""A photo that nobody has seen, for the price of one."""


@router.get("")
def show_form(request: Request, _: Viewer, template: Annotated[str, Query(max_length=80)] = "") -> Response:
    """The form."""
    return _form(request, {"template": template})


@router.get("/quote")
def get_quote(request: Request, _: Viewer, template: Annotated[str, Query(max_length=80)]) -> Response:
    """What a photo with this template takes, as JSON. Raises InputError and what `spec_of` raises."""
    parts = parts_of(request)
    found = quote_of(parts, spec_of(parts, _wanted(_ANY, {"template": template})), "urgent")
    return JSONResponse(found.model_dump(mode="json"), headers={"cache-control": "no-store"})


@router.post("")
async def order_picture(request: Request, caller: Actor) -> Response:
    """An urgent order for the photo. What is wrong with it is said over the form."""
    parts, form = parts_of(request), await request.form()
    given = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
    photo = form.get("photo")
    try:
        wanted = _wanted(await _photo(parts, photo if isinstance(photo, UploadFile) else None, given), given)
        placed = await place(parts, Incoming(wanted, caller.key_id, trace=trace_of(request.scope)))
    except PackshotError as error:
        if error.http_status >= 500 and not error.retryable and error.http_status != 501:
            raise
        return await asyncio.to_thread(_form, request, given, error.message, error.http_status)
    return go(f"{ROOT}/try/{placed.order.id}")


@router.get("/{order_id}")
def show_result(request: Request, order_id: OrderId, caller: Viewer) -> Response:
    """The order step by step. Raises NotFound, also for another key's."""
    parts = parts_of(request)
    order = parts.orders.get(order_id, caller.sees)
    shown, made = opened(order, request)
    return page(
        request,
        "tried",
        order=shown,
        made=made,
        open=not order.state.ended,
        events=parts.orders.events(order_id),
        previews=PREVIEWS,
        photo=next((image.digest for image in OrderSpec.model_validate(order.spec).photos), ""),
    )


def _form(request: Request, given: Mapping[str, str], wrong: str = "", status: int = 200) -> Response:
    parts = parts_of(request)
    chosen = given.get("template") or parts.settings.templates[0]
    return page(
        request, "try", status=status, shelves=_shelves(parts.library.templates()), given=given, wrong=wrong, chosen=chosen
    )


def _shelves(templates: Sequence[Template]) -> dict[str, list[Template]]:
    """The newest version of every template, by industry."""
    newest = {template.id: template for template in sorted(templates, key=lambda one: one.version)}
    shelves: dict[str, list[Template]] = {}
    for template in sorted(newest.values(), key=lambda one: (one.industry, one.title)):
        shelves.setdefault(template.industry, []).append(template)
    return shelves


async def _photo(parts: Parts, photo: UploadFile | None, given: Mapping[str, str]) -> ImageInput:
    """The photo as an input, an upload kept in the store. Raises InputError and ImageError."""
    data = await photo.read() if photo is not None else b""
    if not data:
        if asset := given.get("asset"):
            return _valid(ImageInput, {"asset": asset})
        raise InputError("choose a photo")
    upload = await check_upload(data, parts.settings.fetch)
    return ImageInput(asset=await asyncio.to_thread(parts.storage.put_blob, upload.data, media_type=upload.media_type))


def _wanted(photo: ImageInput, given: Mapping[str, str]) -> ImageRequest:
    """The order. Raises InputError that names the field."""
    facts = {name: given[name] for name in ("sku", "title", "category") if given.get(name)}
    fields: dict[str, Any] = {"input": photo, "template": given.get("template", ""), "priority": "urgent", "webhook": False}
    return _valid(ImageRequest, {**fields, **({"product": _valid(ProductFacts, facts)} if facts else {})})


def _valid(model: type[M], fields: Mapping[str, Any]) -> M:
    try:
        return model(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
