"""What is given up, in which order, when a picture does not fit into memory. Every rung that was taken is told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from studio.models.diffusion.brief import Brief, Painted
from studio.take import U8

log = logging.getLogger(__name__)
Paint = Callable[[Sequence[Brief]], list[U8]]


@dataclass(frozen=True, slots=True)
class Relief:
    """One way to need less memory: its name, and what makes it so. `apply` answers False where the pipeline cannot."""

    name: str
    apply: Callable[[], bool]


@dataclass(slots=True)
class Ladder:
    """Paints with as few rungs as memory allows: smaller batches first, then the reliefs in order, then nothing is painted.

    A rung that was taken stays taken: memory that was short once will be short again, and pictures stay comparable.
    """

    reliefs: Sequence[Relief]
    batch: int = 1
    free: Callable[[], None] = lambda: None
    """Gives cached memory back before another try."""
    taken: list[str] = field(default_factory=list)

    def paint(self, briefs: Sequence[Brief], work: Paint) -> list[Painted]:
        """One answer a brief, in order; raises what `work` raises, but for want of memory."""
        answers: list[Painted] = []
        while len(answers) < len(briefs):
            part = _alike(briefs[len(answers) :], self.batch)
            pictures = self._try(part, work)
            if pictures is not None:
                answers += [Painted(picture, tuple(self.taken)) for picture in pictures]
            elif not self._down(len(part)):
                answers += [Painted(None, (*self.taken, "none fits"))] * len(part)
        return answers

    def _try(self, part: Sequence[Brief], work: Paint) -> list[U8] | None:
        try:
            return work(part)
        except (RuntimeError, MemoryError) as error:
            if not lacks_memory(error):
                raise
            log.warning("no memory for %d picture(s) of %s: %s", len(part), part[0].size, error)
            return None

    def _down(self, size: int) -> bool:
        """Take the next rung; False when there is none."""
        self.free()
        if size > 1:
            self.batch = size // 2
            self.taken = [*(rung for rung in self.taken if not rung.startswith("batch ")), f"batch {self.batch}"]
            return True
        for relief in self.reliefs:
            if relief.name not in self.taken and relief.apply():
                self.taken.append(relief.name)
                return True
        return False


def lacks_memory(error: BaseException) -> bool:
    """Whether an error of torch says that memory ran out, on a GPU or on the CPU."""
    text = str(error).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or any(word in text for word in words)


def _alike(briefs: Sequence[Brief], most: int) -> Sequence[Brief]:
    """The first briefs that one call can make."""
    count = 1
    while count < min(most, len(briefs)) and briefs[count].kind == briefs[0].kind:
        count += 1
    return briefs[:count]
