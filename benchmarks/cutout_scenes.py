"""Photos with known cut-outs: real cut-outs on white, coloured, gradient, blurred and busy grounds, and path-traced products.

The real cut-outs (saleor) carry a baked soft shadow in their alpha. It stays in the photo, where it is a shadow on the ground,
and is taken out of the truth: alpha counts only within 3 pixels of what is nearly solid. The same truth judges every method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SIDE = 1080
COLOURS = [(232, 228, 222), (205, 216, 226), (245, 240, 230), (180, 180, 184), (222, 206, 200)]
U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scene:
    """A photo uint8 (H, W, 3) sRGB and its truth: alpha 0..1 and premultiplied product colour 0..255, float32."""

    name: str
    kind: str
    photo: U8
    alpha: F32
    premultiplied: F32


def scenes(per_kind: int) -> Iterator[Scene]:
    """About `per_kind` scenes of each kind, spread over the files; drawn shapes where the shared data is absent."""
    if not DATA.is_dir():
        yield from _drawn(per_kind)
        return
    cutouts = sorted((DATA / "saleor" / "cutouts").glob("*.webp"))
    for index in range(0, len(cutouts), max(1, len(cutouts) // per_kind)):
        yield from _on_grounds(index, cutouts[index])
    yield from _catalogue(per_kind)


def _on_grounds(index: int, path: Path) -> Iterator[Scene]:
    rgba = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    colour, whole = rgba[..., :3].astype(np.float32), rgba[..., 3].astype(np.float32) / 255
    product = whole * _near_solid(rgba[..., 3])
    small_whole, small_product = _small(whole), _small(product)
    light, true = _small(colour * whole[..., None]), _small(colour * product[..., None])
    for kind, ground in _grounds(index):
        photo = np.clip(light + (1 - small_whole[..., None]) * ground + 0.5, 0, 255).astype(np.uint8)
        yield Scene(path.stem, kind, photo, small_product, true)


def _near_solid(levels: U8) -> NDArray[np.bool_]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats((levels >= 200).astype(np.uint8), connectivity=8)
    big = (stats[:, cv2.CC_STAT_AREA] >= 500) & (np.arange(len(stats)) > 0)
    return cv2.dilate(big[labels].astype(np.uint8), np.ones((7, 7), np.uint8)) > 0


def _grounds(index: int) -> Iterator[tuple[str, F32]]:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)[..., None] / SIDE
    colour = np.float32(COLOURS[index % len(COLOURS)])
    people = sorted((DATA / "sylius").glob("*/*.jpg"))
    sets = sorted((DATA / "catalogue" / "references").glob("*.jpg")) + sorted((DATA / "spree" / "images").glob("*.webp"))[::9]
    yield "white", np.full((SIDE, SIDE, 3), 255, np.float32)
    yield "colour", np.broadcast_to(colour, (SIDE, SIDE, 3)).astype(np.float32)
    yield "gradient", np.clip(colour * (1.05 - 0.3 * y * ((x - 0.3) ** 2 + 0.6)), 0, 255)
    yield "blurred", cv2.GaussianBlur(_cover(people[7 * index % len(people)]), (0, 0), 40)
    yield "busy people", _cover(people[(3 * index + 1) % len(people)])
    yield "busy sets", _cover(sets[index % len(sets)])


def _catalogue(per_kind: int) -> Iterator[Scene]:
    folder = DATA / "catalogue"
    studio, casual = (sorted((folder / "images").glob(f"*_{kind}.jpg")) for kind in ("front", "casual"))
    for kind, paths in (("studio", studio), ("casual", casual)):
        for path in paths[:: max(1, len(paths) // max(per_kind, 8))]:
            yield _traced(kind, path, folder / "alpha" / f"{path.stem}.png")
    for title, sku in (("white mug", "NL-MUG-01"), ("glass", "NL-PRF-01"), ("chrome", "NL-KTL-01")):
        yield _traced(title, folder / "images" / f"{sku}_front.jpg", folder / "alpha" / f"{sku}_front.png")


def _traced(kind: str, path: Path, truth: Path) -> Scene:
    """True alpha; the true product colour is not known, so it is estimated with the true alpha, for every method alike."""
    photo = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    alpha = cv2.imread(str(truth), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
    a, image = alpha[..., None], photo.astype(np.float32)
    near = cv2.blur(image * a, (41, 41)) / (cv2.blur(alpha, (41, 41))[..., None] + 1e-5)
    far = cv2.blur(image * (1 - a), (41, 41)) / (cv2.blur(1 - alpha, (41, 41))[..., None] + 1e-5)
    return Scene(path.stem, kind, photo, alpha, np.clip(near + a * (image - a * near - (1 - a) * far), 0, 255) * a)


def _drawn(per_kind: int) -> Iterator[Scene]:
    rng = np.random.default_rng(0)
    for index in range(per_kind):
        big = np.zeros((SIDE * 4, SIDE * 4), np.uint8)
        centre, axes = rng.integers(SIDE * 17 // 10, SIDE * 23 // 10, 2), rng.integers(SIDE * 8 // 10, SIDE * 14 // 10, 2)
        cv2.ellipse(big, tuple(map(int, centre)), tuple(map(int, axes)), int(rng.integers(0, 180)), 0, 360, 255, cv2.FILLED)
        alpha = cv2.resize(big, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        true = alpha[..., None] * rng.integers(20, 160, 3).astype(np.float32)
        for kind, ground in (("white", np.float32(255)), ("colour", np.float32(COLOURS[index % len(COLOURS)]))):
            photo = np.clip(true + (1 - alpha[..., None]) * ground + 0.5, 0, 255).astype(np.uint8)
            yield Scene(f"drawn-{index}", kind, photo, alpha, true)


def _small(values: F32) -> F32:
    return cv2.resize(values, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _cover(path: Path) -> F32:
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    scale = SIDE / min(image.shape[:2])
    size = (round(image.shape[1] * scale + 0.5), round(image.shape[0] * scale + 0.5))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (image.shape[0] - SIDE) // 2, (image.shape[1] - SIDE) // 2
    return image[top : top + SIDE, left : left + SIDE].astype(np.float32)
