"""ONNX graphs in one thread: how every onnxruntime model of QA is opened."""

from __future__ import annotations

import logging
from typing import Any

import onnxruntime as ort

log = logging.getLogger(__name__)


def session(data: bytes, device: str, *, arena: bool = False) -> Any:
    """An inference session that gives the same numbers whatever else runs. `device` as `usable` gave it.
    `arena`: keep memory between calls, for models that are called again and again at one size."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = arena
    return ort.InferenceSession(data, options, providers=_providers(device))


def usable(name: str, device: str) -> str:
    """The device that this onnxruntime has for a model: the CPU, with a warning, where the GPU build is not installed."""
    if device == "cpu" or "CUDAExecutionProvider" in ort.get_available_providers():
        return device
    log.warning("%s runs on the CPU: this onnxruntime has no CUDA provider (onnxruntime-gpu has)", name)
    return "cpu"


def _providers(device: str) -> list[str]:
    cpu = ["CPUExecutionProvider"]
    return cpu if device == "cpu" else ["CUDAExecutionProvider", *cpu]
