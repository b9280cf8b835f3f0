"""What a user may say about a generator: `models.configured.NAME=FOLDER_OR_HUB_ID,option=value,...`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import SettingsError
from studio.keys import digest_of
from studio.models.configured import Given, folder_revision

CHOICES: Mapping[str, tuple[str, ...]] = {
    "dtype": ("auto", "bfloat16", "float16", "float32"),
    "quantisation": ("none", "fp8", "int8", "nf4"),
    "offload": ("none", "model", "sequential"),
}
FLAGS = ("compile", "tiling")
NUMBERS = ("steps", "guidance", "batch", "caching")
TEXTS = ("device", "variant", "unet", "lora", "controlnet", "ip_adapter", "ip_adapter_subfolder", "ip_adapter_weight")
TERMS = ("revision", "licence", "commercial_use")
"""Read by the registry."""
PIXELS_STAY = frozenset({"offload", "device", "licence", "commercial_use", "revision"})
"""Options that change where and under which terms, not what is painted."""
SOURCES = ("unet", "lora", "controlnet", "ip_adapter")
"""Options that name further weights."""


@dataclass(frozen=True, slots=True)
class Options:
    """One field an option; 0 and "" stand for the preset's own or none.

    `dtype=auto` is bfloat16 on a GPU and float32 on the CPU. `quantisation`: `fp8` keeps the denoiser's weights in 8 bits with
    diffusers alone, `int8` and `nf4` need bitsandbytes. `caching=0.1` re-uses a transformer's later blocks while its first
    changes by less than that share. `offload` keeps what is not in use in main memory. `unet` is a file of other denoiser
    weights, `lora`, `controlnet` and `ip_adapter` are folders, files or hub ids.
    """

    dtype: str = "auto"
    quantisation: str = "none"
    offload: str = "none"
    compile: bool = False
    tiling: bool = False
    steps: int = 0
    guidance: float | None = None
    batch: int = 1
    caching: float = 0.0
    device: str = ""
    variant: str = ""
    revision: str = ""
    unet: str = ""
    lora: str = ""
    controlnet: str = ""
    ip_adapter: str = ""
    ip_adapter_subfolder: str = ""
    ip_adapter_weight: str = ""


def read(name: str, given: Given) -> Options:
    """Checked options. Raises SettingsError naming the model and the option."""
    known = (*CHOICES, *FLAGS, *NUMBERS, *TEXTS, *TERMS)
    unknown = sorted(set(given.options) - set(known))
    if unknown:
        raise SettingsError(f"{name} takes {', '.join(sorted(known))}, not {', '.join(unknown)}")
    found: dict[str, Any] = {key: given.options[key] for key in (*TEXTS, "revision") if key in given.options}
    for key, words in CHOICES.items():
        found[key] = given.options.get(key, words[0])
        if found[key] not in words:
            raise SettingsError(f"{name}: {key}={found[key]}: write {', '.join(words)}")
    found |= {key: given.flag(key, default=False) for key in FLAGS}
    found |= {key: _number(name, given, key) for key in NUMBERS if key in given.options}
    return Options(**found)


def fingerprint(given: Given) -> str:
    """Digest of the options that change pixels, with the contents of the folders they name; empty where there are none."""
    told = {key: value for key, value in given.options.items() if key not in PIXELS_STAY}
    weights = {key: _contents(told[key]) for key in SOURCES if key in told}
    return digest_of([told, weights])[:16] if told else ""


def _contents(source: str) -> str:
    """Fingerprint of a folder, or size and time of a file; empty for a hub id."""
    path = Path(source)
    if not path.is_file():
        return folder_revision(source)
    told = path.stat()
    return f"{told.st_size} {told.st_mtime_ns}"


def _number(name: str, given: Given, key: str) -> float:
    value = given.number(key, default=0.0)
    whole = key in {"steps", "batch"}
    least = 1 if whole else 0
    if value < least or (whole and value != int(value)):
        raise SettingsError(f"{name}: {key}={given.options[key]}: write a {'whole ' if whole else ''}number from {least} on")
    return int(value) if whole else value
