"""What was spent: by day, and by whatever somebody asks for."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from connectors.spend import GROUPS, Sum
from serve_apps.console.frame import PAGE, Entry, Viewer, page, paged
from serve_apps.console.spent import by_day, groups, sums
from serve_apps.parts import parts_of

router = APIRouter(prefix="/cost")
ENTRY = Entry("Cost", "/cost", "c")
By = Annotated[str, Query(pattern=f"^({'|'.join(GROUPS)})$")]
Days = Annotated[int, Query(ge=1, le=366)]


@router.get("")
def show_cost(
    request: Request,
    _: Viewer,
    by: By = "template",
    days: Days = 30,
    page_: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """The latest days as bars, and sums by a group, the dearest first."""
    parts = parts_of(request)
    found = sums(parts, (by,), since=_first(days), first=(page_ - 1) * PAGE, most=PAGE)
    whole = sums(parts, (), since=_first(days))
    return page(
        request,
        "cost",
        by=by,
        days=days,
        groups=GROUPS,
        currency=parts.settings.prices.currency,
        whole=whole[0] if whole else Sum((), 0, 0, 0, 0.0, 0.0, 0.0, 0.0),
        daily=by_day(parts, min(days, 60)),
        rows=paged(request, found, total=groups(parts, by, since=_first(days)), number=page_),
    )


@router.get("/table.csv")
def get_csv(request: Request, _: Viewer, by: By = "template", days: Days = 30) -> Response:
    """The same sums as CSV."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([by, "images", "released", "runs", "cpu_s", "gpu_s", "lost_s", "price", "currency"])
    parts = parts_of(request)
    for one in sums(parts, (by,), since=_first(days)):
        figures = (one.images, one.released, one.runs, one.cpu_s, one.gpu_s, one.lost_s, one.price)
        writer.writerow([_plain(one.group[0]), *figures, parts.settings.prices.currency])
    headers = {"content-disposition": f'attachment; filename="cost-by-{by}.csv"', "cache-control": "no-store"}
    return Response(out.getvalue(), headers=headers, media_type="text/csv")


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV Injection)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _first(days: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=days - 1)
