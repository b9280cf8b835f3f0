"""From many items to stored orders, some at a time; beyond a batch's size to a job of the nightly pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.database import batched
from connectors.online.batches import Batch, ItemError, NewBatch
from connectors.online.orders import NewOrder
from serve_apps.parts import CatalogJob, Parts
from serve_apps.request.batch_items import Item, Kind, Upload, given, uploaded
from serve_apps.request.intake import Incoming, admit, new_order, spec_of
from serve_apps.request.schema import BatchRequest
from studio.errors import FileTooLarge, InputError, PackshotError
from studio.keys import digest_bytes, digest_of

CHUNK = 500
"""Items that become orders in one go."""
Items = Callable[[], Iterator[Item | ItemError]]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose batch it is, and the trace of the call."""

    key_id: str
    trace: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What a call sent: the request, and the uploaded file with its kind."""

    request: BatchRequest
    data: bytes = b""
    kind: Kind | None = None

    @property
    def digest(self) -> str:
        """Digest of all of it."""
        return digest_of([self.request, digest_bytes(self.data)])


@dataclass(frozen=True, slots=True)
class Stored:
    """A batch, the orders that are new with this call, and the job that is to be submitted."""

    batch: Batch
    orders: tuple[str, ...] = ()
    job: CatalogJob | None = None


def store(parts: Parts, sent: Sent, owner: Owner, idempotency_key: str) -> Stored:
    """The batch, durably. Raises IdempotencyConflict, InputError for a file that cannot be read at all, FileTooLarge for more
    orders than a batch may have.
    """
    new = NewBatch(owner.key_id, 0, idempotency_key=idempotency_key, request_digest=sent.digest)
    request = sent.request
    if request.catalog:
        return _job(parts, new, request, request.catalog)
    if sent.kind is None:
        return _orders(parts, replace(new, total=len(request.items)), lambda: given(request.items, request.defaults), owner)
    with uploaded(sent.data, sent.kind) as upload:
        most = parts.settings.api.max_batch_items
        total = _count(upload.items(request.defaults), most)
        if total <= most:
            return _orders(parts, replace(new, total=total), lambda: upload.items(request.defaults), owner)
        if not upload.is_catalogue:
            raise FileTooLarge(f"a batch has at most {most} orders; more are taken as a catalogue of products")
        return _job(parts, new, request, _kept(parts, upload, request))


def _orders(parts: Parts, new: NewBatch, items: Items, owner: Owner) -> Stored:
    batch, fresh = parts.batches.create(new)
    if not fresh and batch.accepted + batch.errors >= batch.total:
        return Stored(batch)
    return Stored(batch, tuple(_accept(parts, batch, items(), owner)))


def _job(parts: Parts, new: NewBatch, request: BatchRequest, catalog: str) -> Stored:
    batch, _ = parts.batches.create(replace(new, kind="job", data={"catalog": catalog}))
    if batch.job_id:
        return Stored(batch)
    templates = (request.template,) if request.template else parts.settings.templates
    return Stored(batch, job=CatalogJob(catalog, templates, f"packshot-{batch.id}"))


def _kept(parts: Parts, upload: Upload, request: BatchRequest) -> str:
    """The upload as a file that the cluster can read, without rows whose photos lie on our own disks."""
    for item in upload.items(request.defaults):
        if isinstance(item, ItemError) and item.code == "fetch_refused":
            raise InputError(f"item {item.line} ({item.sku}): {item.message}")
    data = upload.path.read_bytes()
    path = Path(parts.settings.home).absolute() / "uploads" / f"{digest_bytes(data)}.{upload.kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path.as_uri()


def _count(items: Iterable[object], most: int) -> int:
    """How many items there are, `most + 1` when there are more than `most`."""
    total = 0
    for _ in items:
        total += 1
        if total > most:
            break
    return total


def _accept(parts: Parts, batch: Batch, items: Iterator[Item | ItemError], owner: Owner) -> list[str]:
    """Store every item as an order or as an error, and say how many. Doing it again stores nothing twice."""
    ids: list[str] = []
    for some in batched(items, CHUNK):
        made = [_order(parts, batch, item, owner) for item in some]
        errors = [item for item in made if isinstance(item, ItemError)]
        if errors:
            parts.batches.add_errors(batch.id, errors)
        ids += parts.orders.accept_many([item for item in made if isinstance(item, NewOrder)])
    parts.batches.update(batch.id, accepted=len(ids))
    return ids


def _order(parts: Parts, batch: Batch, item: Item | ItemError, owner: Owner) -> NewOrder | ItemError:
    if isinstance(item, ItemError):
        return item
    incoming = Incoming(item.wanted, owner.key_id, f"{batch.id}/{item.line}", owner.trace, item.product)
    try:
        spec = spec_of(parts, item.wanted, product=item.product)
        admit(parts, spec, incoming)
        return new_order(spec, incoming, batch=batch.id)
    except PackshotError as error:
        facts = item.wanted.product
        return ItemError(item.line, error.code, error.message, sku=(facts.sku or "") if facts else "")
