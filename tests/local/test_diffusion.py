"""The diffusion engine on random-weight pipelines of every family: modes, seeds, options, want of memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import pytest
import torch

from studio.errors import ModelNotConfigured, SettingsError
from studio.models.base import Answer, ModelCard, run_batch
from studio.models.configured import parse
from studio.models.diffusion.brief import Brief, Painted
from studio.models.diffusion.engine import Diffusion
from studio.models.diffusion.loading import Pipelines
from studio.models.diffusion.options import read
from studio.models.presets import Mode, preset
from studio.models.registry import Registry
from studio.take import U8
from tests import tiny, tiny_parts

pytestmark = pytest.mark.filterwarnings("ignore")

FAMILIES: dict[str, tuple[str, tuple[Mode, ...], dict[Mode, str]]] = {
    "sd": (
        "custom-scene",
        ("backdrop", "inpaint"),
        {"backdrop": "StableDiffusionPipeline", "inpaint": "StableDiffusionInpaintPipeline"},
    ),
    "sd_inpaint": ("custom-scene", ("backdrop", "inpaint"), {"backdrop": "StableDiffusionInpaintPipeline"}),
    "sd_ip": ("custom-scene", ("backdrop", "inpaint"), {}),
    "sd_controlnet": ("custom-scene", ("backdrop", "inpaint"), {"backdrop": "StableDiffusionPipeline"}),
    "sd_controlnet_inpaint": ("custom-scene", ("backdrop", "inpaint"), {"inpaint": "StableDiffusionInpaintPipeline"}),
    "sdxl": ("sdxl", ("backdrop", "inpaint"), {"inpaint": "StableDiffusionXLInpaintPipeline"}),
    "sdxl_inpaint": ("sdxl", ("backdrop", "inpaint"), {"backdrop": "StableDiffusionXLInpaintPipeline"}),
    "flux": ("flux1-schnell", ("backdrop", "inpaint"), {"inpaint": "FluxInpaintPipeline"}),
    "flux_fill": ("custom-scene", ("backdrop", "inpaint"), {"inpaint": "FluxFillPipeline"}),
    "flux_kontext": ("custom-scene", ("edit",), {"edit": "FluxKontextPipeline"}),
    "z_image": ("z-image-turbo", ("backdrop", "inpaint"), {"inpaint": "ZImageInpaintPipeline"}),
    "flux2_klein": ("flux2-klein-4b", ("backdrop", "inpaint", "edit"), {"inpaint": "Flux2KleinInpaintPipeline"}),
    "qwen": ("qwen-image", ("backdrop", "inpaint"), {"inpaint": "QwenImageInpaintPipeline"}),
    "qwen_inpaint": ("qwen-image", ("backdrop", "inpaint"), {"backdrop": "QwenImagePipeline"}),
}
"""Family -> preset, modes it has, and the pipeline class that a mode leads to."""

SHOWN = np.full((64, 80, 3), 180, np.uint8)
SHOWN[20:50, 24:52] = (90, 40, 30)
MASK = np.full((64, 80), 255, np.uint8)
MASK[20:50, 24:52] = 0
LOOK = np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Model folders by family, each built once."""
    root, made = tmp_path_factory.mktemp("tiny"), {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def of(family: str) -> Path:
        if family not in made:
            made[family] = tiny.saved(family, root)
        return made[family]

    yield of
    torch.set_num_threads(threads)


def engine(source: Path | str, name: str, options: str = "steps=2") -> Diffusion:
    made = Registry(Path(), configured={name: f"{source},{options}"}).create(name)
    assert isinstance(made, Diffusion)
    made.load()
    return made


def brief(mode: Mode = "backdrop", seed: int = 3) -> Brief:
    image = None if mode == "backdrop" else SHOWN
    return Brief("a table in the sun", (80, 64), seed, mode, "text", image=image, mask=MASK if mode == "inpaint" else None)


def picture(model: Diffusion, wanted: Brief) -> U8:
    (made,) = model.predict([wanted])
    assert isinstance(made, Painted)
    assert made.rgb is not None
    assert made.rungs == ()
    return made.rgb


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_paints_in_its_modes_and_repeats_itself(family: str, folder: Callable[[str], Path]) -> None:
    name, modes, classes = FAMILIES[family]
    first, second = engine(folder(family), name), engine(folder(family), name)
    drivers = Pipelines(name, str(folder(family)), preset(name), read(name, parse("x")), "cpu")
    for mode in modes:
        made = picture(first, brief(mode))
        assert made.shape == (64, 80, 3)
        assert made.dtype == np.uint8
        assert made.std() > 5
        assert np.array_equal(made, picture(second, brief(mode)))
        assert not np.array_equal(made, picture(first, brief(mode, seed=4)))
        assert mode not in classes or type(drivers.of(mode, "none")).__name__ == classes[mode]
    if "edit" not in modes:
        with pytest.raises(ModelNotConfigured, match="no mode edit"):
            first.predict([brief("edit")])


def test_kontext_cannot_paint_into_masks(folder: Callable[[str], Path]) -> None:
    with pytest.raises(ModelNotConfigured, match="FluxKontextPipeline has no mode inpaint"):
        engine(folder("flux_kontext"), "custom-scene").predict([brief("inpaint")])


def test_an_inpainted_picture_keeps_what_the_mask_spares(folder: Callable[[str], Path]) -> None:
    made = picture(engine(folder("sd"), "custom-scene"), brief("inpaint"))
    other = picture(engine(folder("sd"), "custom-scene"), replace(brief("inpaint"), image=255 - SHOWN))
    assert not np.array_equal(made, other)


def test_a_batch_is_its_pictures_and_equal_briefs_are_painted_once(folder: Callable[[str], Path]) -> None:
    wanted = [brief(seed=seed) for seed in (1, 2, 1)]
    together = engine(folder("sdxl"), "sdxl", "steps=2,batch=4").predict(wanted)
    single = engine(folder("sdxl"), "sdxl")
    assert together[0] is together[2]
    for made, one in zip(together, wanted, strict=True):
        assert np.abs(made.rgb.astype(int) - picture(single, one)).max() <= 1


def test_prompts_are_encoded_once_for_many_seeds(folder: Callable[[str], Path]) -> None:
    model = engine(folder("flux"), "flux1-schnell")
    for seed in range(4):
        picture(model, brief(seed=seed))
    assert model.encoded_prompts == 1
    picture(model, replace(brief(), prompt="a chair"))
    assert model.encoded_prompts == 2


@pytest.mark.parametrize("family", ["sd", "sd_controlnet"])
def test_a_controlnet_is_shown_the_shape(family: str, folder: Callable[[str], Path], tmp_path: Path) -> None:
    options = "steps=2"
    if family == "sd":
        tiny.controlnet().save_pretrained(tmp_path / "control")
        options += f",controlnet={tmp_path / 'control'}"
    model = engine(folder(family), "custom-scene", options)
    plain = picture(model, brief("inpaint"))
    shown = [replace(brief("inpaint"), control="canny", shape=shape) for shape in (SHOWN, 255 - SHOWN)]
    first, second = (picture(model, one) for one in shown)
    assert not np.array_equal(first, plain)
    assert not np.array_equal(first, second)
    assert np.array_equal(picture(model, brief("inpaint")), plain)


def test_without_a_controlnet_a_shape_is_refused(folder: Callable[[str], Path]) -> None:
    wanted = replace(brief("inpaint"), control="canny", shape=SHOWN)
    with pytest.raises(ModelNotConfigured, match="controlnet="):
        engine(folder("sd"), "custom-scene").predict([wanted])
    with pytest.raises(ModelNotConfigured):
        engine(folder("z_image"), "z-image-turbo").predict([wanted])


def test_a_reference_is_followed_as_far_as_asked(folder: Callable[[str], Path], tmp_path: Path) -> None:
    from diffusers import DiffusionPipeline

    adapter = tiny.ip_adapter(tmp_path / "ip", DiffusionPipeline.from_pretrained(folder("sd_ip")))
    model = engine(folder("sd_ip"), "custom-scene", f"steps=2,ip_adapter={adapter},ip_adapter_weight=adapter.safetensors")
    plain = picture(model, brief())
    gaps = []
    for influence in (0.0, 0.3, 1.0):
        made = picture(model, replace(brief(), reference=LOOK, influence=influence))
        gaps.append(float(np.abs(made.astype(int) - plain).mean()))
    assert gaps[0] == 0
    assert 0 < gaps[1] < gaps[2]
    assert picture(model, replace(brief("inpaint"), reference=LOOK, influence=1.0)).shape == (64, 80, 3)
    with pytest.raises(ModelNotConfigured, match="ip_adapter=FOLDER"):
        engine(folder("sd"), "custom-scene").predict([replace(brief(), reference=LOOK, influence=1.0)])


def test_klein_takes_a_reference_as_a_second_picture(folder: Callable[[str], Path]) -> None:
    model = engine(folder("flux2_klein"), "flux2-klein-4b")
    first = picture(model, replace(brief("edit"), reference=LOOK, influence=1.0))
    assert not np.array_equal(first, picture(model, brief("edit")))


def test_lightning_samples_trailing_timesteps(folder: Callable[[str], Path]) -> None:
    made = Pipelines("sdxl-lightning", str(folder("sdxl")), preset("sdxl-lightning"), read("x", parse("a")), "cpu")
    pipe = made.of("backdrop", "none")
    assert (type(pipe.scheduler).__name__, pipe.scheduler.config.timestep_spacing) == ("EulerDiscreteScheduler", "trailing")
    assert made.of("inpaint", "none").unet is pipe.unet


def test_other_denoiser_weights_are_loaded(folder: Callable[[str], Path], tmp_path: Path) -> None:
    from safetensors.torch import save_file

    torch.manual_seed(9)
    save_file(
        {name: weight.contiguous() for name, weight in tiny_parts.unet(xl=True).state_dict().items()},
        tmp_path / "unet.safetensors",
    )
    model = engine(folder("sdxl"), "sdxl-lightning", f"unet={tmp_path / 'unet.safetensors'}")
    assert not np.array_equal(picture(model, brief()), picture(engine(folder("sdxl"), "sdxl-lightning", "steps=4"), brief()))


def test_weights_in_eight_bits_still_paint(folder: Callable[[str], Path]) -> None:
    made = Pipelines("flux1-schnell", str(folder("flux")), preset("flux1-schnell"), read("x", parse("a,quantisation=fp8")), "cpu")
    assert torch.float8_e4m3fn in {weight.dtype for weight in made.denoiser.parameters()}
    full = picture(engine(folder("flux"), "flux1-schnell"), brief())
    small = picture(engine(folder("flux"), "flux1-schnell", "steps=2,quantisation=fp8"), brief())
    assert 0 < np.abs(small.astype(int) - full).mean() < 30


def test_steps_are_cached_where_the_network_can(folder: Callable[[str], Path]) -> None:
    full = picture(engine(folder("flux"), "flux1-schnell", "steps=4"), brief())
    cached = engine(folder("flux"), "flux1-schnell", "steps=4,caching=100")
    made = picture(cached, brief())
    assert not np.array_equal(made, full)
    assert np.array_equal(picture(engine(folder("flux"), "flux1-schnell", "steps=4,caching=100"), brief()), made)
    with pytest.raises(SettingsError, match="UNet2DConditionModel has no step caching"):
        engine(folder("sdxl"), "sdxl", "caching=0.1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("quantisation=nf4", "bitsandbytes"),
        ("lora=/x/lora.safetensors", "peft"),
        ("device=cuda", "no CUDA device"),
        ("ip_adapter=/x", "cannot be loaded|IP-Adapter"),
        ("controlnet=/x/none", "cannot be loaded"),
    ],
)
def test_what_this_machine_lacks_is_said(options: str, words: str, folder: Callable[[str], Path]) -> None:
    if torch.cuda.is_available() and "cuda" in options:
        pytest.skip("there is one")
    with pytest.raises((SettingsError, ModelNotConfigured), match=words):
        engine(folder("sd"), "custom-scene", options)


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "none", "nobody/has-this-one"):
        with pytest.raises(ModelNotConfigured, match="cannot be loaded"):
            engine(source, "sdxl")


@contextmanager
def memory_for(kind: str, fits: Callable[[Any], bool]) -> Iterator[None]:
    """A card whose memory holds a module's input only where `fits` says so."""

    def check(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        if type(module).__name__ == kind and not fits(inputs[0]):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 12.50 GiB")

    hook = torch.nn.modules.module.register_module_forward_pre_hook(check)
    try:
        yield
    finally:
        hook.remove()


def test_a_batch_that_does_not_fit_is_made_smaller_and_told(folder: Callable[[str], Path]) -> None:
    model = engine(folder("sd"), "custom-scene", "steps=2,batch=4,guidance=1")
    with memory_for("UNet2DConditionModel", lambda latents: latents.shape[0] <= 1):
        made = model.predict([brief(seed=seed) for seed in range(3)])
    assert [one.rungs for one in made] == [("batch 1",)] * 3
    single = engine(folder("sd"), "custom-scene", "steps=2,guidance=1")
    assert all(np.array_equal(one.rgb, picture(single, brief(seed=seed))) for seed, one in enumerate(made))


def test_a_picture_that_does_not_fit_is_decoded_in_tiles_and_told(folder: Callable[[str], Path]) -> None:
    model = engine(folder("sd"), "custom-scene")
    with memory_for("Decoder", lambda latents: latents.shape[-1] <= 8):
        (made,) = model.predict([brief()])
    assert made.rungs == ("tiled decoding",)
    assert made.rgb is not None
    assert np.abs(made.rgb.astype(int) - picture(engine(folder("sd"), "custom-scene"), brief())).mean() < 12


def test_without_any_memory_nothing_is_painted_and_the_call_does_not_fail(folder: Callable[[str], Path]) -> None:
    model = engine(folder("sd"), "custom-scene")
    with memory_for("UNet2DConditionModel", lambda latents: False):
        (answer,) = run_batch(model, [brief()])
    assert isinstance(answer, Answer)
    assert answer.value.rgb is None
    assert answer.value.rungs == ("tiled decoding", "none fits")


def test_numbers_that_are_none_fail_the_picture(folder: Callable[[str], Path]) -> None:
    model = engine(folder("sd"), "custom-scene")

    def spoil(module: torch.nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        return output * float("nan") if type(module).__name__ == "Decoder" else None

    hook = torch.nn.modules.module.register_module_forward_hook(spoil)
    try:
        (answer,) = run_batch(model, [brief()])
    finally:
        hook.remove()
    assert "float32" in str(answer)


def test_the_example_warms_every_preset_it_can(folder: Callable[[str], Path]) -> None:
    model = engine(folder("z_image"), "z-image-turbo")
    assert isinstance(model.card, ModelCard)
    assert model.example().size == preset("z-image-turbo").buckets[0]
    made = model.predict([replace(model.example(), size=(64, 64))])
    assert made[0].rgb.shape == (64, 64, 3)
