"""Fills a home folder with a little of everything: `python -m tests.old_home STAGE FOLDER`.

Copied into the tree of an earlier release and run there, with that release's code: it may use only what both have.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connectors.online.endpoints import Endpoints
from connectors.online.keys import ApiKeys
from connectors.online.orders import Orders
from connectors.publications import Publications
from connectors.publisher import Publisher
from pipelines.ledger import Totals
from pipelines.nightly import Night, Request
from pipelines.screen import Quiet
from studio.errors import VendorUnavailable
from studio.recipes.catalogue import recipe
from studio.shot import Shot
from tests import desk, sample
from tests.local.test_publisher import BLOBS, Wall, items

CATALOGUE, BEGUN = 6, 12
ENDED, OPEN = 4, 5
DIED = 9


def settings(folder: Path) -> Any:
    """The same in both releases."""
    return sample.settings(folder, api={"publish": str(folder / "shop")})


def galleries(folder: Path) -> tuple[Publications, dict[str, Wall]]:
    """Records of sets, and shops: `live` was published, `begun` is half way."""
    path = folder / "walls"
    walls = pickle.loads(path.read_bytes()) if path.exists() else {"live": Wall(["person"]), "begun": Wall(["person"])}
    return Publications(settings(folder).records), walls


def publisher(folder: Path, wall: Wall) -> Publisher:
    """To a shop."""
    return Publisher("shop", wall, Publications(settings(folder).records), BLOBS.__getitem__, sleep=lambda _: None)


def night(folder: Path, catalogue: str, watcher: Quiet | None = None) -> Night:
    """A run over one of the two catalogues, in this process."""
    request = Request(catalog=str(folder / catalogue / "catalog.csv"), mode="inline", out=folder / f"out-{catalogue}")
    return Night(settings(folder), request, watcher or Quiet())


def versions() -> dict[str, int]:
    """Of the steps that make these pictures."""
    return {step.name: step.version for step in recipe("photography").steps}


class Dies(Quiet):
    """Ends the process in the middle of a run."""

    def progress(self, totals: Totals) -> None:
        """After the first results."""
        if sum(totals.status.values()):
            os._exit(DIED)


def done(folder: Path) -> None:
    """A night, orders and a gallery that came to their ends; a set that got no answer; orders that nobody began."""
    for name, count in (("whole", CATALOGUE), ("begun", BEGUN)):
        (folder / name).mkdir(parents=True)
        sample.catalogue(folder / name, count)
    assert night(folder, "whole").run().released == CATALOGUE
    tree = settings(folder)
    (folder / "key").write_text(ApiKeys(tree.online).issue("shop", {"write"})[1])
    (folder / "versions").write_text(json.dumps(versions()))
    orders = Orders(tree.online)
    Endpoints(tree.online).create("key_a", "https://192.0.2.1/hook", ["order.succeeded"])
    orders.accept_many([desk.new_order(tree, number) for number in range(ENDED)])

    async def all_of_them() -> None:
        async with desk.open_desk(tree) as open_desk:
            await desk.all_ended(open_desk.orders, 60)

    asyncio.run(all_of_them())
    orders.accept_many([desk.new_order(tree, number) for number in range(ENDED, ENDED + OPEN)])
    _, walls = galleries(folder)
    publisher(folder, walls["live"]).publish("1", "MUG-1", items("ab"))
    publisher(folder, walls["live"]).publish("1", "MUG-1", items("bc"))
    walls["begun"]._trouble = iter(["", "before"] + ["before"] * 50)
    try:
        publisher(folder, walls["begun"]).publish("2", "MUG-2", items("de"))
    except VendorUnavailable:
        walls["begun"]._trouble = iter(())
    (folder / "walls").write_bytes(pickle.dumps(walls))


def run_that_dies(folder: Path) -> None:
    """A night that is killed after some results."""
    night(folder, "begun", Dies()).run()


def desk_that_dies(folder: Path) -> None:
    """A desk that is killed while it renders its second order."""
    tree, seen = settings(folder), set[str]()

    async def die(shots: Sequence[Shot], _tier: str) -> None:
        seen.update(shot.product.sku for shot in shots)
        if len(seen) > 1:
            os._exit(DIED)

    async def work() -> None:
        async with desk.open_desk(tree, desk.real_render(tree, die)) as open_desk:
            await desk.all_ended(open_desk.orders, 60)

    asyncio.run(work())


STAGES = {"done": done, "run": run_that_dies, "desk": desk_that_dies}

if __name__ == "__main__":
    STAGES[sys.argv[1]](Path(sys.argv[2]))
