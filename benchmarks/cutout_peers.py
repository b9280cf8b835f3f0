"""The cut-out of `recipes/cutout.py` without any of Packshot around it: alone, in a process pool, in plain Ray Data stages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.goods import WEIGHTS
from studio.models.base import Model
from studio.models.registry import Registry

SIDE = 320
PNG_OPTIONS = {
    "averaging filter": (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_AVG),
    "cv2's level 1": (cv2.IMWRITE_PNG_COMPRESSION, 1),
    "run lengths": (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
}
PNG = PNG_OPTIONS["averaging filter"]


def network() -> Model:
    """U2-Netp, loaded, one thread."""
    cv2.setNumThreads(1)
    model = Registry(WEIGHTS).create("u2netp")
    model.load()
    return model


def decoded(data: bytes) -> Any:
    """uint8 (H, W, 3) BGR."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def masked(bgr: Any, model: Model) -> Any:
    """uint8 (H, W, 4) BGRA with the network's map as alpha; no colour under alpha 0, which compresses best."""
    small = cv2.resize(bgr, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    (seen,) = model.predict([np.ascontiguousarray(small[..., ::-1])])
    levels = (cv2.resize(seen, bgr.shape[1::-1], interpolation=cv2.INTER_LINEAR) * 255).astype(np.uint8)
    return cv2.merge([*cv2.split(cv2.bitwise_and(bgr, bgr, mask=levels)), levels])


def encoded(bgra: Any, options: Sequence[int] = PNG) -> bytes:
    """PNG."""
    data: bytes = cv2.imencode(".png", bgra, list(options))[1].tobytes()
    return data


def alone(photos: Sequence[Path], out: Path) -> dict[str, float]:
    """CPU-seconds of decoding, net and the cheapest encoding, one thread: the ideal. Files are written as in the job."""
    model = network()
    masked(decoded(photos[0].read_bytes()), model)
    sums = dict.fromkeys(("decode", "net", "write", *PNG_OPTIONS), 0.0)
    for photo in photos:
        clock = time.thread_time()
        bgr = decoded(photo.read_bytes())
        clock = _add(sums, "decode", clock)
        bgra = masked(bgr, model)
        clock = _add(sums, "net", clock)
        for name, options in PNG_OPTIONS.items():
            data = encoded(bgra, options)
            clock = _add(sums, name, clock)
        (out / f"{photo.stem}.png").write_bytes(data)
        _add(sums, "write", clock)
    cheapest = min(PNG_OPTIONS, key=sums.__getitem__)
    return {part: sums[part] for part in ("decode", "net", "write")} | {"encode": sums[cheapest]}


def in_pool(photos: Sequence[Path], out: Path) -> tuple[float, float]:
    """CPU-seconds and wall of `multiprocessing.Pool(2)` with models loaded before the clock starts."""
    import multiprocessing

    from benchmarks.tree import Tree

    context = multiprocessing.get_context("spawn")
    with context.Pool(2, initializer=_start) as pool:
        pool.map(_job, [(photo, out) for photo in photos[:8]], chunksize=1)
        with Tree() as used:
            for _ in pool.imap_unordered(_job, [(photo, out) for photo in photos], chunksize=1):
                pass
    return used.cpu_s, used.wall_s


def in_ray_data(photos: Sequence[Path], out: Path) -> tuple[float, float]:
    """CPU-seconds and wall of Ray Data as its guides show it: a task that decodes, actors with the net, a task that encodes."""
    import ray.data

    from benchmarks.tree import Tree

    def decode(row: dict[str, Any]) -> dict[str, Any]:
        cv2.setNumThreads(1)
        return {"path": row["item"], "image": decoded(Path(row["item"]).read_bytes())}

    def write(row: dict[str, Any]) -> dict[str, Any]:
        cv2.setNumThreads(1)
        data = encoded(row["image"])
        (out / f"{Path(row['path']).stem}.png").write_bytes(data)
        return {"bytes": len(data)}

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars, context.checkpoint_config = False, None
    with Tree() as used:
        rows = ray.data.from_items([str(photo) for photo in photos], override_num_blocks=16)
        rows = rows.map(decode).map(_Net, compute=ray.data.ActorPoolStrategy(size=2), num_cpus=1).map(write)
        done = rows.materialize().count()
    assert done == len(photos)
    return used.cpu_s, used.wall_s


class _Net:
    def __init__(self) -> None:
        self.model = network()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"path": row["path"], "image": masked(row["image"], self.model)}


_models: list[Model] = []


def _start() -> None:
    _models.append(network())


def _job(work: tuple[Path, Path]) -> int:
    photo, out = work
    data = encoded(masked(decoded(photo.read_bytes()), _models[0]))
    (out / f"{photo.stem}.png").write_bytes(data)
    return len(data)


def _add(sums: dict[str, float], name: str, since: float) -> float:
    now = time.thread_time()
    sums[name] += now - since
    return now
