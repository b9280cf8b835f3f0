"""`OrderSteps`: what is done for an order, one method a step. Each may be repeated: what is known is not made again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from cluster.metering.lost import with_losses
from cluster.metering.meter import OrderMeter
from connectors.audit import Audit, Entry
from connectors.destinations.folder import FolderDestination
from connectors.names import asset_name
from connectors.online.orders import Order, Orders
from connectors.signing import Signing
from connectors.storage.base import Storage
from serve_apps.orders.flights import Flights
from serve_apps.orders.fulfilment import RenderShots
from serve_apps.request.schema import OrderSpec, ShotResult
from studio.errors import ModelFailed
from studio.shot import Done, Outcome, Shot

STORE = "store"
"""Place of a publication that every released image has: the service's own asset address."""
FOLDER = "folder"
FETCHES = 16
"""Photos of a tier that are fetched at a time."""


@dataclass(slots=True)
class OrderSteps:
    """`read` brings a photo by address, `render` makes shots; `folder` is where released images are also written, if anywhere.
    `meter` is told what every render cost."""

    orders: Orders
    storage: Storage
    read: Callable[[str], bytes]
    render_shots: RenderShots
    folder: FolderDestination | None = None
    meter: OrderMeter | None = None
    audit: Audit | None = None
    sign: Signing | None = None
    _flights: Flights[Shot, Outcome] = field(default_factory=Flights)
    _threads: dict[str, ThreadPoolExecutor] = field(default_factory=dict)

    async def resolve(self, spec: OrderSpec, tier: str) -> list[str]:
        """Digests of the photos, those with an address fetched into the store. Raises FetchError, ImageError, StorageError."""
        found = await asyncio.gather(
            *(self._fetched(image.uri, tier) for image in spec.photos if not image.digest), return_exceptions=True
        )
        for answer in found:
            if isinstance(answer, BaseException):
                raise answer
        fetched = iter(found)
        return [image.digest or str(next(fetched)) for image in spec.photos]

    async def render(self, shots: Mapping[str, Shot], tier: str) -> dict[str, dict[str, Any]]:
        """Outcomes as JSON by shot key, in the order given. Orders that want the same shot at the same time share one render."""

        async def work(items: Sequence[Shot]) -> list[Outcome]:
            outcomes = await with_losses(lambda some: self.render_shots(some, tier), items)
            if len(outcomes) != len(items):
                raise ModelFailed(f"the renderer answered {len(outcomes)} outcomes for {len(items)} shots")
            if self.meter is not None:
                made = {names[id(shot)]: (shot, outcome) for shot, outcome in zip(items, outcomes, strict=True)}
                await asyncio.to_thread(self.meter.take, made, "urgent" if tier == "urgent" else "standard")
            return outcomes

        names = {id(shot): key for key, shot in shots.items()}
        outcomes = await self._flights(tier, shots, work)
        return {key: outcomes[key].model_dump(mode="json") for key in shots}

    async def publish(self, order: Order, results: Sequence[ShotResult]) -> dict[str, list[str]]:
        """Paths of the released images by shot key: in the folder, if there is one, and always under the service's address."""
        return await asyncio.to_thread(self._publish, order, results)

    async def close(self) -> None:
        """End renders that are under way, and the threads that fetch after what they are at."""
        await self._flights.close()
        for threads in self._threads.values():
            await asyncio.to_thread(threads.shutdown, wait=True, cancel_futures=True)
        self._threads.clear()

    async def _fetched(self, uri: str, tier: str) -> str:
        # Threads of a tier's own: slow servers of standard orders must not hold up urgent ones.
        if tier not in self._threads:
            self._threads[tier] = ThreadPoolExecutor(FETCHES, thread_name_prefix=f"fetch-{tier}")
        return await asyncio.get_running_loop().run_in_executor(self._threads[tier], self._kept, uri)

    def _kept(self, uri: str) -> str:
        return self.storage.put_blob(self.read(uri))

    def _publish(self, order: Order, results: Sequence[ShotResult]) -> dict[str, list[str]]:
        paths: dict[str, list[str]] = {}
        for result in results:
            if isinstance(result.outcome, Done):
                digest = result.outcome.asset.digest
                places = {STORE: f"/v1/assets/{digest}"} | self._written(order, result, result.outcome)
                for place, path in places.items():
                    first = self.orders.publish(order.id, result.key, place=place, digest=digest, path=path)
                    if first and place == STORE and self.audit is not None:
                        self.audit.add([_released(order, result, digest)])
                paths[result.key] = list(places.values())
        return paths

    def _written(self, order: Order, result: ShotResult, outcome: Done) -> dict[str, str]:
        if self.folder is None:
            return {}
        name = asset_name(result.template.id, result.destination, result.slot, outcome.asset.media_type)
        sign, asset = self.sign or Signing(self.storage), outcome.asset
        data = self.storage.get_blob(sign(asset.digest, asset.media_type, title=name))
        path = self.folder.publish(order.sku, name, data)
        return {FOLDER: str(PurePosixPath(path.relative_to(self.folder.root)))}


def _released(order: Order, result: ShotResult, digest: str) -> Entry:
    told = {"template": result.template.key, "destination": result.destination, "slot": result.slot, "asset": digest}
    return Entry(f"order:{order.id}", "asset.released", order.sku, {**told, "key": order.key_id})
