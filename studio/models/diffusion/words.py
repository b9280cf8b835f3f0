"""Prompts that many pictures share are encoded once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

KEPT = 64
"""Encoded prompts held; one is at most some megabytes."""


class CachedWords:
    """A pipeline's `encode_prompt` that remembers answers to plain arguments; with pictures or tensors among them it asks."""

    def __init__(self, encode: Callable[..., Any], kept: int = KEPT) -> None:
        self._encode, self._kept = encode, kept
        self._known: OrderedDict[str, Any] = OrderedDict()
        self.encoded = 0
        """How often the text encoders ran."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        """What `encode_prompt` answers."""
        if not all(_plain(value) for value in (*args, *named.values())):
            self.encoded += 1
            return self._encode(*args, **named)
        key = repr((args, sorted(named.items())))
        if key not in self._known:
            self.encoded += 1
            self._known[key] = self._encode(*args, **named)
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]


def _plain(value: Any) -> bool:
    """Whether `repr` says all about a value: text, numbers, nothing, a device or type of torch, and lists of these."""
    if isinstance(value, list | tuple):
        return all(_plain(each) for each in value)
    of_torch = type(value).__module__ == "torch" and type(value).__name__ in {"device", "dtype"}
    return value is None or of_torch or isinstance(value, str | int | float)
