"""One made-up product through the renderer, so that the first customer does not wait for what only the first call does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import cv2
import numpy as np

from connectors.storage.base import BLOB, Storage
from studio.errors import ClusterUnavailable, CorruptImage
from studio.product import Product, ProductImage
from studio.shot import Failed, Outcome, Shot
from templates.library import Library

SIDE_PX = 640
Render = Callable[[Shot], Awaitable[Outcome]]
"""Makes a shot although it may have been made before."""


def example(storage: Storage, library: Library, template: str) -> Shot:
    """A striped block on light grey under a template, its photo and the library's assets in the store."""
    for digest, data in library.assets():
        if not storage.has_blob(digest):
            storage.put_blob(data)
    image = np.full((SIDE_PX, SIDE_PX, 3), 236, np.uint8)
    edge = SIDE_PX // 5
    image[edge:-edge, edge:-edge] = (60, 90, 150)
    image[SIDE_PX // 2 : SIDE_PX // 2 + 12, edge:-edge] = (200, 170, 60)
    done, data_png = cv2.imencode(".png", image)
    if not done:
        raise CorruptImage("the example could not be encoded")
    digest = storage.put_blob(data_png.tobytes())
    photo = ProductImage(uri=BLOB + digest, digest=digest)
    look = library.template(template)
    return Shot(
        product=Product(sku="warm-up", images=(photo,)),
        template=look,
        destination=library.destination(look.outputs[0]),
        images=(photo,),
    )


async def warm_up(storage: Storage, library: Library, template: str, render: Render) -> None:
    """Make the example; whether it would be released does not matter. Raises ClusterUnavailable when it cannot be made."""
    outcome = await render(example(storage, library, template))
    if isinstance(outcome, Failed):
        raise ClusterUnavailable(f"the example could not be made: {outcome.code}: {outcome.message}")
