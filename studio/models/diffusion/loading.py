"""Weights to pipelines: one set of networks, and for each mode the pipeline class that drives them."""

from __future__ import annotations

import inspect
from importlib.util import find_spec
from typing import Any

import torch

from studio.errors import ModelNotConfigured, SettingsError
from studio.models.diffusion.brief import Control
from studio.models.diffusion.options import Options
from studio.models.diffusion.sight import KIND, Sight
from studio.models.diffusion.words import CachedWords
from studio.models.presets import Mode, Preset

INPAINTING_CHANNELS = 9
"""A UNet with so many input channels paints into masks only."""


class Pipelines:
    """A generator's networks. `of(mode, control)` is the pipeline for a brief; all share weights, scheduler and device."""

    def __init__(self, name: str, source: str, preset: Preset, options: Options, device: str) -> None:
        self._name, self._preset, self._options, self._device = name, preset, options, device
        self.dtype = _dtype(options.dtype, device)
        self._offload = options.offload
        self._base = self._opened(source)
        self._made: dict[tuple[Mode, bool], Any] = {}
        self._hooked: Any = None
        self.words = CachedWords(lambda: None)
        self._controlnet = self._extra(options.controlnet) if options.controlnet else None
        self._dress()

    @property
    def denoiser(self) -> Any:
        """The transformer or UNet."""
        found = getattr(self._base, "transformer", None)
        return found if found is not None else self._base.unet

    @property
    def follows(self) -> bool:
        """Whether a reference picture can be followed through an IP-Adapter."""
        return bool(self._options.ip_adapter)

    def of(self, mode: Mode, control: Control) -> Any:
        """The pipeline for a mode. Raises ModelNotConfigured when these weights cannot do it."""
        key = (mode, control != "none")
        if key not in self._made:
            pipe = self._suited(mode, controlled=control != "none")
            pipe.set_progress_bar_config(disable=True)
            if hasattr(pipe, "encode_prompt") and not isinstance(pipe.encode_prompt, CachedWords):
                pipe.encode_prompt = self.words = CachedWords(pipe.encode_prompt)
            self._made[key] = pipe
        self._place(self._made[key])
        return self._made[key]

    def tile(self) -> bool:
        """Decode pictures in tiles and one at a time; False where the decoder cannot, or does already."""
        vae = getattr(self._base, "vae", None)
        if vae is None or not hasattr(vae, "enable_tiling") or getattr(vae, "use_tiling", False):
            return False
        vae.enable_tiling()
        if hasattr(vae, "enable_slicing"):
            vae.enable_slicing()
        return True

    def offload(self, how: str) -> bool:
        """Keep networks (`model`) or their layers (`sequential`) in main memory while they wait; False without a GPU."""
        if not self._device.startswith("cuda") or self._offload == how:
            return False
        self._unhook()
        self._offload = how
        return True

    def _suited(self, mode: Mode, *, controlled: bool) -> Any:
        import diffusers

        base, options = self._base, {}
        if controlled:
            options["controlnet"] = self._controlnet or base.components.get("controlnet")
            if options["controlnet"] is None:
                raise ModelNotConfigured(
                    f"{self._name}: scene.control needs models.configured.{self._name}=...,controlnet=FOLDER"
                )
        elif "controlnet" in base.components:
            options["controlnet"] = None
        if mode in self._preset.classes:
            pipe = getattr(diffusers, self._preset.classes[mode]).from_pipe(base, torch_dtype=None)
        elif mode == "edit":
            pipe = base
        else:
            pipe = self._auto("inpaint" if self._masks_only else mode, options)
        if not _can(pipe, mode):
            raise ModelNotConfigured(f"{self._name}: {type(pipe).__name__} has no mode {mode}")
        return pipe

    def _auto(self, mode: Mode, options: dict[str, Any]) -> Any:
        """AutoPipeline's choice; where it knows none, the pipeline that the weights came with."""
        from diffusers import AutoPipelineForInpainting, AutoPipelineForText2Image

        auto = AutoPipelineForText2Image if mode == "backdrop" else AutoPipelineForInpainting
        try:
            return auto.from_pipe(self._base, **options)
        except ValueError:
            if options.get("controlnet") is not None and "controlnet" not in self._base.components:
                raise ModelNotConfigured(f"{self._name}: {type(self._base).__name__} takes no ControlNet") from None
            return self._base

    @property
    def _masks_only(self) -> bool:
        unet = getattr(self._base, "unet", None)
        return unet is not None and unet.config.in_channels == INPAINTING_CHANNELS

    def _opened(self, source: str) -> Any:
        from diffusers import DiffusionPipeline
        from diffusers.utils import logging

        logging.disable_progress_bar()
        at = {"revision": self._options.revision} if self._options.revision else {}
        more: dict[str, Any] = {"variant": self._options.variant} if self._options.variant else {}
        if self._options.quantisation in {"int8", "nf4"}:
            more["quantization_config"] = _quantised(self._name, self._options.quantisation, self.dtype)
        try:
            sees = DiffusionPipeline.load_config(source, **at).get("processor", ("",))[-1] == KIND
            pipe = DiffusionPipeline.from_pretrained(
                source, torch_dtype=self.dtype, **at, **more, **({"processor": None} if sees else {})
            )
            if sees:
                pipe.register_modules(processor=Sight.opened(source, **at))
        except (OSError, ValueError, ImportError, TypeError, AttributeError) as error:
            raise ModelNotConfigured(f"{self._name}: {source} cannot be loaded: {error}") from error
        if self._preset.scheduler:
            pipe.scheduler = _scheduler(pipe.scheduler, self._preset.scheduler)
        return pipe

    def _dress(self) -> None:
        """Everything the options ask of the networks."""
        options, base = self._options, self._base
        if options.unet:
            from safetensors.torch import load_file

            self.denoiser.load_state_dict(load_file(options.unet))
        if options.lora:
            if find_spec("peft") is None:
                raise SettingsError(f"{self._name}: lora needs the package peft")
            base.load_lora_weights(options.lora)
        if options.ip_adapter:
            self._adapt()
        if options.quantisation == "fp8":
            self.denoiser.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=self.dtype)
        if options.caching:
            self._cache_steps()
        if options.compile:
            regional = getattr(self.denoiser, "_repeated_blocks", None)
            (self.denoiser.compile_repeated_blocks if regional else self.denoiser.compile)()
        if options.tiling:
            self.tile()

    def _cache_steps(self) -> None:
        from diffusers import FirstBlockCacheConfig

        if not hasattr(self.denoiser, "enable_cache"):
            raise SettingsError(f"{self._name}: {type(self.denoiser).__name__} has no step caching")
        self.denoiser.enable_cache(FirstBlockCacheConfig(threshold=self._options.caching))

    def _adapt(self) -> None:
        options, base = self._options, self._base
        if not hasattr(base, "load_ip_adapter"):
            raise SettingsError(f"{self._name}: {type(base).__name__} takes no IP-Adapter")
        encoder = {"image_encoder_folder": None} if getattr(base, "image_encoder", None) is not None else {}
        try:
            base.load_ip_adapter(
                options.ip_adapter, subfolder=options.ip_adapter_subfolder, weight_name=options.ip_adapter_weight, **encoder
            )
        except (OSError, ValueError) as error:
            raise ModelNotConfigured(f"{self._name}: {options.ip_adapter} cannot be loaded: {error}") from error

    def _extra(self, source: str) -> Any:
        from diffusers import AutoModel

        try:
            return AutoModel.from_pretrained(source, torch_dtype=self.dtype)
        except (OSError, ValueError) as error:
            raise ModelNotConfigured(f"{self._name}: {source} cannot be loaded: {error}") from error

    def _place(self, pipe: Any) -> None:
        """On the device, or under the hooks that bring parts of it there; hooks belong to one pipeline at a time."""
        if self._offload == "none":
            if self._hooked is not pipe:
                pipe.to(self._device)
                self._hooked = pipe
        elif self._hooked is not pipe:
            self._unhook()
            move = pipe.enable_model_cpu_offload if self._offload == "model" else pipe.enable_sequential_cpu_offload
            move(device=self._device)
            self._hooked = pipe

    def _unhook(self) -> None:
        if self._hooked is not None:
            self._hooked.remove_all_hooks()
            self._hooked.to("cpu")
        self._hooked = None


def parameters(pipe: Any) -> frozenset[str]:
    """What a pipeline can be called with."""
    return frozenset(inspect.signature(type(pipe).__call__).parameters)


def _can(pipe: Any, mode: Mode) -> bool:
    """Whether a pipeline has what a mode needs; one that takes a picture with a mask, or for a ControlNet, does not edit it."""
    known = parameters(pipe)
    if mode == "edit":
        return "image" in known and "mask_image" not in known and "controlnet" not in pipe.components
    return ("prompt" if mode == "backdrop" else "mask_image") in known


def _dtype(asked: str, device: str) -> torch.dtype:
    name = ("bfloat16" if device.startswith("cuda") else "float32") if asked == "auto" else asked
    found = getattr(torch, name)
    assert isinstance(found, torch.dtype)
    return found


def _scheduler(current: Any, changes: dict[str, str]) -> Any:
    import diffusers

    more = {key: value for key, value in changes.items() if key != "class"}
    return getattr(diffusers, changes["class"]).from_config(current.config, **more)


def _quantised(name: str, how: str, dtype: torch.dtype) -> Any:
    from diffusers import PipelineQuantizationConfig

    if find_spec("bitsandbytes") is None:
        raise SettingsError(f"{name}: quantisation={how} needs the package bitsandbytes; fp8 needs none")
    four = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
    backend, settings = ("bitsandbytes_4bit", four) if how == "nf4" else ("bitsandbytes_8bit", {"load_in_8bit": True})
    return PipelineQuantizationConfig(
        quant_backend=backend, quant_kwargs=settings, components_to_quantize=["transformer", "unet"]
    )
