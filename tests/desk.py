"""Tiny orders for tests of the desk, and desks in processes of their own that are killed."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from cluster.engine import open_renderer, storage
from cluster.settings import Settings
from connectors.online.endpoints import Endpoints
from connectors.online.orders import NewOrder, Order, Orders, OrderState
from connectors.storage.base import BLOB
from serve_apps.orders.desk import OrderDesk
from serve_apps.orders.flow import Retry
from serve_apps.orders.fulfilment import RenderShots
from serve_apps.request.schema import OrderSpec
from studio.product import Product, ProductImage
from studio.setups import Setup
from studio.shot import Outcome, Shot
from templates.library import Library
from tests import sample

QUICK = Retry(tries=4, first_s=0.05, factor=1.5)


def new_order(settings: Settings, number: int, *, uri: str = "", look: dict[str, Any] | None = None, **more: Any) -> NewOrder:
    """An order for one photo of its own: from the store, or by address. `look` changes the template, `more` the spec or order."""
    digest = ""
    if not uri:
        path = settings.home / "photos" / f"p{number}.png"
        sample.photo(path, number)
        digest = storage(settings).put_blob(path.read_bytes())
    library = _library(settings.template_folders)
    template = library.template("tiny-grey").model_copy(update=look or {})
    image = ProductImage(uri=uri or BLOB + digest, digest=digest)
    sku = f"SKU-{number:03}"
    fields = {name: more.pop(name) for name in ("on_fail", "ladder", "webhook") if name in more}
    spec = OrderSpec(
        product=Product(sku=sku, images=(image,)),
        setups=(Setup(slot="front", images=(image,)),),
        template=template,
        destinations=tuple(library.destination(output) for output in template.outputs),
        **fields,
    )
    defaults: dict[str, Any] = {"key_id": "key_a", "priority": "standard"}
    return NewOrder(**(defaults | more), spec=spec.model_dump(mode="json"), sku=sku, template=template.key)


@lru_cache
def _library(folders: tuple[Path, ...]) -> Library:
    return Library.default(folders)


def real_render(settings: Settings, before: Callable[[Sequence[Shot], str], Awaitable[None]] | None = None) -> RenderShots:
    """The renderer in this process, over the fake matting model."""
    renderer = open_renderer(settings)

    async def render(shots: Sequence[Shot], tier: str) -> list[Outcome]:
        if before is not None:
            await before(shots, tier)
        return await renderer.render(shots)

    return render


async def all_ended(orders: Orders, seconds: float) -> dict[str, Order]:
    """Every order by id, once all have ended. Raises TimeoutError."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = {order.id: order for order in (await asyncio.to_thread(orders.list, limit=1000))[0]}
        if all(order.state.ended for order in found.values()):
            return found
        await asyncio.sleep(0.05)
    raise TimeoutError({order.id: order.state for order in found.values() if order.state is not OrderState.SUCCEEDED})


@asynccontextmanager
async def open_desk(settings: Settings, render: RenderShots | None = None) -> AsyncIterator[OrderDesk]:
    """A launched desk, closed at the end."""
    desk = OrderDesk(settings, render or real_render(settings), retry=QUICK, sweep_s=0.2)
    await desk.launch()
    try:
        yield desk
    finally:
        await desk.close()


async def made(desk: OrderDesk, order: NewOrder, seconds: float = 20) -> Order:
    """The order after it has been accepted, started and ended."""
    await asyncio.to_thread(desk.orders.accept, order)
    await desk.start(order.id)
    assert await desk.wait(order.id, seconds)
    return await asyncio.to_thread(desk.orders.get, order.id)


def work(settings: Settings) -> None:
    """A desk that works until everything has ended; runs in a process of its own and says so in files."""

    async def slowly(shots: Sequence[Shot], _tier: str) -> None:
        with (settings.home / "renders").open("a") as log:
            log.writelines(f"{shot.product.sku}\n" for shot in shots)
        await asyncio.sleep(0.1)

    async def run() -> None:
        async with open_desk(settings, real_render(settings, slowly)) as desk:
            await all_ended(desk.orders, 60)

    asyncio.run(run())


def survive(settings: Settings, *, orders: int, kills: int, seed: int) -> tuple[Orders, str]:
    """Orders carried out by processes that are killed (SIGKILL) at random moments, the last one excepted. Returns the orders
    and the id of a webhook endpoint that wants to hear of every success."""
    store, rng = Orders(settings.online), random.Random(seed)
    endpoint = Endpoints(settings.online).create("key_a", "https://192.0.2.1/hook", ["order.succeeded"])
    store.accept_many([new_order(settings, n, priority="urgent" if n % 4 == 0 else "standard") for n in range(orders)])
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.desk"])
    for turn in range(kills + 1):
        process = processes.Process(target=work, args=(settings,))
        process.start()
        if turn == kills:
            process.join(60)
            assert process.exitcode == 0
            break
        wanted = _rendered(settings) + rng.randrange(2, orders // kills)
        while _rendered(settings) < wanted and process.is_alive():
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 1.0))
        process.kill()
        process.join()
    return store, endpoint.id


def _rendered(settings: Settings) -> int:
    renders = settings.home / "renders"
    return len(renders.read_text().splitlines()) if renders.exists() else 0
