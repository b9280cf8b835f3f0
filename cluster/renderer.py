"""`Renderer`: runs a recipe for a chunk of shots. The only thing that both ways in call, and it knows no Ray."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.journal import StepCache, load_outcome, made_outcome, settled, spent
from cluster.metering.lost import with_losses
from cluster.remembering import RememberingModels
from cluster.tiers import in_turn
from connectors.storage.base import Storage
from studio.destination import Cure
from studio.errors import FetchFailed, InputError, PackshotError
from studio.keys import digest_bytes
from studio.models.base import Models
from studio.product import ProductImage
from studio.qa.cures import next_cure, remade, verdict_on
from studio.recipes.base import Recipe
from studio.recipes.catalogue import recipe
from studio.shot import Failed, Outcome, Rejected, Report, Shot
from studio.steps.base import CachedStep, Step
from studio.take import Take

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    """One shot on its way through its recipe: its plan of keys, where it stands, how it ended."""

    shot: Shot
    recipe: Recipe
    keys: list[tuple[Step, str]]
    take: Take | None = None
    start: int = 0
    error: PackshotError | None = None
    reused: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.keys[-1][1]


class Renderer:
    """`render(shots)` gives one outcome a shot, in order, always. `read` brings a source image's bytes by URI."""

    def __init__(self, models: Models, storage: Storage, read: Callable[[str], bytes]) -> None:
        self._models = RememberingModels(models, storage)
        self._storage = storage
        self._read = read
        self._cache = StepCache(storage)
        self._flying: dict[str, asyncio.Future[Outcome | None]] = {}
        """Shots that are being made in this process now, by key; None: whoever made it was stopped."""

    async def render(self, shots: Sequence[Shot], *, force: bool = False) -> list[Outcome]:
        """Make every shot of a chunk that is neither in the store nor under way here. `force` makes it again all the same."""
        with in_turn():
            return await with_losses(lambda some: self._render(some, force), shots)

    async def _render(self, shots: Sequence[Shot], force: bool) -> list[Outcome]:
        outcomes = await asyncio.gather(*(self._stored(shot, force) for shot in shots))
        todo = [i for i, outcome in enumerate(outcomes) if outcome is None]
        made = await self._once([shots[i] for i in todo], force)
        for i, outcome in zip(todo, made, strict=True):
            outcomes[i] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    async def _once(self, shots: Sequence[Shot], force: bool) -> list[Outcome]:
        """Shots that another call is making now are waited for and then read from the store; the others are made here."""
        keys = [self._job(shot).key for shot in shots]
        theirs = {} if force else {key: self._flying[key] for key in keys if key in self._flying}
        own = {key: shot for key, shot in zip(reversed(keys), reversed(shots), strict=True) if key not in theirs}
        loop = asyncio.get_running_loop()
        futures: dict[str, asyncio.Future[Outcome | None]] = {key: loop.create_future() for key in own}
        self._flying.update(futures)
        made: dict[str, Outcome] = {}
        try:
            made = dict(zip(own, await self._make(list(own.values()), force), strict=True))
        finally:
            for key, future in futures.items():
                future.set_result(made.get(key))
                if self._flying.get(key) is future:
                    del self._flying[key]
        return [
            made[key] if own.get(key) is shot else await self._waited(shot, theirs.get(key) or futures[key])
            for key, shot in zip(keys, shots, strict=True)
        ]

    async def _waited(self, shot: Shot, flying: asyncio.Future[Outcome | None]) -> Outcome:
        outcome = await asyncio.shield(flying)
        if isinstance(outcome, Failed):
            return outcome.model_copy(update={"report": Report()})
        return (await self.render([shot]))[0]

    async def _stored(self, shot: Shot, force: bool) -> Outcome | None:
        """What the store knows of the shot, judged by today's thresholds; None when there is work to do."""
        try:
            keys = self._job(shot).keys
            key = keys[-1][1]
            if force:
                await asyncio.to_thread(self._cache.forget, keys)
                return None
            outcome = await asyncio.to_thread(load_outcome, self._storage, key, shot)
        except PackshotError as error:
            return _failed(error)
        if isinstance(outcome, Rejected) and next_cure(shot, outcome):
            await asyncio.to_thread(self._storage.drop_action, key)
            return None
        return outcome

    async def _make(self, shots: Sequence[Shot], force: bool) -> list[Outcome]:
        """The first attempt at every shot, then one for each cure that may still help a rejected one: at most three more."""
        jobs = [self._job(shot) for shot in shots]
        await self._run(jobs)
        outcomes = [await self._judge(job) for job in jobs]
        while again := {i: cure for i, o in enumerate(outcomes) if isinstance(o, Rejected) and (cure := next_cure(shots[i], o))}:
            others = {i: self._job(remade(shots[i], cure)) for i, cure in again.items()}
            for i in [i for i, job in others.items() if job.key == jobs[i].key]:
                outcomes[i] = _in_vain(outcomes[i], again[i])
                del others[i]
            if force:
                await asyncio.gather(*(asyncio.to_thread(self._cache.forget, job.keys) for job in others.values()))
            await self._run(list(others.values()))
            for i, job in others.items():
                outcomes[i] = _better(shots[i], outcomes[i], await self._judge(job), again[i])
        await asyncio.gather(*(self._record(job.key, o) for job, o in zip(jobs, outcomes, strict=True)))
        return [await asyncio.to_thread(settled, self._storage, job.key, o) for job, o in zip(jobs, outcomes, strict=True)]

    def _job(self, shot: Shot) -> _Job:
        chosen = recipe(shot.template.recipe)
        return _Job(shot, chosen, list(chosen.keys(shot, self._models.card)))

    async def _run(self, jobs: Sequence[_Job]) -> None:
        """All steps of all jobs, step by step; jobs of different recipes do not wait for each other."""
        await asyncio.gather(*(self._prepare(job) for job in jobs))
        groups: dict[str, list[_Job]] = {}
        for job in jobs:
            groups.setdefault(job.recipe.name, []).append(job)
        await asyncio.gather(*(self._steps(group) for group in groups.values()))

    async def _prepare(self, job: _Job) -> None:
        """Fetch what the first undone step needs: a cached cut-out saves the source image too."""
        try:
            assets = {d: await asyncio.to_thread(self._storage.get_blob, d) for d in job.recipe.assets(job.shot)}
            job.take = Take(job.shot, b"", assets)
            job.start, job.reused = await asyncio.to_thread(self._cache.restore, job.keys, job.take)
            if job.start == 0:
                job.take.source = await asyncio.to_thread(self._bytes, job.shot.images[0])
        except PackshotError as error:
            job.error = error

    async def _open(self, step: Step, job: _Job) -> None:
        """Fetch the further photos that a step opens."""
        wanted = [image for image in step.opens(job.shot) if job.take is not None and image.digest not in job.take.opened]
        try:
            for image in wanted:
                assert job.take is not None
                job.take.opened[image.digest] = await asyncio.to_thread(self._bytes, image)
        except PackshotError as error:
            job.error = error

    def _bytes(self, image: ProductImage) -> bytes:
        data = self._read(image.uri)
        if digest_bytes(data) != image.digest:
            raise FetchFailed(f"{image.uri} changed since the plan was made; run again")
        return data

    async def _steps(self, jobs: Sequence[_Job]) -> None:
        for index, step in enumerate(jobs[0].recipe.steps):
            live = [job for job in jobs if job.error is None and job.start <= index and step.applies(job.shot)]
            if not live:
                continue
            leaders = list({job.keys[index][1]: job for job in reversed(live)}.values()) if isinstance(step, CachedStep) else live
            await asyncio.gather(*(self._open(step, job) for job in leaders))
            ready = [job for job in leaders if job.error is None]
            results = await self._step(step, [job.take for job in ready if job.take is not None])
            for job, result in zip(ready, results, strict=True):
                job.error = result if isinstance(result, PackshotError) else None
            if isinstance(step, CachedStep):
                await self._share(step, index, leaders, live)
            await self._cache.keep(step, [(job.keys[index][1], job.take) for job in leaders if job.error is None and job.take])

    async def _share(self, step: CachedStep, index: int, leaders: Sequence[_Job], jobs: Sequence[_Job]) -> None:
        """Shots of one photo have the same cut-out: it is made for the first of them, the others get a copy."""
        made = {job.keys[index][1]: job for job in leaders}
        for job in jobs:
            leader = made[job.keys[index][1]]
            if job is leader or job.take is None or leader.take is None:
                continue
            job.error = leader.error
            if leader.error is None:
                await asyncio.to_thread(step.load, job.take, await asyncio.to_thread(step.dump, leader.take))
                job.take.measurements.update(leader.take.measurements)
                job.reused = (*job.reused, step.name)

    async def _step(self, step: Step, takes: Sequence[Take]) -> Sequence[Take | PackshotError]:
        try:
            return await step.process(takes, self._models)
        except PackshotError as error:
            return [error] * len(takes)

    async def _judge(self, job: _Job) -> Outcome:
        """Measurements become a verdict; the bytes go to the store either way, so that a person can look at them."""
        if job.error is not None or job.take is None:
            log.warning("%s failed: %s", job.shot.id, job.error)
            return _failed(job.error or InputError("nothing was made"), job.take)
        return await asyncio.to_thread(made_outcome, self._storage, job.take, job.reused, self._cache.previews(job.keys))

    async def _record(self, key: str, outcome: Outcome) -> None:
        if not isinstance(outcome, Failed):
            await asyncio.to_thread(self._storage.put_action, key, outcome.model_dump_json().encode())


def _in_vain(before: Outcome, cure: Cure) -> Outcome:
    """The same outcome, knowing that a cure would change nothing: no step of the recipe reads what it changes."""
    return before.model_copy(update={"report": before.report.model_copy(update={"tried": (*before.report.tried, cure)})})


def _better(shot: Shot, before: Outcome, after: Outcome, cure: Cure) -> Outcome:
    """The attempt that is kept, a released one or else the later one that breaks no more limits, with what all of them cost."""
    if isinstance(before, Failed):
        return before
    first, second = before.report, after.report.model_copy(update={"cure": cure})
    more: dict[str, Any] = {"attempts": first.attempts + 1, "tried": (*first.tried, cure), **_both(first, second)}
    if isinstance(after, Failed):
        return before.model_copy(update={"report": first.model_copy(update=more)})
    after = after.model_copy(update={"report": second})
    kept = before if len(verdict_on(shot, before).failures) < len(verdict_on(shot, after).failures) else after
    return kept.model_copy(update={"report": kept.report.model_copy(update=more)})


def _both(first: Report, second: Report) -> dict[str, Any]:
    """What two attempts cost together."""
    sums: dict[str, Any] = {"cpu_s": first.cpu_s + second.cpu_s, "gpu_s": first.gpu_s + second.gpu_s}
    sums["model_calls"] = dict(Counter(first.model_calls) + Counter(second.model_calls))
    for name in ("seconds", "cpu_parts", "gpu_parts"):
        one, other = getattr(first, name), getattr(second, name)
        sums[name] = {part: one.get(part, 0.0) + other.get(part, 0.0) for part in {**one, **other}}
    return sums


def _failed(error: PackshotError, take: Take | None = None) -> Failed:
    """The outcome of a shot that could not be made, with what was spent on it."""
    report = Report(**spent(take)) if take else Report()
    return Failed(code=error.code, message=error.message, retryable=error.retryable, report=report)


Render = Callable[[Sequence[Shot]], Awaitable[list[Outcome]]]
