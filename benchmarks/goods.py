"""What the benchmarks run on: photos, catalogues, templates and settings, all under one scratch folder."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cluster.settings import Settings, load_settings
from pipelines.executors import Mode
from pipelines.nightly import Night, Request, Summary, Watcher
from pipelines.screen import Quiet

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
WEIGHTS = ROOT / ".packshot" / "models"

SOURCES = "sources: [{title: made for benchmarks, date: 2026-11-22}]"
CUTOUT = """
id: bench-cutout
title: The bare cut-out
recipe: cutout
outputs: [bench-png]
background: {kind: transparent}
cutout: {model: u2netp, refiner: none, second_pass: false, decontaminate: false, keep_alpha: never}
"""
REFINED = """
id: bench-refined
title: The cut-out as shops get it
recipe: cutout
outputs: [bench-png]
background: {kind: transparent}
cutout: {model: u2netp, keep_alpha: never}
"""
TINY = """
id: bench-tiny
title: A whole picture, as small as it gets
outputs: [bench-tiny]
background: {kind: colour, colour: '#f4f4f4'}
shadow: {contact: 0.0, cast: 0.0}
cutout: {model: fake-matte, refiner: none, second_pass: false, decontaminate: false}
qa: {delta_e_local: {max: 80}, delta_e_p95: {max: 80}, delta_e_mean: {max: 80}, halo: {max: 100}, haze: {max: 1},
  enlargement: {max: 40}, edge_contrast: {min: 0}, sharpness_ratio: {min: 0}, uncertainty: {max: 1}, banding: {max: 1},
  blur: {max: 1}, source_detail: {min: -200}}
"""
MIDDLE = TINY.replace("bench-tiny", "bench-middle") + "upscale: {above: 9}\n"
"""No enlarging model: it is the dearest step and would be what is measured."""
DESTINATIONS = {
    "bench-png": "id: bench-png\ntitle: PNG\nwidth: 1200\nheight: 1200\nencoding: {format: png}\naccepts: [png]\n"
    "background: transparent\nmax_bytes: 50000000\n" + SOURCES,
    "bench-tiny": "id: bench-tiny\ntitle: Tiny\nwidth: 64\nheight: 64\naccepts: [jpeg]\nmax_bytes: 1000000\n" + SOURCES,
    "bench-middle": "id: bench-middle\ntitle: Large\nwidth: 1200\nheight: 1200\naccepts: [jpeg]\nmax_bytes: 9000000\n" + SOURCES,
}
STYLES = {"bench-cutout": CUTOUT, "bench-refined": REFINED, "bench-tiny": TINY, "bench-middle": MIDDLE}


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one case; it goes when the case ends."""
    folder = Path(tempfile.mkdtemp(prefix="pb"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tree(folder: Path, template: str, *, profile: str = "", **more: Any) -> Settings:
    """Settings whose every file lies under `folder`; `profile` is the text of one."""
    for kind, files in (("styles", STYLES), ("destinations", DESTINATIONS)):
        for name, text in files.items():
            path = folder / "art" / kind / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    chosen: dict[str, Any] = {"home": folder / "home", "templates": (template,), "template_folders": (folder / "art",)}
    if profile:
        (folder / "profile.yaml").write_text(profile)
        chosen["profile"] = str(folder / "profile.yaml")
    return load_settings(**(chosen | {"weights": WEIGHTS} | more))


def night(settings: Settings, catalog: Path, *, mode: Mode, watcher: Watcher | None = None, **more: Any) -> Night:
    """A run that can be planned or carried out."""
    return Night(settings, Request(catalog=str(catalog), mode=mode, **more), watcher or Quiet())


def carry_out(settings: Settings, catalog: Path, *, mode: Mode, resume: str = "", **more: Any) -> Summary:
    """One run from plan to report."""
    return night(settings, catalog, mode=mode, **more).run(resume)


def write_catalogue(path: Path, photos: Sequence[Path]) -> Path:
    """A CSV with one SKU a photo."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["sku", "title", "category", "image_front"])
        writer.writerows([f"SKU-{i:05}", f"Product {i}", "Test", str(photo)] for i, photo in enumerate(photos))
    return path


def block(path: Path, seed: int, size: int, colour: tuple[int, int, int] | None = None) -> Path:
    """A product-like block with a stripe on light grey, colours and place from the seed, as PNG."""
    rng = np.random.default_rng(seed)
    image = np.full((size, size, 3), 236, np.uint8)
    top, left = (int(v) for v in rng.integers(size // 8, size // 4, 2))
    body = np.array(colour or rng.integers(20, 150, 3), np.uint8)
    image[top : size - top, left : size - left] = body
    image[size // 2 : size // 2 + max(size // 60, 1), left + 2 : size - left - 2] = 255 - body
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return path


def blocks(folder: Path, count: int, size: int, colours: Mapping[int, tuple[int, int, int]] | None = None) -> list[Path]:
    """`count` different photos of `block`."""
    return [block(folder / f"p{i:05}.png", i, size, (colours or {}).get(i)) for i in range(count)]


def real_photos(folder: Path, count: int, side: int = 1200) -> tuple[list[Path], str]:
    """`count` photos with a long side of `side` px as JPEG 92, and where they are from; generated where there are none."""
    found = [p for kind in ("spree/images", "sylius", "catalogue/images", "saleor/cutouts") for p in _pictures(DATA / kind)]
    if not found:
        return blocks(folder, count, side), "generated"
    step = max(1, len(found) // count)
    chosen = (found[::step] + found[1::2])[:count] if len(found) >= count else (found * (count // len(found) + 1))[:count]
    folder.mkdir(parents=True, exist_ok=True)
    return [_photo(source, folder / f"p{i:05}.jpg", side, i) for i, source in enumerate(chosen)], "real"


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"})


def _photo(source: Path, target: Path, side: int, mark: int) -> Path:
    """Scaled to `side`; a transparent one on light grey. One pixel carries the number, so that no two photos are equal."""
    image: Any = cv2.imread(str(source), cv2.IMREAD_UNCHANGED)
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if image.shape[2] == 4:
        alpha = image[..., 3:].astype(np.float32) / 255
        image = (image[..., :3] * alpha + 236 * (1 - alpha)).astype(np.uint8)
    scale = side / max(image.shape[:2])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    image[:8, :8] = mark % 256
    cv2.imwrite(str(target), image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return target


def quiet_ray() -> None:
    """Environment for a Ray whose workers compete fairly with other processes, and that pays for no metrics."""
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_enable_metrics_collection", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
