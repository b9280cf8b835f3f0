"""From a network's small map to a cut-out at full resolution. Only the product's box, and in it the edge band, is worked on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from studio.errors import NoProductFound
from studio.imaging.backdrop import Ground, evidence, plain_ground
from studio.imaging.closed_form import closed_form
from studio.imaging.edge import Points, Trimap, coverage, points
from studio.imaging.foreground import foreground
from studio.imaging.holes import openings, reflections
from studio.imaging.views import Box, View, doubt, extent, joined, padded
from studio.take import F32, U8, Matte
from studio.template import Roi

Refiner = Literal["guided", "closed_form", "none"]

WORK_PX = 400
"""Longer side of the grid on which colours are learnt; more costs time and gains nothing measurable."""
HIGH, LOW = 0.95, 0.05
"""Map values that count as sure."""
FAINT = 0.1
"""The box of what lies above this, with room around it, is worked on."""
ROOM, ROOM_PX = 0.06, 24
EMPTY = 0.0005
"""A cut-out below this share of the frame is no product."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """The product's box: full-resolution crop, its copy on the work grid (sRGB 0..1), the joined map, the lowest view,
    and the ground when it is plain."""

    crop: U8
    small: F32
    seen: F32
    lowest: F32
    ground: Ground | None


def cut(rgb: U8, views: Sequence[View], *, refiner: Refiner, decontaminate: bool, source: str) -> Matte:
    """Cut the product out of a photo, uint8 (H, W, 3) sRGB. The first view must be of the whole frame.

    Alpha is a multiple of 1/255, so that 8-bit copies lose nothing. Raises NoProductFound when (nearly) nothing is left.
    """
    size = (rgb.shape[1], rgb.shape[0])
    found = extent(views[-1], FAINT) or extent(views[0], FAINT)
    if found is None:
        raise NoProductFound(f"{source} sees no product in the photo")
    box = padded(found, max(ROOM_PX, ROOM * max(found[2] - found[0], found[3] - found[1])), size)
    scene = _scene(rgb, views, box)
    trimap = _network_trimap(scene.seen) if refiner == "none" else _trimap(scene)
    at = points(cv2.resize(trimap.band, scene.crop.shape[1::-1], interpolation=cv2.INTER_NEAREST), scene.seen.shape)
    colours = at.pick(scene.crop)
    alphas = np.rint(_alphas(scene, trimap, at, colours, refiner) * 255).astype(np.uint8)
    levels = cv2.resize(trimap.product * np.uint8(255), scene.crop.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    levels.reshape(-1)[at.index] = alphas
    edge = levels.copy()
    edge.reshape(-1)[at.index] = 255
    own = _freed(scene, levels, at, alphas, colours) if decontaminate else scene.crop
    return _matte(size, box, levels, own, edge, _uncertainty(scene, views, alphas), source)


def kept(rgb: U8, alpha: F32) -> Matte:
    """The cut-out that a photo brings along in its alpha channel. Raises NoProductFound when it is empty."""
    levels = np.rint(np.clip(alpha, 0, 1) * 255).astype(np.uint8)
    size = (rgb.shape[1], rgb.shape[0])
    return _matte(size, (0, 0, *size), levels, rgb, levels, 0.0, "alpha")


def window(roi: Roi, size: tuple[int, int]) -> Box:
    """A region of a photo (width, height) in whole pixels, at least one."""
    left, top = min(int(roi.x * size[0]), size[0] - 1), min(int(roi.y * size[1]), size[1] - 1)
    right, bottom = round((roi.x + roi.width) * size[0]), round((roi.y + roi.height) * size[1])
    return left, top, max(left + 1, min(right, size[0])), max(top + 1, min(bottom, size[1]))


def only(alpha: F32, box: Box) -> F32:
    """Alpha float32 (H, W) inside a box, 0 outside."""
    left, top, right, bottom = box
    inside = np.zeros_like(alpha)
    inside[top:bottom, left:right] = alpha[top:bottom, left:right]
    return inside


def framed(found: Matte, box: Box, size: tuple[int, int]) -> Matte:
    """A cut-out of a photo's part, at its place in the whole photo (width, height)."""
    left, top, right, bottom = box
    alpha = np.zeros(size[::-1], np.float32)
    alpha[top:bottom, left:right] = found.alpha
    colours = np.empty((size[1], size[0], 3), np.uint8)
    colours[:] = np.rint(found.foreground[found.alpha > 0.5].mean(axis=0)).astype(np.uint8)
    colours[top:bottom, left:right] = found.foreground
    return Matte(alpha, colours, found.uncertainty, found.source)


def _trimap(scene: _Scene) -> Trimap:
    """What is sure: the network's extremes, and on plain ground also what differs from it or equals it."""
    seen = scene.seen
    product, ground = (seen > HIGH).astype(np.uint8), (seen < LOW).astype(np.uint8)
    if scene.ground is not None:
        other, same = evidence(scene.small, seen, scene.ground)
        product, ground = (product | other) & (1 - same), (ground & (1 - other)) | same
        product = cv2.morphologyEx(product, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    one = np.ones((3, 3), np.uint8)
    product |= _enclosed(product, ground)
    return Trimap(cv2.erode(product, one), cv2.erode(ground, one, borderType=cv2.BORDER_CONSTANT, borderValue=1))


def _enclosed(product: U8, ground: U8) -> U8:
    """The parts between product that reach no sure ground: doubts of the network inside the product, never holes."""
    _, labels = cv2.connectedComponents(1 - product, connectivity=4)
    open_ = np.zeros(int(labels.max()) + 1, np.uint8)
    open_[labels[ground > 0]] = 1
    closed: U8 = (1 - product) & (1 - open_[labels])
    return closed


def _scene(rgb: U8, views: Sequence[View], box: Box) -> _Scene:
    left, top, right, bottom = box
    crop = np.ascontiguousarray(rgb[top:bottom, left:right])
    scale = min(1.0, WORK_PX / max(crop.shape[:2]))
    size = (max(round(crop.shape[1] * scale), 1), max(round(crop.shape[0] * scale), 1))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    seen, lowest = joined(views, box, size)
    ground = plain_ground(small, seen)
    if ground is not None:
        seen = np.where(openings(seen, lowest, ground) > 0, lowest, seen)
        seen = np.where(reflections(small, seen, ground) > 0, np.float32(1), seen)
    return _Scene(crop, small, seen, lowest, ground)


def _network_trimap(seen: F32) -> Trimap:
    return Trimap((seen > HIGH).astype(np.uint8), (seen < LOW).astype(np.uint8))


def _alphas(scene: _Scene, trimap: Trimap, at: Points, colours: F32, refiner: Refiner) -> F32:
    """Alpha 0..1 of the band's full-resolution pixels."""
    if refiner == "none" or not at.index.size:
        return at.sample(scene.seen)[:, 0]
    alphas = coverage(scene.small, scene.seen, trimap, at, colours)
    if refiner == "guided":
        return alphas
    guess = cv2.resize(trimap.product.astype(np.float32), scene.crop.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    guess.reshape(-1)[at.index] = alphas
    guess = cv2.resize(guess, scene.seen.shape[::-1], interpolation=cv2.INTER_AREA)
    return closed_form(scene.small, guess, trimap, at, colours)


def _freed(scene: _Scene, levels: U8, at: Points, alphas: U8, colours: F32) -> U8:
    """The crop with the ground's colour taken out where alpha is between 0 and 1, and product colour just outside."""
    if not at.index.size:
        return scene.crop
    found = foreground(scene.small, levels, at, alphas.astype(np.float32) / np.float32(255), colours)
    touched = alphas < 255
    free = scene.crop.copy()
    free.reshape(-1, 3)[at.index[touched]] = np.rint(found[touched] * 255).astype(np.uint8)
    return free


def _uncertainty(scene: _Scene, views: Sequence[View], alphas: U8) -> float:
    """0 sure .. 1: doubt of the last look, disagreement between the looks, and the share of the edge band that stayed soft."""
    area = max(float((scene.seen > 0.5).mean()), 1e-4)
    gap = float((scene.seen - scene.lowest).mean()) / area
    soft = float(((alphas > 25) & (alphas < 230)).mean()) if alphas.size else 0.0
    return min(1.0, 2.0 * doubt(views[-1]) + 2.0 * gap + 0.5 * soft)


def _matte(size: tuple[int, int], box: Box, levels: U8, own: U8, edge: U8, uncertainty: float, source: str) -> Matte:
    """Put a crop back into its frame. Where `edge` is 0 the foreground is one flat colour, the product's mean."""
    width, height = size
    solid = (levels > 127).view(np.uint8)
    if cv2.countNonZero(solid) < EMPTY * height * width:
        raise NoProductFound(f"{source}: the cut-out covers less than {EMPTY:.2%} of the photo")
    left, top, right, bottom = box
    mean = [round(value) for value in cv2.mean(own, solid)[:3]]
    colours = np.empty((height, width, 3), np.uint8)
    cv2.rectangle(colours, (0, 0), (width, height), mean, cv2.FILLED)
    part = colours[top:bottom, left:right]
    colours[top:bottom, left:right] = cv2.copyTo(own, edge, part.copy())
    alpha = np.zeros((height, width), np.float32)
    np.divide(levels, np.float32(255), out=alpha[top:bottom, left:right], dtype=np.float32)
    return Matte(alpha=alpha, foreground=colours, uncertainty=round(uncertainty, 4), source=source)
