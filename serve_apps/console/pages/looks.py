"""Templates: what there is, what one says and what changed, tried on one's own products, released for good."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import Response

from connectors.audit import Entry as Line
from serve_apps.console.frame import PAGE, ROOT, Actor, Entry, Viewer, go, page, paged
from serve_apps.console.look_views import (
    CONTENT,
    TRIAL,
    differences,
    fields,
    is_locked,
    looks,
    released_before,
    stamp,
    tried,
    verdict,
)
from serve_apps.console.shelves import shelves_of
from serve_apps.http.security import require
from serve_apps.http.tracing import trace_of
from serve_apps.parts import parts_of
from serve_apps.request.intake import Incoming, place
from serve_apps.request.schema import ImageInput, ImageRequest
from studio.errors import Conflict, InputError, PackshotError, StorageError
from templates.versions import content_digest, write_release

router = APIRouter(prefix="/templates")
ENTRY = Entry("Templates", "/templates", "t")
MOST = 12
"""Products that a template is tried on at once."""
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}(@[1-9][0-9]{0,5})?$")]
Text = Annotated[str, Query(max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]


@router.get("")
def list_looks(
    request: Request,
    _: Viewer,
    text: Text = "",
    family: Text = "",
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """Every version of every template that has a file."""
    library = parts_of(request).library
    found = looks(library, text, family)
    some = found[(number - 1) * PAGE : number * PAGE]
    families = sorted({library.file(template).parent.name for template in library.templates()})
    shown = paged(request, some, total=len(found), number=number)
    return page(request, "looks", looks=shown, text=text, family=family, families=families)


@router.get("/{name}")
def show_look(request: Request, name: Name, caller: Viewer) -> Response:
    """One version: the newest where none is named. Raises UnknownTemplate."""
    parts = parts_of(request)
    library = parts.library
    template = library.template(name)
    before, trials = released_before(library, template), tried(parts, template, caller.sees)
    locked = is_locked(library, template)
    return page(
        request,
        "look",
        template=template,
        versions=[one for one in library.templates() if one.id == template.id],
        locked=locked,
        before=before,
        changes=differences(before, template),
        fields=fields(library, template.key),
        trials=trials,
        missing="" if locked else verdict(trials),
        decided=parts.reviews.states(caller.sees, template=template.id),
    )


@router.post("/{name}/preview")
async def preview(
    request: Request, name: Name, caller: Actor, skus: Annotated[str, Form(min_length=1, max_length=2500)]
) -> Response:
    """Make its pictures of up to twelve products that the service knows. Raises NotFound, InputError."""
    parts = parts_of(request)
    template = await asyncio.to_thread(parts.library.template, name)
    wanted = list(dict.fromkeys(sku for sku in re.split(r"[\s,;]+", skus) if sku))
    if not 0 < len(wanted) <= MOST:
        raise InputError(f"name 1 to {MOST} SKUs")
    metadata = {TRIAL: template.key, CONTENT: stamp(template)}
    problems: list[str] = []
    for sku in wanted:
        try:
            order = ImageRequest(
                input=ImageInput(sku=sku), template=template.key, priority="urgent", webhook=False, metadata=metadata
            )
            await place(parts, Incoming(order, caller.key_id, trace=trace_of(request.scope)))
        except (PackshotError, ValueError) as error:
            problems.append(f"{sku}: {error.message if isinstance(error, PackshotError) else 'not a SKU'}")
    begun = len(wanted) - len(problems)
    return go(f"{ROOT}/templates/{template.key}#trials", "; ".join([f"trying it on {begun}", *problems[:3]]))


@router.post("/{name}/release")
def release(request: Request, name: Name, caller: Actor) -> Response:
    """Lock this version for good (administrators). Raises Forbidden, and Conflict unless its trials came out well."""
    require(caller, "admin")
    parts = parts_of(request)
    template = parts.library.template(name)
    if is_locked(parts.library, template):
        raise Conflict(f"{template.key} is released already")
    if missing := verdict(tried(parts, template, None)):
        raise Conflict(f"{template.key}: {missing}")
    home = parts.library.home(template)
    try:
        path = write_release(home, template)
    except OSError as error:
        raise StorageError(f"{home}: {error.strerror or error}; release it where the template folder can be written") from None
    line = Line(f"key:{caller.key_id}", "template.released", f"template:{template.key}", {"content": content_digest(template)})
    shelves_of(request).audit.add([line])
    return go(
        f"{ROOT}/templates/{template.key}", f"{template.key} is released: {path.name}. Other processes know when they start."
    )
