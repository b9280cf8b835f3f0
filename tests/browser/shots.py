"""Screenshots for docs/console.md: `python -m tests.browser.shots docs/images`, over a night of the sample catalogue."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from pipelines.nightly import Night, Request
from pipelines.screen import Quiet
from tests.browser.conftest import FLAGS, Tour
from tests.local.running import Running, running

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = "examples/catalog/catalog.csv"
LOOKS = ("amazon-white", "shopify-square")
STRICT = "shop-strict"
"""The shop's look with a limit that nothing meets, so that there is something to review."""


def main(out: Path) -> None:
    """A home in a temporary folder, two nights, an order, and a picture of each page."""
    folder, out = Path(tempfile.mkdtemp(prefix="console")), out.resolve()
    os.chdir(ROOT)  # pages name the catalogue as it was asked for
    style = folder / "art" / "styles" / f"{STRICT}.yaml"
    style.parent.mkdir(parents=True)
    known = (ROOT / "templates" / "styles" / "starter" / f"{LOOKS[1]}.yaml").read_text()
    style.write_text(known.replace(f"id: {LOOKS[1]}", f"id: {STRICT}").replace("max: 0.84", "max: 0.60"))
    try:
        with running(folder) as service:
            _fill(service)
            _shoot(service, out)
    finally:
        shutil.rmtree(folder)


def _fill(service: Running) -> None:
    for looks, limit in (((STRICT,), 16), (LOOKS[:1], 8), (LOOKS, 16)):
        Night(service.parts.settings, Request(CATALOGUE, looks, mode="inline", limit=limit), Quiet()).run()


def _shoot(service: Running, out: Path) -> None:
    later, earlier, _ = (run.id for run in service.parts.records.runs())
    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        tour = Tour(chromium, service.url, service.secrets)
        tried = _try(tour, next((ROOT / "examples" / "catalog" / "images").glob("*front*")))
        pages: dict[str, tuple[str, dict[str, Any]]] = {
            "try": (tried, {}),
            "overview": ("/console/", {}),
            "overview-dark": ("/console/", {"scheme": "dark", "width": 390}),
            "run": (f"/console/runs/{later}#sheet", {}),
            "compare": (f"/console/runs/compare?before={earlier}&after={later}", {}),
            "cost": ("/console/cost?by=step", {}),
            "review": ("/console/review", {}),
        }
        for name, (path, more) in pages.items():
            page = tour.page(path, **more)
            page.locator("h1").wait_for()
            page.wait_for_load_state("load")
            page.wait_for_timeout(1500)
            page.screenshot(path=str(out / f"console-{name}.jpg"), type="jpeg", quality=72)
        page.locator("a[href^='/console/review/']:has(img)").first.click()
        page.get_by_role("button", name="Cut-out").wait_for()
        page.wait_for_timeout(1500)
        page.screenshot(path=str(out / "console-review-item.jpg"), type="jpeg", quality=72)
        tour.close()
        chromium.close()


def _try(tour: Tour, photo: Path) -> str:
    page = tour.page("/console/try")
    page.locator("input[type=file]").set_input_files(photo)
    page.get_by_label("Template").select_option("amazon-white")
    page.get_by_role("button", name="Make the picture").click()
    page.get_by_role("heading", name="Steps").wait_for(timeout=120_000)
    return str(page.url).removeprefix(tour.url)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
