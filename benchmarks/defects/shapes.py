"""Drawn things that defects are made of: blobs, lettering, and planes moved about."""

from __future__ import annotations

import cv2
import numpy as np

from studio.take import F32, U8

Rng = np.random.Generator
WORDS = (
    "SALE 50% OFF",
    "NEW",
    "www.shop.example",
    "BEST PRICE",
    "FREE SHIPPING",
    "(c) Studio",
    "Limited Edition",
    "-30%",
    "ORIGINAL",
)
FACES = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)


def blob(shape: tuple[int, int], centre: tuple[float, float], area: float, rng: Rng) -> F32:
    """An irregular patch of about `area` pixels round `centre` (x, y): float32 (H, W) 0..1 with an edge of two pixels."""
    radius = max(2.0, float(np.sqrt(area / np.pi)))
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    wobble = 1 + sum(rng.uniform(0, 0.22) * np.sin(k * turn + rng.uniform(0, 6.3)) for k in (2, 3, 4, 5))
    squeeze = rng.uniform(0.6, 1.0)
    x = centre[0] + radius / squeeze * wobble * np.cos(turn)
    y = centre[1] + radius * squeeze * wobble * np.sin(turn)
    plane = np.zeros(shape, np.uint8)
    cv2.fillPoly(plane, [np.rint(np.stack((x, y), axis=1)).astype(np.int32)], 255, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.2), np.float32) / np.float32(255)


def point_in(mask: U8, rng: Rng) -> tuple[int, int]:
    """x, y of a random non-zero pixel; the middle of an empty mask."""
    found = np.flatnonzero(mask)
    if not found.size:
        return mask.shape[1] // 2, mask.shape[0] // 2
    y, x = divmod(int(found[rng.integers(found.size)]), mask.shape[1])
    return x, y


def lettering(shape: tuple[int, int], at: tuple[int, int], height: float, text: str, rng: Rng) -> F32:
    """A line of text whose letters are `height` pixels high, its lower left corner at `at`: float32 (H, W) 0..1."""
    plane = np.zeros(shape, np.uint8)
    face = FACES[rng.integers(len(FACES))]
    scale = height / 22
    cv2.putText(plane, text, at, face, scale, 255, max(1, round(scale * rng.uniform(1.2, 2.6))), cv2.LINE_AA)
    return plane.astype(np.float32) / np.float32(255)


def moved(plane: U8 | F32, dx: float, dy: float, scale: float = 1.0, about: tuple[float, float] = (0.0, 0.0)) -> U8 | F32:
    """A picture or plane enlarged about a point and then shifted, empty where nothing comes from."""
    across = np.float32([[scale, 0, (1 - scale) * about[0] + dx], [0, scale, (1 - scale) * about[1] + dy]])
    size = plane.shape[1], plane.shape[0]
    return np.asarray(cv2.warpAffine(plane, across, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), plane.dtype)


def laid(picture: U8, colour: tuple[float, ...] | U8, weight: F32) -> U8:
    """A colour or picture over a picture, by weight 0..1."""
    top = np.asarray(colour, np.float32)
    mixed = (
        picture[..., :3] * (1 - weight[..., None]) + top[..., :3] * weight[..., None]
        if top.ndim == 3
        else (picture[..., :3] * (1 - weight[..., None]) + top * weight[..., None])
    )
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
