"""How each family of generators wants to be called: steps, guidance, sizes, words, memory. Weights are the user's."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from studio.errors import TemplateError

Dialect = Literal["tags", "sentences", "edit"]
Mode = Literal["backdrop", "inpaint", "edit"]
Size = tuple[int, int]
"""Width, height in pixels."""

MEGAPIXEL: tuple[Size, ...] = (
    (1024, 1024),
    (1152, 896),
    (896, 1152),
    (1216, 832),
    (832, 1216),
    (1344, 768),
    (768, 1344),
    (1536, 640),
    (640, 1536),
)
"""Sizes of about one megapixel that SDXL was trained on (from memory of Podell 2023), all multiples of 64."""
QWEN: tuple[Size, ...] = ((1328, 1328), (1664, 928), (928, 1664), (1472, 1104), (1104, 1472), (1584, 1056), (1056, 1584))
"""Sizes usual for Qwen-Image, from memory; to be held against its card."""
SMALL: tuple[Size, ...] = ((64, 64), (80, 64), (64, 80), (96, 64), (64, 96), (112, 64), (64, 112))


@dataclass(frozen=True, slots=True)
class Preset:
    """One generator. `guidance` is what its pipeline is given besides `steps`; empty: the pipeline's own defaults.
    `classes` names pipeline classes for modes that AutoPipeline does not map; `memory_mb` is bfloat16 weights plus one picture.
    """

    name: str
    hub: str
    licence: str
    memory_mb: int
    dialect: Dialect
    steps: int = 0
    guidance: dict[str, float] = field(default_factory=dict)
    negative: bool = False
    """Whether the model has a negative prompt that does something."""
    buckets: tuple[Size, ...] = MEGAPIXEL
    modes: tuple[Mode, ...] = ("backdrop", "inpaint")
    classes: dict[Mode, str] = field(default_factory=dict)
    scheduler: dict[str, str] = field(default_factory=dict)
    """Changes to the scheduler's configuration; `class` names another one."""
    more: dict[str, Any] = field(default_factory=dict)
    """Further arguments of every call."""

    def bucket(self, width: int, height: int) -> Size:
        """The trained size whose aspect ratio is nearest to that of a canvas; of two equally near ones the larger."""
        wanted = math.log(width / height)
        return min(self.buckets, key=lambda size: (round(abs(math.log(size[0] / size[1]) - wanted), 6), -size[0] * size[1]))

    def speaks(self, mode: Mode) -> Dialect:
        """The dialect of its prompts: instructions where a picture is edited."""
        return "edit" if mode == "edit" else self.dialect

    @property
    def facts(self) -> dict[str, Any]:
        """What of the preset changes pixels, for keys."""
        told = asdict(self)
        return {name: told[name] for name in ("steps", "guidance", "classes", "scheduler", "more")}


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "sdxl",
            "stabilityai/stable-diffusion-xl-base-1.0",
            "OpenRAIL++-M",
            9000,
            "tags",
            steps=30,
            guidance={"guidance_scale": 5.0},
            negative=True,
        ),
        Preset(
            "sdxl-lightning",
            "ByteDance/SDXL-Lightning",
            "OpenRAIL++-M",
            9000,
            "tags",
            steps=4,
            guidance={"guidance_scale": 0.0},
            scheduler={"class": "EulerDiscreteScheduler", "timestep_spacing": "trailing"},
        ),
        Preset(
            "z-image-turbo",
            "Tongyi-MAI/Z-Image-Turbo",
            "Apache-2.0",
            21000,
            "sentences",
            steps=9,
            guidance={"guidance_scale": 0.0},
        ),
        Preset(
            "flux1-schnell",
            "black-forest-labs/FLUX.1-schnell",
            "Apache-2.0",
            35000,
            "sentences",
            steps=4,
            guidance={"guidance_scale": 0.0},
            more={"max_sequence_length": 256},
        ),
        Preset(
            "flux2-klein-4b",
            "black-forest-labs/FLUX.2-klein-4B",
            "Apache-2.0",
            18000,
            "sentences",
            steps=4,
            guidance={"guidance_scale": 1.0},
            modes=("backdrop", "inpaint", "edit"),
            classes={"inpaint": "Flux2KleinInpaintPipeline"},
        ),
        Preset(
            "qwen-image",
            "Qwen/Qwen-Image",
            "Apache-2.0",
            60000,
            "sentences",
            steps=50,
            guidance={"true_cfg_scale": 4.0},
            negative=True,
            buckets=QWEN,
        ),
        Preset(
            "qwen-image-edit-2509",
            "Qwen/Qwen-Image-Edit-2509",
            "Apache-2.0",
            61000,
            "edit",
            steps=40,
            guidance={"true_cfg_scale": 4.0, "guidance_scale": 1.0},
            negative=True,
            modes=("edit",),
            classes={"edit": "QwenImageEditPlusPipeline"},
        ),
        Preset("custom-scene", "", "as given", 24000, "sentences", negative=True, modes=("backdrop", "inpaint", "edit")),
        Preset(
            "fake-scene",
            "packshot/fake-scene",
            "Apache-2.0",
            1,
            "sentences",
            steps=1,
            buckets=SMALL,
            modes=("backdrop", "inpaint", "edit"),
        ),
    )
}
"""By name in the model registry. `custom-scene` is any other pipeline of diffusers, called with the defaults of its own;
`fake-scene` has no network.

Looked up 2026-11: steps and guidance of Z-Image-Turbo, FLUX.1-schnell and FLUX.2-klein, the scheduler of SDXL-Lightning, and
Qwen-Image's as diffusers 0.42 defaults. From memory: steps and guidance of SDXL and Qwen-Image-Edit, every `memory_mb`."""


def preset(name: str) -> Preset:
    """The generator's preset. Raises TemplateError for a name that has none."""
    if name not in PRESETS:
        raise TemplateError(f"scene.model {name!r} is no generator; there are {', '.join(PRESETS)}")
    return PRESETS[name]
