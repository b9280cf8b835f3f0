"""Figures of the studio `mockup`: where prints land against the true UV maps, their colour before shading, time by step."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from studio.errors import PackshotError, UnknownModel
from studio.imaging.colour import delta_e_2000, linear_to_u8, srgb_to_lab
from studio.imaging.prints.surface_field import read_map, surface_field
from studio.imaging.prints.uv import Field, map_field
from studio.imaging.prints.warp import sampled
from studio.keys import digest_bytes
from studio.product import Product, ProductImage, Swatch
from studio.recipes.mockup import build
from studio.shot import Shot
from studio.take import Take
from templates.library import Library

ROOT = Path(__file__).resolve().parents[2]
TRUTH = ROOT.parent / "shared" / "data" / "catalogue" / "mockups"
SAMPLES = ROOT / "examples" / "studios" / "images"
DOTS = (15, 11)
CHART = 2400, 1760
TIMED = (
    ("mockup-mug", "mockup-fjell.svg"),
    ("mockup-tote", "mockup-fjell.svg"),
    ("mockup-can", "mockup-can.pdf"),
    ("mockup-poster", "mockup-evening.jpg"),
)
PARTS = {"mug": ("mockup-mug", (0.0, 0.0, 1.0, 1.0)), "tote": ("mockup-tote", (0.08, 0.14, 0.92, 0.95))}
"""Template, and the part of the true map that its surface spans."""


class NoModels:
    """Mockups ask no model at these sizes."""

    async def predict(self, name: str, items: Any) -> list[Any]:
        raise UnknownModel(name)

    def card(self, name: str) -> Any:
        raise UnknownModel(name)


def run() -> dict[str, Any]:
    """Every figure, printed as it is found."""
    figures: dict[str, Any] = {}
    if TRUTH.is_dir():
        for name in PARTS:
            figures[name] = exactness(name)
            print(name, figures[name])
    else:
        print(f"no UV truth at {TRUTH}: exactness not measured")
    figures["seconds"] = timings()
    for name, seconds in figures["seconds"].items():
        print(name, seconds)
    return figures


def exactness(name: str) -> dict[str, float]:
    """Reprojection errors in pixels of dots printed by the UV map and by the template's own geometry, both judged by the true
    map; CIEDE2000 of a colour chart before shading."""
    data = (TRUTH / f"{name}-blank_uv.png").read_bytes()
    levels = read_map(data)
    size = levels.shape[1], levels.shape[0]
    template, part = PARTS[name]
    true = levels.astype(np.float64) / 65535
    brief: Any = Library.default().template(template).brief
    own = surface_field(brief.surfaces[0], size, size)
    span, start = np.array([part[2] - part[0], part[3] - part[1]]), np.array(part[:2])
    own = Field((own.uv * span + start).astype(np.float32), own.cover)
    mapped = map_field(levels, size)
    by_map, by_own = (reprojection(field, true) for field in (mapped, own))
    return {
        "map_median_px": by_map[0],
        "map_p95_px": by_map[1],
        "own_median_px": by_own[0],
        "own_p95_px": by_own[1],
        "dots": by_own[2],
        "colour_median_delta_e": chart_error(mapped, true),
    }


def reprojection(field: Field, true: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float, float]:
    """Median, 95th percentile and number: printed dots are found again by their centres of mass, and the true map says where on
    the surface those are; the difference in pixels follows from the map's own slope."""
    chart = np.zeros((CHART[1], CHART[0], 3), np.uint8)
    wanted = []
    for i in range(DOTS[0]):
        for j in range(DOTS[1]):
            u, v = (i + 0.5) / DOTS[0], (j + 0.5) / DOTS[1]
            wanted.append((u, v))
            cv2.circle(
                chart, (round(u * CHART[0] * 16) - 8, round(v * CHART[1] * 16) - 8), 24 * 16, (255,) * 3, -1, cv2.LINE_AA, 4
            )
    ink = sampled(chart, None, field.uv, field.cover)[..., 0] * field.cover
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((ink > 0.2).astype(np.uint8))
    errors = []
    seen = (true[..., 2] > 0.99) & (field.cover > 0.99)
    sure = cv2.erode(seen.astype(np.uint8), np.ones((7, 7), np.uint8))
    slopes = np.gradient(true[..., :2], axis=(1, 0))
    for k in range(1, count):
        x, y, w, h, area = boxes[k]
        if area < 30 or not sure[y : y + h, x : x + w].all():
            continue
        weight = np.where(labels[y : y + h, x : x + w] == k, ink[y : y + h, x : x + w], 0)
        column = float((weight.sum(axis=0) * np.arange(x, x + w)).sum() / weight.sum())
        row = float((weight.sum(axis=1) * np.arange(y, y + h)).sum() / weight.sum())
        there = _at(true[..., :2], column, row)
        nearest = min(wanted, key=lambda spot: float(np.hypot(*(there - spot))))
        slope = np.stack([_at(slopes[0], column, row), _at(slopes[1], column, row)], axis=1)
        errors.append(float(np.hypot(*np.linalg.solve(slope, there - nearest))))
    return round(float(np.median(errors)), 3), round(float(np.quantile(errors, 0.95)), 3), float(len(errors))


def chart_error(field: Field, true: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Median CIEDE2000 between a chart of 96 colours, printed but not shaded, and what the chart has where the true map says."""
    rng = np.random.default_rng(4)
    colours = rng.integers(20, 236, (8, 12, 3)).astype(np.uint8)
    chart = np.kron(colours, np.ones((100, 100, 1), np.uint8))
    ink = sampled(chart, None, field.uv, field.cover)
    inside = cv2.erode((true[..., 2] > 0.99).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    u, v = true[..., 0][inside] * 12, true[..., 1][inside] * 8
    middle = (np.abs(u % 1 - 0.5) < 0.4) & (np.abs(v % 1 - 0.5) < 0.4)
    wanted = colours[v[middle].astype(int), u[middle].astype(int)]
    found = linear_to_u8(ink[inside][middle][:, :3])
    return round(float(np.median(delta_e_2000(srgb_to_lab(found), srgb_to_lab(wanted)))), 3)


def timings() -> dict[str, dict[str, float]]:
    """CPU seconds a picture at 2048 px, and each step's share of the wall time; the second of two runs."""
    library = Library.default()
    return {f"{name} {art}": _timed(library, name, art) for name, art in TIMED}


def _timed(library: Library, name: str, art: str) -> dict[str, float]:
    template, place = library.template(name), library.destination("shopify")
    data = (SAMPLES / art).read_bytes()
    image = ProductImage(uri=art, role="artwork", digest=digest_bytes(data))
    product = Product(sku="MK-BENCH", images=(image,), swatches=(Swatch(hex="#20242a"),))
    shot = Shot(product=product, template=template.at(place), destination=place, images=(image,), slot="artwork")
    assets = {file.digest: library.asset(file.digest) for file in template.files}
    result: dict[str, float] = {}
    for _ in range(2):
        take = Take(shot, data, assets)
        begun = time.process_time()
        asyncio.run(_made(take))
        total = sum(take.seconds.values())
        result = {"cpu_s": round(time.process_time() - begun, 2)}
        result |= {step: round(seconds / total, 3) for step, seconds in take.seconds.items() if seconds > 0.02 * total}
    return result


async def _made(take: Take) -> None:
    for step in build().steps:
        if step.applies(take.shot):
            (done,) = await step.process([take], NoModels())
            if isinstance(done, PackshotError):
                raise done


def _at(plane: np.ndarray[Any, np.dtype[np.float64]], column: float, row: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    x, y = int(column), int(row)
    fx, fy = column - x, row - y
    upper = plane[y, x] * (1 - fx) + plane[y, x + 1] * fx
    lower = plane[y + 1, x] * (1 - fx) + plane[y + 1, x + 1] * fx
    return np.asarray(upper * (1 - fy) + lower * fy)


if __name__ == "__main__":
    run()
