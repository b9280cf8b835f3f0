"""`Shot`: one image to make, and `Outcome`: what became of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from studio.destination import Destination
from studio.keys import digest_of
from studio.product import Frozen, Product, ProductImage
from studio.template import Template


class Shot(Frozen):
    """One image to make. `images[0]` is the photo it is made from; every image carries its digest."""

    product: Product
    template: Template
    destination: Destination
    images: Annotated[tuple[ProductImage, ...], Field(min_length=1)]
    slot: str = "front"
    companions: tuple[Product, ...] = ()
    """Further products in the picture, each with the photos that are used of it."""

    @model_validator(mode="after")
    def _digests_known(self) -> Shot:
        self.check()
        return self

    @classmethod
    def of(
        cls,
        product: Product,
        template: Template,
        destination: Destination,
        images: tuple[ProductImage, ...],
        *,
        slot: str,
        companions: tuple[Product, ...] = (),
    ) -> Shot:
        """A shot of parts that are models already: they are not checked again, which for a template costs more than all the rest.
        Raises ValueError for a photo without a digest."""
        shot = cls.model_construct(
            product=product, template=template, destination=destination, images=images, slot=slot, companions=companions
        )
        shot.check()
        return shot

    def check(self) -> None:
        """Raises ValueError for a photo whose digest is not known."""
        for product, images in ((self.product, self.images), *((other, other.images) for other in self.companions)):
            for image in images:
                if not image.digest:
                    raise ValueError(f"{product.sku}: image {image.uri} has no digest")

    @property
    def photos(self) -> tuple[ProductImage, ...]:
        """Every photo the picture is made from, its own first."""
        return (*self.images, *(image for other in self.companions for image in other.images))

    @property
    def id(self) -> str:
        """Place of this image in the catalogue, stable over content changes: sku/template/destination/slot."""
        return f"{self.product.sku}/{self.template.id}/{self.destination.id}/{self.slot}"

    @property
    def seed(self) -> int:
        """Seed for everything random about this shot, 0 .. 2**63-1, derived from its place and never invented."""
        return int(digest_of(["seed", self.id])[:16], 16) >> 1


class Asset(Frozen):
    """Encoded bytes in the store: BLAKE3 digest, media type, size in pixels and bytes."""

    digest: str
    media_type: str
    width: int
    height: int
    bytes: int


class Report(Frozen):
    """What was measured and spent on a shot. `seconds` is wall time by step; `cpu_s` and `gpu_s` are totals, `cpu_parts` and
    `gpu_parts` the same seconds by `step`, or `step:model` for what a model took inside a step.
    """

    measurements: dict[str, float] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    model_calls: dict[str, int] = Field(default_factory=dict)
    reused: tuple[str, ...] = ()
    """Steps whose result came from the store."""
    engine: str = "procedural"
    attempts: int = 1
    tried: tuple[str, ...] = ()
    """What further attempts did differently (`refiner`, `seed`, `engine`), in order."""
    cure: str = ""
    """Which of them made this picture; empty: the first attempt."""
    uncertainty: float = 0.0
    """How unsure the verdict is, 0..1; orders the review queue."""
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    cpu_parts: dict[str, float] = Field(default_factory=dict)
    gpu_parts: dict[str, float] = Field(default_factory=dict)
    lost_parts: dict[str, float] = Field(default_factory=dict)
    """Wall seconds of attempts that died with their process, by model or `renderer`; in no other figure."""
    previews: dict[str, str] = Field(default_factory=dict)
    """Small pictures for people, by name (source, cutout, result): blob digests."""


class Done(Frozen):
    """Made, checked and released."""

    status: Literal["released"] = "released"
    asset: Asset
    report: Report


class Rejected(Frozen):
    """Made, but the policy does not release it. The asset is kept apart for review."""

    status: Literal["rejected"] = "rejected"
    reason: str
    """Name of the limit that decided, for counting."""
    detail: str = ""
    action: Literal["review", "reject"] = "review"
    """`reject`: of no use to anybody; nobody need look at it."""
    asset: Asset | None = None
    report: Report


class Failed(Frozen):
    """Could not be made. `code` is a code of `studio.errors`."""

    status: Literal["failed"] = "failed"
    code: str
    message: str
    retryable: bool = False
    report: Report = Report()


Outcome = Annotated[Done | Rejected | Failed, Field(discriminator="status")]
