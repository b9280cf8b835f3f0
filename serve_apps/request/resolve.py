"""From a request to an `OrderSpec`: template, product, destinations and edits looked up. All bad input is answered here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.storage.base import BLOB
from serve_apps.request.overrides import apply_edits, deliverable
from serve_apps.request.schema import ImageInput, ImageRequest, OrderSpec, ProductFacts
from studio.destination import Destination
from studio.errors import InputError, NotStored
from studio.keys import digest_bytes
from studio.product import ImageRole, Product, ProductImage
from studio.selection import AUTO, choose
from studio.slots import fitting, slots
from studio.template import Template
from templates.lexicon import worded
from templates.library import Library


def resolve(
    wanted: ImageRequest,
    *,
    library: Library,
    product: Callable[[str], Product],
    has_blob: Callable[[str], bool],
    generator: str = "",
) -> OrderSpec:
    """Everything an order names, in the state of now. `product` finds one by SKU and raises NotFound; `generator` is the model
    that paints sets, "" where there is none.

    Raises UnknownTemplate, NotFound, NotStored for an asset that is not there, BadEdit, NotSupported and other InputErrors.
    """
    if wanted.input is None:
        raise InputError("input: give url, asset or sku, or upload the photo with the request")
    known = _product(wanted, product)
    look = _look(library, wanted.template, known)
    places = _destinations(library, look, wanted.destinations)
    if wanted.edits is not None:
        look, places = apply_edits(look, places, wanted.edits, has_blob=has_blob, generator=generator)
        look = worded(look, library.brand(look.brand).forbidden_words if look.brand else ())
    deliverable(look, places)
    if wanted.input.sku is None:
        images: Sequence[ProductImage] = (_photo(wanted.input, has_blob),)
    else:
        images = fitting(known, look, named=True)
        if not images:
            roles = ", ".join(look.applies_to.roles)
            raise InputError(f"input.sku: {known.sku} has no photo for template {look.key}, which wants {roles}")
    return OrderSpec(
        product=known.model_copy(update={"images": tuple(images)}),
        images=tuple(images),
        slots=slots(images),
        template=look,
        destinations=places,
        on_fail=wanted.qa.on_fail,
        ladder=look.ladder if wanted.qa.on_fail == "retry" else (),
        webhook=wanted.webhook,
        metadata=wanted.metadata,
    )


def _look(library: Library, name: str, product: Product) -> Template:
    """The template of that name, or the first that the rules choose, under the rules of the product's brand."""
    if name == AUTO:
        choice = choose(product, library.rules())
        if not choice.templates:
            raise InputError("template: no rule chooses a template for this product; name one")
        name = choice.templates[0]
    return library.for_product(library.template(name), product)


def _destinations(library: Library, look: Template, names: Sequence[str]) -> tuple[Destination, ...]:
    return tuple(library.destination(name) for name in dict.fromkeys(names or look.outputs))


def _photo(given: ImageInput, has_blob: Callable[[str], bool]) -> ProductImage:
    role = given.role or ImageRole.FRONT
    if given.asset is None:
        return ProductImage(uri=given.url or "", role=role)
    if not has_blob(given.asset):
        raise NotStored(f"input.asset: no asset {given.asset}")
    return ProductImage(uri=BLOB + given.asset, role=role, digest=given.asset)


def _product(wanted: ImageRequest, find: Callable[[str], Product]) -> Product:
    """The stored product or a new one, with the request's facts over it."""
    assert wanted.input is not None
    facts = wanted.product or ProductFacts()
    said = {name: getattr(facts, name) for name in ProductFacts.model_fields if getattr(facts, name) is not None}
    if wanted.input.sku is not None:
        if facts.sku is not None and facts.sku != wanted.input.sku:
            raise InputError("product.sku: contradicts input.sku")
        return find(wanted.input.sku).model_copy(update=said)
    name = wanted.input.asset or digest_bytes((wanted.input.url or "").encode())
    return Product.model_validate({"sku": f"photo-{name[:16]}", **said})
