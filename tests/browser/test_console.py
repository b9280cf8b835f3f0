"""The console in Chromium: every page and action, keys, light and dark, on a phone, and what axe-core says about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.online.orders import OrderState
from tests.browser.conftest import Tour
from tests.desk import new_order
from tests.local.running import Running, photo

PAGES = (
    "/",
    "/runs",
    "/orders",
    "/cost",
    "/cost?by=step",
    "/cost?by=run&days=7",
    "/try",
    "/orders?state=failed",
    "/orders?sku=nothing",
)


def paths(shop: Running) -> list[str]:
    """Every page of the console, those of one thing included."""
    later, earlier = (run.id for run in shop.parts.records.runs())
    order = shop.parts.orders.list(sku="MUG-01")[0][0].id
    more = (
        f"/runs/{later}",
        f"/runs/{later}?status=failed",
        f"/runs/{later}?text=none",
        f"/runs/compare?before={earlier}&after={later}",
    )
    return [f"/console{path}" for path in (*PAGES, *more, f"/orders/{order}", f"/try/{order}")]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)])
def test_every_page_is_accessible_and_fits(
    tour: Tour, shop: Running, violations: Callable[[Any], list[str]], heard: list[str], scheme: str, width: int
) -> None:
    page = tour.page(scheme=scheme, width=width)
    found = {}
    for path in paths(shop):
        page.goto(tour.url + path)
        found[path] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_signed_out_pages_are_accessible(tour: Tour, violations: Callable[[Any], list[str]], heard: list[str]) -> None:
    for scheme in ("light", "dark"):
        page = tour.page("/console/runs?page=2", key="", scheme=scheme)
        assert page.url.endswith("/console/login?then=%2Fconsole%2Fruns%3Fpage%3D2")
        assert violations(page) == []


def test_signing_in_leads_to_the_page_that_was_asked_for(tour: Tour, shop: Running, heard: list[str]) -> None:
    page = tour.page("/console/runs?page=1", key="")
    page.keyboard.type("not a key")
    page.keyboard.press("Enter")
    page.get_by_role("alert").filter(has_text="not valid").wait_for()
    assert heard.pop().startswith("Failed to load resource: the server responded with a status of 401")
    page.fill("input[name=key]", shop.secrets["reader"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/runs?page=1")
    assert page.evaluate("document.cookie") == "", "no script reads the session"
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/login")
    page.goto(tour.url + "/console/")
    assert page.url.endswith("/console/login")


def test_a_link_from_another_site_finds_the_session(tour: Tour, heard: list[str]) -> None:
    """`localhost` and `127.0.0.1` are two sites to a browser: the first call comes without the cookie."""
    page = tour.page("/console/")
    page.goto(tour.url.replace("127.0.0.1", "localhost") + "/console/login")
    page.evaluate("address => { location.href = address }", f"{tour.url}/console/runs?page=1")
    page.get_by_role("heading", name="Runs").wait_for()
    assert page.url == f"{tour.url}/console/runs?page=1"


def test_keys_lead_everywhere(tour: Tour, shop: Running, heard: list[str]) -> None:
    page = tour.page()
    page.keyboard.press("g")
    page.keyboard.press("n")
    page.wait_for_url("**/console/runs")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/console/runs/{shop.parts.records.runs()[0].id}")
    page.keyboard.press("/")
    page.keyboard.type("00003")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=00003**")
    assert page.locator("ul.sheet > li").count() == 1
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/console/orders")


def test_keys_can_be_switched_off(tour: Tour, heard: list[str]) -> None:
    """WCAG 2.2, 2.1.4: shortcuts of one letter can be turned off."""
    page = tour.page()
    page.keyboard.press("?")
    page.get_by_label("Keys are on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.goto(tour.url + "/console/")
    page.locator("main").focus()
    page.keyboard.press("g")
    page.keyboard.press("n")
    assert page.url.endswith("/console/")
    page.get_by_role("button", name="Keys").click()
    assert not page.get_by_label("Keys are on").is_checked()


def test_theme_is_kept_and_wins_over_the_system(tour: Tour, heard: list[str]) -> None:
    page = tour.page(scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    for _ in range(2):
        page.get_by_role("button", name="Theme").click()
    assert page.evaluate(ground) != light
    page.goto(tour.url + "/console/runs")
    assert page.evaluate(ground) != light


def test_the_menu_opens_on_a_phone(tour: Tour, heard: list[str]) -> None:
    page = tour.page(width=360)
    link = page.get_by_role("link", name="Orders", exact=True)
    assert not link.is_visible()
    page.get_by_role("button", name="Menu").click()
    link.click()
    page.wait_for_url("**/console/orders")


def test_overview_is_live(tour: Tour, shop: Running, heard: list[str]) -> None:
    page = tour.page()
    page.locator("[data-live]", has_text="live").wait_for()
    failed = page.locator('[data-tile="failed"] [data-value]')
    before = int(failed.inner_text())
    order = new_order(shop.parts.settings, 901)
    shop.parts.orders.finished(order, {}, state=OrderState.FAILED)
    page.wait_for_function(
        "n => document.querySelector('[data-tile=\"failed\"] [data-value]').textContent == n", arg=str(before + 1)
    )
    page.locator("[data-notices] a", has_text="failed in the last 24 hours").click()
    page.wait_for_url("**/console/orders?state=failed")
    assert page.get_by_text("SKU-901").count() == 1


def test_contact_sheet_filters_and_compares(tour: Tour, shop: Running, heard: list[str]) -> None:
    later, earlier = (run.id for run in shop.parts.records.runs())
    page = tour.page(f"/console/runs/{later}")
    page.get_by_label("Status").select_option("failed")
    page.wait_for_url("**status=failed**")
    assert page.locator("ul.sheet > li").all_inner_texts()[0].split("\n")[0].startswith("failed SKU-00005")
    page.get_by_role("link", name=f"Compare with {earlier}").click()
    page.wait_for_url(f"**before={earlier}&after={later}")
    assert page.get_by_role("link", name="All changes 2").count() == 1
    page.get_by_role("link", name="Another verdict 1").click()
    page.wait_for_url("**change=status")
    assert page.locator("ul.sheet > li").count() == 1
    shown = page.evaluate("[...document.images].filter(i => i.complete && i.naturalWidth > 0).length")
    assert shown == 1


def test_two_runs_are_chosen_from_the_list(tour: Tour, shop: Running, heard: list[str]) -> None:
    page = tour.page("/console/runs")
    page.get_by_role("button", name="Compare the two").click()
    page.wait_for_url("**/console/runs/compare?**")
    page.get_by_role("heading", name="Two runs").wait_for()


def test_try_it_from_photo_to_steps(tour: Tour, tmp_path: Path, heard: list[str]) -> None:
    path = tmp_path / "mug.png"
    path.write_bytes(photo(61))
    page = tour.page("/console/try", key="writer")
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_label("Template").select_option("tiny-grey")
    page.locator("[data-quote]", has_text="1 picture for tiny").wait_for()
    page.wait_for_function("document.querySelector('[data-preview]').naturalWidth > 0")
    page.get_by_role("button", name="Make the picture").click()
    page.wait_for_url("**/console/try/ord_**")
    page.get_by_role("heading", name="Steps").wait_for(timeout=60_000)
    assert page.locator("ol.steps figcaption").all_inner_texts() == ["Photo", "Cut-out", "Result"]
    page.get_by_role("link", name="ord_").click()
    page.get_by_role("button", name="Make again").click()
    page.get_by_role("status").filter(has_text="queued again").wait_for()
    page.get_by_role("heading", name="Limits").wait_for(timeout=60_000)


def test_what_is_wrong_with_a_photo_is_said_over_the_form(tour: Tour, tmp_path: Path, heard: list[str]) -> None:
    path = tmp_path / "mug.png"
    path.write_bytes(b"<svg onload=alert(1)>")
    page = tour.page("/console/try", key="writer")
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Make the picture").click()
    page.get_by_role("alert").filter(has_text="not an image we read").wait_for()
    assert heard.pop().startswith("Failed to load resource: the server responded with a status of 415")


def test_a_key_that_reads_sees_no_buttons(tour: Tour, shop: Running, heard: list[str]) -> None:
    page = tour.page("/console/try", key="reader")
    page.get_by_text("This key only reads").wait_for()
    assert page.locator("main button").count() == 0


def test_pages_work_without_scripts(tour: Tour, shop: Running, heard: list[str]) -> None:
    page = tour.page(java_script_enabled=False)
    for path in paths(shop):
        page.goto(tour.url + path)
        assert page.locator("h1").count() == 1, path
    page.goto(tour.url + "/console/orders")
    page.get_by_label("State").select_option("succeeded")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**state=succeeded**")


def test_hostile_text_is_only_text(tour: Tour, shop: Running, heard: list[str]) -> None:
    """Were any of it run, the page would have a mark, or the policy would have complained."""
    evil = '"><img src=x onerror="window.marked=1"><script>window.marked=1</script>'
    plain = new_order(shop.parts.settings, 902)
    order = replace(plain, sku=evil, spec={**plain.spec, "product": {**plain.spec["product"], "sku": evil}})
    shop.parts.orders.finished(order, {}, state=OrderState.FAILED)
    for path in ("/console/orders", f"/console/orders/{order.id}"):
        page = tour.page(path)
        assert page.get_by_text("window.marked=1").count() >= 1
        assert page.evaluate("window.marked") is None
