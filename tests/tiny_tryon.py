"""A random-weight pipeline of Qwen-Image-Edit-2509's kind: edits a picture after others, with the classes of the real one."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from tests.tiny import _qwen


def saved(folder: Path) -> Path:
    """A model folder laid out as the real one, `processor` with its part for pictures; the same weights every time."""
    from diffusers import AutoencoderKLQwenImage, QwenImageEditPlusPipeline
    from transformers import Qwen2VLImageProcessorPil

    torch.manual_seed(0)
    parts = _qwen(folder / "parts")
    vision = parts["text_encoder"].config.vision_config
    parts["vae"] = AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    ).eval()
    made = folder / "qwen_edit_plus"
    QwenImageEditPlusPipeline(**parts, processor=None).save_pretrained(made, safe_serialization=True)
    sides = {
        "patch_size": vision.patch_size,
        "temporal_patch_size": vision.temporal_patch_size,
        "merge_size": vision.spatial_merge_size,
    }
    Qwen2VLImageProcessorPil(**sides).save_pretrained(made / "processor")
    parts["tokenizer"].save_pretrained(made / "processor")
    index = json.loads((made / "model_index.json").read_text())
    (made / "model_index.json").write_text(json.dumps(index | {"processor": ["transformers", "Qwen2VLProcessor"]}))
    return made
