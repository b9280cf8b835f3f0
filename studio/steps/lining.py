"""The inside of the garment in its neck."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from studio.errors import StorageError
from studio.ghost import Ghost
from studio.imaging.garments.lining import lay
from studio.imaging.matte_bytes import pack, unpack
from studio.product import ImageRole, ProductImage
from studio.shot import Shot
from studio.steps.base import CachedStep, PixelStep
from studio.steps.undress import brief_of, photo_of
from studio.take import U8, Take

HEAD = struct.Struct("<5I")
MOST_PIXELS = 1 << 29
KEPT = (
    "mannequin_share",
    "mannequin_contrast",
    "mannequin_likeness",
    "volume_delta_e",
    "opening_filled",
    "neck_drop",
    "lining_scale",
)


class Lining(PixelStep, CachedStep):
    """Lays the cut-out of the inside photo (`take.others`) under `take.matte`. Without such a photo the neck stays open.

    Records `opening_filled` (share of the open neck that the lining covers), `neck_drop` and `lining_scale` (photo pixels for one
    pixel of the inside photo). Keeps the finished cut-out, `take.ghost` and what was measured on the way. Raises StepError where
    either photo shows no neckline.
    """

    name = "lining"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """How it is laid, and from which photo."""
        inside = inside_of(shot)
        return {"lining": brief_of(shot).lining.model_dump(mode="json"), "inside": "" if inside is None else inside.digest}

    def apply(self, take: Take) -> None:
        """Align, stretch, shade, join."""
        inside, ghost = inside_of(take.shot), take.ghost
        if inside is None or ghost is None:
            return
        laid = lay(take.need_matte(), take.others[inside.digest], brief_of(take.shot).lining)
        take.matte = laid.matte
        take.ghost = Ghost(ghost.mannequin, np.asarray(np.rint(laid.lining * 255), np.uint8))
        measured = {"opening_filled": laid.filled, "neck_drop": laid.drop, "lining_scale": laid.scale}
        take.measurements |= {name: round(value, 6) for name, value in measured.items()}

    def dump(self, take: Take) -> bytes:
        """The cut-out, the glance, the two masks and the measurements, losslessly."""
        assert take.ghost is not None
        height, width = take.ghost.mannequin.shape
        masks = take.ghost.mannequin.tobytes() + take.ghost.lining.tobytes()
        body: bytes = pa.Codec("zstd", compression_level=1).compress(masks, asbytes=True)
        told = json.dumps({name: take.measurements[name] for name in KEPT if name in take.measurements}).encode()
        return (
            HEAD.pack(width, height, len(body), len(told), len(take.glance)) + body + told + take.glance + pack(take.need_matte())
        )

    def load(self, take: Take, data: bytes) -> None:
        """The same pixels back. Raises StorageError for other bytes."""
        try:
            width, height, *lengths = HEAD.unpack_from(data)
            ends = [sum((HEAD.size, *lengths[:count])) for count in range(len(lengths) + 1)]
            if ends[-1] > len(data) or width * height > MOST_PIXELS:
                raise ValueError("they end early")
            body, told, glance = (data[start:end] for start, end in pairwise(ends))
            masks = pa.Codec("zstd").decompress(body, decompressed_size=2 * width * height, asbytes=True)
            mannequin, lining = np.frombuffer(masks, np.uint8).reshape(2, height, width)
            measured: dict[str, float] = json.loads(told)
        except (struct.error, ValueError, OSError) as error:
            raise StorageError(f"these bytes are no ghost: {error}") from error
        take.ghost, take.glance, take.matte = Ghost(_owned(mannequin), _owned(lining)), glance, unpack(data[ends[-1] :])
        take.measurements |= measured
        take.measurements["uncertainty"] = take.matte.uncertainty


def inside_of(shot: Shot) -> ProductImage | None:
    """The photo of the inside, if there is one."""
    return photo_of(shot, ImageRole.INSIDE)


def _owned(plane: U8) -> U8:
    return np.array(plane, np.uint8)
