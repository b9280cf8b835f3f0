"""WooCommerce against its double: sync, publishing with faults, uploads and fetched pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from connectors.publications import Item, Publications
from connectors.publisher import Publisher
from connectors.vendors.base import Listing, Picture, Placing, marked
from connectors.vendors.connection import Connection
from connectors.vendors.registry import open_vendor
from connectors.vendors.woocommerce.client import Woo
from connectors.vendors.woocommerce.gallery import WooGallery
from connectors.vendors.woocommerce.pictures import mark_of
from connectors.vendors.woocommerce.source import WooSource
from studio.errors import InvalidCursor, ProductGone, SettingsError, VendorDenied, VendorRefused, VendorUnavailable
from tests.doubles.serving import Fault, serving
from tests.doubles.woocommerce import WooDouble

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def jpeg(shade: int, side: int = 8) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, 8), (shade, 90, 200)).save(out, "JPEG")
    return out.getvalue()


BLOBS = {blake3(jpeg(n)).hexdigest(): jpeg(n) for n in range(0, 250, 10)}
DIGESTS = list(BLOBS)


def items(*numbers: int) -> list[Item]:
    return [
        Item(digest=DIGESTS[n], media_type="image/jpeg", name=marked("front.jpg", DIGESTS[n]), alt=f"A mug {n}") for n in numbers
    ]


@pytest.fixture
def shop() -> Iterator[WooDouble]:
    double = WooDouble()
    with serving(double):
        yield double


UPLOADS = {"user": "editor", "password": "abcd efgh"}


def connection(shop: WooDouble, *, uploads: bool = True, **more: object) -> Connection:
    secrets = {"key": "ck_1", "secret": "cs_1"} | (UPLOADS if uploads else {})
    found = {"name": "shop", "vendor": "woocommerce", "address": shop.url, "secrets": secrets, "allow_private": True, **more}
    return Connection.model_validate(found)


def no_sleep(_seconds: float) -> None:
    pass


def gallery_of(shop: WooDouble, **more: object) -> WooGallery:
    one = connection(shop, **more)  # type: ignore[arg-type]
    return WooGallery(Woo(one, sleep=no_sleep), one)


def publisher_of(shop: WooDouble, folder: Path, *, fetched: bool = False) -> Publisher:
    more: dict[str, object] = {}
    if fetched:
        shop.assets = {f"/assets/{digest[:2]}/{digest}.jpg": data for digest, data in BLOBS.items()}
        more = {"uploads": False, "options": {"assets": shop.url + "/assets/{shard}/{digest}{extension}"}}
    records = Publications(f"sqlite:///{folder}/records.db")
    return Publisher("shop", gallery_of(shop, **more), records, BLOBS.__getitem__, sleep=no_sleep)


def source_of(shop: WooDouble, **more: object) -> WooSource:
    one = connection(shop, **more)  # type: ignore[arg-type]
    return WooSource(Woo(one, sleep=no_sleep), one, now=lambda: NOON)


@pytest.mark.parametrize("fetched", [False, True])
def test_a_set_goes_on_and_people_keep_theirs(shop: WooDouble, tmp_path: Path, fetched: bool) -> None:
    shop.product(12)
    person = shop.human(12, "mine.jpg", jpeg(3), alt="By hand")
    publisher = publisher_of(shop, tmp_path, fetched=fetched)
    assert publisher.publish("12", "MUG", items(0, 1, 2)).outcome == "live"
    assert shop.bytes_of(12) == [jpeg(0), jpeg(10), jpeg(20), jpeg(3)]
    assert [shop.media[n]["alt"] for n in shop.products[12]["images"]] == ["A mug 0", "A mug 1", "A mug 2", "By hand"]
    assert shop.products[12]["images"][3] == person
    if not fetched:
        assert len(shop.visible) == 1, "shoppers saw a half gallery"
    before = len(shop.calls)
    assert publisher.publish("12", "MUG", items(0, 1, 2)).outcome == "unchanged"
    assert len(shop.calls) == before
    assert publisher.publish("12", "MUG", items(0, 1, 2), force=True).wrote == 0


def test_a_new_set_replaces_the_old_in_one_step_and_can_be_taken_back(shop: WooDouble, tmp_path: Path) -> None:
    shop.product(12)
    shop.human(12, "mine.jpg", jpeg(3))
    publisher = publisher_of(shop, tmp_path)
    publisher.publish("12", "MUG", items(0, 1))
    publisher.publish("12", "MUG", items(2, 3))
    assert len(shop.visible) == 2
    uploads = len(shop.media)
    publisher.rollback("12")
    assert shop.bytes_of(12) == [jpeg(0), jpeg(10), jpeg(3)]
    assert len(shop.media) == uploads, "what is in the library was sent again"
    publisher.publish("12", "MUG", [])
    assert shop.bytes_of(12) == [jpeg(3)]


@pytest.mark.parametrize("fetched", [False, True])
@pytest.mark.parametrize("lost", ["POST .*/media", "PUT .*/products/12"])
@pytest.mark.parametrize("skip", [0, 1])
def test_a_lost_answer_leaves_no_second_copy(shop: WooDouble, tmp_path: Path, lost: str, skip: int, fetched: bool) -> None:
    shop.product(12)
    shop.human(12, "mine.jpg", jpeg(3))
    publisher = publisher_of(shop, tmp_path, fetched=fetched)
    publisher.publish("12", "MUG", items(5, 6))
    shop.faults.append(Fault(lost, lost=True, skip=skip))
    for _ in range(2):
        try:
            publisher.publish("12", "MUG", items(0, 1))
            break
        except VendorUnavailable:
            continue
    assert shop.bytes_of(12) == [jpeg(0), jpeg(10), jpeg(3)]
    assert len(shop.media) == 5


@pytest.mark.parametrize("step", ["POST .*/media", "PUT .*/products/12", "GET .*/media", "GET .*/products/12"])
def test_a_broken_shop_shows_the_old_set_until_it_is_taken_up_again(shop: WooDouble, tmp_path: Path, step: str) -> None:
    shop.product(12)
    shop.human(12, "mine.jpg", jpeg(3))
    publisher = publisher_of(shop, tmp_path)
    publisher.publish("12", "MUG", items(5, 6))
    old = shop.seen(12)
    fault = Fault(step, status=503, times=1000)
    shop.faults.append(fault)
    with pytest.raises(VendorUnavailable):
        publisher.publish("12", "MUG", items(0, 1))
    assert shop.seen(12) == old
    fault.times = 0
    publisher.publish("12", "MUG", items(0, 1))
    assert shop.bytes_of(12) == [jpeg(0), jpeg(10), jpeg(3)]
    assert len(shop.media) == 5


def test_a_picture_somebody_adds_meanwhile_stays(shop: WooDouble) -> None:
    shop.product(12)
    gallery = gallery_of(shop)
    picture = Picture(DIGESTS[0], "image/jpeg", marked("a.jpg", DIGESTS[0]), lambda: jpeg(0))
    order = [Placing(gallery.add("12", picture), picture)]
    shop.human(12, "late.jpg", jpeg(5))
    gallery.arrange("12", order)
    assert shop.bytes_of(12) == [jpeg(0), jpeg(5)]


def test_a_variation_shows_one_picture(shop: WooDouble, tmp_path: Path) -> None:
    shop.product(12)
    shop.human(12, "mine.jpg", jpeg(3))
    shop.variation(12, 34, sku="MUG-RED")
    publisher = publisher_of(shop, tmp_path)
    assert publisher.publish("12/34", "MUG-RED", items(0)).outcome == "live"
    assert shop.variations[12][34]["image"] in shop.media
    with pytest.raises(VendorRefused, match="one picture"):
        publisher.publish("12/34", "MUG-RED", items(0, 1))
    publisher.publish("12/34", "MUG-RED", [])
    assert shop.variations[12][34]["image"] is None
    assert shop.bytes_of(12) == [jpeg(3)]


def test_a_text_can_be_taken_away(shop: WooDouble, tmp_path: Path) -> None:
    shop.product(12)
    publisher = publisher_of(shop, tmp_path)
    publisher.publish("12", "MUG", items(0))
    publisher.publish("12", "MUG", [item.model_copy(update={"alt": ""}) for item in items(0)])
    assert [shop.media[n]["alt"] for n in shop.products[12]["images"]] == [""]


@pytest.mark.parametrize("alt", ["50%ab wool", "<b>Mug</b>", "two\nlines", "two  spaces", " edge"])
def test_a_text_that_the_shop_would_change_is_refused_before_anything_shows(shop: WooDouble, tmp_path: Path, alt: str) -> None:
    shop.product(12)
    with pytest.raises(VendorRefused, match="text"):
        publisher_of(shop, tmp_path).publish("12", "MUG", [items(0)[0].model_copy(update={"alt": alt})])
    assert shop.seen(12) == ()


def test_the_registry_opens_it(shop: WooDouble) -> None:
    shop.product(12)
    vendor = open_vendor(connection(shop))
    assert vendor.gallery is not None
    assert vendor.source is not None
    assert vendor.inbound is not None
    assert vendor.gallery.read("12") == ()
    with pytest.raises(SettingsError, match="secrets.key"):
        open_vendor(connection(shop).model_copy(update={"secrets": {}}))


FAULTS = st.builds(
    Fault,
    st.sampled_from(["POST .*/media$", "PUT .*/products/12", "GET .*/media", "GET .*/products/12", "GET .*/uploads/"]),
    status=st.sampled_from([0, 500, 502, 503, 429]),
    lost=st.booleans(),
    times=st.integers(1, 7),
    skip=st.integers(0, 6),
)


@settings(max_examples=6)
@given(st.lists(st.lists(st.integers(0, 5), unique=True, max_size=4), min_size=2, max_size=3), st.lists(FAULTS, max_size=5))
def test_whatever_breaks_the_gallery_ends_right(sets: list[list[int]], faults: list[Fault]) -> None:
    shop = WooDouble()
    with serving(shop), TemporaryDirectory() as folder:
        shop.product(12)
        shop.human(12, "mine.jpg", jpeg(3))
        publisher = publisher_of(shop, Path(folder))
        shop.faults += faults
        for wanted in sets:
            for _ in range(40):
                try:
                    publisher.publish("12", "MUG", items(*wanted))
                    break
                except VendorUnavailable:
                    continue
            assert shop.bytes_of(12) == [*(jpeg(10 * n) for n in wanted), jpeg(3)]
    whole = [{mark_of(url) for url in seen} - {""} for seen in shop.visible]
    assert all(marks in [{DIGESTS[n][:16] for n in wanted} for wanted in [[], *sets]] for marks in whole)
    assert len(shop.media) == 1 + len({n for wanted in sets for n in wanted})


def test_a_large_picture_is_not_expected_back(shop: WooDouble, tmp_path: Path) -> None:
    large = jpeg(1, side=2600)
    digest = blake3(large).hexdigest()
    shop.product(12)
    records = Publications(f"sqlite:///{tmp_path}/records.db")
    publisher = Publisher("shop", gallery_of(shop), records, lambda _: large, sleep=no_sleep)
    item = Item(digest=digest, media_type="image/jpeg", name=marked("a.jpg", digest))
    assert publisher.publish("12", "MUG", [item]).outcome == "live"
    assert publisher.publish("12", "MUG", [item], force=True).wrote == 0


def test_refusals_have_their_kinds(shop: WooDouble) -> None:
    shop.product(12, status="trash")
    for ref in ("12", "13", "x", "12/", "0", "12/34/5", "../12"):
        with pytest.raises(ProductGone):
            gallery_of(shop).read(ref)
    shop.key = ("ck_other", "cs_other")
    with pytest.raises(VendorDenied) as denied:
        gallery_of(shop).read("12")
    assert "cs_1" not in str(denied.value)
    with pytest.raises(SettingsError, match="https"):
        Woo(connection(shop, allow_private=False))
    with pytest.raises(SettingsError, match="digest"):
        gallery_of(shop, options={"assets": "https://cdn.example/"})
    with pytest.raises(SettingsError, match="assets"):
        gallery_of(shop, uploads=False).add("12", Picture(DIGESTS[0], "image/jpeg", "a.jpg", lambda: jpeg(0)))


def refs(source: WooSource, cursor: str = "") -> list[str]:
    return [listing.ref for page in source.pages(cursor) for listing in page.listings if isinstance(listing, Listing)]


@settings(max_examples=8)
@given(st.lists(st.sampled_from([1, 20, 99, 100, 101, 130]), min_size=1, max_size=4), st.data())
def test_every_product_comes_however_many_share_a_second_and_from_any_cursor(sizes: list[int], data: st.DataObject) -> None:
    shop = WooDouble()
    number = 0
    for second, size in enumerate(sizes):
        for _ in range(size):
            number += 1
            shop.product(number, at=NOON - timedelta(days=2) + timedelta(seconds=second))
    with serving(shop):
        pages = list(source_of(shop).pages())
        found = [listing.ref for page in pages for listing in page.listings if isinstance(listing, Listing)]
        assert set(found) == {str(n) for n in shop.products}
        done = data.draw(st.integers(1, len(pages)))
        before = {listing.ref for page in pages[:done] for listing in page.listings if isinstance(listing, Listing)}
        assert before | set(refs(source_of(shop), pages[done - 1].cursor)) == set(found)
        calls = len(shop.calls)
        assert refs(source_of(shop), pages[-1].cursor) == []
        assert len(shop.calls) == calls + 1


def test_a_change_comes_and_a_late_one_too(shop: WooDouble) -> None:
    shop.product(1, at=NOON - timedelta(days=1))
    shop.product(2, at=NOON - timedelta(seconds=5))
    *_, last = source_of(shop).pages()
    shop.product(3, at=NOON - timedelta(seconds=30))
    shop.product(1, at=NOON)
    assert {"1", "3"} <= set(refs(source_of(shop), last.cursor))


def test_facts_of_products_and_variations(shop: WooDouble) -> None:
    shop.product(
        12, name="Mug &amp; lid", sku="MUG", description="<p>Holds <b>tea</b></p>", categories=[{"id": 1, "name": "Mugs"}],
        brands=[{"id": 3, "name": "Acme"}], attributes=[{"name": "Frame colour", "options": ["Red", "Blue"]}],
        dimensions={"length": "10", "width": "8.5", "height": ""},
    )  # fmt: skip
    shop.human(12, "mug.jpg", jpeg(3))
    own = shop.human(12, "red.jpg", jpeg(4))
    shop.products[12]["images"].remove(own)
    shop.variation(12, 34, sku="MUG-RED", image=own, attributes=[{"name": "Color", "option": "Red"}])
    shop.variation(12, 35, sku="MUG-BLUE")
    (page,) = source_of(shop).pages()
    product, red = (listing.product for listing in page.listings if isinstance(listing, Listing))
    assert (product.sku, product.title, product.category, product.brand) == ("MUG", "Mug & lid", "Mugs", "Acme")
    assert product.attributes["description"] == "Holds tea"
    assert (product.dimensions.depth_mm, product.dimensions.width_mm, product.dimensions.height_mm) == (100, 85, None)
    assert (red.sku, red.variant_of, red.attributes["color"], red.title) == ("MUG-RED", "MUG", "Red", "Mug & lid")
    assert [image.uri.rpartition("/")[2] for image in red.images] == ["red.jpg", "mug.jpg"]
    again = source_of(shop).listing("12/34")
    assert again is not None
    assert again.product == red
    assert source_of(shop).listing("99") is None
    shop.settings_denied = True
    without = source_of(shop).listing("12")
    assert without is not None
    assert without.product.dimensions.width_mm is None


@pytest.mark.parametrize("cursor", ["x", "[]", "{}", json.dumps({"after": "yesterday", "offset": None})])
def test_a_cursor_that_is_none_is_refused(shop: WooDouble, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        next(source_of(shop).pages(cursor))
