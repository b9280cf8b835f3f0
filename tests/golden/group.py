"""The golden group: a stool and two mugs. `python -m tests.golden.group` makes it again; look at it before you commit it."""

from __future__ import annotations

from pathlib import Path

from studio.imaging.glance import glance
from studio.keys import digest_bytes
from studio.product import Dimensions, Product, ProductImage
from studio.recipes.group_shot import build, setups
from studio.shot import Shot
from studio.steps.others import CutOthers
from studio.take import Take
from templates.shotlist import ShotList
from tests import shipped
from tests.golden.pictures import HERE, SIDE, matte, run, small
from tests.sample import Shelf

CASES = (("group-pyramid", "web-hero"), ("group-row-white", "shopify"))
SIZES = {"NL-STL-01": (344.0, 446.9, 344.0), "NL-MUG-01": (118.1, 95.0, 82.0), "NL-MUG-02": (118.1, 95.0, 82.0)}


def path(template: str, destination: str) -> Path:
    return HERE / f"{template}_{destination}.jpg"


def finished(name: str, destination: str) -> Take:
    """One case, measured."""
    products = []
    for sku, (width, height, depth) in SIZES.items():
        image = ProductImage(uri=f"{sku}.jpg", digest=digest_bytes(sku.encode()))
        size = Dimensions(width_mm=width, height_mm=height, depth_mm=depth)
        products.append(Product(sku=sku, dimensions=size, images=(image,)))
    first = products[0].model_copy(update={"bundle": tuple(SIZES)})
    library = shipped.library()
    place, template = small(library.destination(destination), SIDE), library.template(name)
    (setup,) = setups(first, template, first.images, ShotList(library, Shelf(*products)))
    shot = Shot(product=first, template=template.at(place), destination=place, images=setup.images, companions=setup.companions)
    cut = {sku: matte(sku.replace("-02", "-01")) for sku in SIZES}
    take = Take(shot, b"", matte=cut[first.sku], glance=glance(cut[first.sku].foreground))
    for product in shot.companions:
        take.others[product.images[0].digest] = cut[product.sku]
        take.glances[product.images[0].digest] = glance(cut[product.sku].foreground)
    steps = build().steps
    start = next(place for place, step in enumerate(steps) if isinstance(step, CutOthers)) + 1
    return run(take, [step for step in steps[start:] if step.applies(shot)])


if __name__ == "__main__":
    for case in CASES:
        path(*case).write_bytes(finished(*case).encoded)
