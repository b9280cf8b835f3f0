"""`Brief` and `Painted`: item and answer of the model task `generation`."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, fields
from typing import Literal

import cv2
import numpy as np
from blake3 import blake3

from studio.errors import StorageError
from studio.models.presets import Mode, Size
from studio.take import U8

Control = Literal["none", "depth", "canny"]


@dataclass(frozen=True, slots=True)
class Brief:
    """One picture to make. Everything that changes it is here, so that equal briefs have equal pictures.

    `size` is width, height: a bucket of the model's preset. `image` uint8 (H, W, 3) and `mask` uint8 (H, W), 255 where it is
    painted anew, have that size; `reference` and `shape` (what a ControlNet is shown) are uint8 (h, w, 3).
    """

    prompt: str
    size: Size
    seed: int
    mode: Mode = "backdrop"
    negative: str = ""
    image: U8 | None = None
    mask: U8 | None = None
    reference: U8 | None = None
    influence: float = 0.0
    control: Control = "none"
    shape: U8 | None = None
    steps: int = 0
    """Steps of denoising; 0: as many as the preset says."""

    @property
    def digest(self) -> str:
        """BLAKE3 of every field, pixels included."""
        found = blake3()
        for field in fields(self):
            value = getattr(self, field.name)
            told = f"{value.shape}" if isinstance(value, np.ndarray) else json.dumps(value)
            found.update(f"{field.name}\0{told}\0".encode())
            if isinstance(value, np.ndarray):
                found.update(np.ascontiguousarray(value).tobytes())
        return found.hexdigest()

    @property
    def kind(self) -> tuple[object, ...]:
        """Briefs of one kind can be made in one call."""
        return self.mode, self.size, self.control, self.reference is not None, self.influence, self.steps, bool(self.negative)


@dataclass(frozen=True, slots=True)
class Painted:
    """`rgb` uint8 (H, W, 3) sRGB at the brief's size, or None when not even the last rung had memory enough.
    `rungs` names what was given up for want of memory, in order; empty: nothing."""

    rgb: U8 | None
    rungs: tuple[str, ...] = ()

    def pack(self) -> bytes:
        """As bytes, losslessly. Raises StorageError for a picture that does not encode."""
        assert self.rgb is not None, "what was not painted is not kept"
        done, png = cv2.imencode(".png", self.rgb[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not done:
            raise StorageError("a painted picture could not be encoded")
        head = json.dumps(self.rungs).encode()
        return struct.pack("<I", len(head)) + head + png.tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> Painted | None:
        """What `pack` wrote; None when the bytes are something else."""
        try:
            (length,) = struct.unpack_from("<I", data)
            rungs = json.loads(data[4 : 4 + length])
        except (struct.error, ValueError):
            return None
        png = np.frombuffer(data, np.uint8, offset=4 + length)
        image = cv2.imdecode(png, cv2.IMREAD_COLOR) if png.size else None
        return None if image is None else cls(np.ascontiguousarray(image[..., ::-1], dtype=np.uint8), tuple(rungs))
