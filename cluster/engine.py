"""How a process gets its renderer: registry, storage, fetcher and threads, from settings."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Callable
from contextlib import suppress

import cv2

from cluster.monitoring.observed import ObservedRenderer
from cluster.renderer import Renderer
from cluster.settings import Settings
from cluster.tiers import PriorityPool
from connectors.fetch import Fetcher
from connectors.storage.base import BLOB, Storage
from connectors.storage.registry import open_storage
from connectors.web import WebRules
from studio.models.base import LocalModels, Models
from studio.models.registry import Registry

_M_ARENA_MAX = -8
"""`M_ARENA_MAX` of glibc's malloc.h."""


def registry(settings: Settings, device: str = "cpu") -> Registry:
    """The model registry with this installation's weights and permissions; its models run on `device`."""
    given = settings.models
    return Registry(settings.weights_folder, allow=frozenset(given.allow), configured=given.configured, device=device)


def storage(settings: Settings) -> Storage:
    """The blob and action store."""
    return open_storage(settings.storage_uri, endpoint_url=settings.storage.endpoint_url)


def fetcher(settings: Settings) -> Fetcher:
    """The one reader of source images."""
    limits = settings.fetch
    web = WebRules(allow_private=limits.allow_private, ports=None if limits.allow_private else WebRules().ports)
    return Fetcher(max_bytes=limits.max_bytes, web=web, s3_endpoint_url=settings.storage.endpoint_url)


def reader(settings: Settings, store: Storage) -> Callable[[str], bytes]:
    """Bytes of a source image by address; `blob:<digest>` comes out of the store. Raises FetchError, FileTooLarge, NotStored."""
    fetch = fetcher(settings)
    return lambda uri: store.get_blob(uri.removeprefix(BLOB)) if uri.startswith(BLOB) else fetch.read(uri)


def open_renderer(settings: Settings, models: Models | None = None) -> Renderer:
    """A renderer over the given models, or over models in this process."""
    store = storage(settings)
    return ObservedRenderer(models or LocalModels(registry(settings)), store, reader(settings, store), settings.prices)


def host_threads(threads: int) -> None:
    """One cv2 thread a call; `threads` steps at a time when the running loop hands work to threads, urgent ones first."""
    cv2.setNumThreads(1)
    _few_arenas()
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    loop.set_default_executor(PriorityPool(threads, "pixels"))


def _few_arenas() -> None:
    """Two heaps for all threads of the process. With glibc's default, eight a core, every thread's heap keeps its own free pages:
    ten times the photos then took 1.31 times the memory instead of 1.14 (docs/benchmarks.md)."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, 2)
