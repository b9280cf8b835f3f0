"""The HTTP service as a FastAPI app, without Ray: under Serve it is the ingress, in tests any ASGI server runs it."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from serve_apps.alerts import routes as alerts
from serve_apps.console.app import mount_console
from serve_apps.facade import routes as facade
from serve_apps.http import openapi, problems
from serve_apps.http.gate import Gate
from serve_apps.http.limits import Rates
from serve_apps.http.security import KeyRing
from serve_apps.parts import Parts
from serve_apps.request.schema import BatchItem, BatchRequest, ImageRequest
from serve_apps.routes import assets, batches, catalogue, health, hooks, images, orders, vendor_hooks, webhooks

_ROUTES = (images, orders, batches, assets, catalogue, webhooks, hooks, vendor_hooks, facade, alerts, health)
_BODIES: dict[str, type[BaseModel]] = {
    "ImageRequest": ImageRequest,
    "BatchRequest": BatchRequest,
    "BatchItem": BatchItem,
    "HookProduct": hooks.HookProduct,
}


def make_api(parts: Parts) -> FastAPI:
    """The app over these parts. Each ingress process makes its own."""
    app = FastAPI(title="Packshot", docs_url="/docs", redoc_url=None, openapi_url="/openapi.json", redirect_slashes=False)
    app.state.desk_parts = parts
    for module in _ROUTES:
        app.include_router(module.router)
    problems.install(app)
    limits = parts.settings.api
    app.state.rates = Rates(limits.rate_per_minute)
    mount_console(app, parts, app.state.rates)
    app.state.reading_hooks = asyncio.Semaphore(vendor_hooks.READING)
    app.add_middleware(
        Gate,
        ring=KeyRing(parts.keys, required=limits.require_keys),
        rates=app.state.rates,
        metrics=parts.metrics,
        max_body_bytes=limits.max_body_bytes,
    )

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = openapi.describe(app, _BODIES)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
    return app
