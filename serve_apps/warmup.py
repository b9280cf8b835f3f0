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

ROOM = 1.7
"""Side of the example over the destination's: its product needs no enlargement, so that no model beyond the usual is asked."""
Render = Callable[[Shot], Awaitable[Outcome]]
"""Makes a shot although it may have been made before."""


def example(storage: Storage, library: Library, template: str) -> Shot:
    """A striped block on light grey under a template, its photo and the library's assets in the store."""
    for digest, data in library.assets():
        if not storage.has_blob(digest):
            storage.put_blob(data)
    look = library.template(template)
    target = library.destination(look.outputs[0])
    digest = storage.put_blob(_picture(round(ROOM * max(target.width, target.height))))
    photo = ProductImage(uri=BLOB + digest, digest=digest)
    return Shot(
        product=Product(sku="warm-up", images=(photo,)),
        template=look.at(target),
        destination=target,
        images=(photo,),
    )


def _picture(side: int) -> bytes:
    image = np.full((side, side, 3), 236, np.uint8)
    edge, middle = side // 5, side // 2
    image[edge:-edge, edge:-edge] = (60, 90, 150)
    image[middle : middle + side // 50, edge:-edge] = (200, 170, 60)
    done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise CorruptImage("the example could not be encoded")
    return data.tobytes()


async def warm_up(storage: Storage, library: Library, template: str, render: Render) -> None:
    """Make the example; whether it would be released does not matter. Raises ClusterUnavailable when it cannot be made."""
    outcome = await render(example(storage, library, template))
    if isinstance(outcome, Failed):
        raise ClusterUnavailable(f"the example could not be made: {outcome.code}: {outcome.message}")
