"""One chunk in, one journal row out: the same work for Ray Data over Serve, for a Ray Data pool and for no Ray at all."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from cluster.metering.lost import with_losses
from cluster.profile import Profile
from cluster.settings import Settings
from pipelines.plan import Planned
from studio.errors import ProcessDied
from studio.shot import Failed, Outcome, Shot

log = logging.getLogger(__name__)
Rendered = Callable[[Sequence[Shot]], Awaitable[list[Outcome]]]


async def render_chunk(items: str, render: Rendered) -> str:
    """Planned shots (a JSON list) to result rows (a JSON list): what was planned, and its outcome."""
    planned = [Planned.model_validate(item) for item in json.loads(items)]
    outcomes = await with_losses(render, [item.shot for item in planned])
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps([_row(item, outcome, at) for item, outcome in zip(planned, outcomes, strict=True)])


def _row(item: Planned, outcome: Outcome, at: str) -> dict[str, Any]:
    shot = item.shot
    return {
        "shot_id": shot.id,
        "sku": shot.product.sku,
        "title": shot.product.title,
        "category": shot.product.category,
        "brand": shot.product.brand,
        "at": at,
        "template": shot.template.key,
        "destination": shot.destination.id,
        "slot": shot.slot,
        "key": item.key,
        "why": item.why,
        "parts": item.parts,
        "outcome": outcome.model_dump(mode="json"),
    }


def culprit(shot: Shot) -> Failed:
    """The outcome of a shot that killed every process that worked on it alone."""
    message = f"the process died on {shot.id}, alone, each time it was tried"
    return Failed(code=ProcessDied.code, message=message)


def over_handle(app: str, profile: Profile, *, force: bool) -> Rendered:
    """Chunks of shots through the renderer deployment of a running app, with the culprit of a dying process isolated."""
    from cluster.calls import DEAD, call_renderer, renderer_of
    from cluster.isolation import Isolation

    renderer = renderer_of(app, profile)

    async def call(shots: Sequence[Shot]) -> list[Outcome]:
        answers = await call_renderer(renderer, [shot.model_dump_json() for shot in shots], force=force)
        return [_outcome(answer) for answer in answers]

    return Isolation[Shot, Outcome](call, dead=DEAD, blame=culprit, tries=profile.batch.tries, width=profile.in_flight)


class ServeStage:
    """Ray Data's async actor: keeps chunks in flight at the renderer deployment. It holds no pixels."""

    def __init__(self, app: str, profile: dict[str, Any], force: bool) -> None:
        self._render = over_handle(app, Profile.model_validate(profile), force=force)

    async def __call__(self, batch: dict[str, np.ndarray[Any, Any]]) -> dict[str, list[str]]:
        """A batch of chunk rows; a chunk stays one row."""
        done = await asyncio.gather(*(render_chunk(str(items), self._render) for items in batch["items"]))
        return {"chunk": [str(chunk) for chunk in batch["chunk"]], "items": list(done)}


class PoolStage:
    """Ray Data's actor with a renderer and its models inside, for a cluster without a Serve app."""

    def __init__(self, settings: dict[str, Any], profile: dict[str, Any], force: bool) -> None:
        from cluster.engine import open_renderer, storage
        from cluster.lastwords import LastWords

        tree = Settings(**settings)
        self._profile = Profile.model_validate(profile)
        self._renderer = open_renderer(tree)
        self._words = LastWords(storage(tree), tries=self._profile.batch.tries)
        self._force = force
        self._ready = False

    async def __call__(self, batch: dict[str, np.ndarray[Any, Any]]) -> dict[str, list[str]]:
        """A batch of chunk rows; a chunk stays one row."""
        if not self._ready:
            from cluster.engine import host_threads

            host_threads(self._profile.renderer.threads)
            self._ready = True
        done = [await self._chunk(str(c), str(i)) for c, i in zip(batch["chunk"], batch["items"], strict=True)]
        return {"chunk": [str(chunk) for chunk in batch["chunk"]], "items": done}

    async def _chunk(self, chunk: str, items: str) -> str:
        async def render(shots: Sequence[Shot]) -> list[Outcome]:
            return await self._renderer.render(shots, force=self._force)

        return await render_chunk(items, lambda shots: self._words.guard(chunk, shots, render, culprit))


def _outcome(answer: str) -> Outcome:
    from pydantic import TypeAdapter

    outcome: Outcome = TypeAdapter(Outcome).validate_json(answer)
    return outcome
