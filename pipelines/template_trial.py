"""Trying a style out: its samples made as it is now and as it was released, side by side, before anybody relies on it."""

from __future__ import annotations

import asyncio
import io
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from cluster.engine import fetcher, host_threads, open_renderer, registry, storage
from cluster.settings import Settings
from connectors.sources.registry import open_source
from pipelines.relatives import CatalogueRelatives
from studio.errors import InputError, PackshotError
from studio.imaging.pdf import picture_of
from studio.keys import digest_bytes
from studio.models.base import Answer, LocalModels, ModelSource
from studio.product import Product, ProductImage
from studio.qa import policy
from studio.setups import fitting
from studio.shot import Failed, Outcome, Shot
from studio.template import Template
from templates.lexicon import worded
from templates.library import Library
from templates.marks import written
from templates.shotlist import ShotList
from templates.versions import changed, content

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SAMPLES = EXAMPLES / "catalog" / "catalog.csv"
"""The sample catalogue that styles name their samples from."""
THREADS = 2
SHOWN_PX = 520
"""Longest side of a picture on the page."""


def sample_catalogues(style: Path) -> tuple[str, ...]:
    """Where a style's samples are: in its studio's own catalogue, and in the sample catalogue."""
    own = EXAMPLES / "studios" / f"{style.parent.name}.csv"
    return (str(own), str(SAMPLES)) if style.parent.parent.name == "studios" and own.is_file() else (str(SAMPLES),)


@dataclass(frozen=True, slots=True)
class Side:
    """One sample as one version makes it. `picture` is a data URI of a small copy, empty where nothing was made."""

    status: str
    detail: str = ""
    picture: str = ""
    values: dict[str, float] = field(default_factory=dict)
    asset: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement on both sides, and the bounds that hold for the new one."""

    name: str
    before: float | None
    after: float | None
    bounds: str = ""
    good: bool = True

    @property
    def delta(self) -> float | None:
        """New minus old; None where one is missing."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True, slots=True)
class Sample:
    """One product at one destination, on both sides."""

    product: Product
    destination: str
    before: Side | None
    after: Side
    values: tuple[Measured, ...]

    @property
    def same(self) -> bool:
        """Whether both versions make the same file."""
        return self.before is not None and bool(self.after.asset) and self.before.asset == self.after.asset


@dataclass(frozen=True, slots=True)
class Trial:
    """A style tried out. `before` is the released version it was compared with, empty where there is none; `calls` are the
    model calls it took, cached ones left out."""

    template: Template
    before: str
    changes: dict[str, tuple[Any, Any]]
    samples: tuple[Sample, ...]
    calls: dict[str, int]

    @property
    def fallen(self) -> tuple[Sample, ...]:
        """Samples that were rejected, or could not be made."""
        return tuple(sample for sample in self.samples if sample.after.status != "released")


class Bench:
    """Renders samples in this process, with the installation's store: what is cached there is not made again."""

    def __init__(self, settings: Settings, library: Library, catalog: Path | str = "") -> None:
        self._settings, self._library, self._given = settings, library, str(catalog)
        self._store, self._fetch = storage(settings), fetcher(settings)
        self._models = _Counting(registry(settings))
        self._renderer = open_renderer(settings, self._models)
        self._runner = asyncio.Runner()
        self._opened: dict[tuple[str, ...], tuple[ShotList, dict[str, Product]]] = {}
        for digest, data in library.assets():
            if not self._store.has_blob(digest):
                self._store.put_blob(data)

    def close(self) -> None:
        """Stop the threads."""
        self._runner.close()

    def trial(self, template: Template) -> Trial:
        """Make the samples of a style, and those of the version released before it. Raises InputError for samples that are
        not in the catalogue, and FetchError for photos that cannot be read."""
        before = self._before(template)
        counted = Counter(self._models.calls)
        shots = self._shots(template)
        old = self._shots(before, template) if before else []
        made = self._render([*shots, *old])
        was = {shot.id: self._side(outcome) for shot, outcome in zip(old, made[len(shots) :], strict=True)}
        samples = [self._sample(shot, outcome, was.get(shot.id)) for shot, outcome in zip(shots, made, strict=False)]
        changes = changed(content(before), content(template)) if before else {}
        calls = dict(self._models.calls - counted)
        return Trial(template, before.key if before else "", changes, tuple(samples), calls)

    def _before(self, template: Template) -> Template | None:
        """The newest released version up to this one, as it was released."""
        older = {key: int(key.rpartition("@")[2]) for key in self._library.locked() if key.rpartition("@")[0] == template.id}
        known = [key for key, version in older.items() if version <= template.version]
        return self._library.released(max(known, key=lambda key: older[key])) if known else None

    def _shots(self, template: Template, samples_of: Template | None = None) -> list[Shot]:
        """Every sample at every destination of the style, of the first photo that fits."""
        named = samples_of or template
        catalogs = (self._given,) if self._given else sample_catalogues(self._library.file(named))
        shotlist, products = self._open(catalogs)
        for sku in named.samples:
            if sku not in products:
                raise InputError(f"template {template.key}: samples: {sku} is not in {' or '.join(catalogs)}")
        return [shot for sku in named.samples for shot in self._of(template, products[sku], shotlist)]

    def _of(self, template: Template, product: Product, shotlist: ShotList) -> Iterator[Shot]:
        photos = fitting(product, template, named=True)
        if not photos:
            raise InputError(f"template {template.key}: samples: {product.sku} has no photo of the template's roles")
        look = worded(written(template, product, None, self._settings.weights_folder))
        for setup in shotlist.setups(product, look, photos if look.brief else photos[:1]):
            yield from shotlist.shots(product, look, setup.with_photos(self._known))

    def _known(self, image: ProductImage) -> ProductImage:
        return image.model_copy(update={"digest": digest_bytes(self._fetch.read(image.uri))})

    def _open(self, catalogs: tuple[str, ...]) -> tuple[ShotList, dict[str, Product]]:
        """Products by SKU, those of the first catalogue first, and the shot list that finds their relatives."""
        if catalogs not in self._opened:
            products: dict[str, Product] = {}
            for row in (row for catalog in catalogs for row in open_source(catalog)):
                if isinstance(row, Product):
                    products.setdefault(row.sku, row)
            self._opened[catalogs] = ShotList(self._library, CatalogueRelatives(products.values)), products
        return self._opened[catalogs]

    def _render(self, shots: Sequence[Shot]) -> list[Outcome]:
        async def work() -> list[Outcome]:
            host_threads(THREADS)
            return await self._renderer.render(shots)

        return self._runner.run(work())

    def _side(self, outcome: Outcome) -> Side:
        if isinstance(outcome, Failed):
            return Side("failed", f"{outcome.code}: {outcome.message}", values=outcome.report.measurements)
        detail = outcome.detail if outcome.status == "rejected" else ""
        return Side(
            outcome.status,
            detail,
            self._picture(outcome.asset.digest) if outcome.asset else "",
            outcome.report.measurements,
            outcome.asset.digest if outcome.asset else "",
        )

    def _picture(self, digest: str) -> str:
        """A copy small enough for a page of many, as a data URI."""
        small = io.BytesIO()
        with Image.open(io.BytesIO(picture_of(self._store.get_blob(digest)))) as image:
            image.thumbnail((SHOWN_PX, SHOWN_PX), Image.Resampling.LANCZOS)
            kind = "png" if image.has_transparency_data else "jpeg"
            image.convert("RGBA" if kind == "png" else "RGB").save(small, kind, quality=88)
        return f"data:image/{kind};base64,{b64encode(small.getvalue()).decode()}"

    def _sample(self, shot: Shot, outcome: Outcome, before: Side | None) -> Sample:
        after = self._side(outcome)
        bounds = policy.limits(shot.template, shot.destination)
        old = before.values if before else {}
        names = [*bounds, *(name for name in {**old, **after.values} if name not in bounds)]
        rows = []
        for name in names:
            limit = bounds.get(name)
            ends = (("≥", limit.min), ("≤", limit.max)) if limit else ()
            text = " ".join(f"{sign} {bound:g}" for sign, bound in ends if bound is not None)
            good = limit is None or policy.passes(after.values, name, limit)
            rows.append(Measured(name, old.get(name), after.values.get(name), text, good))
        return Sample(shot.product, shot.destination.id, before, after, tuple(rows))


class _Counting(LocalModels):
    """Models in this process that count what they are asked."""

    def __init__(self, cards: ModelSource) -> None:
        super().__init__(cards)
        self.calls: Counter[str] = Counter()

    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        """As `LocalModels`."""
        self.calls[name] += len(items)
        return await super().predict(name, items)
