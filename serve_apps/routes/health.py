"""Whether the service lives, takes work, and how it does."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from serve_apps.http.metrics import MEDIA_TYPE
from serve_apps.parts import Parts, parts_of
from studio.product import Frozen

router = APIRouter(tags=["health"])
_NOWHERE = "0" * 64


class Health(Frozen):
    """The process answers."""

    status: Literal["ok", "ready"] = Field(description="How it is.", examples=["ok"])


@router.get("/healthz", response_model=Health, operation_id="get_health", summary="Whether the process lives")
async def healthz() -> Response:
    """Looks at nothing else: a failing database is no reason to end the process."""
    return Response('{"status":"ok"}', media_type="application/json")


@router.get(
    "/readyz",
    response_model=Health,
    operation_id="get_readiness",
    summary="Whether the service takes work",
    responses={503: {"description": "Warming up, draining, or the database or store does not answer."}},
)
async def readyz(request: Request) -> Response:
    """Ready once the models are loaded, until the service drains, while database and store answer."""
    parts = parts_of(request)
    parts.readiness.check()
    await asyncio.to_thread(_reach, parts)
    return Response('{"status":"ready"}', media_type="application/json")


@router.get(
    "/metrics",
    response_class=Response,
    operation_id="get_metrics",
    summary="Figures for Prometheus",
    responses={200: {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Counters are this process's own; the orders waiting are everybody's."""
    parts = parts_of(request)
    waiting = await asyncio.to_thread(parts.orders.waiting)
    read = await asyncio.to_thread(parts.readings.take)
    return Response(parts.metrics.text(waiting, read), headers={"content-type": MEDIA_TYPE})


def _reach(parts: Parts) -> None:
    parts.orders.waiting()
    parts.storage.has_blob(_NOWHERE)
