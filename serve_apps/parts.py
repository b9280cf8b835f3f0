"""`Parts`: everything the HTTP service is put together from. No Ray in here, so that tests run it under any ASGI server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import Request

from cluster.engine import registry, storage
from cluster.metering.budgets import BudgetBook, BudgetGuard
from cluster.monitoring.readings import Readings
from cluster.profile import Profile, load_profile
from cluster.settings import Settings
from connectors.online.batches import Batches
from connectors.online.endpoints import Endpoints
from connectors.online.figures import OrderFigures
from connectors.online.held_orders import HeldOrders
from connectors.online.hooks import HookSources
from connectors.online.keys import ApiKeys
from connectors.online.orders import Orders
from connectors.online.outbox import Outbox
from connectors.online.products import Products
from connectors.online.sessions import Sessions
from connectors.online.store import online
from connectors.records import Records
from connectors.reviews import Reviews
from connectors.spend import Spend
from connectors.storage.base import Storage
from connectors.sync_state import SyncState
from serve_apps.http.metrics import Metrics
from serve_apps.orders.fulfilment import Fulfilment
from serve_apps.request.hits import Hits
from serve_apps.request.quote import Experience
from serve_apps.sync.connections import Connections
from serve_apps.sync.taking import Taking
from studio.errors import NotSupported, PackshotError
from templates.library import Library


class NotReady(PackshotError):
    """The service is starting or draining."""

    code = "not_ready"
    retryable = True
    http_status = 503


@dataclass(frozen=True, slots=True)
class CatalogJob:
    """A whole catalogue as a nightly run: where it is on the cluster, its templates, and an id that repeats with the request."""

    catalog: str
    templates: tuple[str, ...]
    job_id: str


SubmitJob = Callable[[CatalogJob], Awaitable[str]]
"""Starts the run unless it has been started, and gives the job's id. Raises PackshotError."""
JobState = Callable[[str], Awaitable[str]]
"""State of a job: PENDING, RUNNING, SUCCEEDED, FAILED, STOPPED. Raises PackshotError."""


async def no_jobs(_job: object) -> str:
    """`SubmitJob` and `JobState` where there is no cluster. Raises NotSupported."""
    raise NotSupported("this installation runs no catalogue jobs; send at most as many items as a batch may have")


@dataclass(slots=True)
class Readiness:
    """Whether the service takes work: `warm` once models are loaded, `draining` from SIGTERM on."""

    warm: bool = True
    draining: bool = False

    def check(self) -> None:
        """Raises NotReady."""
        if self.draining or not self.warm:
            raise NotReady("draining" if self.draining else "warming up")


@dataclass(frozen=True, slots=True)
class Parts:
    """What routes work with. One an app; all of it may be used by several threads."""

    settings: Settings
    profile: Profile
    library: Library
    storage: Storage
    orders: Orders
    figures: OrderFigures
    batches: Batches
    keys: ApiKeys
    sessions: Sessions
    endpoints: Endpoints
    outbox: Outbox
    hook_sources: HookSources
    products: Products
    records: Records
    reviews: Reviews
    held_orders: HeldOrders
    sync: SyncState
    taking: Taking
    connections: Connections
    hits: Hits
    readings: Readings
    desk: Fulfilment
    spend: Spend
    budgets: BudgetGuard
    experience: Experience
    submit_job: SubmitJob = no_jobs
    job_state: JobState = no_jobs
    readiness: Readiness = field(default_factory=Readiness)
    metrics: Metrics = field(default_factory=Metrics)


def open_parts(
    settings: Settings,
    desk: Fulfilment,
    *,
    submit_job: SubmitJob = no_jobs,
    job_state: JobState = no_jobs,
    readiness: Readiness | None = None,
) -> Parts:
    """The parts of these settings. Raises SettingsError and TemplateError; databases are opened on first use."""
    store, database, sync = storage(settings), online(settings.online), SyncState(settings.records)
    spend, records = Spend(settings.records), Records(settings.records)
    library = Library.default(settings.template_folders, fonts=settings.weights_folder)
    return Parts(
        settings=settings,
        profile=load_profile(settings.profile),
        library=library,
        storage=store,
        orders=Orders(database),
        figures=OrderFigures(database),
        batches=Batches(database),
        keys=ApiKeys(database),
        sessions=Sessions(database),
        endpoints=Endpoints(database),
        outbox=Outbox(database),
        hook_sources=HookSources(database),
        products=Products(database),
        records=records,
        reviews=Reviews(settings.records),
        held_orders=HeldOrders(database),
        sync=sync,
        taking=Taking(sync),
        connections=Connections(settings.connections),
        hits=Hits(store, registry(settings).card),
        readings=Readings(settings),
        desk=desk,
        spend=spend,
        budgets=BudgetGuard(BudgetBook(settings.budgets, spend, settings.prices.currency)),
        experience=Experience(spend, records),
        submit_job=submit_job,
        job_state=job_state,
        readiness=readiness or Readiness(),
    )


def parts_of(request: Request) -> Parts:
    """The parts of the app that got this request."""
    found: Parts = request.app.state.desk_parts
    return found
