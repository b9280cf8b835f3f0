"""Peer of `serve_tax`, run in a virtual environment of its own: the echo on BentoML. `bentoml serve peer_bento:Echo`, env MS."""

from __future__ import annotations

import asyncio
import os

import bentoml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def answer(request: Request) -> Response:
    body = await request.body()
    await asyncio.sleep(float(os.environ["MS"]) / 1e3)
    return Response(body, media_type="image/jpeg")


@bentoml.asgi_app(Starlette(routes=[Route("/p", answer, methods=["POST"])]), path="/a")
@bentoml.service(workers=1, traffic={"timeout": 60})
class Echo:
    @bentoml.api
    async def unused(self, text: str) -> str:
        return text
