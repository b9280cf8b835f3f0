"""The review queue in a real browser: by keys alone, many at once, slider and marks, and a thousand items; then products and
templates. Nothing here waits for time to pass, only for what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.records import ShotRecord
from connectors.review import Wanted
from pipelines.nightly import Night, Request
from pipelines.screen import Quiet
from serve_apps.console.pages.review import SIZE
from serve_apps.console.review_intake import take_in
from tests import sample
from tests.browser.conftest import Tour
from tests.local.running import Running, running

STRICT = sample.TEMPLATE.replace("tiny-grey", "tiny-strict").replace("qa: {", "qa: {fill: {max: 0.3}, ")
COUNT = 14
MANY = 1000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service after a night that held everything back."""
    folder = tmp_path_factory.mktemp("review")
    style = folder / "art" / "styles" / "tiny-strict.yaml"
    style.parent.mkdir(parents=True)
    style.write_text(STRICT)
    with running(folder) as service:
        catalogue = sample.catalogue(folder, COUNT)
        Night(service.parts.settings, Request(str(catalogue), ("tiny-strict",), mode="inline"), Quiet()).run()
        yield service


@pytest.fixture(scope="module")
def visit(chromium: Any, desk: Running) -> Iterator[Tour]:
    found = Tour(chromium, desk.url, desk.secrets)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def quiet(visit: Tour) -> Iterator[None]:
    """Browsers complain about nothing."""
    visit.complaints.clear()
    yield
    visit.close()
    assert visit.complaints == []


def waiting(desk: Running) -> int:
    take_in(desk.parts)
    return desk.parts.reviews.count(Wanted())


def said(page: Any, text: str) -> None:
    page.locator("[data-said]", has_text=text).wait_for()


def test_by_keys_alone(desk: Running, visit: Tour) -> None:
    before = waiting(desk)
    page = visit.page("/console/review")
    page.keyboard.press("j")
    page.keyboard.press("a")
    said(page, "1 picture released")
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.locator("details[open] select[name=reason]").select_option("halo")
    page.locator("[data-act=reject]").press("Enter")
    said(page, "1 picture rejected")
    assert waiting(desk) == before - 2
    page.keyboard.press("Escape")
    page.locator("h1").click()
    with page.expect_navigation():
        page.keyboard.press("u")
    said(page, "1 decision taken back")
    with page.expect_navigation():
        page.keyboard.press("u")
    assert waiting(desk) == before


def test_many_at_once_and_undone(desk: Running, visit: Tour) -> None:
    before = waiting(desk)
    page = visit.page("/console/review")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("[data-chosen]").inner_text() == "2 chosen"
    page.locator("[data-act=approve]").click()
    said(page, "2 pictures released")
    assert waiting(desk) == before - 2
    assert page.locator("li.gone").count() == 2
    with page.expect_navigation():
        page.keyboard.press("u")
    said(page, "2 decisions taken back")
    assert waiting(desk) == before


def test_one_picture_before_and_after_and_what_failed(desk: Running, visit: Tour) -> None:
    waiting(desk)
    first, second = desk.parts.reviews.page(Wanted(), size=2)
    page = visit.page(f"/console/review/{first.id}")
    knob = page.locator("[data-knob]")
    knob.focus()
    page.keyboard.press("End")
    assert "100%" in page.locator("[data-after]").evaluate("image => image.style.clipPath")
    page.locator("h1").click()
    for name in ("cutout", "marked", "full"):
        page.keyboard.press("v")
        picture = page.locator(f"[data-panel={name}] img")
        picture.wait_for()
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    with page.expect_navigation():
        page.keyboard.press("j")
    assert second.id in page.url
    with page.expect_navigation():
        page.keyboard.press("k")
    assert first.id in page.url
    with page.expect_navigation():
        page.keyboard.press("a")
    assert desk.parts.reviews.get(first.id).state == "approved"
    with page.expect_navigation():
        page.keyboard.press("u")
    assert desk.parts.reviews.get(first.id).state == "open"


def test_made_anew_with_a_change(desk: Running, visit: Tour) -> None:
    waiting(desk)
    item = desk.parts.reviews.page(Wanted(order="sku"), size=1)[0]
    page = visit.page(f"/console/review/{item.id}")
    page.keyboard.press("m")
    page.locator("details[open] select[name=change]").select_option("fill")
    page.locator("details[open] input[name=value]").fill("0.25")
    with page.expect_navigation():
        page.locator("[data-act=regenerate]").click()
    page.goto(f"{visit.url}/console/review/{item.id}")
    page.locator("a", has_text="order").first.wait_for()
    (decision,) = desk.parts.reviews.history(item.id)
    assert decision.change == {"fill": "0.25"}


def test_without_scripts(desk: Running, visit: Tour) -> None:
    before = waiting(desk)
    page = visit.page("/console/review", java_script_enabled=False)
    page.locator("input[name=item]").first.check()
    page.locator("[data-act=approve]").click()
    assert waiting(desk) == before - 1
    page.locator("[data-undo] button").click()
    assert waiting(desk) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_in_anybody_s_way(
    desk: Running, visit: Tour, violations: Callable[[Any], list[str]], scheme: str, width: int
) -> None:
    waiting(desk)
    item = desk.parts.reviews.page(Wanted(), size=1)[0]
    paths = ["/review", f"/review/{item.id}", "/review/thresholds", "/review?text=nobody", "/products", "/templates"]
    paths += [f"/products/one?sku={item.sku}", "/templates/tiny-strict", "/products?text=nobody"]
    for path in paths:
        page = visit.page(f"/console{path}", scheme=scheme, width=width)
        assert violations(page) == [], path
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{path} is {over} px too wide"


def test_pictures_for_the_docs(desk: Running, visit: Tour, tmp_path: Path) -> None:
    waiting(desk)
    item = desk.parts.reviews.page(Wanted(), size=1)[0]
    for name, path in {
        "review": "/review",
        "review-item": f"/review/{item.id}",
        "product": f"/products/one?sku={item.sku}",
        "template": "/templates/tiny-strict",
    }.items():
        page = visit.page(f"/console{path}")
        page.wait_for_load_state("networkidle")
        file = tmp_path / f"console-{name}.jpg"
        page.screenshot(path=file, type="jpeg", quality=80)
        assert file.stat().st_size > 5_000


def test_a_thousand_items_are_a_page_at_a_time(desk: Running, visit: Tour) -> None:
    taken = waiting(desk)
    known = desk.parts.reviews.page(Wanted(), size=1)[0]
    rows = [
        ShotRecord(f"MANY-{n:04}/tiny-strict/tiny/front", f"{n:064x}", "rejected", reason="fill", digest=known.digest)
        for n in range(MANY)
    ]
    desk.parts.records.remember_shots("many.csv", rows)
    while not take_in(desk.parts):
        pass
    assert waiting(desk) == taken + MANY
    page = visit.page("/console/review?order=sku&text=MANY")
    assert page.locator("[data-row]").count() == SIZE
    assert f"of {MANY:,}" in page.locator(".pager").inner_text()
    page.locator("[data-every]").check()
    page.locator("[data-choice=reject] summary").click()
    page.locator("details[open] select[name=reason]").select_option("other")
    page.locator("[data-act=reject]").click()
    page.locator(".pager", has_text=f"of {MANY - SIZE:,}").wait_for()
    page.keyboard.press("n")
    page.wait_for_url("**page=2**")
