"""Random-weight pipelines of every family, a few hundred kilobytes each, for the diffusion engine's plumbing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tests.tiny_parts import clip_text, clip_tokenizer, qwen_tokenizer, schedule, t5_tokenizer, unet, vae


def _sd(folder: Path, channels: int = 4) -> dict[str, Any]:
    parts = {"unet": unet(channels), "vae": vae(), "text_encoder": clip_text(), "tokenizer": clip_tokenizer(folder / "t")}
    return parts | {"scheduler": schedule("ddim"), "safety_checker": None, "feature_extractor": None}


def sd(folder: Path) -> Any:
    """Stable Diffusion 1.5's kind."""
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline(**_sd(folder), requires_safety_checker=False)


def sd_inpaint(folder: Path) -> Any:
    """The same with nine channels."""
    from diffusers import StableDiffusionInpaintPipeline

    return StableDiffusionInpaintPipeline(**_sd(folder, 9), requires_safety_checker=False)


def sd_ip(folder: Path) -> Any:
    """Stable Diffusion with the picture encoder that an IP-Adapter needs."""
    from diffusers import StableDiffusionPipeline
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=32,
        image_size=32,
        projection_dim=32,
        intermediate_size=37,
        patch_size=8,
        num_attention_heads=4,
        num_hidden_layers=2,
    )
    parts = _sd(folder) | {"image_encoder": CLIPVisionModelWithProjection(config).eval()}
    parts["feature_extractor"] = CLIPImageProcessorPil(crop_size={"height": 32, "width": 32}, size={"shortest_edge": 32})
    return StableDiffusionPipeline(**parts, requires_safety_checker=False)


def controlnet() -> Any:
    """A ControlNet for `sd`, with noise where training starts from zero, so that it does something."""
    from diffusers import ControlNetModel

    made = ControlNetModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        in_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=4,
        conditioning_embedding_out_channels=(4, 8, 8, 8),
    ).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in made.parameters():
            if not weight.any():
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
    return made


def sd_controlnet(folder: Path) -> Any:
    """Stable Diffusion with a ControlNet inside."""
    from diffusers import StableDiffusionControlNetPipeline

    return StableDiffusionControlNetPipeline(**_sd(folder), controlnet=controlnet(), requires_safety_checker=False)


def sd_controlnet_inpaint(folder: Path) -> Any:
    """The same, painting into masks."""
    from diffusers import StableDiffusionControlNetInpaintPipeline

    return StableDiffusionControlNetInpaintPipeline(**_sd(folder, 9), controlnet=controlnet(), requires_safety_checker=False)


def _sdxl(folder: Path, channels: int) -> dict[str, Any]:
    return {
        "unet": unet(channels, xl=True),
        "vae": vae(),
        "text_encoder": clip_text(),
        "text_encoder_2": clip_text(projected=True),
        "tokenizer": clip_tokenizer(folder / "t"),
        "tokenizer_2": clip_tokenizer(folder / "t2"),
        "scheduler": schedule("euler"),
        "add_watermarker": False,
    }


def sdxl(folder: Path) -> Any:
    """SDXL's kind, two text encoders."""
    from diffusers import StableDiffusionXLPipeline

    return StableDiffusionXLPipeline(**_sdxl(folder, 4))


def sdxl_inpaint(folder: Path) -> Any:
    """The same with nine channels."""
    from diffusers import StableDiffusionXLInpaintPipeline

    return StableDiffusionXLInpaintPipeline(**_sdxl(folder, 9))


def _flux(folder: Path, channels: int, *, guided: bool = True) -> dict[str, Any]:
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
    from transformers import T5Config, T5EncoderModel

    return {
        "transformer": FluxTransformer2DModel(
            patch_size=1,
            in_channels=channels,
            out_channels=64,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            axes_dims_rope=[4, 4, 8],
            guidance_embeds=guided,
        ).eval(),
        "vae": vae(16, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.1159, scaling_factor=0.3611),
        "text_encoder": clip_text(),
        "tokenizer": clip_tokenizer(folder / "t"),
        "text_encoder_2": T5EncoderModel(T5Config(vocab_size=128, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)).eval(),
        "tokenizer_2": t5_tokenizer(),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
    }


def flux(folder: Path) -> Any:
    """FLUX.1-schnell's kind: no guidance embedding."""
    from diffusers import FluxPipeline

    return FluxPipeline(**_flux(folder, 64, guided=False))


def flux_fill(folder: Path) -> Any:
    """FLUX.1-Fill's kind, which AutoPipeline does not map."""
    from diffusers import FluxFillPipeline

    return FluxFillPipeline(**_flux(folder, 384))


def flux_kontext(folder: Path) -> Any:
    """FLUX.1-Kontext's kind: edits by instruction."""
    from diffusers import FluxKontextPipeline

    return FluxKontextPipeline(**_flux(folder, 64))


def _qwen3(folder: Path, width: int = 16) -> tuple[Any, Any]:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = qwen_tokenizer(folder / "t")
    config = Qwen3Config(
        vocab_size=len(tokenizer) + 8,
        hidden_size=width,
        intermediate_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
    )
    return Qwen3ForCausalLM(config).eval(), tokenizer


def z_image(folder: Path) -> Any:
    """Z-Image-Turbo's kind."""
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel

    encoder, tokenizer = _qwen3(folder)
    transformer = ZImageTransformer2DModel(
        all_patch_size=(2,),
        all_f_patch_size=(1,),
        in_channels=16,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=16,
        axes_dims=[8, 4, 4],
        axes_lens=[256, 64, 64],
    ).eval()
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=vae(16, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.1159, scaling_factor=0.3611),
        text_encoder=encoder.model,
        tokenizer=tokenizer,
        transformer=transformer,
    )


def flux2_klein(folder: Path) -> Any:
    """FLUX.2-klein's kind: makes and edits pictures."""
    from diffusers import AutoencoderKLFlux2, FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline, Flux2Transformer2DModel
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = qwen_tokenizer(folder / "t")
    config = Qwen3Config(
        vocab_size=len(tokenizer) + 8,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=28,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
    )
    return Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=AutoencoderKLFlux2(
            block_out_channels=(8, 8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=4,
            norm_num_groups=4,
            layers_per_block=1,
            sample_size=64,
        ).eval(),
        text_encoder=Qwen3ForCausalLM(config).eval(),
        tokenizer=tokenizer,
        transformer=Flux2Transformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=48,
            timestep_guidance_channels=32,
            axes_dims_rope=(4, 4, 4, 4),
        ).eval(),
        is_distilled=True,
    )


def _qwen(folder: Path) -> dict[str, Any]:
    from diffusers import AutoencoderKLQwenImage, FlowMatchEulerDiscreteScheduler, QwenImageTransformer2DModel
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    tokenizer = qwen_tokenizer(folder / "t")
    mark = tokenizer.convert_tokens_to_ids
    end = mark("<|endoftext|>")
    config = Qwen2_5_VLConfig(
        text_config={
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "vocab_size": len(tokenizer) + 8,
            "max_position_embeddings": 8192,
            "rope_parameters": {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6},
            "bos_token_id": end,
            "eos_token_id": end,
            "pad_token_id": end,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": 16,
            "fullatt_block_indexes": [1],
        },
        vision_start_token_id=mark("<|vision_start|>"),
        vision_end_token_id=mark("<|vision_end|>"),
        image_token_id=mark("<|image_pad|>"),
        video_token_id=mark("<|video_pad|>"),
    )
    return {
        "transformer": QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=3,
            joint_attention_dim=16,
            guidance_embeds=False,
            axes_dims_rope=(8, 4, 4),
        ).eval(),
        "vae": AutoencoderKLQwenImage(
            base_dim=24,
            z_dim=4,
            dim_mult=[1, 2, 4, 4],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ).eval(),
        "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        "text_encoder": Qwen2_5_VLForConditionalGeneration(config).eval(),
        "tokenizer": tokenizer,
    }


def qwen(folder: Path) -> Any:
    """Qwen-Image's kind."""
    from diffusers import QwenImagePipeline

    return QwenImagePipeline(**_qwen(folder))


def qwen_inpaint(folder: Path) -> Any:
    """Qwen-Image's kind, painting into masks."""
    from diffusers import QwenImageInpaintPipeline

    return QwenImageInpaintPipeline(**_qwen(folder))


BUILD: dict[str, Callable[[Path], Any]] = {
    made.__name__: made
    for made in (
        sd,
        sd_inpaint,
        sd_ip,
        sd_controlnet,
        sd_controlnet_inpaint,
        sdxl,
        sdxl_inpaint,
        flux,
        flux_fill,
        flux_kontext,
        z_image,
        flux2_klein,
        qwen,
        qwen_inpaint,
    )
}


def saved(name: str, folder: Path) -> Path:
    """A pipeline of that family as a model folder; the same weights every time."""
    torch.manual_seed(0)
    BUILD[name](folder / "parts").save_pretrained(folder / name, safe_serialization=True)
    return folder / name


def ip_adapter(folder: Path, base: Any) -> Path:
    """A folder with random adapter weights for `sd_ip` in the usual layout (`image_proj.*`, `ip_adapter.N.*`)."""
    from safetensors.torch import save_file

    generator, width = torch.Generator().manual_seed(2), base.unet.config.cross_attention_dim
    weights = {"image_proj.proj.weight": torch.randn(width * 4, 32, generator=generator) * 0.2}
    weights |= {"image_proj.proj.bias": torch.zeros(width * 4), "image_proj.norm.weight": torch.ones(width)}
    weights["image_proj.norm.bias"] = torch.zeros(width)
    number = 1
    for name in base.unet.attn_processors:
        if not name.endswith("attn2.processor"):
            continue
        rows = base.unet.get_submodule(name.removesuffix(".processor")).to_k.weight.shape[0]
        for part in ("to_k_ip", "to_v_ip"):
            weights[f"ip_adapter.{number}.{part}.weight"] = torch.randn(rows, width, generator=generator) * 0.5
        number += 2
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, str(folder / "adapter.safetensors"))
    return folder
