"""What every model keeps: shapes, types, order, independence of its batch; and that the loaders read what they claim to read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.errors import ModelError, ModelNotConfigured, WeightsCorrupt, WeightsMissing
from studio.models.base import Answer, Model, run_batch
from studio.models.configured import Given
from studio.models.registry import Registry

CACHE = Path(__file__).resolve().parents[2] / ".packshot" / "models"
NETWORK = """
import torch
from transformers import PretrainedConfig, PreTrainedModel


class TinyConfig(PretrainedConfig):
    model_type = "tiny-matte"


class TinyMatte(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Conv2d(3, 1, 3, padding=1)
        self.post_init()

    def forward(self, x):
        return [x.mean(1, keepdim=True), self.layer(x)]
"""


def span_file(scale: int, *, half: bool) -> bytes:
    """Random weights in ncnn's layout for a SPAN network."""
    from studio.models.span import HALF_TAG, Network

    rng = np.random.default_rng(scale)
    parts = [rng.random(3, np.float32).tobytes()]
    for layer in (m for m in Network(scale).modules() if type(m).__name__ == "Conv2d"):
        count, fan = layer.weight.numel(), layer.weight[0].numel()
        weights = (rng.standard_normal(count) / np.sqrt(fan)).astype(np.float16 if half else np.float32).tobytes()
        tag = HALF_TAG if half else 0
        parts += [tag.to_bytes(4, "little"), weights, b"\0" * (-len(weights) % 4)]
        parts.append(rng.standard_normal(layer.weight.shape[0]).astype(np.float32).tobytes())
    return b"".join(parts)


def span(folder: Path, scale: int, *, half: bool = True, tile: int = 512, data: bytes | None = None) -> Model:
    from studio.models.span import Span

    content = span_file(scale, half=half) if data is None else data
    card = replace(Registry(folder).card(f"span-x{scale}"), sha256=hashlib.sha256(content).hexdigest())
    (folder / card.file).write_bytes(content)
    model = Span(card, weights=folder, given=Given(), device="cpu", tile=tile)
    model.load()
    return model


def tiny_matte(folder: Path) -> Path:
    """A model folder with its own code, like the public BiRefNet ones."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    (folder / "tiny_matte.py").write_text(NETWORK)
    auto = {"AutoConfig": "tiny_matte.TinyConfig", "AutoModelForImageSegmentation": "tiny_matte.TinyMatte"}
    (folder / "config.json").write_text(
        json.dumps({"model_type": "tiny-matte", "architectures": ["TinyMatte"], "auto_map": auto})
    )
    generator = torch.Generator().manual_seed(1)
    layer = {"layer.weight": torch.randn(1, 3, 3, 3, generator=generator), "layer.bias": torch.zeros(1)}
    save_file(layer, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(params=["fake-matte", "u2netp", "span-x2", "span-x4", "birefnet"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Model:
    name = request.param
    if name == "birefnet":
        folder = tiny_matte(tmp_path / "net")
        made = Registry(CACHE, configured={name: f"{folder},trust_remote_code=true"}).create(name)
    else:
        made = Registry(CACHE).create(name)
    try:
        made.load()
    except WeightsMissing:
        if not name.startswith("span"):
            pytest.skip("run `packshot models fetch`")
        made = span(tmp_path, made.card.scale)
    return made


def items(model: Model) -> list[Any]:
    rng = np.random.default_rng(0)
    example = model.example()
    noise = rng.integers(0, 256, example.shape, np.uint8)
    return [example, noise, np.ascontiguousarray(example[:, ::-1])]


def test_results_have_the_shape_of_the_task_and_their_own_order(model: Model) -> None:
    batch = items(model)
    together = model.predict(batch)
    assert len(together) == len(batch)
    for item, result in zip(batch, together, strict=True):
        if model.card.task == "matting":
            assert result.shape == (model.card.input_px,) * 2
            assert result.dtype == np.float32
            assert 0 <= result.min() <= result.max() <= 1
        else:
            assert result.shape == (item.shape[0] * model.card.scale, item.shape[1] * model.card.scale, 3)
            assert result.dtype == np.uint8
    assert not np.array_equal(together[0], together[1])
    for item, result in zip(batch, together, strict=True):
        np.testing.assert_allclose(model.predict([item])[0], result, atol=1e-5)
    assert model.predict([]) == []


def test_a_bad_item_fails_alone(model: Model) -> None:
    good = model.example()
    answers = run_batch(model, [good, np.zeros((5, 7), np.uint8), good])
    assert [type(answer) is Answer for answer in answers] == [True, False, True]
    assert isinstance(answers[1], ModelError)


def test_matting_finds_the_example(model: Model) -> None:
    if model.card.task != "matting" or model.card.name == "birefnet":
        pytest.skip("says nothing about this model")
    side = model.card.input_px
    (found,) = model.predict([model.example()])
    assert found[side // 2, side // 2] > 0.8
    assert found[:4].max() < 0.2


@pytest.mark.parametrize("scale", [2, 4])
def test_span_in_tiles_equals_span_in_one_piece(tmp_path: Path, scale: int) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (90, 131, 3), np.uint8)
    whole = span(tmp_path, scale).predict([picture])[0].astype(int)
    tiled = span(tmp_path, scale, tile=40).predict([picture])[0].astype(int)
    assert np.abs(whole - tiled).max() <= 1


@pytest.mark.parametrize("half", [True, False])
def test_span_reads_both_number_formats_and_nothing_else(tmp_path: Path, half: bool) -> None:
    span(tmp_path, 2, half=half)
    for broken in (span_file(2, half=half)[:-4], span_file(2, half=half) + b"\0" * 8, span_file(4, half=half), b""):
        with pytest.raises(WeightsCorrupt):
            span(tmp_path, 2, data=broken)


def test_real_span_keeps_the_picture(tmp_path: Path) -> None:
    """Enlarged and reduced again it is the picture it was: trained weights in the right order, colours in the right channels."""
    import cv2

    registry = Registry(CACHE)
    y, x = np.mgrid[0:96, 0:96]
    picture = np.stack([x * 2 + 30, y * 2 + 20, 200 - x], axis=2).astype(np.uint8)
    cv2.circle(picture, (48, 48), 25, (220, 60, 30), cv2.FILLED, cv2.LINE_AA)
    for name in ("span-x2", "span-x4"):
        made = registry.create(name)
        try:
            made.load()
        except WeightsMissing:
            pytest.skip("run `packshot models fetch`")
        back = cv2.resize(made.predict([picture])[0], (96, 96), interpolation=cv2.INTER_AREA)
        assert np.abs(back.astype(int) - picture).mean() < 2


def test_birefnet_runs_foreign_code_only_when_allowed(tmp_path: Path) -> None:
    folder = tiny_matte(tmp_path / "net")
    with pytest.raises(ModelNotConfigured, match="trust_remote_code"):
        Registry(CACHE, configured={"birefnet": str(folder)}).create("birefnet").load()
    with pytest.raises(ModelNotConfigured):
        Registry(CACHE, configured={"birefnet": str(tmp_path / "nothing")}).create("birefnet").load()


def test_birefnet_normalises_as_its_training_did(tmp_path: Path) -> None:
    """The last map through a sigmoid, of ImageNet-normalised pixels: recomputed here from the saved weights."""
    import torch

    folder = tiny_matte(tmp_path / "net")
    made = Registry(CACHE, configured={"birefnet": f"{folder},trust_remote_code=true"}).create("birefnet")
    made.load()
    (found,) = made.predict([made.example()])
    weight = torch.randn(1, 3, 3, 3, generator=torch.Generator().manual_seed(1))
    x = torch.from_numpy(made.example()).permute(2, 0, 1)[None].float() / 255
    x = (x - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    expected = torch.nn.functional.conv2d(x, weight, padding=1).sigmoid()[0, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
