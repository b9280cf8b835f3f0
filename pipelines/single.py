"""One photo, one finished image, in this process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from cluster.engine import fetcher, host_threads, open_renderer, storage
from cluster.settings import Settings
from studio.keys import digest_bytes
from studio.product import Product, ProductImage
from studio.shot import Failed, Outcome, Shot
from templates.library import Library


def shoot_one(settings: Settings, image: str, template: str, to: Path, *, destination: str = "") -> dict[str, Any]:
    """Render one photo and write it to `to`; a rejected image goes to `<to>.rejected`. Raises PackshotError."""
    library = Library.default(extra=settings.template_folders)
    chosen = library.template(template)
    store = storage(settings)
    for digest, data in library.assets():
        if not store.has_blob(digest):
            store.put_blob(data)
    place = library.destination(destination or chosen.outputs[0])
    photo = ProductImage(uri=image, digest=digest_bytes(fetcher(settings).read(image)))
    product = Product(sku=Path(image).stem or "photo", images=(photo,))
    shot = Shot(
        product=product,
        template=library.for_product(chosen, product).at(place),
        destination=place,
        images=(photo,),
    )

    async def render() -> Outcome:
        host_threads(2)
        return (await open_renderer(settings).render([shot]))[0]

    outcome = asyncio.run(render())
    result: dict[str, Any] = {"status": outcome.status, "report": outcome.report.model_dump(mode="json")}
    if isinstance(outcome, Failed):
        return {**result, "code": outcome.code, "message": f"failed [{outcome.code}]: {outcome.message}"}
    assert outcome.asset is not None
    written = to if outcome.status == "released" else to.with_name(to.name + ".rejected")
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_bytes(store.get_blob(outcome.asset.digest))
    if outcome.status == "rejected":
        return {**result, "path": str(written), "reason": outcome.reason, "message": f"{written} (rejected: {outcome.detail})"}
    return {**result, "path": str(written), "message": str(written)}
