"""Cut products out of a list of photos: RGBA PNGs of the same size, one file in, one file out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

import cv2

from studio.errors import ImageError, InputError, ModelFailed, PackshotError
from studio.imaging.codec import decode
from studio.imaging.matte import Refiner, cut, kept
from studio.imaging.png import encode_rgba_png
from studio.imaging.views import View, closer, frame, item
from studio.models.base import Answer, Model, ModelSource, run_batch
from studio.steps.cutout import meaningful
from studio.take import Matte, Photo

REFINERS: dict[str, Refiner] = {"guided": "guided", "closed_form": "closed_form", "none": "none"}


def cutout_files(
    images: Sequence[Path],
    out: Path,
    *,
    model: str,
    refiner: str,
    registry: ModelSource,
    decontaminate: bool = True,
    second_pass: bool = True,
    workers: int | None = None,
) -> Iterator[Path | PackshotError]:
    """Write `out/<stem>.png` for every photo, RGBA at source size; yield its path, or an error that names it, in order.

    `workers` threads (default: one a core) share the work; the network leaves the GIL. Photos that share a stem all fail,
    since one would overwrite the other. Raises InputError for an unknown refiner, and what loading the model raises.
    """
    if refiner not in REFINERS:
        raise InputError(f"no refiner is called {refiner!r}; known: {', '.join(REFINERS)}")
    network = registry.create(model)
    network.load()
    out.mkdir(parents=True, exist_ok=True)
    stems = Counter(path.stem for path in images)
    threads = local()

    def one(path: Path) -> Path | PackshotError:
        if not hasattr(threads, "calm"):
            cv2.setNumThreads(1)
            threads.calm = True
        if stems[path.stem] > 1:
            return InputError(f"{path}: {stems[path.stem]} photos are called {path.stem}; each would overwrite {path.stem}.png")
        try:
            photo = decode(path.read_bytes())
            found = _cut(photo, network, REFINERS[refiner], decontaminate=decontaminate, second_pass=second_pass)
        except OSError as error:
            return ImageError(f"{path}: {error.strerror}")
        except PackshotError as error:
            return type(error)(f"{path}: {error.message}")
        return _write(found, out / f"{path.stem}.png")

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        yield from pool.map(one, images)


def _cut(photo: Photo, network: Model, refiner: Refiner, *, decontaminate: bool, second_pass: bool) -> Matte:
    if meaningful(photo) and photo.alpha is not None:
        return kept(photo.rgb, photo.alpha)
    views = [_look(photo, network, None)]
    box = closer(views[0]) if second_pass else None
    if box is not None:
        views.append(_look(photo, network, box))
    return cut(photo.rgb, views, refiner=refiner, decontaminate=decontaminate, source=network.card.name)


def _look(photo: Photo, network: Model, box: tuple[int, int, int, int] | None) -> View:
    box = box or frame(photo.rgb)
    (answer,) = run_batch(network, [item(photo.rgb, box, network.card.input_px)])
    if not isinstance(answer, Answer):
        raise ModelFailed(str(answer))
    return View(answer.value, box)


def _write(found: Matte, path: Path) -> Path:
    rgba = cv2.cvtColor(found.foreground, cv2.COLOR_RGB2RGBA)
    rgba[..., 3] = cv2.convertScaleAbs(found.alpha, alpha=255)
    data = encode_rgba_png(rgba)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(data)
    temporary.replace(path)
    return path
