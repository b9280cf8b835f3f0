"""Batches: many orders in one call, or a catalogue as a job of the nightly pipeline, behind one resource."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from connectors.online.batches import Batch
from serve_apps.http.answers import BatchId, Cursor, IdempotencyKey, Limit, documented
from serve_apps.http.problems import fault
from serve_apps.http.security import caller_of, require
from serve_apps.http.tracing import trace_of
from serve_apps.http.uploads import content_type, parsed, read_form, read_json, unsupported
from serve_apps.parts import Parts, parts_of
from serve_apps.request.batch_items import KINDS
from serve_apps.request.batching import Owner, Sent, store
from serve_apps.request.schema import BatchRequest, Priority, TemplateName
from studio.errors import InputError, PackshotError
from studio.product import Frozen

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/batches", tags=["batches"])
_JSON, _FORM = "application/json", "multipart/form-data"
_ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
_FIRST = 16
"""Orders that are started at once; the rest are taken up by the orchestrator's sweep."""
_LINES = {
    "schema": {"type": "string"},
    "example": '{"input": {"url": "https://shop.example/mug.jpg"}, "product": {"sku": "MUG-01"}}\n',
}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        _JSON: {"schema": {"$ref": "#/components/schemas/BatchRequest"}},
        **{name: _LINES for name, kind in KINDS.items() if kind == "jsonl"},
        "text/csv": {"schema": {"type": "string"}, "example": "sku,title,image_front\nMUG-01,Mug,https://shop.example/mug.jpg\n"},
        _FORM: {
            "schema": {
                "type": "object",
                "required": ["file"],
                "additionalProperties": False,
                "properties": {
                    "request": {"$ref": "#/components/schemas/BatchRequest"},
                    "file": {
                        "type": "string",
                        "contentMediaType": "application/octet-stream",
                        "description": "JSON Lines or CSV.",
                    },
                },
            },
            "encoding": {"request": {"contentType": _JSON}},
        },
    },
}


class JobView(Frozen):
    """The run of the nightly pipeline that a large batch or a catalogue became."""

    id: str = Field(description="Job id on the cluster.", examples=["packshot-bat_01hzxw6q3v7n5t8k2m4p9r0s1b"])
    state: str = Field(
        description="PENDING, RUNNING, SUCCEEDED, FAILED, STOPPED; UNKNOWN while the cluster does not answer.",
        examples=["RUNNING"],
    )


class BatchView(Frozen):
    """A batch and how far it is."""

    id: str = Field(description="Batch id.", examples=["bat_01hzxw6q3v7n5t8k2m4p9r0s1b"])
    kind: Literal["orders", "job"] = Field(description="Durable orders, or a job of the nightly pipeline.", examples=["orders"])
    state: Literal["accepting", "running", "finished"] = Field(description="How far it is.", examples=["running"])
    total: int = Field(description="Items sent; 0 while a job has not counted them.", examples=[120])
    accepted: int = Field(description="Items that became orders.", examples=[118])
    errors: int = Field(description="Items that are wrong; the others go on.", examples=[2])
    counts: dict[str, int] = Field(description="Orders by state.", examples=[{"queued": 100, "succeeded": 18}])
    job: JobView | None = Field(default=None, description="The job, if it is one.")
    links: dict[str, str] = Field(
        description="Addresses.", examples=[{"orders": "/v1/orders?batch=bat_01hzxw6q3v7n5t8k2m4p9r0s1b"}]
    )
    created: datetime = Field(description="When it came.", examples=["2026-11-22T18:00:00Z"])
    updated: datetime = Field(description="When it was last changed.", examples=["2026-11-22T18:00:03Z"])


class BatchPage(Frozen):
    """Batches, newest first."""

    items: tuple[BatchView, ...] = Field(description="The batches of this page.")
    next: str = Field(description="`cursor` of the next page; empty at the end.", examples=[""])


class BatchFault(Frozen):
    """What is wrong with one item."""

    line: int = Field(description="Line of the upload, or number of the item, from 1.", examples=[17])
    field: str = Field(description="Field; empty when the whole item is wrong.", examples=["input.url"])
    sku: str = Field(description="Product, where it is known.", examples=["MUG-01"])
    code: str = Field(description="Stable code.", examples=["invalid_item"])
    message: str = Field(description="For people.", examples=["Field required"])


class BatchFaults(Frozen):
    """Wrong items, by line."""

    items: tuple[BatchFault, ...] = Field(description="The faults of this page.")
    next: str = Field(description="`cursor` of the next page; empty at the end.", examples=[""])


@router.post(
    "",
    status_code=202,
    response_model=BatchView,
    operation_id="create_batch",
    summary="Order many images",
    openapi_extra={"requestBody": _BODY},
    responses={
        **documented(202, "Stored.", {"Location": {"schema": {"type": "string"}, "description": "The batch."}}),
        501: {"description": "This installation takes no catalogue jobs."},
    },
)
async def create_batch(
    request: Request,
    template: Annotated[TemplateName | None, Query(description="Template of a plain upload.", examples=["amazon-white"])] = None,
    priority: Annotated[Priority | None, Query(description="Priority of a plain upload.", examples=["standard"])] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Items as JSON, or an upload of JSON Lines (orders or products) or CSV (products). A wrong item does not fail the others.
    More items than a batch may have run as a job of the nightly pipeline, and so does a `catalog` (admin only).
    """
    parts, caller = parts_of(request), caller_of(request)
    sent = await _read(request, {"template": template, "priority": priority})
    if sent.request.catalog:
        require(caller, "admin")
    owner = Owner(caller.key_id, trace_of(request.scope))
    stored = await asyncio.to_thread(store, parts, sent, owner, idempotency_key or "")
    batch = stored.batch
    if stored.job:
        job_id = await parts.submit_job(stored.job)
        await asyncio.to_thread(parts.batches.update, batch.id, job_id=job_id)
    for order_id in stored.orders[:_FIRST]:
        await parts.desk.start(order_id)
    view = await _view(parts, await asyncio.to_thread(parts.batches.get, batch.id))
    headers = {"location": f"/v1/batches/{batch.id}", "cache-control": "no-store"}
    return Response(view.model_dump_json(), 202, headers, _JSON)


@router.get("", response_model=BatchPage, operation_id="list_batches", summary="List batches")
async def list_batches(request: Request, limit: Limit = 50, cursor: Cursor = "") -> BatchPage:
    """The batches of this key, newest first; an administrator sees everybody's."""
    parts = parts_of(request)
    found, following = await asyncio.to_thread(parts.batches.list, key_id=caller_of(request).sees, limit=limit, cursor=cursor)
    return BatchPage(items=tuple([await _view(parts, batch) for batch in found]), next=following)


@router.get("/{id}", response_model=BatchView, operation_id="get_batch", summary="One batch")
async def get_batch(request: Request, id: BatchId) -> BatchView:  # noqa: A002
    """How far a batch is. Its orders: `/v1/orders?batch=`."""
    parts = parts_of(request)
    return await _view(parts, await asyncio.to_thread(parts.batches.get, id, caller_of(request).sees))


@router.get("/{id}/errors", response_model=BatchFaults, operation_id="list_batch_errors", summary="Wrong items of a batch")
async def list_batch_errors(request: Request, id: BatchId, limit: Limit = 50, cursor: Cursor = "") -> BatchFaults:  # noqa: A002
    """What is wrong with which item, by line."""
    parts = parts_of(request)
    await asyncio.to_thread(parts.batches.get, id, caller_of(request).sees)
    found, following = await asyncio.to_thread(parts.batches.errors, id, cursor, limit)
    faults = [BatchFault(line=f.line, field=f.field, sku=f.sku, code=f.code, message=f.message) for f in found]
    return BatchFaults(items=tuple(faults), next=following)


async def _read(request: Request, query: dict[str, Any]) -> Sent:
    """The call's body, of any type it may have."""
    kind = content_type(request)
    plain = {name: value for name, value in query.items() if value is not None}
    if kind in KINDS:
        return _filled(Sent(BatchRequest(**plain), await request.body(), KINDS[kind]))
    if kind not in (_JSON, _FORM):
        raise unsupported(_JSON, _FORM, *KINDS)
    if plain:
        raise fault("template and priority of a JSON request or a form stand in its body")
    if kind == _FORM:
        form = await read_form(request)
        sent = parsed(form.request or "{}", BatchRequest)
        if sent.items or sent.catalog:
            raise fault("a form has its items in the part `file`")
        return _filled(Sent(sent, form.file, "jsonl" if form.file.lstrip()[:1] == b"{" else "csv"))
    sent = await read_json(request, BatchRequest, most=parts_of(request).settings.api.max_body_bytes)
    if not sent.items and not sent.catalog:
        raise fault("give items or catalog, or upload a file", "items")
    return Sent(sent)


def _filled(sent: Sent) -> Sent:
    if not sent.data.strip():
        raise InputError("the file is empty")
    return sent


async def _view(parts: Parts, batch: Batch) -> BatchView:
    counts = await asyncio.to_thread(parts.batches.counts, batch.id) if batch.kind == "orders" else {}
    job = JobView(id=batch.job_id, state=await _job_state(parts, batch.job_id)) if batch.kind == "job" else None
    here = f"/v1/batches/{batch.id}"
    return BatchView(
        id=batch.id,
        kind=batch.kind,
        state=("finished" if job.state in _ENDED else "running") if job else batch.state(counts),
        total=batch.total,
        accepted=batch.accepted,
        errors=batch.errors,
        counts=counts,
        job=job,
        links={"self": here, "errors": f"{here}/errors", "orders": f"/v1/orders?batch={batch.id}"},
        created=batch.created,
        updated=batch.updated,
    )


async def _job_state(parts: Parts, job_id: str) -> str:
    try:
        return await parts.job_state(job_id)
    except PackshotError as error:
        log.warning("job %s: %s", job_id, error.message)
        return "UNKNOWN"
