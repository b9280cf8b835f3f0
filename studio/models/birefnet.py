"""BiRefNet and kin: high-resolution matting with weights that the user gives (a local folder or a hub id)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.errors import ModelNotConfigured, SettingsError
from studio.models.base import ModelCard
from studio.models.configured import Given
from studio.take import U8

if TYPE_CHECKING:
    from torch import Tensor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class BiRefNet:
    """uint8 (1024, 1024, 3) sRGB -> float32 (1024, 1024) 0..1, through `transformers.AutoModelForImageSegmentation`.

    Options: `trust_remote_code=true` lets the folder's own Python run (the public checkpoints need it; off by default),
    `revision=...` pins a hub id, `half=true` runs in float16 on a GPU.
    """

    def __init__(self, card: ModelCard, *, weights: Path, given: Given, device: str) -> None:
        self.card = card
        self._source, self._revision, self.device = given.source, given.options.get("revision"), device
        self._trust = given.flag("trust_remote_code", default=False)
        self._half = given.flag("half", default=False)
        self._network: Any = None

    def load(self) -> None:
        """Read the weights. Raises ModelNotConfigured when nothing loadable is there, SettingsError for a missing device."""
        import torch
        from transformers import AutoModelForImageSegmentation

        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise SettingsError(f"device {self.device!r}: torch sees no CUDA device")
        try:
            network = AutoModelForImageSegmentation.from_pretrained(
                self._source, revision=self._revision or "main", trust_remote_code=self._trust
            )
        except (OSError, ValueError, ImportError) as error:
            raise ModelNotConfigured(f"{self.card.name}: {self._source} cannot be loaded: {error}") from error
        self._network = network.eval().to(self.device, torch.float16 if self._half else torch.float32)

    def predict(self, batch: Sequence[Any]) -> list[Any]:
        """One map an item, in order."""
        import torch

        if not batch:
            return []
        with torch.inference_mode():
            pixels = torch.from_numpy(np.stack(batch)).to(self.device).permute(0, 3, 1, 2).to(torch.float32).div_(255.0)
            mean, std = (pixels.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
            pixels = ((pixels - mean) / std).to(next(self._network.parameters()).dtype)
            maps = _logits(self._network(pixels)).sigmoid().to(torch.float32)[:, 0].cpu().numpy()
        return list(maps)

    def example(self) -> U8:
        """A grey square on white."""
        side = self.card.input_px
        item = np.full((side, side, 3), 255, np.uint8)
        item[side // 4 : side * 3 // 4, side // 4 : side * 3 // 4] = 96
        return item


def _logits(output: Any) -> Tensor:
    """BiRefNet answers a list of maps, finest last; transformers classes answer an output with `logits`."""
    if hasattr(output, "logits"):
        output = output.logits
    found: Tensor = output[-1] if isinstance(output, list | tuple) else output
    return found
