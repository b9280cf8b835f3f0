"""Artwork as pixels: raster files through the ordinary decoder, SVG and PDF pages in a process of their own with hard limits."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from studio.errors import CorruptImage, EmptyImage, FileTooLarge, UnknownFormat
from studio.imaging.codec import decode
from studio.imaging.prints.svg import checked_svg, looks_like_svg
from studio.take import Photo

MAX_VECTOR_BYTES = 16_000_000
SECONDS = 20
"""CPU seconds a drawing may take; a page of print artwork takes well under one."""
MEMORY = 2_000_000_000
SIDES = (64, 4096)
"""Pixels that the longer side of a rasterised drawing may have."""
_ROOT = Path(__file__).resolve().parents[3]


def read_artwork(data: bytes, *, page: int = 1, long_side: int = 2048) -> tuple[Photo, bool]:
    """The artwork as a photo, alpha kept, and whether it was a drawing (SVG, PDF), which is rasterised to `long_side` pixels.

    Raises ImageError kinds: UnknownFormat names what is not read, CorruptImage what is wrong with a drawing.
    """
    if not data:
        raise EmptyImage("the artwork has no bytes")
    kind = drawing_kind(data)
    if not kind:
        return decode(data), False
    check_drawing(data)
    side = min(max(long_side, SIDES[0]), SIDES[1])
    return _photo(_drawn(kind, data, page, side), kind), True


def drawing_kind(data: bytes) -> Literal["pdf", "svg", ""]:
    """What kind of drawing the bytes look like; "" for anything else."""
    return "pdf" if data[:1024].lstrip().startswith(b"%PDF-") else "svg" if looks_like_svg(data) else ""


def check_drawing(data: bytes) -> None:
    """Look a drawing through without drawing it. Raises FileTooLarge, and ImageError kinds for what an SVG may not contain."""
    kind = drawing_kind(data)
    if len(data) > MAX_VECTOR_BYTES:
        raise FileTooLarge(f"{len(data)} bytes of {kind}, the limit is {MAX_VECTOR_BYTES}")
    if kind == "svg":
        checked_svg(data)


def _photo(png: bytes, kind: str) -> Photo:
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        pixels = np.asarray(image.convert("RGBA"))
    if not pixels[..., 3].any():
        raise CorruptImage(f"nothing is drawn on the {kind}")
    alpha = pixels[..., 3].astype(np.float32) / np.float32(255)
    return Photo(rgb=np.ascontiguousarray(pixels[..., :3]), alpha=alpha, format=kind)


def _drawn(kind: str, data: bytes, page: int, side: int) -> bytes:
    """PNG bytes from the rasterising process. It has no network and no files to read: all it knows comes through its input."""
    command = [sys.executable, "-I", "-c", _RUN, str(_ROOT), kind, str(page), str(side), str(SECONDS), str(MEMORY)]
    environment = {"PATH": os.defpath, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=4 * SECONDS, env=environment, check=False)
    except subprocess.TimeoutExpired as error:
        raise CorruptImage(f"the {kind} takes more than {4 * SECONDS} s to draw; simplify it") from error
    if done.returncode == 0:
        return done.stdout
    if done.returncode < 0:
        raise CorruptImage(f"the {kind} takes more than {SECONDS} s or {MEMORY // 10**9} GB to draw; simplify it")
    problem = done.stderr.decode("utf-8", "replace").strip().splitlines()
    message = problem[-1][:300] if problem else "no reason given"
    if done.returncode == 3:
        raise UnknownFormat(message)
    raise CorruptImage(f"the {kind} cannot be drawn: {message}")


_RUN = "import sys; sys.path.insert(0, sys.argv[1]); from studio.imaging.prints.rasterise import main; main(sys.argv[2:])"
