"""Products and messages of the double shop, over real HTTP; credentials and faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sources.build import Dimensions
from connectors.vendors.base import Listing
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor
from connectors.vendors.shopify import open_vendor
from connectors.vendors.shopify.source import PAGE
from studio.errors import (
    InvalidCursor,
    RowError,
    SettingsError,
    VendorDenied,
    VendorError,
)
from tests.doubles.shopify import APP_SECRET, TOKEN, Shop
from tests.doubles.shopify_desk import HUMAN, opened
from tests.doubles.shopify_schema import SCHEMA_FILE
from tests.doubles.shopify_server import serve

pytestmark = pytest.mark.skipif(not SCHEMA_FILE.is_file(), reason="the published schema is not beside this checkout")
NOW = 1_795_428_000.0


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serve(Shop()) as served:
        yield served


def pulled(vendor: Vendor, cursor: str = "") -> tuple[list[Listing | RowError], list[str], str]:
    assert vendor.source
    pages = list(vendor.source.pages(cursor))
    found = [listing for page in pages for listing in page.listings]
    return found, [ref for page in pages for ref in page.gone], pages[-1].cursor


def refs(found: list[Listing | RowError]) -> list[str]:
    return [listing.ref for listing in found if isinstance(listing, Listing)]


def test_the_whole_catalogue_comes_once_and_survives_a_crash_between_pages(shop: Shop) -> None:
    made = [shop.add_product(f"mug-{n}", (f"M-{n}", {"Title": "Default Title"}), tags=["a", "b"]).id for n in range(PAGE * 2 + 7)]
    source = opened(shop).source
    assert source
    seen: list[str] = []
    cursor, rounds = "", 0
    while len(seen) < len(made):
        rounds += 1
        for page in (opened(shop).source or source).pages(cursor):
            seen += refs(list(page.listings))
            cursor = page.cursor
            if page.listings:
                break  # the process dies after each page
    assert seen == made
    assert rounds == 3
    assert shop.calls["bulkOperationRunQuery"] == 1
    rest, gone, cursor = pulled(opened(shop), cursor)
    shop.calls.clear()
    assert pulled(opened(shop), cursor)[:2] == ([], [])
    assert set(refs(rest)) <= set(made)
    assert gone == []
    assert dict(shop.calls) == {"products": -(-len(rest) // 6) or 1, "events": 1}


def test_changes_and_deletions_come_after_the_cursor_and_an_unchanged_shop_costs_two_calls(shop: Shop) -> None:
    goods = [shop.add_product(f"mug-{n}") for n in range(3)]
    shop._now = shop._now.replace(hour=12)
    cursor = pulled(opened(shop))[2]
    shop._now = shop._now.replace(hour=14)
    shop.touch(goods[1])
    shop.delete_product(goods[2])
    found, gone, cursor = pulled(opened(shop), cursor)
    assert refs(found) == [goods[1].id]
    assert gone == [goods[2].id]
    shop.calls.clear()
    assert pulled(opened(shop), cursor)[0] == []
    assert dict(shop.calls) == {"products": 1, "events": 1}


def test_a_change_that_the_search_index_shows_late_is_not_missed(shop: Shop) -> None:
    early, late = shop.add_product("early"), shop.add_product("late")
    shop._now = shop._now.replace(hour=12)
    cursor = pulled(opened(shop))[2]
    shop._now = shop._now.replace(hour=13)
    shop.touch(late)
    shop.touch(early)
    shop.hidden[late.id] = 1
    first, _, cursor = pulled(opened(shop), cursor)
    second, _, cursor = pulled(opened(shop), cursor)
    assert (refs(first), refs(second)) == ([early.id], [late.id])


@pytest.mark.parametrize("ends", ["FAILED", "CANCELED", "EXPIRED"])
def test_a_bulk_query_that_fails_is_replaced_by_paging(shop: Shop, ends: str) -> None:
    made = [shop.add_product(f"mug-{n}").id for n in range(15)]
    shop.bulk_ends = ends
    assert refs(pulled(opened(shop))[0]) == made


def test_a_bulk_query_that_is_refused_is_replaced_by_paging(shop: Shop) -> None:
    made = [shop.add_product(f"mug-{n}").id for n in range(3)]
    shop.bulk_refused = "OPERATION_IN_PROGRESS"
    assert refs(pulled(opened(shop))[0]) == made


def test_an_empty_shop_has_no_products(shop: Shop) -> None:
    assert pulled(opened(shop))[:2] == ([], [])


def test_bulk_paging_and_single_product_say_the_same(shop: Shop) -> None:
    goods = shop.add_product(
        "tee", ("T-R", {"Colour": "Red"}), ("T-B", {"Colour": "Blue"}),
        descriptionHtml="<p>Soft <b>cotton</b></p>", category={"fullName": "Apparel > Shirts"}, tags=["summer"],
    )  # fmt: skip
    shop.upload_by_hand(goods, "all.jpg", HUMAN)
    for n, variant in enumerate(goods.variants):
        shop.upload_by_hand(goods, f"own-{n}.jpg", HUMAN, variant)
    by_bulk = pulled(opened(shop))[0][:3]
    shop.bulk_refused = "LIMIT_REACHED"
    by_paging = pulled(opened(shop))[0]
    source = opened(shop).source
    assert source
    assert by_bulk == by_paging == [source.listing(ref) for ref in refs(by_bulk)]
    whole, red, blue = by_bulk
    assert isinstance(whole, Listing)
    assert isinstance(red, Listing)
    assert isinstance(blue, Listing)
    assert (whole.product.sku, red.product.sku, blue.product.sku) == ("tee", "T-R", "T-B")
    assert red.product.variant_of == blue.product.variant_of == "tee"
    assert [len(listing.product.images) for listing in (whole, red, blue)] == [3, 1, 1]
    assert red.product.attributes["colour"] == "Red"
    assert whole.product.attributes["description"] == "Soft cotton"
    assert whole.product.category == "Mugs"


def test_a_broken_product_is_an_error_beside_the_others(shop: Shop) -> None:
    shop.add_product("long", ("x" * 201, {"Title": "Default Title"}))
    good = shop.add_product("good")
    broken, listing = pulled(opened(shop))[0][:2]
    assert isinstance(broken, RowError)
    assert isinstance(listing, Listing)
    assert listing.ref == good.id


def test_a_mapping_reads_metafields_and_their_units(shop: Shop, tmp_path: Path) -> None:
    goods = shop.add_product("table", ("TB-1", {"Title": "Default Title"}))
    goods.metafields["custom", "width"] = {
        "value": '{"value": 82.5, "unit": "CENTIMETERS"}',
        "type": "dimension",
        "compareDigest": "1",
    }
    goods.metafields["custom", "wood"] = {"value": "oak", "type": "single_line_text_field", "compareDigest": "2"}
    mapping = tmp_path / "shop.yaml"
    mapping.write_text(
        "sku: sku\ntitle: title\nattributes: {material: metafield.custom.wood}\n"
        "dimensions: {width: metafield.custom.width, unit_column: metafield.custom.width.unit}\n"
    )
    shop.bulk_refused = "LIMIT_REACHED"
    by_paging = pulled(opened(shop, mapping=str(mapping)))[0]
    shop.bulk_refused = ""
    by_bulk = pulled(opened(shop, mapping=str(mapping)))[0][:1]
    assert by_paging == by_bulk
    assert isinstance(by_bulk[0], Listing)
    assert by_bulk[0].product.dimensions == Dimensions(width_mm=825.0)
    assert by_bulk[0].product.attributes == {"material": "oak"}


def test_products_with_more_pictures_and_variants_than_an_answer_holds_are_whole(shop: Shop) -> None:
    goods = shop.add_product("big", *[(f"B-{n}", {"Size": str(n)}) for n in range(130)])
    for n in range(115):
        shop.upload_by_hand(goods, f"{n}.jpg", HUMAN, goods.variants[n])
    vendor = opened(shop)
    assert vendor.source
    assert vendor.gallery
    listing = vendor.source.listing(goods.id)
    assert listing
    assert len(listing.product.images) == len(vendor.gallery.read(goods.id)) == 115
    shop.bulk_refused = "LIMIT_REACHED"
    assert len(pulled(opened(shop))[0]) == 116


def test_what_is_not_there_is_none_and_other_cursors_are_refused(shop: Shop) -> None:
    source = opened(shop).source
    assert source
    assert source.listing("gid://shopify/Product/1") is None
    assert source.listing("gid://shopify/ProductVariant/1") is None
    for cursor in ("x", "[]", '{"since": 3}', '{"seen": []}', '{"bulk": "a", "gone": "2026-01-01", "offset": -1}', '{"more": 1}'):
        with pytest.raises(InvalidCursor):
            next(iter(source.pages(cursor)))


@pytest.mark.parametrize("kind", ["429", "500", "503", "lost", "throttled"])
@pytest.mark.parametrize("where", ["products", "events", "bulkOperation"])
def test_reading_goes_on_after_a_fault(shop: Shop, where: str, kind: str) -> None:
    made = [shop.add_product(f"mug-{n}").id for n in range(8)]
    shop.faults = [(where, kind)]
    assert list(dict.fromkeys(refs(pulled(opened(shop))[0]))) == made
    assert shop.faults == []


def test_wrong_credentials_and_missing_scopes_are_denied_without_showing_the_token(shop: Shop) -> None:
    source = opened(shop, token="shpat_wrong-but-secret").source
    assert source
    with pytest.raises(VendorDenied) as wrong:
        source.listing("gid://shopify/Product/1")
    shop.denied = {"product"}
    source = opened(shop).source
    assert source
    with pytest.raises(VendorDenied) as missing:
        source.listing("gid://shopify/Product/1")
    assert not any(secret in str(error.value) for error in (wrong, missing) for secret in (TOKEN, "shpat_wrong"))


def test_an_address_on_our_own_network_is_refused_unless_allowed(shop: Shop) -> None:
    private = Connection(name="acme", vendor="shopify", address=shop.url, secrets={"token": TOKEN})
    source = open_vendor(private, sleep=shop.sleep).source
    assert source
    with pytest.raises(VendorDenied):
        source.listing("gid://shopify/Product/1")
    with pytest.raises(SettingsError, match="token"):
        open_vendor(Connection(name="acme", vendor="shopify", address=shop.url))
    assert not shop.calls


def test_an_answer_that_is_no_json_is_an_error_of_the_vendor(shop: Shop) -> None:
    shop.faults = [("product", "garbage")]
    source = opened(shop).source
    assert source
    with pytest.raises(VendorError, match="answered no JSON"):
        source.listing("gid://shopify/Product/1")


def test_every_message_of_the_shop_is_understood(shop: Shop) -> None:
    goods = shop.add_product("tee", ("T-R", {"Colour": "Red"}), ("T-B", {"Colour": "Blue"}))
    shop.upload_by_hand(goods, "own.jpg", HUMAN, goods.variants[1])
    shop.delete_product(goods)
    inbound = opened(shop).inbound
    assert inbound
    told = [inbound.verify(["old", APP_SECRET], headers, body, now=NOW)[0] for headers, body in shop.sent]
    assert [(message.kind, message.refs) for message in told] == [
        ("changed", (goods.id,)),
        ("changed", (goods.id, goods.variants[1].id)),
        ("deleted", (goods.id,)),
    ]
    assert all(message.at for message in told)
    assert len({message.id for message in told}) == len(told)
