"""Parts of tiny pipelines: tokenizers, text encoders, autoencoders, U-Nets and schedulers with random weights."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

VOCABULARY = 514
"""256 byte symbols, the same at a word's end, begin and end of text."""


def byte_symbols() -> list[str]:
    """The printable stand-ins for the 256 bytes in byte-level BPE (Radford 2019)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


def clip_tokenizer(folder: Path) -> Any:
    """CLIP's byte-level BPE without merges."""
    from transformers import CLIPTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    symbols = byte_symbols()
    words = [*symbols, *(symbol + "</w>" for symbol in symbols), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(str(folder), model_max_length=77)


def t5_tokenizer() -> Any:
    """Characters as pieces."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import T5TokenizerFast

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -4.0) for letter in string.ascii_letters + string.digits + string.punctuation]
    made = Tokenizer(models.Unigram(pieces, unk_id=2))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return T5TokenizerFast(tokenizer_object=made, extra_ids=0, model_max_length=512)


def qwen_tokenizer(folder: Path) -> Any:
    """Qwen2's byte-level BPE without merges, with the marks of chats and pictures."""
    from transformers import Qwen2Tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({symbol: index for index, symbol in enumerate(byte_symbols())}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    made = Qwen2Tokenizer.from_pretrained(str(folder))
    marks = ["endoftext", "im_start", "im_end", "vision_start", "vision_end", "vision_pad", "image_pad", "video_pad"]
    made.add_special_tokens({"additional_special_tokens": [f"<|{mark}|>" for mark in marks]})
    made.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    return made


def clip_text(*, projected: bool = False) -> Any:
    """CLIP's text half, 32 wide."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
        projection_dim=32,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


def vae(latent: int = 4, **more: Any) -> Any:
    """An autoencoder of factor 8, without the attention that makes a megapixel slow on a CPU."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=[8] * 4,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        latent_channels=latent,
        norm_num_groups=4,
        layers_per_block=1,
        sample_size=64,
        mid_block_add_attention=False,
        **more,
    ).eval()


def unet(channels: int = 4, *, xl: bool = False) -> Any:
    """A UNet of SD's or SDXL's kind; nine input channels paint into masks."""
    from diffusers import UNet2DConditionModel

    more: dict[str, Any] = {}
    if xl:
        more = {"use_linear_projection": True, "addition_embed_type": "text_time", "addition_time_embed_dim": 8}
        more |= {"transformer_layers_per_block": (1, 1), "projection_class_embeddings_input_dim": 6 * 8 + 32}
    return UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=32,
        in_channels=channels,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=64 if xl else 32,
        attention_head_dim=4,
        norm_num_groups=4,
        **more,
    ).eval()


def schedule(kind: str) -> Any:
    import diffusers

    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    if kind == "ddim":
        return diffusers.DDIMScheduler(**betas, clip_sample=False, set_alpha_to_one=False)
    return diffusers.EulerDiscreteScheduler(**betas, timestep_spacing="leading")
