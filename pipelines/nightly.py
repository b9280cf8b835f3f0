"""The main job: plan a catalogue, carry the plan out, publish what is released, report."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from cluster.engine import fetcher, registry, storage
from cluster.metering.forecast import Forecast
from cluster.profile import Profile, load_profile
from cluster.settings import Settings
from cluster.signing import signing
from connectors.destinations.folder import FolderDestination
from connectors.online.products import Products
from connectors.records import Records
from connectors.sources.drafts import drafts
from connectors.sources.mapping import load_mapping
from connectors.sources.registry import open_source
from connectors.weights import verify
from pipelines.estimate import Estimate, estimate, watched, weight
from pipelines.executors import Mode, Stop, execute
from pipelines.ingest import Ingest, Publisher
from pipelines.ledger import Totals, read_ledger
from pipelines.plan import PAGE, Planned, Planner, Tally
from pipelines.plan_world import world
from pipelines.relatives import CatalogueRelatives
from pipelines.report import write_report
from pipelines.report_consistency import earlier_runs, keep_medians
from pipelines.runfiles import RunFiles
from pipelines.spending import Purse, RunSpending
from studio.errors import RowError, RunError, UnknownTemplate
from studio.product import Product
from studio.template import Template
from templates.library import Library
from templates.shotlist import ShotList

Rows = Iterable[Product | RowError]
POLL_S = 0.25
OVER_BUDGET = "over_budget"
ENDS = {"interrupted": 130, OVER_BUDGET: 4}
"""Exit codes by the state of a run that did not come to its end and can be taken up again."""
STOP_S = 60.0
"""How long a stopped run may take to finish the pixels it is working on."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to run. An empty `templates` means the settings' default; `out` is the folder of released images."""

    catalog: str
    templates: tuple[str, ...] = ()
    out: Path | None = None
    mode: Mode = "serve"
    limit: int = 0
    force: bool = False
    retry_failed: bool = False
    mapping: Path | None = None
    format: str = ""


class Watcher(Protocol):
    """Somebody who looks on: a progress bar, a log, nobody."""

    def phase(self, name: str) -> None:
        """What is being done now."""

    def planned(self, due: int, tally: Tally) -> None:
        """The plan is made."""

    def progress(self, totals: Totals) -> None:
        """Some more results are in."""


@dataclass(slots=True)
class Summary:
    """How a run ended. `unchanged` counts the shots that were up to date, by status."""

    run: str
    catalog: str
    mode: str
    due: int = 0
    released: int = 0
    rejected: int = 0
    failed: int = 0
    cached: int = 0
    restored: int = 0
    unchanged: dict[str, int] = field(default_factory=dict)
    products: int = 0
    unmatched: int = 0
    images_read: int = 0
    problems: list[str] = field(default_factory=list)
    why: dict[str, int] = field(default_factory=dict)
    rules: dict[str, int] = field(default_factory=dict)
    """Products by the rule that chose their templates."""
    reasons: dict[str, int] = field(default_factory=dict)
    model_calls: dict[str, int] = field(default_factory=dict)
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    cost: float = 0.0
    currency: str = ""
    prices: str = ""
    quote: float = 0.0
    quote_basis: str = ""
    quote_error: float | None = None
    """Cost over quote, less 1; None for a run that did not end, or had nothing to do."""
    spent: list[dict[str, Any]] = field(default_factory=list)
    """Seconds and price by step and model, the dearest first."""
    lost_s: float = 0.0
    """Seconds of attempts that died with their process; what they cost is in `cost`."""
    held_back: dict[str, int] = field(default_factory=dict)
    """Shots that were due and not planned, by brand: its budget is spent."""
    budget: str = ""
    """The budget that stopped the run."""
    budgets: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    wall_s: float = 0.0
    report: str = ""
    ledger: str = ""
    state: str = "done"

    @property
    def exit_code(self) -> int:
        """0: every shot of the catalogue is released; 3: some are rejected, failed or held back; 4: stopped by a budget;
        130: stopped by the user."""
        if self.state in ENDS:
            return ENDS[self.state]
        bad = self.rejected + self.failed + len(self.problems) + sum(self.held_back.values())
        bad += sum(count for status, count in self.unchanged.items() if status != "released")
        return 3 if bad else 0


class Night:
    """One run over one catalogue."""

    def __init__(self, settings: Settings, request: Request, watcher: Watcher) -> None:
        self._settings, self._request, self._watch = settings, request, watcher
        self._profile: Profile = load_profile(settings.profile)
        settings.home.mkdir(parents=True, exist_ok=True)
        self._records = Records(settings.records)
        self._storage = storage(settings)
        self._cards = registry(settings)
        self._publisher = Publisher(
            self._storage, FolderDestination(request.out) if request.out else None, signing(settings, self._storage)
        )
        self._purse = Purse(settings, self._profile)
        self._forecast = Forecast(self._cards.card, lambda key: self._storage.get_action(key) is not None)
        self._library = Library.default(extra=settings.template_folders, fonts=settings.weights_folder)

    def plan(self, tally: Tally, held_back: Counter[str] | None = None) -> Iterator[Planned]:
        """The shots that are due, with nothing spent yet. `held_back` takes those of brands beyond their budget."""
        request, library = self._request, self._library
        source, family = self._catalogue()
        shots, fetch = ShotList(library, CatalogueRelatives(family)), fetcher(self._settings)
        names = request.templates or self._settings.templates
        around = world(names, self._settings.template_folders, self._kept_assets(), self._cards)
        planner = Planner(shots, self._records, fetch, self._cards.card, self._publisher.lacks, around)
        due = planner.plan(
            str(request.catalog),
            drafts(source),
            names,
            tally,
            force=request.force,
            retry_failed=request.retry_failed,
            limit=request.limit,
        )
        admitted = due if held_back is None else self._purse.admitted(due, held_back)
        return watched(admitted, self._forecast, force=request.force)

    def _kept_assets(self) -> Iterator[str]:
        """Digests of the pictures and typefaces that looks name, each put into the store."""
        for digest, data in self._library.assets():
            if not self._storage.has_blob(digest):
                self._storage.put_blob(data)
            yield digest

    def _catalogue(self) -> tuple[Rows, Callable[[], Rows]]:
        """The products to make, and how to read all of which they may have relatives. Raises InputError."""
        mapping = load_mapping(self._request.mapping) if self._request.mapping else None
        wanted = partial(open_source, self._request.catalog, mapping=mapping, format=self._request.format or None)
        return wanted(), wanted

    def estimate(self, tally: Tally) -> Estimate:
        """Seconds and cost of a plan that has been read to its end, from what earlier runs took."""
        purse, prices = self._purse, self._settings.prices
        return estimate(tally, self._forecast, purse.spend, self._records, self._profile, prices)

    def run(self, resume: str = "") -> Summary:
        """Plan (or take up an earlier run's plan) and carry it out. Raises RunError and InputError."""
        started, tally = time.monotonic(), Tally()
        files = RunFiles(self._settings.runs, resume or _new_run(), endpoint_url=self._settings.storage.endpoint_url)
        self._watch.phase("planning")
        meta = self._resumed(files) if resume else self._planned(files, tally)
        self._watch.planned(meta["due"], tally)
        restored = [self._publisher.restore(record) for record in tally.missing]
        self._records.remember_shots(meta["catalog"], restored)
        summary = Summary(run=files.run, catalog=meta["catalog"], mode=self._request.mode, restored=len(restored), **meta["plan"])
        summary.due, summary.currency, summary.prices = meta["due"], self._purse.tariff.currency, self._purse.tariff.source
        spending = self._purse.of_run(files.run)
        spending.announce(summary.quote)
        ingest = Ingest(files, meta["catalog"], self._records, self._publisher, self._purse.tariff, spending.meter)
        ingest.poll()
        try:
            if meta["due"] and not _stopped(summary, spending.over(now=True)):
                self._execute(files, ingest, summary, spending, force=meta["force"])
        finally:
            ingest.poll()
            ingest.close()
            _sum_up(summary, ingest.totals, time.monotonic() - started)
            _account(summary, spending)
            self._finish(files, summary)
            self.close()
        return summary

    def close(self) -> None:
        """Close the databases; the next call opens them again. A notebook may make many nights in one process."""
        self._records.close()
        self._purse.spend.close()

    def _planned(self, files: RunFiles, tally: Tally) -> dict[str, Any]:
        files.make()
        held_back: Counter[str] = Counter()
        due, chunks, fingerprint = files.write_plan(
            self._remembered(self.plan(tally, held_back)),
            workers=self._profile.workers,
            largest=self._profile.batch.chunk,
            weight=weight,
        )
        self._check_weights(tally)
        quote = self.estimate(tally)
        plan = {
            "quote": round(quote.cost, 9) if due else 0.0,
            "quote_basis": quote.basis,
            "held_back": dict(held_back),
            "unchanged": dict(tally.unchanged),
            "products": tally.products,
            "unmatched": tally.unmatched,
            "images_read": tally.images_read,
            "problems": [str(problem) for problem in tally.problems],
            "why": dict(tally.why),
            "rules": dict(tally.rules),
        }
        meta: dict[str, Any] = {
            "catalog": str(self._request.catalog),
            "due": due,
            "chunks": chunks,
            "fingerprint": fingerprint,
            "force": self._request.force,
            "plan": plan,
        }
        files.write_json("plan.json", meta)
        self._records.start_run(files.run, meta["catalog"], {"mode": self._request.mode, "due": due})
        return meta

    def _remembered(self, planned: Iterator[Planned]) -> Iterator[Planned]:
        """The same shots; their products are kept on the way, so that the HTTP service knows them by SKU."""
        products = Products(self._settings.online)
        while page := list(islice(planned, PAGE)):
            products.remember((item.shot.product for item in page), str(self._request.catalog))
            yield from page
        products.close()

    def _check_weights(self, tally: Tally) -> None:
        """A model that cannot load fails the run before it spends anything, not every shot on its own."""
        for problem in verify([self._cards.card(name) for name in tally.calls], self._settings.weights_folder).values():
            if problem is not None:
                raise problem

    def _resumed(self, files: RunFiles) -> dict[str, Any]:
        if not files.exists():
            raise RunError(f"there is no run {files.run!r} under {self._settings.runs}")
        meta: dict[str, Any] = files.read_json("plan.json")
        return meta

    def _execute(self, files: RunFiles, ingest: Ingest, summary: Summary, spending: RunSpending, *, force: bool) -> None:
        """The work in a thread, the journal followed here; Ctrl-C and a spent budget stop it and keep what is done."""
        failure: list[BaseException] = []
        stop = Stop()
        worker = threading.Thread(target=self._work, args=(files, failure, force, stop), name="packshot-run", daemon=True)
        try:
            worker.start()
            while worker.is_alive():
                worker.join(POLL_S)
                if ingest.poll():
                    self._watch.progress(ingest.totals)
                if not stop.finishing and _stopped(summary, spending.over()):
                    self._watch.phase("finishing what has begun: a budget is spent")
                    stop.finish()
        except KeyboardInterrupt:
            summary.state = "interrupted"
            self._watch.phase("stopping")
            stop.request()
            worker.join(STOP_S)
            return
        if failure and not stop.finishing:
            summary.state = "failed"
            raise failure[0]

    def _work(self, files: RunFiles, failure: list[BaseException], force: bool, stop: Stop) -> None:
        mode: Mode = self._request.mode
        try:
            execute(mode, self._settings, self._profile, files, force=force, phase=self._watch.phase, stop=stop)
        except BaseException as error:  # noqa: BLE001 - carried over to the main thread and raised there
            failure.append(error)

    def _finish(self, files: RunFiles, summary: Summary) -> None:
        self._watch.phase("writing the report")
        summary.ledger = files.path("ledger.parquet")
        if files.local:
            summary.report = str(make_report(files, asdict(summary), self._storage.get_blob, known_looks(self._library)))
        files.write_json("run.json", asdict(summary))
        self._records.finish_run(summary.run, summary.state, asdict(summary))


def make_report(
    files: RunFiles, run: dict[str, Any], image: Callable[[str], bytes], template: Callable[[str], Template | None]
) -> Path:
    """Write the HTML report of a run and return its path. `template` finds a look by key, for its tolerances."""
    rows = list(read_ledger(files))
    keep_medians(files, rows)
    earlier = earlier_runs(files, str(run.get("catalog", ""))) if rows else ()
    return write_report(rows, Path(files.path("report.html")), run=run, image=image, template=template, earlier=earlier)


def known_looks(library: Library) -> Callable[[str], Template | None]:
    """A library's looks by key; None for one that it no longer has."""

    def find(key: str) -> Template | None:
        try:
            return library.template(key.partition("+")[0])
        except UnknownTemplate:
            return None

    return find


def _new_run() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _stopped(summary: Summary, why: str) -> bool:
    """Whether a budget stops the run; noted in its summary."""
    if why:
        summary.state, summary.budget = OVER_BUDGET, why
    return bool(why)


def _account(summary: Summary, spending: RunSpending) -> None:
    """The last sums, the budgets as they stand, and how good the quote was."""
    spending.over(now=True)
    spending.meter.save()
    summary.spent = spending.meter.parts()
    summary.budgets, summary.warnings = spending.states(), spending.warnings
    if summary.state == "done" and summary.quote:
        summary.quote_error = round(summary.cost / summary.quote - 1, 4)


def _sum_up(summary: Summary, totals: Totals, wall_s: float) -> None:
    counts: Counter[str] = totals.status
    summary.released, summary.rejected, summary.failed = counts["released"], counts["rejected"], counts["failed"]
    summary.reasons, summary.model_calls = dict(totals.reasons), dict(totals.model_calls)
    summary.cached, summary.wall_s, summary.lost_s = totals.cached, round(wall_s, 3), round(totals.lost_s, 3)
    summary.cpu_s, summary.gpu_s, summary.cost = round(totals.cpu_s, 3), round(totals.gpu_s, 3), round(totals.cost, 6)
