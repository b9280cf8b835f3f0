"""Runs over whole catalogues: the list, one run's progress, figures and contact sheet, and two runs side by side."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, Response

from cluster.run_ledger import CHANGES, FACETS, RUN, RunLog, run_log
from connectors.records import RunRecord
from serve_apps.console.frame import PAGE, ROOT, Entry, Viewer, go, page, paged
from serve_apps.parts import parts_of
from studio.errors import NotFound

router = APIRouter(prefix="/runs")
ENTRY = Entry("Runs", "/runs", "n")
SHEET = 36
"""Pictures of a contact sheet's page."""
RunId = Annotated[str, Path(pattern=f"^{RUN}$")]
Short = Annotated[str, Query(max_length=200)]


@router.get("")
def list_runs(request: Request, _: Viewer, page_: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1) -> Response:
    """Runs, newest first."""
    records = parts_of(request).records
    found, total = records.runs(PAGE, (page_ - 1) * PAGE), records.count_runs()
    return page(request, "runs", runs=paged(request, found, total=total, number=page_))


@router.get("/compare")
def compare_runs(
    request: Request,
    _: Viewer,
    before: Annotated[str, Query(max_length=64)] = "",
    after: Annotated[str, Query(max_length=64)] = "",
    change: Annotated[str, Query(pattern=f"^({'|'.join(CHANGES)})?$")] = "",
    page_: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """Two runs side by side. With one named, the one before it over the same catalogue is the other."""
    named = [name for name in (before, after) if name]
    runs = [_record(request, name) for name in named]
    if len(runs) == 1:
        earlier = _before(request, runs[0])
        if earlier is None:
            return go(f"{ROOT}/runs/{runs[0].id}", "There is no earlier run of this catalogue to compare with.")
        return go(f"{ROOT}/runs/compare?before={earlier.id}&after={runs[0].id}")
    if not runs:
        return go(f"{ROOT}/runs")
    left, right = sorted(runs, key=lambda run: run.started)
    found = _log(request).compare(left.id, right.id, change=change, first=(page_ - 1) * SHEET, size=SHEET)
    return page(
        request,
        "compare",
        left=left,
        right=right,
        counts=found.counts,
        total=sum(found.counts.values()),
        change=change,
        changes=CHANGES,
        items=paged(request, found.items, total=found.total, number=page_, size=SHEET),
    )


@router.get("/{run}")
def show_run(
    request: Request,
    run: RunId,
    _: Viewer,
    status: Short = "",
    reason: Short = "",
    template: Short = "",
    destination: Short = "",
    text: Annotated[str, Query(max_length=200)] = "",
    page_: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """One run: how it goes or went, why pictures were held back, and the contact sheet, filtered."""
    record, log = _record(request, run), _log(request)
    given = {"status": status, "reason": reason, "template": template, "destination": destination}
    wanted = {name: given[name] for name in FACETS if given[name]}
    found = log.page(run, wanted, text=text, first=(page_ - 1) * SHEET, size=SHEET)
    plan, summary = log.plan(run), log.summary(run)
    return page(
        request,
        "run",
        run=record,
        plan=plan.get("plan", {}),
        summary=summary,
        progress=None if summary else log.progress(run),
        given={**given, "text": text},
        facets=found.facets,
        sheet=paged(request, found.items, total=found.total, number=page_, size=SHEET),
        earlier=_before(request, record),
    )


@router.get("/{run}/progress")
def get_progress(request: Request, run: RunId, _: Viewer) -> Response:
    """How far a run has come, as JSON, for the page that shows it."""
    record, found = _record(request, run), _log(request).progress(run)
    body: dict[str, Any] = {"state": record.state, "done": 0, "of": 0, "due": 0, "status": {}}
    if found is not None:
        body |= {"done": found.chunks_done, "of": found.chunks, "due": found.due, "status": dict(found.status)}
    return JSONResponse(body, headers={"cache-control": "no-store"})


def _log(request: Request) -> RunLog:
    settings = parts_of(request).settings
    return run_log(settings.runs, settings.storage.endpoint_url)


def _record(request: Request, run: str) -> RunRecord:
    found = parts_of(request).records.run(run)
    if found is None:
        raise NotFound(f"no run {run!r}")
    return found


def _before(request: Request, run: RunRecord) -> RunRecord | None:
    """The latest finished run over the same catalogue that began earlier, among the last hundred; the first few are looked at
    first, because it is mostly among them."""
    records = parts_of(request).records
    runs = (one for first, size in ((0, 10), (10, 90)) for one in records.runs(size, first))
    return next((one for one in runs if one.catalog == run.catalog and one.started < run.started and one.finished), None)
