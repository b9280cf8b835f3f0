"""`Step`: the contract, the per-item isolation and the one way to call a model."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from studio.errors import PackshotError, StepError
from studio.models.base import Models
from studio.product import ProductImage
from studio.shot import Shot
from studio.take import Take

log = logging.getLogger(__name__)


class Step(ABC):
    """One thing that is done to a shot. `version` rises with every change that can change a pixel."""

    name: ClassVar[str]
    version: ClassVar[int] = 1

    def applies(self, shot: Shot) -> bool:
        """Whether the step does anything for the shot. One that does not leaves take and key alone."""
        return True

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Every fact about the shot, beyond earlier steps, that can change this step's result; JSON-able, part of the key."""
        return {}

    def models(self, shot: Shot) -> tuple[str, ...]:
        """Names of the models this step may call for the shot; their cards are part of the key and of the plan."""
        return ()

    def opens(self, shot: Shot) -> tuple[ProductImage, ...]:
        """Photos beside `images[0]` whose bytes this step reads from `take.opened`; their digests are part of the key."""
        return ()

    @abstractmethod
    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """One take or error an item, same length and order. A bad item never fails its neighbours."""


class PixelStep(Step):
    """A step that needs no model: `apply` runs in a thread, once a take."""

    @abstractmethod
    def apply(self, take: Take) -> None:
        """Add this step's result to the take. Raises PackshotError for a take that cannot go on."""

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """`apply` on every take that the step applies to, each in a thread; the others come back as they are."""
        chosen = [take for take in takes if self.applies(take.shot)]
        done = {id(take): result for take, result in zip(chosen, await each(self.name, self.apply, chosen), strict=True)}
        return [done.get(id(take), take) for take in takes]


class CachedStep(Step):
    """A step whose result is kept in the store under its key, so that later steps can be redone without it."""

    @abstractmethod
    def dump(self, take: Take) -> bytes:
        """This step's result as bytes. Lossless: `load` gives the same pixels back."""

    @abstractmethod
    def load(self, take: Take, data: bytes) -> None:
        """Put a dumped result onto a take."""


async def each(name: str, work: Callable[[Take], None], takes: Sequence[Take]) -> list[Take | PackshotError]:
    """Run CPU work on every take, each in a thread; an error of one take becomes that take's result."""
    results = await asyncio.gather(*(asyncio.to_thread(_timed, name, work, take) for take in takes), return_exceptions=True)
    return [_result(name, take, result) for take, result in zip(takes, results, strict=True)]


async def ask(step: str, models: Models, model: str, takes: Sequence[Take], items: Sequence[Any]) -> list[Any | PackshotError]:
    """Ask a model about one item a take; calls and seconds are written on the takes. Returns values or errors, in order."""
    if not takes:
        return []
    answers = await models.predict(model, items)
    values: list[Any | PackshotError] = []
    for take, answer in zip(takes, answers, strict=True):
        if isinstance(answer, PackshotError):
            take.model_calls[model] += 1
            values.append(answer)
            continue
        take.model_calls[model] += not answer.reused
        take.seconds[step] = take.seconds.get(step, 0.0) + answer.seconds
        take.spend(f"{step}:{model}", **{"cpu_s" if answer.device == "cpu" else "gpu_s": answer.seconds})
        values.append(answer.value)
    return values


def _timed(name: str, work: Callable[[Take], None], take: Take) -> None:
    wall, cpu = time.perf_counter(), time.thread_time()
    try:
        work(take)
    finally:
        take.seconds[name] = take.seconds.get(name, 0.0) + time.perf_counter() - wall
        take.spend(name, cpu_s=time.thread_time() - cpu)


def _result(name: str, take: Take, result: BaseException | None) -> Take | PackshotError:
    if result is None:
        return take
    if isinstance(result, PackshotError):
        return result
    if isinstance(result, Exception):
        log.error("step %s broke on %s", name, take.shot.id, exc_info=result)
        return StepError(f"{name}: {type(result).__name__}: {result}")
    raise result
