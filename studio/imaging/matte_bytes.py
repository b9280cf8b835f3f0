"""A cut-out as bytes and back, pixel for pixel: what the store keeps of the cut-out step."""

from __future__ import annotations

import json
import struct

import cv2
import numpy as np

from studio.errors import StorageError
from studio.take import Matte

LENGTH = struct.Struct("<I")
FASTEST = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_AVG)


def pack(cut: Matte) -> bytes:
    """Length of a JSON header, the header, then an RGBA PNG of the part that is not flat. Alpha must be k/255."""
    levels = np.rint(cut.alpha * 255).astype(np.uint8)
    flat = cut.foreground[0, 0]
    inside = (levels > 0) | (cut.foreground != flat).any(axis=2)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, bottom = (int(rows[0]), int(rows[-1]) + 1) if rows.size else (0, 1)
    left, right = (int(columns[0]), int(columns[-1]) + 1) if columns.size else (0, 1)
    part = np.dstack([cut.foreground[top:bottom, left:right, ::-1], levels[top:bottom, left:right]])
    height, width = levels.shape
    header: dict[str, object] = {"size": [width, height], "at": [left, top], "flat": [int(v) for v in flat]}
    header |= {"uncertainty": cut.uncertainty, "source": cut.source}
    text = json.dumps(header).encode()
    _, png = cv2.imencode(".png", part, FASTEST)
    return LENGTH.pack(len(text)) + text + png.tobytes()


def unpack(data: bytes) -> Matte:
    """The cut-out of `pack`. Raises StorageError for anything else."""
    try:
        (length,) = LENGTH.unpack_from(data)
        header = json.loads(data[LENGTH.size : LENGTH.size + length])
        part = cv2.imdecode(np.frombuffer(data, np.uint8, offset=LENGTH.size + length), cv2.IMREAD_UNCHANGED)
    except (struct.error, ValueError, cv2.error) as error:
        raise StorageError(f"these bytes are no cut-out: {error}") from error
    if part is None:
        raise StorageError("these bytes are no cut-out: the picture is broken")
    (width, height), (left, top) = header["size"], header["at"]
    bottom, right = top + part.shape[0], left + part.shape[1]
    colours = np.empty((height, width, 3), np.uint8)
    colours[:] = np.array(header["flat"], np.uint8)
    colours[top:bottom, left:right] = part[..., 2::-1]
    alpha = np.zeros((height, width), np.float32)
    alpha[top:bottom, left:right] = part[..., 3].astype(np.float32) / np.float32(255)
    return Matte(alpha=alpha, foreground=colours, uncertainty=header["uncertainty"], source=header["source"])
