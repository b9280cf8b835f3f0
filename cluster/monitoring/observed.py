"""`ObservedRenderer`: the renderer, with figures and spans. Both ways in call it, so everything is counted once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from cluster.metering import cost
from cluster.monitoring.meter import Meter, process_meter
from cluster.monitoring.otel import span
from cluster.renderer import Renderer
from cluster.settings import Prices
from cluster.tiers import TIER
from connectors.storage.base import Storage
from studio.errors import PackshotError
from studio.models.base import Models
from studio.shot import Failed, Outcome, Rejected, Report, Shot
from studio.steps.base import Step
from studio.take import Take

_WITHIN: ContextVar[bool] = ContextVar("packshot_observed", default=False)
"""Whether this task renders for a call that is counted: a renderer may call itself."""


class ObservedRenderer(Renderer):
    """See `Renderer`. `meter` is the process's, unless another is given."""

    def __init__(
        self, models: Models, storage: Storage, read: Callable[[str], bytes], prices: Prices, meter: Meter | None = None
    ) -> None:
        super().__init__(models, storage, read)
        self._prices, self._meter = prices, meter

    async def render(self, shots: Sequence[Shot], *, force: bool = False) -> list[Outcome]:
        """Make the shots and count what came of them."""
        if _WITHIN.get():
            return await super().render(shots, force=force)
        token, started = _WITHIN.set(True), time.perf_counter()
        try:
            with span("render", shots=len(shots), tier=TIER.get()):
                outcomes = await super().render(shots, force=force)
                for shot, outcome in zip(shots, outcomes, strict=True):
                    _trace(shot, outcome)
        finally:
            _WITHIN.reset(token)
        meter = self._meter or process_meter()
        meter.observe("packshot_render_seconds", time.perf_counter() - started, tier=TIER.get())
        for shot, outcome in zip(shots, outcomes, strict=True):
            count(meter, shot.template.id, outcome, self._prices, TIER.get())
        return outcomes

    async def _step(self, step: Step, takes: Sequence[Take]) -> Sequence[Take | PackshotError]:
        with span(f"step {step.name}", shots=len(takes)):
            return await super()._step(step, takes)


def count(meter: Meter, template: str, outcome: Outcome, prices: Prices, tier: str) -> None:
    """One shot's outcome, as figures."""
    meter.add("packshot_shots", outcome=outcome.status, template=template, tier=tier)
    if isinstance(outcome, Rejected):
        meter.add("packshot_rejections", reason=outcome.reason, template=template)
    if isinstance(outcome, Failed):
        meter.add("packshot_failures", code=outcome.code)
    _spent(meter, outcome.report)
    meter.add("packshot_cost", cost(outcome.report, prices), currency=prices.currency, tier=tier)


def _spent(meter: Meter, report: Report) -> None:
    reused = "shot" if report.reused == ("shot",) else "steps" if report.reused else "nothing"
    meter.add("packshot_reuse", result=reused)
    for step, seconds in report.seconds.items():
        meter.observe("packshot_step_seconds", seconds, step=step)
        meter.add("packshot_gpu_seconds", 0.0, step=step)
    for name, parts in (("packshot_cpu_seconds", report.cpu_parts), ("packshot_gpu_seconds", report.gpu_parts)):
        for part, seconds in parts.items():
            meter.add(name, seconds, step=part.partition(":")[0])
    for part, seconds in report.lost_parts.items():
        meter.add("packshot_lost_seconds", seconds, part=part)
    for model, calls in report.model_calls.items():
        meter.add("packshot_model_calls", calls, model=model)


def _trace(shot: Shot, outcome: Outcome) -> None:
    """A span for each asset: how it ended, and what it is called in the store."""
    said: dict[str, Any] = {"shot": shot.id, "template": shot.template.key, "outcome": outcome.status}
    asset = None if isinstance(outcome, Failed) else outcome.asset
    with span("asset", **said, asset=asset.digest if asset else "", reused=",".join(outcome.report.reused)):
        pass
