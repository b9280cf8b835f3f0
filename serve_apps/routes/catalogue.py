"""What can be ordered and what it costs: templates, destinations, quotes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from serve_apps.http.problems import fault
from serve_apps.http.uploads import content_type, read_json, unsupported
from serve_apps.parts import Parts, parts_of
from serve_apps.request.edits import Digest
from serve_apps.request.intake import quote_of, spec_of
from serve_apps.request.schema import ImageInput, ImageRequest, Priority, Quote, Sku
from studio.destination import Destination
from studio.fields import Slug
from studio.product import Frozen, ImageRole
from studio.template import Template

router = APIRouter(prefix="/v1", tags=["catalogue"])
TemplateKey = Annotated[
    str,
    Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}(@[1-9][0-9]{0,5})?$", description="Id, or `id@version`.", examples=["amazon-white"]),
]
_BODY = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ImageRequest"}}}}


class TemplateSummary(Frozen):
    """A template in a list."""

    id: str = Field(description="Template id.", examples=["amazon-white"])
    version: int = Field(description="Version.", examples=[1])
    title: str = Field(description="Title.", examples=["Amazon white"])
    description: str = Field(description="What it is for.")
    industry: str = Field(description="Shelf it stands on.", examples=["starter"])
    outputs: tuple[str, ...] = Field(description="Destinations it makes images for.", examples=[["amazon-main"]])
    roles: tuple[ImageRole, ...] = Field(description="Photos it is for; empty means any.", examples=[["front"]])
    categories: tuple[str, ...] = Field(description="Categories it is for; empty means any.", examples=[[]])


class TemplateList(Frozen):
    """Every version of every template."""

    items: tuple[TemplateSummary, ...] = Field(description="By id and version.")


class DestinationList(Frozen):
    """Every destination."""

    items: tuple[Destination, ...] = Field(description="By id.")


@router.get("/templates", response_model=TemplateList, operation_id="list_templates", summary="List templates")
async def list_templates(request: Request) -> TemplateList:
    """Every version of every template of this installation."""
    return TemplateList(items=tuple(_summary(template) for template in parts_of(request).library.templates()))


@router.get("/templates/{name}", response_model=Template, operation_id="get_template", summary="One template")
async def get_template(request: Request, name: TemplateKey) -> Template:
    """Everything a template says, its newest version unless you name one."""
    return parts_of(request).library.template(name)


@router.get("/destinations", response_model=DestinationList, operation_id="list_destinations", summary="List destinations")
async def list_destinations(request: Request) -> DestinationList:
    """What each channel accepts, with the source and date of every rule."""
    return DestinationList(items=tuple(parts_of(request).library.destinations()))


@router.get(
    "/quote",
    response_model=Quote,
    operation_id="get_quote",
    summary="Price of a photo with a template",
    responses={404: {"description": "No such template, destination, product or asset."}},
)
async def get_quote(
    request: Request,
    template: Annotated[
        str, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,63}(@[1-9][0-9]{0,5})?$", description="Template.", examples=["amazon-white"])
    ],
    asset: Annotated[Digest | None, Query(description="Photo in the store.")] = None,
    sku: Annotated[Sku | None, Query(description="Known product.", examples=["MUG-01"])] = None,
    destination: Annotated[
        list[Slug], Query(max_length=32, description="Destinations; the template's own when none is given.")
    ] = [],  # noqa: B006
    priority: Annotated[Priority, Query(description="Whose machines the price is of.", examples=["urgent"])] = "standard",
) -> Quote:
    """What an order would take. Without `asset` and `sku`: of any one photo that was never seen."""
    if asset and sku:
        raise fault("give asset or sku, not both")
    photo = ImageInput(sku=sku) if sku else ImageInput(asset=asset) if asset else ImageInput(url="https://example.com/any")
    wanted = ImageRequest(input=photo, template=template, destinations=tuple(destination), priority=priority)
    return await asyncio.to_thread(_quoted, parts_of(request), wanted)


@router.post(
    "/quote",
    response_model=Quote,
    operation_id="quote_image",
    summary="Price of an order",
    openapi_extra={"requestBody": _BODY},
    responses={
        404: {"description": "No such template, destination, product or asset."},
        501: {"description": "No engine here can do this edit (`not_supported`)."},
    },
)
async def quote_image(request: Request) -> Quote:
    """What `POST /v1/images` with the same body would take. Spends nothing, fetches nothing."""
    if content_type(request) != "application/json":
        raise unsupported("application/json")
    wanted = await read_json(request, ImageRequest)
    if wanted.input is None:
        raise fault("give the photo as input", "input")
    return await asyncio.to_thread(_quoted, parts_of(request), wanted)


def _quoted(parts: Parts, wanted: ImageRequest) -> Quote:
    return quote_of(parts, spec_of(parts, wanted), wanted.priority)


def _summary(template: Template) -> TemplateSummary:
    return TemplateSummary(
        id=template.id,
        version=template.version,
        title=template.title,
        description=template.description,
        industry=template.industry,
        outputs=template.outputs,
        roles=template.applies_to.roles,
        categories=template.applies_to.categories,
    )
