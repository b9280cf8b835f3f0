"""BigCommerce: source, gallery and messages, against a double that executes the vendor's OpenAPI files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.publications import Item, Publications
from connectors.publisher import Publisher
from connectors.vendors.base import Listing, Picture, Placing, marked
from connectors.vendors.bigcommerce.cells import mapping_of
from connectors.vendors.bigcommerce.client import Client
from connectors.vendors.bigcommerce.gallery import BigCommerceGallery
from connectors.vendors.bigcommerce.source import LIMIT, BigCommerceSource
from connectors.vendors.connection import Connection
from connectors.vendors.registry import open_vendor
from studio.errors import (
    InvalidCursor,
    ProductGone,
    RowError,
    SettingsError,
    VendorDenied,
    VendorRefused,
    VendorUnavailable,
)
from studio.keys import digest_bytes
from tests.doubles.bigcommerce import MAX_BYTES, TOKEN, Store
from tests.doubles.rest import Fault, contract_of, served

BLOBS = {digest_bytes(data): data for data in (b"one" * 50, b"two" * 60, b"three" * 70, b"four" * 80)}
DIGESTS = list(BLOBS)


@pytest.fixture
def store() -> Iterator[Store]:
    double = Store(contract_of("bigcommerce"))
    with served(double):
        yield double


def connect(store: Store, **more: Any) -> Connection:
    said = {"secrets": {"token": TOKEN}, "allow_private": True, **more}
    return Connection(name="shop", vendor="bigcommerce", address=f"{store.url}/stores/abc123", **said)


def source_of(store: Store, **more: Any) -> BigCommerceSource:
    connection = connect(store, **more)
    return BigCommerceSource(
        Client(connection, sleep=lambda _: None),
        mapping_of(connection),
        variants=more.get("options", {}).get("variants") == "own",
    )


def gallery_of(store: Store, slept: list[float] | None = None) -> BigCommerceGallery:
    return BigCommerceGallery(Client(connect(store), sleep=(slept if slept is not None else []).append))


def item(number: int, alt: str = "") -> Item:
    digest = DIGESTS[number]
    return Item(
        digest=digest, media_type="image/jpeg", name=marked(f"mug-{number}.jpg", digest), alt=alt or f"Mug, view {number}"
    )


def picture(number: int, data: bytes | None = None) -> Picture:
    one = item(number)
    return Picture(one.digest, one.media_type, one.name, lambda: data if data is not None else BLOBS[one.digest], one.alt)


def publisher(store: Store, folder: Path, *, people: Any = "after") -> Publisher:
    records = Publications(f"sqlite:///{folder}/records.db")
    return Publisher("shop", gallery_of(store), records, BLOBS.__getitem__, people=people, sleep=lambda _: None)


def everything(source: BigCommerceSource, cursor: str = "") -> tuple[list[Any], str]:
    found = []
    for page in source.pages(cursor):
        found += page.listings
        cursor = page.cursor
    return found, cursor


def test_a_product_with_its_facts_and_pictures(store: Store) -> None:
    store.product(11)
    store.picture(11, "side.jpg", order=2)
    main = store.picture(11, "front.jpg", order=9, thumbnail=True)
    listing = source_of(store, options={"unit": "in"}).listing("11")
    assert listing is not None
    product = listing.product
    assert (product.sku, product.title, product.brand, product.category) == ("MUG-11", "Mug 11", "Ostheim", "Mugs")
    assert product.attributes == {
        "main_material": "Stoneware",
        "description": "A mug",
        "condition": "New",
        "categories": "Kitchen, Mugs",
    }
    assert (product.dimensions.width_mm, product.dimensions.height_mm, product.dimensions.depth_mm) == (215.9, None, 228.6)
    assert listing.pictures[0].id == str(main)
    assert [image.uri for image in product.images] == [shown.url for shown in listing.pictures]
    assert listing.updated == datetime(2026, 11, 1, 10, tzinfo=UTC)


def test_sizes_are_not_guessed(store: Store) -> None:
    store.product(11)
    listing = source_of(store).listing("11")
    assert listing is not None
    assert listing.product.dimensions.width_mm is None


def test_a_sku_is_found_somewhere(store: Store) -> None:
    store.product(1, sku="", variants=[{"id": 5, "sku": "V-5"}])
    store.product(2, sku="")
    source = source_of(store)
    assert [found.product.sku for ref in "12" if (found := source.listing(ref))] == ["V-5", "mug-2"]


def test_variants_with_pictures_of_their_own(store: Store) -> None:
    red = {
        "id": 5,
        "sku": "MUG-R",
        "image_url": "https://cdn.example/red.jpg",
        "width": 7.0,
        "option_values": [{"option_display_name": "Colour", "label": "Red"}],
    }
    store.product(1, variants=[red, {"id": 6, "sku": "MUG-B", "image_url": ""}])
    assert [found.ref for found in everything(source_of(store))[0]] == ["1"]
    found = everything(source_of(store, options={"variants": "own", "unit": "cm"}))[0]
    assert [one.ref for one in found] == ["1", "1/5"]
    product = found[1].product
    assert (product.sku, product.variant_of, product.attributes["colour"], product.dimensions.width_mm) == (
        "MUG-R",
        "MUG-1",
        "Red",
        70,
    )
    assert [image.uri for image in product.images] == ["https://cdn.example/red.jpg"]
    with pytest.raises(VendorRefused):
        gallery_of(store).read("1/5")


def test_a_mapping_of_the_user(store: Store, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "sku: mpn\ntitle: name\nattributes: {clay: custom.Main Material}\nimages: [{column: images, separator: '\\n'}]\n"
    )
    store.product(1, mpn="OST-1")
    store.product(2, mpn="")
    good, broken = sorted(
        everything(source_of(store, mapping=str(tmp_path / "m.yaml")))[0], key=lambda found: isinstance(found, RowError)
    )
    assert (good.product.sku, good.product.attributes) == ("OST-1", {"clay": "Stoneware"})
    assert isinstance(broken, RowError)


@pytest.mark.parametrize("address", ["/etc/passwd", "file:///etc/passwd", "s3://bucket/x.jpg", "x.jpg"])
def test_a_product_names_no_file_of_ours(store: Store, tmp_path: Path, address: str) -> None:
    (tmp_path / "m.yaml").write_text("sku: sku\nimages: [{column: custom.Photo}]\n")
    store.product(1, custom_fields=[{"id": 1, "name": "Photo", "value": address}])
    (broken,), _ = everything(source_of(store, mapping=str(tmp_path / "m.yaml")))
    assert isinstance(broken, RowError)


def test_what_is_not_there_is_none(store: Store) -> None:
    assert source_of(store).listing("99") is None
    with pytest.raises(ProductGone):
        gallery_of(store).read("99")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_product_is_seen_whatever_changes_meanwhile(store: Store, data: st.DataObject) -> None:
    """Products are changed between pages, and hundreds within one second: none is left out, also when we start again anywhere."""
    store.products.clear()
    count = data.draw(st.integers(0, 900))
    same = data.draw(st.integers(0, count))
    for number in range(1, count + 1):
        second = 0 if number <= same else number
        store.product(number, f"2026-11-01T10:{second // 60:02d}:{second % 60:02d}+00:00")
    source, cursor, seen, changed = source_of(store), "", set[str](), 0
    while True:
        pages = source.pages(cursor)
        page = next(pages)
        cursor, seen = page.cursor, seen | {one.ref for one in page.listings if isinstance(one, Listing)}
        if count and changed < 5:
            changed += 1
            moved = data.draw(st.integers(1, count))
            store.products[moved]["date_modified"] = f"2026-11-02T11:00:0{changed}+00:00"
        if data.draw(st.booleans()):
            continue
        for page in pages:
            cursor, seen = page.cursor, seen | {one.ref for one in page.listings if isinstance(one, Listing)}
        break
    assert seen == {str(number) for number in range(1, count + 1)}


def test_a_second_pull_asks_once(store: Store) -> None:
    for number in range(1, 2 * LIMIT + 1):
        store.product(number, f"2026-11-01T{number // 60:02d}:{number % 60:02d}:00+00:00")
    source = source_of(store)
    found, cursor = everything(source)
    assert len(found) == 2 * LIMIT
    assert [one.updated for one in found] == sorted(one.updated for one in found)
    store.calls.clear()
    again, cursor = everything(source, cursor)
    assert ([one.ref for one in again], len(store.calls)) == ([str(2 * LIMIT)], 1)
    store.product(3, "2026-11-02T00:00:00+00:00")
    assert [one.ref for one in everything(source, cursor)[0]] == [str(2 * LIMIT), "3"]


@pytest.mark.parametrize("cursor", ["x", "{}", '{"since": "yesterday", "after": null}', '{"since": "", "after": "x"}', "[]"])
def test_a_foreign_cursor_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        next(source_of(store).pages(cursor))


def test_a_set_is_published_read_back_replaced_and_rolled_back(store: Store, tmp_path: Path) -> None:
    store.product(1)
    human = store.picture(1, "by-hand.jpg", text="Our own")
    publishing = publisher(store, tmp_path)
    publishing.publish("1", "MUG-1", [item(0), item(1)])
    assert _names(store) == ["mug-0", "mug-1", "by-hand"]
    assert _thumbnail(store) == "mug-0"
    calls = len(store.calls)
    assert publishing.publish("1", "MUG-1", [item(0), item(1)]).outcome == "unchanged"
    assert len(store.calls) == calls
    publishing.publish("1", "MUG-1", [item(2), item(0, "Mug, new words")])
    assert _names(store) == ["mug-2", "mug-0", "by-hand"]
    publishing.rollback("1")
    assert _names(store) == ["mug-0", "mug-1", "by-hand"]
    kept = next(image for image in store.images[1] if image["id"] == human)
    assert kept["description"] == "Our own"
    assert [store.files[image["id"]] for image in _order(store)[:2]] == [BLOBS[DIGESTS[0]], BLOBS[DIGESTS[1]]]


def test_people_first_and_a_thumbnail_that_somebody_moved(store: Store, tmp_path: Path) -> None:
    store.product(1)
    store.picture(1, "by-hand.jpg")
    publisher(store, tmp_path, people="first").publish("1", "MUG-1", [item(0), item(1)])
    assert _names(store) == ["by-hand", "mug-0", "mug-1"]
    for image in store.images[1]:
        image["is_thumbnail"] = "mug-1" in image["image_file"]
    publisher(store, tmp_path, people="first").publish("1", "MUG-1", [item(0), item(1)], force=True)
    assert _names(store) == ["by-hand", "mug-0", "mug-1"]


def test_a_store_that_passes_over_pictures_in_a_product(store: Store, tmp_path: Path) -> None:
    store.product(1)
    store.picture(1, "by-hand.jpg")
    store.single = True
    publisher(store, tmp_path).publish("1", "MUG-1", [item(0), item(1), item(2)])
    assert _names(store) == ["mug-0", "mug-1", "mug-2", "by-hand"]


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True), min_size=1, max_size=3),
    st.lists(
        st.tuples(
            st.sampled_from(["GET", "POST", "PUT", "DELETE"]), st.sampled_from(["500", "429", "502", "lost"]), st.integers(1, 3)
        ),
        max_size=5,
    ),
    st.integers(0, 2),
    st.booleans(),
)
def test_faults_lose_nothing_and_double_nothing(
    store: Store, sets: list[list[int]], faults: list[tuple[str, str, int]], hides: int, single: bool
) -> None:
    """Answers that are lost, refusals, a list that lags: after some tries the gallery is right, and the person's picture is as it was."""
    store.products.clear()
    store.images.clear()
    store.product(1)
    store.picture(1, "by-hand.jpg", text="Ours since 1990")
    store.single, store.hides = single, hides
    store.faults = [
        Fault(
            method, "/products/1", 0 if kind == "lost" else int(kind), {"x-rate-limit-time-reset-ms": "40"}, times, kind == "lost"
        )
        for method, kind, times in faults
    ]
    with tempfile.TemporaryDirectory() as folder:
        publishing = publisher(store, Path(folder))
        for wanted in sets:
            for _ in range(20):
                try:
                    publishing.publish("1", "MUG-1", [item(number) for number in wanted])
                    break
                except VendorUnavailable:
                    continue
            names = [f"mug-{number}" for number in wanted]
            assert _names(store) == [*names, "by-hand"]
    assert [image["description"] for image in store.images[1] if "by-hand" in image["image_file"]] == ["Ours since 1990"]


def test_the_quota_of_the_store_is_kept(store: Store) -> None:
    slept: list[float] = []
    store.product(1)
    store.picture(1, "by-hand.jpg")
    gallery = gallery_of(store, slept)
    store.headers |= {"x-rate-limit-requests-left": "2"}
    for _ in range(6):
        gallery.read("1")
    assert len(slept) >= 3
    assert all(0 < pause <= 1 for pause in slept)


def test_429_waits_for_the_next_window(store: Store) -> None:
    slept: list[float] = []
    store.product(1)
    store.faults = [Fault("GET", "/images", 429, {"x-rate-limit-time-reset-ms": "12500"})]
    assert gallery_of(store, slept).read("1") == ()
    assert 12.5 in slept


def test_an_added_picture_stands_last_and_is_added_once(store: Store) -> None:
    store.product(1)
    store.picture(1, "by-hand.jpg")
    gallery = gallery_of(store)
    first = gallery.add("1", picture(0))
    assert gallery.add("1", picture(0)) == first
    assert _names(store) == ["by-hand", "mug-0"]
    gallery.remove("1", [first, "999999"])
    gallery.arrange("1", [Placing(gallery.read("1")[0].id)])
    assert _names(store) == ["by-hand"]
    assert gallery.fetch(gallery.read("1")[0]) is None


def test_a_picture_that_is_too_large_is_not_sent(store: Store) -> None:
    store.product(1)
    with pytest.raises(VendorRefused, match="8388608"):
        gallery_of(store).add("1", picture(0, bytes(MAX_BYTES + 1)))
    assert not store.counted("POST")


def test_wrong_credentials_say_so_and_show_nothing(store: Store) -> None:
    connection = connect(store, secrets={"token": "wrong-token"})
    vendor = open_vendor(connection)
    assert vendor.source is not None
    with pytest.raises(VendorDenied) as caught:
        next(vendor.source.pages())
    assert "wrong-token" not in str(caught.value) + repr(connection)
    with pytest.raises(SettingsError, match="token"):
        open_vendor(connect(store, secrets={}))
    with pytest.raises(SettingsError, match="stores"):
        open_vendor(connection.model_copy(update={"address": store.url}))


def test_the_double_holds_the_contract(store: Store) -> None:
    """What the vendor's file does not know, the double answers with 599: then no test above could pass."""
    if store.contract is None:
        pytest.skip("the vendor's OpenAPI files are not at hand")
    store.product(1)
    client = Client(
        connect(store),
        sleep=lambda _: None,
    )
    wrong = [("GET", "v3/catalog/products?sort=colour", None), ("GET", "v3/catalog/products?changed=1", None), ("GET", "v3/catalog/categories", None),
             ("PUT", "v3/catalog/products/1", {"images": [{"sort_order": "first"}]}), ("PUT", "v3/catalog/products/1", {"pictures": []}), ("GET", "v3/catalog/shelves", None)]  # fmt: skip
    for method, path, body in wrong:
        with pytest.raises(VendorUnavailable, match="599"):
            client.call(method, path, json=body, repeatable=False)
    store.products[1]["date_modified"] = 17
    with pytest.raises(VendorUnavailable, match="599"):
        client.call("GET", "v3/catalog/products/1", repeatable=False)
    assert len(store.breaches) == len(wrong) + 1
    store.breaches.clear()


def _order(store: Store) -> list[dict[str, Any]]:
    return sorted(store.images[1], key=lambda image: image["sort_order"])


def _names(store: Store) -> list[str]:
    return [image["image_file"].split("/")[2].partition("__")[0].partition("-packshot")[0] for image in _order(store)]


def _thumbnail(store: Store) -> str:
    (one,) = [image for image in store.images[1] if image["is_thumbnail"]]
    return str(one["image_file"].split("/")[2].partition("-packshot")[0])
