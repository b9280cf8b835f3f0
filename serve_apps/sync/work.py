"""`SyncWork`: a waiting product -> looked at -> orders -> pictures on the product -> remembered. Every step may be repeated."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cluster.connections import Opened, open_connection
from connectors.online.orders import Order
from connectors.sync import Looked
from connectors.sync_state import Waiting
from serve_apps.parts import Parts
from serve_apps.sync.making import Made, ended, made, order
from studio.errors import ProductGone

log = logging.getLogger(__name__)
T = TypeVar("T")

ORDERS_S = 20.0
"""How long a place is kept for a product whose orders are under way; later it is looked at again."""
PATIENCE = 2
"""How often a product may not be there that was told as changed, and its photos not be had: shops announce before they can
answer."""
AT_ONCE = 4
"""Calls of a connection at a time (Akeneo allows 4; limitations, 2026-08-18)."""
THREADS = 16


class Later(Exception):
    """Not now: `error` went wrong. "" where nothing did and there is only something to wait for."""

    def __init__(self, error: str = "") -> None:
        super().__init__(error)
        self.error = error


@dataclass(slots=True)
class SyncWork:
    """What is done for one product, without knowing how it is claimed or tried again."""

    parts: Parts
    _rooms: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    _opened: dict[str, Opened] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="sync"))

    async def carry_out(self, waiting: Waiting) -> str:
        """Do what is to be done, and say what that was. Raises Later, PackshotError."""
        if waiting.orders and await ended(self.parts, waiting.orders, ORDERS_S) is None:
            raise Later
        room = self._rooms.setdefault(waiting.connection, asyncio.Semaphore(AT_ONCE))
        opened = await self._blocking(self._open, waiting.connection)
        if opened.vendor.source is None:
            return "left to reconciliation: no products come from there"
        async with room:
            looked = await self._blocking(self._looked, opened, waiting)
        if looked is None or not looked.changed:
            return "gone" if looked is None else "unchanged"
        orders = waiting.orders
        if looked.digest != waiting.digest or not orders:
            orders = tuple(await order(self.parts, opened.connection, looked, again=not orders))
            await self._blocking(self.parts.sync.keep_orders, waiting, orders, looked.digest)
        found = await ended(self.parts, orders, ORDERS_S)
        if found is None:
            raise Later
        async with room:
            return await self._blocking(self._published, opened, looked, found)

    def close(self) -> None:
        """Take nothing more; a call that is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _looked(self, opened: Opened, waiting: Waiting) -> Looked | None:
        """The product now. What has not changed is remembered at once, what is gone forgotten."""
        sync, ref = opened.sync, waiting.ref
        looked = sync.look(ref)
        if looked is None:
            seen = opened.state.seen(waiting.connection, ref)
            if seen is None and waiting.kind == "changed" and waiting.tries < PATIENCE:
                raise Later("the product is not there yet")
            sync.gone([ref])
        elif not looked.changed:
            sync.accept([looked])
        elif waiting.tries < PATIENCE and any(not image.digest for image in looked.kept.images):
            raise Later("not all photos could be fetched")
        return looked

    def _published(self, opened: Opened, looked: Looked, orders: Sequence[Order]) -> str:
        """Put what was released onto the product. What failed leaves the pictures that are there, and the product is not
        remembered: the next message or pull tries again."""
        what = made(orders)
        record = opened.publications.get(opened.target.name, opened.place_of(looked))
        if not what.finished or (what.failed and record is not None and record.live):
            return f"nothing published: {what.why or 'no look fits'}"
        outcome = _put(opened, looked, what)
        if not what.failed:
            opened.sync.accept([looked])
        return f"{looked.product.sku}: {outcome}, {len(what.finished)} pictures" + (f"; {what.why}" if what.why else "")

    def _open(self, name: str) -> Opened:
        """Raises NotFound, SettingsError, InputError."""
        with self._lock:
            if name not in self._opened:
                self._opened[name] = open_connection(self.parts.settings, name)
            return self._opened[name]

    async def _blocking(self, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: call(*args))


def _put(opened: Opened, looked: Looked, what: Made) -> str:
    """What became of the set. Raises what `Opened.publish` raises, and Later for a product that went away meanwhile."""
    try:
        published = opened.publish(looked, what.finished)
    except ProductGone:
        raise Later("the product went away meanwhile") from None
    return "made" if published is None else published.outcome
