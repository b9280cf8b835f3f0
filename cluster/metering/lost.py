"""Seconds of calls that died with their process, a spot node's for one: counted for whoever waits, and put on the reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar

from studio.shot import Outcome, Shot

RENDERER = "renderer"
LOST: ContextVar[dict[str, float] | None] = ContextVar("packshot_lost", default=None)
"""Wall seconds by who died: a model, or the renderer. From the call to its death, so waiting for a place is in them."""


def lose(who: str, seconds: float) -> None:
    """Count a call that died after so long, if somebody counts here."""
    lost = LOST.get()
    if lost is not None:
        lost[who] = lost.get(who, 0.0) + max(seconds, 0.0)


async def with_losses(render: Callable[[Sequence[Shot]], Awaitable[list[Outcome]]], shots: Sequence[Shot]) -> list[Outcome]:
    """`render(shots)`, with what was lost on the way shared out over the reports of those that were not in the store."""
    lost: dict[str, float] = {}
    before = LOST.set(lost)
    try:
        outcomes = await render(shots)
    finally:
        LOST.reset(before)
    made = [place for place, outcome in enumerate(outcomes) if "shot" not in outcome.report.reused]
    if not lost or not made:
        return outcomes
    share = {who: seconds / len(made) for who, seconds in lost.items()}
    return [_with(outcome, share) if place in set(made) else outcome for place, outcome in enumerate(outcomes)]


def _with(outcome: Outcome, share: dict[str, float]) -> Outcome:
    known = outcome.report.lost_parts
    both = {who: known.get(who, 0.0) + share.get(who, 0.0) for who in {**known, **share}}
    return outcome.model_copy(update={"report": outcome.report.model_copy(update={"lost_parts": both})})
