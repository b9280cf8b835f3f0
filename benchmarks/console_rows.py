"""Pages of the console with 10 and with 10,000 rows behind them: time until they are interactive, in Chromium.

`python -m benchmarks.console_rows`. Needs Chromium and Playwright (`.ci/browser`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import insert

from cluster.settings import ApiSettings
from connectors.records import ShotRecord
from connectors.review import Item, Reviewer
from connectors.spend import Amount, Place, Spend
from connectors.tables import runs
from pipelines.ledger import SCHEMA, LedgerWriter
from pipelines.runfiles import RunFiles
from serve_apps.parts import Parts, open_parts
from studio.product import Product
from tests import sample
from tests.browser.conftest import FLAGS
from tests.desk import new_order
from tests.local.running import served

FEW, MANY, TURNS = 10, 10_000, 16
CATALOG, FIRST = "catalog.csv", datetime(2025, 1, 1, tzinfo=UTC)
READY = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
"""Milliseconds from the start of the navigation until the document is there and its scripts have run."""
PATHS = (
    "/", "/runs", "/runs/night", "/runs/night?status=rejected", "/runs/compare?before=dusk&after=night", "/orders",
    "/orders?state=cancelled", "/orders?sku=SKU-00003", "/products", "/products?text=SKU-0", "/products/one?sku=SKU-00003",
    "/review", "/review?reason=fill&order=newest", "/review/thresholds", "/cost?by=brand", "/cost?by=day",
)  # fmt: skip


def main() -> None:
    """A table: page, milliseconds with few and with many rows, and their ratio. Of the turns the fastest counts: what else the
    machine does only adds."""
    from playwright.sync_api import sync_playwright

    with ExitStack() as stack:
        urls = [stack.enter_context(_service(rows)) for rows in (FEW, MANY)]
        started = stack.enter_context(sync_playwright())
        chromium = started.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        pages = [_opened(chromium, url) for url in urls]
        worst = 0.0
        print(f"{'page':32} {FEW:>10} {MANY:>10}  ratio   (milliseconds, the fastest of {TURNS})")
        for path in PATHS:
            few, many = _fastest(pages, urls, path)
            worst = max(worst, many / few)
            print(f"{path:32} {few:10.0f} {many:10.0f} {many / few:6.2f}")
        print(json.dumps({"console_worst_ratio": round(worst, 3), "rows": MANY}))
        chromium.close()


def _fastest(pages: list[Any], urls: list[str], path: str) -> list[float]:
    """In turns, so that what else the machine does falls on both."""
    taken: list[list[float]] = [[], []]
    for _ in range(TURNS + 1):
        for page, url, found in zip(pages, urls, taken, strict=True):
            page.goto(f"{url}/console{path}", wait_until="load")
            found.append(page.evaluate(READY))
    return [min(found[1:]) for found in taken]


def _opened(chromium: Any, url: str) -> Any:
    page = chromium.new_context().new_page()
    page.goto(url + "/console/")
    page.get_by_role("button", name="Go in").click()
    page.wait_for_url(url + "/console/")
    return page


class _Nobody:
    """A desk for orders that have ended."""

    async def start(self, order_id: str) -> None: ...

    async def wait(self, order_id: str, seconds: float) -> bool:
        return True

    async def cancel(self, order_id: str) -> bool:
        return False


@contextmanager
def _service(rows: int) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="console"))
    settings = sample.settings(folder, api=ApiSettings(require_keys=False, rate_per_minute=100_000))
    parts = open_parts(settings, _Nobody())
    try:
        _fill(parts, rows)
        with served(parts) as url:
            yield url
    finally:
        shutil.rmtree(folder)


def _fill(parts: Parts, rows: int) -> None:
    first = new_order(parts.settings, 1)
    named = {name: getattr(first, name) for name in first.__slots__ if name not in ("id", "sku")}
    orders = parts.orders.accept_many([type(first)(**named, sku=f"SKU-{number:05}") for number in range(rows)])
    with parts.orders._database.begin() as connection:
        connection.exec_driver_sql("UPDATE orders SET state = 'cancelled'")
    assert len(orders) == rows
    today = datetime.now(UTC).date()
    brands = (Place("night", today, "standard", f"brand {number}", "a@1", "tiny", "", "") for number in range(rows))
    Spend(parts.settings.records).put({place: Amount(runs=1, released=1, price=0.1) for place in brands})
    counts = {"due": 3, "released": 3, "wall_s": 1.5, "cost": 0.1}
    past = {"catalog": "other.csv", "state": "done", "counts": counts, "settings": {"mode": "inline"}}
    hours = [FIRST + timedelta(hours=number) for number in range(rows)]
    times = [{"started": hour, "finished": hour + timedelta(minutes=50)} for hour in hours]
    parts.records.count_runs()
    with parts.records._database.begin() as connection:
        connection.execute(insert(runs), [{"id": f"run-{number:05}", **past, **times[number]} for number in range(rows - 2)])
    _catalogue(parts, rows)
    for run in ("dusk", "night"):
        _ledger(parts, run, rows)


def _catalogue(parts: Parts, rows: int) -> None:
    """Products, two pictures of each that a night held back, and a decision about every second one."""
    names = [f"SKU-{number:05}" for number in range(rows)]
    parts.products.remember([Product(sku=name, title=f"Cup {name}") for name in names], CATALOG)
    at: dict[str, Any] = {"run": "night", "updated_at": FIRST}
    shots = [f"{name}/a/tiny/{slot}" for name in names for slot in ("front", "back")]
    held = [ShotRecord(shot, shot, "rejected", reason="fill", digest=shot, **at) for shot in shots]
    parts.records.remember_shots(CATALOG, held)
    seen: dict[str, Any] = {"template": "a", "destination": "tiny", "slot": "front", "media_type": "image/jpeg", "at": FIRST}
    items = [
        Item(
            "night",
            CATALOG,
            one.shot_id,
            one.key,
            one.digest,
            sku=one.key[:9],
            reason=one.reason,
            uncertainty=place / 2 / rows,
            **seen,
        )
        for place, one in enumerate(held)
    ]
    parts.reviews.add(items)
    parts.reviews.looked("night", datetime.now(UTC))
    parts.reviews.decide([one.id for one in items[::2]], "reject", Reviewer("key", "bench"), reason="halo")
    with parts.reviews._database.begin() as connection:
        connection.exec_driver_sql("UPDATE review_decisions SET applied = 1")


def _ledger(parts: Parts, run: str, rows: int) -> None:
    files, empty = RunFiles(parts.settings.runs, run), {"string": "", "int64": 0, "double": 0.0, "bool": False}
    files.make()
    base: dict[str, Any] = {one.name: {} if pa.types.is_map(one.type) else empty.get(str(one.type), []) for one in SCHEMA}
    parts.records.start_run(run, CATALOG, {"mode": "inline", "due": rows})
    writer = LedgerWriter(files)
    for begin in range(0, rows, 100):
        writer.write([_row(base, run, number) for number in range(begin, min(rows, begin + 100))])
    writer.close()
    files.write_json("plan.json", {"due": rows, "chunks": 1, "plan": {}})
    files.write_json("run.json", {"run": run, "due": rows, "released": rows})
    parts.records.finish_run(run, "done", {"due": rows, "released": rows})


def _row(base: dict[str, Any], run: str, number: int) -> dict[str, Any]:
    bad = number % 10 == 0
    said = {"status": "rejected", "reason": f"reason-{number % 7}"} if bad else {"status": "released"}
    names = {"shot_id": f"SKU-{number:05}/a/tiny/front", "sku": f"SKU-{number:05}", "slot": "front", "template": "a@1"}
    return {**base, **said, **names, "run": run, "destination": "tiny", "asset": f"{run if number % 20 == 0 else ''}{number}"}


if __name__ == "__main__":
    main()
