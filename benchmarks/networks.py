"""Networks of published sizes with random weights, as model folders: what a generator costs, without its weights.

Sizes are those of the published configurations (SDXL base 1.0, FLUX.1-schnell, Z-Image-Turbo); `tiny` ones run anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch

from tests import tiny, tiny_parts

Size = Literal["full", "tiny"]
PRESETS = {"sdxl": "sdxl-lightning", "flux": "flux1-schnell", "z_image": "z-image-turbo"}
"""Network -> the preset that it is called with."""


def build(network: str, size: Size, folder: Path, device: str) -> Path:
    """A model folder. Random weights are drawn on the device in bfloat16 (float32 on the CPU)."""
    if size == "tiny":
        return tiny.saved(network, folder)
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16 if device.startswith("cuda") else torch.float32)
    try:
        with torch.device(device):
            pipe = FULL[network](folder / "parts")
    finally:
        torch.set_default_dtype(before)
    pipe.save_pretrained(folder / network, safe_serialization=True)
    return folder / network


def _sdxl(folder: Path) -> Any:
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

    unet = UNet2DConditionModel(
        sample_size=128,
        block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10),
        attention_head_dim=(5, 10, 20),
        cross_attention_dim=2048,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
        use_linear_projection=True,
    )
    return StableDiffusionXLPipeline(
        unet=unet.eval(),
        vae=_vae(4, scaling_factor=0.13025),
        text_encoder=_clip(768, 3072, 12, 12, projected=False),
        text_encoder_2=_clip(1280, 5120, 32, 20, projected=True),
        tokenizer=tiny_parts.clip_tokenizer(folder / "t"),
        tokenizer_2=tiny_parts.clip_tokenizer(folder / "t2"),
        scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1),
        add_watermarker=False,
    )


def _flux(folder: Path) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
    from transformers import T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=32128,
        d_model=4096,
        d_kv=64,
        d_ff=10240,
        num_layers=24,
        num_heads=64,
        feed_forward_proj="gated-gelu",
    )
    return FluxPipeline(
        transformer=FluxTransformer2DModel(guidance_embeds=False).eval(),
        vae=_vae(16, scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=_clip(768, 3072, 12, 12, projected=False),
        tokenizer=tiny_parts.clip_tokenizer(folder / "t"),
        text_encoder_2=T5EncoderModel(config).eval(),
        tokenizer_2=tiny_parts.t5_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
    )


def _z_image(folder: Path) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
    from transformers import Qwen3Config, Qwen3Model

    config = Qwen3Config(
        vocab_size=151936,
        hidden_size=2560,
        intermediate_size=9728,
        num_hidden_layers=36,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
    )
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(16, scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=Qwen3Model(config).eval(),
        tokenizer=tiny_parts.qwen_tokenizer(folder / "t"),
        transformer=ZImageTransformer2DModel().eval(),
    )


def _vae(latent: int, **more: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=latent,
        sample_size=1024,
        **more,
    ).eval()


def _clip(width: int, inner: int, layers: int, heads: int, *, projected: bool) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        projection_dim=width,
        hidden_act="gelu" if projected else "quick_gelu",
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


FULL: dict[str, Callable[[Path], Any]] = {"sdxl": _sdxl, "flux": _flux, "z_image": _z_image}
