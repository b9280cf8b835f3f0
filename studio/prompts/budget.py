"""Token budgets: what is cut when a prompt is too long for its model."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Protocol

from studio.prompts.fragments import Dropped, Fragment

Count = Callable[[str], int]
Render = Callable[[Sequence[Fragment]], str]


class Tokenizer(Protocol):
    """What of a tokenizer of `transformers` is used, e.g. a `CLIPTokenizer`."""

    def __call__(self, text: str, *, verbose: bool = True) -> object:
        """An object with `input_ids`."""


def counted_by(tokenizer: Tokenizer) -> Count:
    """Exact counts of a real tokenizer, its start and end marks included."""

    def count(text: str) -> int:
        found: list[int] = tokenizer(text, verbose=False).input_ids  # type: ignore[attr-defined]
        return len(found)

    return count


def estimate(text: str) -> int:
    """Tokens of a text for CLIP or T5 without their vocabularies, on the high side: a word of n letters as ceil(n / 5), each
    digit and mark as one, start and end as two."""
    tokens = 2
    for run in re.findall(r"[^\W\d_]+|\d|[^\w\s]|_", text):
        tokens += 1 if len(run) == 1 and run.isascii() else math.ceil(len(run) / 5) + sum(not c.isascii() for c in run)
    return tokens


def fitted(
    fragments: Sequence[Fragment], render: Render, count: Count, budget: int
) -> tuple[tuple[Fragment, ...], tuple[Dropped, ...]]:
    """The fragments whose text keeps the budget: the least weighty go first, of equal ones the last; weight 1 never goes."""
    kept, dropped = list(fragments), []
    while count(render(kept)) > budget:
        movable = [at for at, fragment in enumerate(kept) if fragment.weight < 1]
        if not movable:
            break
        gone = kept.pop(min(movable, key=lambda at: (kept[at].weight, -at)))
        dropped.append(Dropped(gone.source, f"over the budget of {budget} tokens"))
    return tuple(kept), tuple(dropped)
