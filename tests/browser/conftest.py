"""A real Chromium on the console of a service that has made something. `.ci/browser` brings what this needs; elsewhere it skips."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.nightly import Night, Request
from pipelines.screen import Quiet
from tests import sample
from tests.local.running import Running, photo, running

HERE = Path(__file__).resolve().parent
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser. Skips where Playwright or Chromium is missing, unless CI says that they must be there."""
    path = os.environ.get("PACKSHOT_CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: .ci/browser installs it")
    if path is None:
        pytest.skip("no Chromium: .ci/browser installs it")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with two nights over one catalogue, in the later one a changed photo and a broken one, and an order."""
    folder = tmp_path_factory.mktemp("shop")
    with running(folder) as service:
        settings, catalogue = service.parts.settings, sample.catalogue(folder, 12)
        Night(settings, Request(str(catalogue), mode="inline"), Quiet()).run()
        sample.photo(folder / "images" / "p00003.png", 77)
        (folder / "images" / "p00005.png").write_bytes(b"no picture")
        Night(settings, Request(str(catalogue), mode="inline", force=True), Quiet()).run()
        with service.client("root") as client:
            files = {"file": ("mug.png", photo(5), "image/png")}
            body = {"request": '{"template": "tiny-grey", "product": {"sku": "MUG-01"}}'}
            answer = client.post("/v1/images", data=body, files=files, headers={"prefer": "wait=60"})
            assert answer.json()["state"] == "succeeded"
        yield service


@pytest.fixture(scope="session")
def tour(chromium: Any, shop: Running) -> Iterator[Tour]:
    """Pages of the shop's console."""
    found = Tour(chromium, shop.url, shop.secrets)
    yield found
    found.close()


class Tour:
    """Opens pages as somebody, and keeps what their consoles complain about."""

    def __init__(self, chromium: Any, url: str, secrets: dict[str, str]) -> None:
        self.url, self.complaints = url, list[str]()
        self._chromium, self._secrets = chromium, secrets
        self._signed: dict[str, Any] = {}
        self._contexts: list[Any] = []

    def page(self, path: str = "/console/", key: str = "root", *, scheme: str = "light", width: int = 1280, **more: Any) -> Any:
        """A page that has loaded. `key` "" is nobody."""
        if key and key not in self._signed:
            self._signed[key] = self._sign_in(key)
        context = self._chromium.new_context(
            storage_state=self._signed.get(key), color_scheme=scheme, viewport={"width": width, "height": 800}, **more
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(self.url + path)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def _sign_in(self, key: str) -> Any:
        context = self._chromium.new_context()
        page = context.new_page()
        page.goto(self.url + "/console/")
        page.fill("input[name=key]", self._secrets[key])
        page.click("button.main")
        page.wait_for_url(self.url + "/console/")
        state = context.storage_state()
        context.close()
        return state

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
def heard(tour: Tour) -> Iterator[list[str]]:
    """What browsers complained about during a test; nothing may be left when it ends."""
    tour.complaints.clear()
    yield tour.complaints
    tour.close()
    assert tour.complaints == []


@pytest.fixture(scope="session")
def violations() -> Callable[[Any], list[str]]:
    """What axe-core finds wrong with a page. Skips where it is not installed."""
    places = [Path(os.environ.get("PACKSHOT_AXE", "")), HERE / "node_modules" / "axe-core" / "axe.min.js"]
    script = next((place.read_text() for place in places if place.is_file()), "")
    if not script:
        pytest.skip("axe-core is not installed: .ci/browser installs it")

    def check(page: Any) -> list[str]:
        # Evaluated through the debugger, to which the page's Content-Security-Policy does not apply.
        page.evaluate(script)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{one['id']} ({one['impact']}): {node['target']}" for one in found["violations"] for node in one["nodes"]]

    return check
