"""Prompts of sixty real products stay as they were read and approved, and keep CLIP's budget with a real tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.prompts.budget import counted_by
from studio.prompts.dialects import CLIP_TOKENS, dialect
from studio.prompts.writer import refit, write
from templates.lexicon import lexicon
from templates.reading import read_yaml
from tests.golden.prompts import FOLDER, SPEECH, looks, products, written


def test_there_are_sixty() -> None:
    assert len({product.sku for product, _ in products()}) == 60


@pytest.mark.parametrize("speech", SPEECH)
def test_golden(speech: str) -> None:
    assert written(speech) == read_yaml(FOLDER / f"{speech}.yaml")


def test_budget_with_clips_tokenizer(tmp_path: Path) -> None:
    """Without merges each byte is a token, so that every prompt has to be cut."""
    pytest.importorskip("transformers")
    from tests.tiny_parts import clip_tokenizer

    tokenizer = clip_tokenizer(tmp_path)
    how, templates, words = dialect("tags", count=counted_by(tokenizer)), looks(), lexicon()
    for product, look in products()[::5]:
        prompt = write(product, templates[look], None, how, words)
        assert prompt.tokens == len(tokenizer(prompt.positive).input_ids) <= CLIP_TOKENS
        assert len(tokenizer(prompt.negative).input_ids) <= CLIP_TOKENS
        assert prompt.called is not None
        assert prompt.called.noun in prompt.positive
        assert refit(write(product, templates[look], None, "tags", words), how).tokens <= CLIP_TOKENS
