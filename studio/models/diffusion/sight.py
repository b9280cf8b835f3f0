"""Pictures among words, for text encoders of Qwen2-VL's family: what their own processor does without its part for films, which
would bring torchvision and resize otherwise than Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

KIND = "Qwen2VLProcessor"
PICTURE = "<|image_pad|>"
"""Stands for a picture in a prompt."""


class Sight:
    """A pipeline's `processor`: texts with one mark a picture -> token ids, patches and their grid."""

    def __init__(self, tokenizer: Any, pictures: Any) -> None:
        self.tokenizer, self.pictures = tokenizer, pictures

    @classmethod
    def opened(cls, source: str, **more: Any) -> Sight:
        """From the folder `processor` of a model folder or hub id. Raises OSError where it is not there."""
        from transformers import Qwen2Tokenizer, Qwen2VLImageProcessorPil

        parts = (
            made.from_pretrained(source, subfolder="processor", **more) for made in (Qwen2Tokenizer, Qwen2VLImageProcessorPil)
        )
        return cls(*parts)

    def __call__(self, *, text: Sequence[str], images: Any = None, padding: bool = True, return_tensors: str = "pt") -> Any:
        """Every mark becomes as many as the encoder sees parts of its picture (patches over the square of `merge_size`)."""
        from transformers import BatchFeature

        seen = self.pictures(images=images, return_tensors=return_tensors) if images is not None else {}
        counts = [int(grid.prod()) // self.pictures.merge_size**2 for grid in seen.get("image_grid_thw", ())]
        words = self.tokenizer(_spread(text, counts), padding=padding, return_tensors=return_tensors)
        return BatchFeature({**words, **seen}, tensor_type=return_tensors)


def _spread(texts: Sequence[str], counts: Sequence[int]) -> list[str]:
    left = iter(counts)
    split = [text.split(PICTURE) for text in texts]
    return [first + "".join(PICTURE * next(left) + part for part in rest) for first, *rest in split]
