"""From a request to an `OrderSpec`: template, product, destinations and edits looked up. All bad input is answered here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.storage.base import BLOB
from serve_apps.request.overrides import apply_edits, deliverable
from serve_apps.request.schema import ImageInput, ImageRequest, OrderSpec, PhotoInput, ProductFacts
from studio.destination import Destination
from studio.errors import InputError, NotStored
from studio.keys import digest_bytes
from studio.product import ImageRole, Product, ProductImage
from studio.selection import AUTO, choose
from studio.setups import fitting, nothing_to_make, taken
from studio.template import Template
from templates.lexicon import worded
from templates.library import Library
from templates.shotlist import Relatives, ShotList


def resolve(
    wanted: ImageRequest,
    *,
    library: Library,
    relatives: Relatives,
    has_blob: Callable[[str], bool],
    generator: str = "",
) -> OrderSpec:
    """Everything an order names, in the state of now. `relatives` finds products; `generator` is the model
    that paints sets, "" where there is none.

    Raises UnknownTemplate, NotFound, NotStored for an asset that is not there, BadEdit, NotSupported and other InputErrors.
    """
    if wanted.input is None:
        raise InputError("input: give url, asset or sku, or upload the photo with the request")
    known = _product(wanted, relatives, has_blob)
    look = _look(library, wanted.template, known)
    places = _destinations(library, look, wanted.destinations)
    if wanted.edits is not None:
        look, places = apply_edits(look, places, wanted.edits, has_blob=has_blob, generator=generator)
        look = worded(look, library.brand(look.brand).forbidden_words if look.brand else ())
    deliverable(look, places)
    setups = tuple(ShotList(library, relatives).setups(known, look, _photos(wanted.input, known, look)))
    if not setups:
        raise nothing_to_make(known, look)
    used = {image.uri: image for setup in setups for image in setup.images}
    return OrderSpec(
        product=known.model_copy(update={"images": tuple(used.values())}),
        setups=setups,
        template=look,
        destinations=places,
        named={name: library.destination(name) for setup in setups for name in setup.outputs},
        on_fail=wanted.qa.on_fail,
        ladder=look.ladder if wanted.qa.on_fail == "retry" else (),
        webhook=wanted.webhook,
        metadata=wanted.metadata,
    )


def _photos(given: ImageInput, product: Product, look: Template) -> Sequence[ProductImage]:
    """The photos that the look is made from. A photo that came without a role is what the look wants it to be."""
    if given.sku is None and given.role is None:
        return (taken(product, look),)
    photos = fitting(product, look, named=True)
    if given.sku is None and not photos and look.brief is None:
        return product.images[:1]
    if not photos:
        roles = ", ".join(look.applies_to.roles)
        name = "sku" if given.sku is not None else "role"
        raise InputError(f"input.{name}: {product.sku} has no photo for template {look.key}, which wants {roles}")
    return photos


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


def _photo(field: str, given: ImageInput | PhotoInput, has_blob: Callable[[str], bool]) -> ProductImage:
    role = given.role or ImageRole.FRONT
    if given.asset is None:
        return ProductImage(uri=given.url or "", role=role)
    if not has_blob(given.asset):
        raise NotStored(f"{field}.asset: no asset {given.asset}")
    return ProductImage(uri=BLOB + given.asset, role=role, digest=given.asset)


def _product(wanted: ImageRequest, relatives: Relatives, has_blob: Callable[[str], bool]) -> Product:
    """The stored product or a new one of the given photos, with the request's facts over it."""
    assert wanted.input is not None
    facts = wanted.product or ProductFacts()
    said = {name: getattr(facts, name) for name in ProductFacts.model_fields if getattr(facts, name) is not None}
    if wanted.input.sku is not None:
        if facts.sku is not None and facts.sku != wanted.input.sku:
            raise InputError("product.sku: contradicts input.sku")
        if wanted.photos:
            raise InputError("photos: with input.sku the product's own photos are used: leave photos out")
        return relatives.product(wanted.input.sku).model_copy(update=said)
    name = wanted.input.asset or digest_bytes((wanted.input.url or "").encode())
    images = (_photo("input", wanted.input, has_blob), *(_photo("photos", photo, has_blob) for photo in wanted.photos))
    return Product.model_validate({"sku": f"photo-{name[:16]}", **said, "images": images})
