"""What the HTTP side asks of whoever carries orders out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from studio.shot import Outcome, Shot

RenderShots = Callable[[Sequence[Shot], str], Awaitable[list[Outcome]]]
"""`await render(shots, tier)`: one outcome a shot, in order; tier is `urgent` or `standard`. Raises PackshotError when the
renderer as a whole cannot be reached."""


class Fulfilment(Protocol):
    """Carries accepted orders out. The order's row is the truth; every call here may be repeated."""

    async def start(self, order_id: str) -> None:
        """Begin as soon as there is room. A start that fails is not an error: the sweeper does it again."""

    async def cancel(self, order_id: str) -> bool:
        """Cancel a queued order at once, a running one at its next step; False when it has ended or is being published."""

    async def wait(self, order_id: str, seconds: float) -> bool:
        """Whether the order ended within so many seconds. Raises NotFound."""
