"""What table tops are made of: albedo in linear light, float32 (h, w, 3), from plane coordinates and a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from studio.imaging.pigment import mixed
from studio.imaging.plane import Plane, fade, smooth
from studio.imaging.textures import metal, sand, slate, terrazzo, tile
from studio.take import F32

TAU = np.float32(2 * np.pi)


@dataclass(frozen=True, slots=True)
class Material:
    """`albedo` paints a plane; `colour` is its mean, against which a template's tint is taken; `gloss` is how much of the wall
    a flat view of it mirrors, 0..1.
    """

    albedo: Callable[[Plane, int], F32]
    colour: str
    gloss: float


def _wood(plane: Plane, seed: int) -> F32:
    """Boards that run away from the camera: year rings cut at a slant, fibres, pores, seams, a tone of its own for each."""
    rng = np.random.Generator(np.random.PCG64(seed))
    board = np.float32(0.215)
    at = plane.u / board + np.float32(rng.uniform(0.3, 0.7))
    number = np.floor(at).astype(np.int32) % 64
    across = (at - np.floor(at) - np.float32(0.5)) * board
    lot = rng.random((4, 64)).astype(np.float32)
    tone, hue, shift, centre = (lot[i][number] for i in range(4))
    own = Plane(plane.u, plane.v + shift * 23, plane.du, plane.dv)
    wander = own.noise(seed + 11, 0.01, 0.55) * np.float32(0.05) + own.noise(seed + 12, 5, 0.9, 2) * np.float32(0.016)
    heart = across - (centre - np.float32(0.5)) * np.float32(0.26) + wander
    rise = own.noise(seed + 14, 0.01, 0.32) * np.float32(0.075)
    ring = np.sqrt(heart**2 + rise**2) * np.float32(74) + own.noise(seed + 15, 24, 2.2, 2) * np.float32(0.28)
    seen = fade(plane.du * np.float32(40))
    late = np.float32(0.5) + np.float32(0.5) * np.sin(TAU * ring + np.float32(0.9) * np.sin(TAU * ring)) * seen
    fibre = own.noise(seed + 21, 160, 2.0, 3, 0.85)
    pore = smooth(0.30, 0.75, own.noise(seed + 31, 560, 7.5)) * (np.float32(0.35) + np.float32(0.65) * late)
    cloud = own.noise(seed + 41, 3, 0.7, 3)
    t = np.float32(0.60) + (tone - np.float32(0.5)) * np.float32(0.30) - late**2 * np.float32(0.26) + fibre * np.float32(0.30)
    t = t + cloud * np.float32(0.20) - pore * np.float32(0.30)
    albedo = mixed("#7a5535", "#d8b487", np.clip(t, -0.15, 1.25))
    albedo *= 1 + (hue - np.float32(0.5))[..., None] * np.array([0.05, 0.0, -0.10], np.float32)
    edge = board * np.float32(0.5) - np.abs(across)
    half = np.maximum(plane.du, np.float32(0.0011))
    gap = np.clip(1 - edge / (np.float32(1.5) * half), 0, 1) * (np.float32(0.0011) / half)
    bevel = np.exp(-edge / np.float32(0.006))
    lit = 1 - np.float32(0.85) * gap - np.float32(0.16) * bevel
    return np.asarray(np.maximum(albedo * lit[..., None], np.float32(0.002)), np.float32)


def _marble(plane: Plane, seed: int) -> F32:
    """White stone: soft clouds, a few long veins that fray, hairlines between them."""
    turned = Plane(plane.u * 0.82 + plane.v * 0.35, plane.v * 0.62 - plane.u * 0.5, plane.du, plane.dv)
    drift = turned.noise(seed + 1, 1.6, 1.6, 4, 0.55)
    fray = turned.noise(seed + 2, 7, 7, 4, 0.6)
    path = turned.noise(seed + 3, 0.9, 0.5, 2, 0.5, drift * np.float32(0.55)) + fray * np.float32(0.05)
    body = smooth(-0.3, 0.6, turned.noise(seed + 4, 2.1, 2.1, 2))
    vein = np.exp(-np.abs(path) / np.float32(0.018)) * (np.float32(0.25) + np.float32(0.75) * body)
    halo = np.exp(-np.abs(path) / np.float32(0.11)) * (np.float32(0.3) + np.float32(0.7) * body)
    hair_path = turned.noise(seed + 5, 2.6, 1.5, 3, 0.55, drift * np.float32(0.8))
    hair = np.exp(-np.abs(hair_path) / np.float32(0.011)) * smooth(0.0, 0.7, turned.noise(seed + 6, 3.1, 3.1, 2))
    cloud = turned.noise(seed + 7, 1.8, 1.3, 5, 0.55, drift * np.float32(0.4))
    dark = vein * np.float32(0.42) + halo * np.float32(0.16) + hair * np.float32(0.24) - cloud * np.float32(0.10)
    return mixed("#f3f1ed", "#8f8d8c", np.clip(dark + np.float32(0.06), 0, 1))


def _linen(plane: Plane, seed: int) -> F32:
    """A plain weave of uneven threads on cloth that does not lie quite flat."""
    count = np.float32(175)
    u = plane.u * count + plane.noise(seed + 1, 3, 3, 3) * np.float32(2.2)
    v = plane.v * count * np.float32(0.8) + plane.noise(seed + 2, 3, 3, 3) * np.float32(2.2)
    over = np.sin(u * TAU / 2) * np.sin(v * TAU / 2)
    warp = (np.abs(np.sin(u * TAU / 2)) - np.float32(0.64)) * fade(plane.du * count)
    weft = (np.abs(np.sin(v * TAU / 2)) - np.float32(0.64)) * fade(plane.dv * count * np.float32(0.8))
    slub = plane.noise(seed + 3, float(count) / 2, 5, 2) + plane.noise(seed + 4, 5, float(count) / 2.4, 2)
    weave = np.where(over > 0, warp, weft) * np.float32(0.20) + (warp + weft) * np.float32(0.10)
    fold = plane.noise(seed + 5, 1.2, 1.6, 2, 0.4, plane.noise(seed + 6, 0.8, 0.8) * np.float32(0.6))
    fuzz = plane.noise(seed + 7, 40, 40, 3, 0.7)
    t = np.float32(0.62) + weave + slub * np.float32(0.20) + fold * np.float32(0.16) + fuzz * np.float32(0.08)
    return mixed("#b9ab95", "#ece4d6", t)


def _concrete(plane: Plane, seed: int) -> F32:
    """Trowelled cement: clouds of several sizes, sand, scattered pores."""
    drift = plane.noise(seed + 1, 1.4, 1.4, 3) * np.float32(0.5)
    cloud = plane.noise(seed + 2, 1.7, 1.5, 6, 0.6, drift)
    stain = smooth(0.15, 0.75, plane.noise(seed + 3, 2.6, 2.0, 4, 0.6, drift))
    sand = plane.noise(seed + 4, 420, 420, 2, 0.8)
    speck = plane.noise(seed + 5, 120, 120, 2, 0.6)
    pores = plane.noise(seed + 6, 120, 120)
    depth = smooth(0.62, 0.95, pores) * smooth(-0.1, 0.6, plane.noise(seed + 7, 4, 4, 2))
    grain = sand * np.float32(0.09) + speck * np.float32(0.07)
    t = np.float32(0.55) + cloud * np.float32(0.34) - stain * np.float32(0.12) + grain
    return mixed("#84827e", "#bab7b1", np.clip(t - depth * np.float32(0.7), -0.6, 1.3))


def _paper(plane: Plane, seed: int) -> F32:
    """Heavy uncoated paper: fibres that are felt more than seen."""
    grain = plane.noise(seed + 1, 300, 300, 2, 0.8) * np.float32(0.5) + plane.noise(seed + 2, 70, 90, 3, 0.6) * np.float32(0.35)
    cloud = plane.noise(seed + 3, 2.2, 2.2, 3)
    return mixed("#ded8ce", "#f4f0e9", np.float32(0.6) + grain * np.float32(0.22) + cloud * np.float32(0.10))


MATERIALS: Mapping[str, Material] = MappingProxyType(
    {
        "wood": Material(_wood, "#b48d61", 0.10),
        "marble": Material(_marble, "#e9e7e3", 0.30),
        "linen": Material(_linen, "#d9cfbf", 0.0),
        "concrete": Material(_concrete, "#a09d98", 0.05),
        "paper": Material(_paper, "#ebe6dd", 0.0),
        "slate": Material(slate, "#484c50", 0.05),
        "tile": Material(tile, "#dcdbd4", 0.22),
        "terrazzo": Material(terrazzo, "#d0c9bf", 0.16),
        "sand": Material(sand, "#cdb48f", 0.0),
        "metal": Material(metal, "#94979a", 0.35),
    }
)
