"""A brief in the words of a pipeline, and its answer as pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from studio.errors import ModelNotConfigured
from studio.imaging.sweep import cover
from studio.models.diffusion.brief import Brief
from studio.models.diffusion.loading import parameters
from studio.models.diffusion.options import Options
from studio.models.presets import Preset
from studio.take import U8

MANY = frozenset({"Flux2KleinPipeline", "QwenImageEditPlusPipeline"})
"""Pipelines that take a list of pictures for one prompt: the last one is the look to follow."""
GREY = 127


def arguments(
    pipe: Any, briefs: Sequence[Brief], preset: Preset, options: Options, *, follows: bool, device: str
) -> dict[str, Any]:
    """Arguments of one call for briefs of one kind. Raises ModelNotConfigured when the pipeline cannot do what is asked."""
    first, known = briefs[0], parameters(pipe)
    wanted: dict[str, Any] = {
        "prompt": _one_or_all([brief.prompt for brief in briefs]),
        "width": first.size[0],
        "height": first.size[1],
        "generator": _one_or_all([torch.Generator("cpu").manual_seed(brief.seed) for brief in briefs]),
        "output_type": "np",
        "_auto_resize": False,
        "max_area": first.size[0] * first.size[1],
        **preset.more,
        **_strength(preset, options),
    }
    steps = first.steps or options.steps or preset.steps
    if steps:
        wanted["num_inference_steps"] = steps
    if preset.negative and (first.negative or "true_cfg_scale" in preset.guidance):
        wanted["negative_prompt"] = _one_or_all([brief.negative or " " for brief in briefs])
    wanted |= _pictures(pipe, briefs, known)
    wanted |= _reference(pipe, first, known, follows=follows, count=len(briefs))
    return {name: value for name, value in wanted.items() if name in known}


def pixels(output: Any, briefs: Sequence[Brief]) -> list[U8]:
    """uint8 (H, W, 3) a brief, at its size. Raises ValueError for a picture that is no picture."""
    if any(getattr(output, "nsfw_content_detected", None) or ()):
        raise ValueError("the model's own safety check blanked the picture")
    made = []
    for planes, brief in zip(np.asarray(output.images), briefs, strict=True):
        if not np.isfinite(planes).all():
            raise ValueError("the picture holds values that are no numbers; try dtype=float32 or bfloat16")
        levels: U8 = np.rint(np.clip(planes, 0, 1) * 255).astype(np.uint8)
        made.append(levels if levels.shape[1::-1] == brief.size else cover(levels, brief.size))
    return made


def _strength(preset: Preset, options: Options) -> dict[str, float]:
    guidance = dict(preset.guidance)
    if options.guidance is not None:
        guidance[next(iter(guidance), "guidance_scale")] = options.guidance
    return guidance


def _pictures(pipe: Any, briefs: Sequence[Brief], known: frozenset[str]) -> dict[str, Any]:
    """Picture and mask to paint into, and the shape that a ControlNet is shown."""
    first, found = briefs[0], {}
    if first.mode == "backdrop" and "mask_image" in known:
        blank = Image.new("RGB", first.size, (GREY, GREY, GREY))
        found = {"image": [blank] * len(briefs), "mask_image": [Image.new("L", first.size, 255)] * len(briefs), "strength": 1.0}
    elif first.mode == "inpaint":
        masks = [Image.fromarray(_need(brief.mask, "mask")) for brief in briefs]
        found = {"image": [_shown(brief.image) for brief in briefs], "mask_image": masks, "strength": 1.0}
    elif first.mode == "edit":
        found = {"image": [_shown(brief.image) for brief in briefs]}
    if first.control != "none":
        name = "control_image" if "control_image" in known else "image"
        found[name] = [_shown(brief.shape) for brief in briefs]
    return {name: _one_or_all(value) if isinstance(value, list) else value for name, value in found.items()}


def _reference(pipe: Any, brief: Brief, known: frozenset[str], *, follows: bool, count: int) -> dict[str, Any]:
    """The look to follow. An adapter that is loaded wants a picture always; its influence is 0 where none is given."""
    if follows and "ip_adapter_image" in known:
        pipe.set_ip_adapter_scale(brief.influence if brief.reference is not None else 0.0)
        look = Image.new("RGB", (64, 64)) if brief.reference is None else _shown(brief.reference)
        return {"ip_adapter_image": [[look] * count] if count > 1 else look}
    if brief.reference is None:
        return {}
    if type(pipe).__name__ not in MANY:
        raise ModelNotConfigured(f"{type(pipe).__name__} follows no reference without ip_adapter=FOLDER,ip_adapter_weight=FILE")
    shown = [_shown(brief.image)] if brief.image is not None else []
    return {"image": [*shown, _shown(brief.reference)]}


def _need(picture: U8 | None, name: str) -> U8:
    if picture is None:
        raise ValueError(f"a brief of this mode needs its {name}")
    return picture


def _shown(picture: U8 | None) -> Image.Image:
    return Image.fromarray(_need(picture, "picture"))


def _one_or_all(values: list[Any]) -> Any:
    """Pipelines take a single value for one picture, a list for several."""
    return values[0] if len(values) == 1 else values
