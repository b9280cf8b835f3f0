"""`Product`: what the shop knows about one thing it sells."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class ImageRole(StrEnum):
    """What a photo shows of the product."""

    FRONT = "front"
    BACK = "back"
    DETAIL = "detail"
    INSIDE = "inside"
    ON_MANNEQUIN = "on-mannequin"
    ARTWORK = "artwork"
    REFERENCE = "reference"
    """Something to imitate, or to place beside: it is never the product's own picture."""
    ANGLE = "angle"
    """The same product turned; further angles keep their order."""
    SPIN = "spin"
    """One of many evenly spaced turns, in order."""
    MANNEQUIN = "mannequin"
    """The mannequin without the garment, camera and light as in `on-mannequin`."""
    ON_MODEL = "on-model"


class Frozen(BaseModel):
    """Immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ProductImage(Frozen):
    """One photo: where it is, what it shows, and, once known, the BLAKE3 digest (hex) of its bytes."""

    uri: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    role: ImageRole = ImageRole.FRONT
    digest: str = ""


class Dimensions(Frozen):
    """Outer size of the product in millimetres."""

    width_mm: Annotated[float, Field(gt=0)] | None = None
    height_mm: Annotated[float, Field(gt=0)] | None = None
    depth_mm: Annotated[float, Field(gt=0)] | None = None


class Swatch(Frozen):
    """A named colour of the product, sRGB as `#rrggbb`."""

    name: str = ""
    hex: Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$", to_lower=True)]


class Product(Frozen):
    """One SKU with everything a template may use of it."""

    sku: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    title: str = ""
    category: str = ""
    brand: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    dimensions: Dimensions = Dimensions()
    images: tuple[ProductImage, ...] = ()
    swatches: tuple[Swatch, ...] = ()
    bundle: tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...] = ()
    """SKUs that are sold together with it, in order; it need not name itself."""
    variant_of: str = ""
    """What it is a variant of; all products that name the same are variants of each other."""
