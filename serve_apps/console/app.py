"""The console as an app of its own, mounted under `/console`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response

from serve_apps.console import faults, pictures, signin, statics
from serve_apps.console.frame import ROOT
from serve_apps.console.pages import cost, looks, orders, overview, products, review, runs, trial
from serve_apps.http.limits import Rates
from serve_apps.parts import Parts

PAGES = (overview, review, runs, orders, products, looks, cost, trial)
"""In the order of the menu. A module has `router`, and `ENTRY` or None where the menu does not lead to it."""
_BESIDE = (statics, pictures, signin)


def mount_console(api: FastAPI, parts: Parts, rates: Rates) -> None:
    """Put the console under `/console` of the service."""
    api.mount(ROOT, make_console(parts, rates))
    api.add_route(ROOT, _enter, include_in_schema=False)


def make_console(parts: Parts, rates: Rates) -> FastAPI:
    """The app over these parts; calls of a key count against the same `rates` as its calls of the API."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.desk_parts, app.state.rates = parts, rates
    app.state.entries = tuple(module.ENTRY for module in PAGES if module.ENTRY)
    for module in (*_BESIDE, *PAGES):
        app.include_router(module.router)
    faults.install(app)
    return app


async def _enter(_: Request) -> Response:
    return RedirectResponse(f"{ROOT}/", 307)
