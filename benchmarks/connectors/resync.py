"""10,000 products read again when nothing has changed: what is made, written and asked.

The shop is the strict double of BigCommerce's API. The minimum of calls is worked out from its documented limit of 250 products a
page (API reference, 2026-04-01): the list ends with a page that is not full; one question each about brands and categories comes
with it. An increment starts ten seconds before the newest change, for those that become visible late: one page. Only what has
changed is ever made, so renders are counted as changed products; photos and rows are counted as they are kept.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.connectors.shop import Shop, connection_to
from benchmarks.goods import scratch
from connectors.publications import Publications
from connectors.sync import Pulled, Sync
from connectors.sync_state import SyncState
from connectors.vendors.bigcommerce.source import LIMIT
from connectors.vendors.registry import open_vendor
from tests.doubles.rest import served

NAMES = 2
"""Questions about names: brands, categories."""


def run(count: int = 10_000) -> dict[str, Any]:
    """The first pull, a whole one again, and an increment."""
    shop = Shop(share=0.0)
    with scratch() as folder, served(shop):
        start = datetime(2026, 1, 1, tzinfo=UTC)
        for number in range(1, count + 1):
            shop.product(number, (start + timedelta(minutes=number)).isoformat())
            shop.picture(number, "front.jpg", b"a person's photo")
        kept: Counter[str] = Counter()
        first = _pulled(folder, shop, kept, full=True)
        again, whole_s, whole = _timed(folder, shop, kept, full=True)
        increment, increment_s, part = _timed(folder, shop, kept, full=False)
        pages = count // LIMIT + 1
        return {
            "products": count,
            "contract_executed": shop.contract is not None,
            "first_pull_changed": first["changed"],
            "photos_kept_at_first": first["photos"],
            "again_changed_so_renders": again["changed"],
            "again_photos_read": again["photos"],
            "again_writes_at_the_shop": whole["writes"],
            "again_rows_written": again["rows"],
            "again_calls": whole["calls"],
            "again_minimum": pages + NAMES,
            "again_s": whole_s,
            "increment_changed": increment["changed"],
            "increment_calls": part["calls"],
            "increment_minimum": 1 + NAMES,
            "increment_s": increment_s,
        }


def _timed(folder: Path, shop: Shop, kept: Counter[str], *, full: bool) -> tuple[Counter[str], float, dict[str, int]]:
    before, wrote, started = len(shop.calls), shop.writes, time.perf_counter()
    found = _pulled(folder, shop, kept, full=full)
    used = {"calls": len(shop.calls) - before, "writes": shop.writes - wrote}
    return found, time.perf_counter() - started, used


def _pulled(folder: Path, shop: Shop, kept: Counter[str], *, full: bool) -> Counter[str]:
    """One pull in a process's view: everything is opened anew. Photos are counted instead of fetched."""
    found: Counter[str] = Counter()

    def keep(url: str) -> str:
        found["photos"] += 1
        kept[url] += 1
        return f"{len(kept):064x}"

    connection = connection_to(shop.url)
    state, publications = SyncState(f"{folder}/records.db"), Publications(f"{folder}/records.db")
    sync = Sync(connection, open_vendor(connection), state, publications, keep)
    for page in sync.pull(full=full):
        _accept(sync, page, found)
    state.close()
    publications.close()
    return found


def _accept(sync: Sync, page: Pulled, found: Counter[str]) -> None:
    found["changed"] += len(page.changed)
    found["unchanged"] += page.unchanged
    found["problems"] += len(page.problems)
    if page.changed:
        sync.accept(page.changed)
        found["rows"] += len(page.changed)


if __name__ == "__main__":
    for name, value in run(*map(int, sys.argv[1:])).items():
        print(f"{name:28} {value}")
