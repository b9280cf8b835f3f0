"""The renderer on its own: what two callers want at the same time is made once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from cluster.engine import registry, storage
from cluster.renderer import Renderer
from connectors.fetch import Fetcher
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.product import Product, ProductImage
from studio.shot import Done, Failed, Outcome, Shot
from templates.library import Library
from tests import sample


class Studio:
    """A renderer whose reads of source images are counted, and shots for it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.settings = folder, sample.settings(folder)
        self.reads: list[str] = []
        self.on_read: Callable[[], object] = lambda: None

    def renderer(self) -> Renderer:
        fetch = Fetcher()

        def read(uri: str) -> bytes:
            self.reads.append(uri)
            self.on_read()
            return fetch.read(uri)

        return Renderer(LocalModels(registry(self.settings)), storage(self.settings), read)

    def shot(self, sku: str, data: bytes = b"") -> Shot:
        path = self.folder / f"{sku}.png"
        sample.photo(path, 3)
        if data:
            path.write_bytes(data)
        image = ProductImage(uri=str(path), digest=digest_bytes(path.read_bytes()))
        library = Library.default(extra=self.settings.template_folders)
        return Shot(
            product=Product(sku=sku, images=(image,)),
            template=library.template("tiny-grey"),
            destination=library.destination("tiny"),
            images=(image,),
        )


def test_two_calls_for_the_same_shot_at_once_render_it_once(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    shot = studio.shot("A")

    async def both() -> tuple[list[Outcome], list[Outcome]]:
        renderer = studio.renderer()
        return await asyncio.gather(renderer.render([shot]), renderer.render([shot, shot]))

    (first,), (second, third) = asyncio.run(both())
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert isinstance(third, Done)
    assert first.asset == second.asset == third.asset
    assert sum(sum(o.report.model_calls.values()) for o in (first, second, third)) == 1
    assert len(studio.reads) == 1


def test_a_failure_is_shared(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    broken = studio.shot("B", b"no picture at all")

    outcomes = asyncio.run(studio.renderer().render([broken, broken]))
    assert [outcome.code for outcome in outcomes if isinstance(outcome, Failed)] == ["unknown_format"] * 2
    assert len(studio.reads) == 1


def test_a_stopped_caller_leaves_the_work_to_the_one_who_waits(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    shot = studio.shot("C")

    async def stopped() -> list[Outcome]:
        renderer, begun, loop = studio.renderer(), asyncio.Event(), asyncio.get_running_loop()
        studio.on_read = lambda: loop.call_soon_threadsafe(begun.set)
        first = asyncio.create_task(renderer.render([shot]))
        await begun.wait()
        second = asyncio.create_task(renderer.render([shot]))
        first.cancel()
        return await second

    (outcome,) = asyncio.run(stopped())
    assert isinstance(outcome, Done)
