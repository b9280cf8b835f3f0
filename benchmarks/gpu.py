"""Generated scenes on one GPU, plain diffusers against the engine against the whole renderer, with random weights of full size.

`python -m benchmarks.gpu [sdxl|flux|z_image] [--images 32] [--size full|tiny] [--device cuda|cpu]`. The renderer paints a set
around every product (mode inpaint): photo to finished, checked file, with chunks in flight as a night has them. Duty is the
share of the time between the first and the last picture in which the generator was at work.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.goods import SOURCES, WEIGHTS, real_photos, scratch, tree
from benchmarks.networks import PRESETS, Size, build
from cluster.engine import fetcher, host_threads, storage
from cluster.renderer import Renderer
from cluster.settings import Settings
from studio.destination import Destination
from studio.errors import PackshotError
from studio.keys import digest_bytes
from studio.models.base import Answer, LocalModels, ModelCard
from studio.models.diffusion.brief import Brief
from studio.models.diffusion.engine import Diffusion
from studio.models.presets import preset
from studio.models.registry import Registry
from studio.product import Product, ProductImage
from studio.shot import Failed, Shot
from studio.template import Template
from templates.library import Library

CHUNK, FLYING = 4, 3
STYLE = """
id: bench-gpu
title: A set around each product
use: lifestyle
outputs: [bench-gpu]
background: {{kind: colour, colour: '#d8d0c8'}}
cutout: {{model: {matting}, keep_alpha: never}}
upscale: {{above: 40}}
scene: {{engine: diffusers, model: {model}, mode: inpaint, seed: 1}}
prompt: {{scene: a sunlit oak kitchen counter}}
"""
PLACE = "id: bench-gpu\ntitle: One megapixel\nwidth: 1024\nheight: 1024\naccepts: [jpeg]\nmax_bytes: 9000000\n" + SOURCES


class Watched:
    """`Models` in this process whose generator's working spans are noted."""

    def __init__(self, registry: Registry, model: str) -> None:
        self._inner, self._model = LocalModels(registry), model
        self._turn = asyncio.Lock()
        self.spans: list[tuple[float, float]] = []

    def card(self, name: str) -> ModelCard:
        return self._inner.card(name)

    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        if name != self._model:
            return await self._inner.predict(name, items)
        answers: list[Answer | PackshotError] = []
        for item in items:
            async with self._turn:
                started = time.perf_counter()
                answers += await self._inner.predict(name, [item])
                self.spans.append((started, time.perf_counter()))
        return answers


def run(images: int = 32, network: str = "sdxl", size: Size = "full", device: str = "cuda") -> dict[str, Any]:
    """Images a second and peak memory of the three, and the renderer's duty."""
    model = PRESETS[network]
    with scratch() as folder:
        source = build(network, size, folder / "weights", device)
        _forget(device)
        plain = _plain(source, model, images, device)
        _forget(device)
        engine = _engine(source, model, images, device)
        _forget(device)
        whole = asyncio.run(_whole(folder, source, model, images, device))
    return {
        "network": network,
        "size": size,
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else device,
        "images": images,
        "plain diffusers": plain,
        "engine": engine,
        "renderer": whole,
        "engine over plain": engine["images_s"] / plain["images_s"],
        "renderer over plain": whole["images_s"] / plain["images_s"],
    }


def _plain(source: Path, model: str, images: int, device: str) -> dict[str, Any]:
    """The loop of the model's own card, painting into a mask, the prompt encoded for every picture."""
    from diffusers import AutoPipelineForInpainting
    from PIL import Image

    chosen = preset(model)
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    pipe = AutoPipelineForInpainting.from_pretrained(source, torch_dtype=dtype).to(device)
    pipe.set_progress_bar_config(disable=True)
    shown, mask = Image.new("RGB", (1024, 1024), "grey"), Image.new("L", (1024, 1024), 255)

    def one(seed: int) -> None:
        pipe(
            prompt="a mug on a sunlit oak kitchen counter",
            image=shown,
            mask_image=mask,
            strength=1.0,
            width=1024,
            height=1024,
            num_inference_steps=chosen.steps,
            generator=torch.Generator("cpu").manual_seed(seed),
            **chosen.guidance,
        )

    one(0)
    return _timed(lambda: [one(seed) for seed in range(1, images + 1)], images, device)


def _engine(source: Path, model: str, images: int, device: str) -> dict[str, Any]:
    """The same pictures through `Diffusion`."""
    made = _registry(source, model, device).create(model)
    assert isinstance(made, Diffusion)
    made.load()
    shown = np.full((1024, 1024, 3), 127, np.uint8)
    mask = np.full((1024, 1024), 255, np.uint8)
    briefs = [
        Brief("a mug on a sunlit oak kitchen counter", (1024, 1024), seed, "inpaint", image=shown, mask=mask)
        for seed in range(images + 1)
    ]
    made.predict(briefs[:1])
    return _timed(lambda: [made.predict([brief]) for brief in briefs[1:]], images, device) | {
        "prompts_encoded": made.encoded_prompts
    }


async def _whole(folder: Path, source: Path, model: str, images: int, device: str) -> dict[str, Any]:
    """Photos to finished files, chunks in flight."""
    host_threads(8)
    settings = _settings(folder, model)
    models = Watched(_registry(source, model, device), model)
    fetch = fetcher(settings)
    renderer = Renderer(models, storage(settings), fetch.read)
    photos, origin = real_photos(folder / "photos", images + 1)
    template, place = _look(settings)
    shots = [_shot(photo, i, template, place) for i, photo in enumerate(photos)]
    await renderer.render(shots[:1])
    models.spans.clear()
    _reset(device)
    gate, started = asyncio.Semaphore(FLYING), time.perf_counter()

    async def chunk(part: Sequence[Shot]) -> list[Any]:
        async with gate:
            return await renderer.render(part)

    parts = [shots[i : i + CHUNK] for i in range(1, len(shots), CHUNK)]
    outcomes = [outcome for part in await asyncio.gather(*(chunk(part) for part in parts)) for outcome in part]
    wall = time.perf_counter() - started
    failed = [outcome.message for outcome in outcomes if isinstance(outcome, Failed)]
    if failed:
        raise RuntimeError(f"the renderer did not do the work: {failed[0]}")
    busy = sum(end - start for start, end in models.spans)
    first, last = models.spans[0][0], models.spans[-1][1]
    return {
        "images_s": len(outcomes) / wall,
        "duty": busy / (last - first),
        "generator_s": busy / len(models.spans),
        "calls": len(models.spans),
        "photos": origin,
        "engines": sorted({outcome.report.engine for outcome in outcomes}),
        "peak_gpu_mb": _peak(device),
    }


def _look(settings: Settings) -> tuple[Template, Destination]:
    library = Library.default(extra=settings.template_folders)
    place = library.destination("bench-gpu")
    return library.template("bench-gpu").at(place), place


def _shot(photo: Path, number: int, template: Template, place: Destination) -> Shot:
    image = ProductImage(uri=str(photo), digest=digest_bytes(photo.read_bytes()))
    product = Product(sku=f"SKU-{number}", title="Mug", images=(image,))
    return Shot(product=product, template=template, destination=place, images=(image,))


def _settings(folder: Path, model: str) -> Settings:
    settings = tree(folder, "bench-gpu")
    matting = "u2netp" if (WEIGHTS / "u2netp.onnx").is_file() else "fake-matte"
    (folder / "art" / "styles" / "bench-gpu.yaml").write_text(STYLE.format(model=model, matting=matting))
    (folder / "art" / "destinations" / "bench-gpu.yaml").write_text(PLACE)
    return settings


def _registry(source: Path, model: str, device: str) -> Registry:
    return Registry(WEIGHTS, configured={model: f"{source},device={device}"})


def _timed(work: Any, images: int, device: str) -> dict[str, Any]:
    _reset(device)
    started = time.perf_counter()
    work()
    return {"images_s": images / (time.perf_counter() - started), "peak_gpu_mb": _peak(device)}


def _reset(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()


def _peak(device: str) -> int:
    if not device.startswith("cuda"):
        return 0
    torch.cuda.synchronize()
    return round(torch.cuda.max_memory_allocated() / 2**20)


def _forget(device: str) -> None:
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("network", nargs="?", default="sdxl", choices=sorted(PRESETS))
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--size", default="full", choices=["full", "tiny"])
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    print(json.dumps(run(options.images, options.network, options.size, options.device), indent=1))


if __name__ == "__main__":
    main()
