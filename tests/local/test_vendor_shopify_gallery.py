"""Pictures onto products of the double shop: in order, once, beside those of people, with a fault at every call."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.publications import Item, Publications
from connectors.publisher import People, Publisher
from connectors.vendors.base import marked
from studio.errors import (
    ProductGone,
    VendorRefused,
    VendorUnavailable,
)
from studio.keys import digest_bytes
from tests.doubles.shopify import Shop
from tests.doubles.shopify_desk import BLOBS, DIGESTS, HUMAN, Desk, item, names, opened
from tests.doubles.shopify_schema import SCHEMA_FILE
from tests.doubles.shopify_server import serve

pytestmark = pytest.mark.skipif(not SCHEMA_FILE.is_file(), reason="the published schema is not beside this checkout")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serve(Shop()) as served:
        yield served


@pytest.fixture
def desk(shop: Shop, tmp_path: Path) -> Desk:
    return Desk(shop, tmp_path)


def test_a_set_is_published_beside_what_people_uploaded_and_again_costs_nothing(shop: Shop, desk: Desk) -> None:
    goods = shop.add_product("mug")
    human = shop.upload_by_hand(goods, "hand.jpg", HUMAN, alt="by hand")
    done = desk.new().publish(goods.id, "mug", [item(0), item(1), item(2)])
    assert done.outcome == "live"
    assert goods.media == [*(placed.id for placed in done.items), human]
    assert [shop.files[ident].data for ident in goods.media] == [BLOBS[DIGESTS[0]], BLOBS[DIGESTS[1]], BLOBS[DIGESTS[2]], HUMAN]
    assert [shop.files[ident].alt for ident in goods.media] == ["view 0", "view 1", "view 2", "by hand"]
    shop.calls.clear()
    assert desk.new().publish(goods.id, "mug", [item(0), item(1), item(2)]).outcome == "unchanged"
    assert not shop.calls
    forced = desk.new().publish(goods.id, "mug", [item(0), item(1), item(2)], force=True)
    assert forced.wrote == 0


def test_people_first(shop: Shop, tmp_path: Path) -> None:
    goods = shop.add_product("mug")
    human = shop.upload_by_hand(goods, "hand.jpg", HUMAN)
    done = Desk(shop, tmp_path, "first").new().publish(goods.id, "mug", [item(0), item(1)])
    assert goods.media == [human, *(placed.id for placed in done.items)]


@pytest.mark.parametrize("people", ["after", "first", "hide"])
def test_films_and_pictures_of_people_keep_their_order(shop: Shop, tmp_path: Path, people: People) -> None:
    goods = shop.add_product("mug")
    human = [shop.upload_film(goods), shop.upload_by_hand(goods, "a.jpg", HUMAN), shop.upload_film(goods)]
    human += [shop.upload_by_hand(goods, "b.jpg", HUMAN)]
    desk = Desk(shop, tmp_path, people)
    for chosen in ([0, 1], [2, 1, 3], [1]):
        done = desk.new().publish(goods.id, "mug", [item(n) for n in chosen])
        ours = [placed.id for placed in done.items]
        assert goods.media == ([*human, *ours] if people == "first" else [*ours, *human])
    source = opened(shop).source
    assert source
    listing = source.listing(goods.id)
    assert listing
    assert len(listing.product.images) == 3
    desk.new().publish(goods.id, "mug", [])
    assert goods.media == human


def test_a_changed_set_and_its_rollback_upload_nothing_twice(shop: Shop, desk: Desk) -> None:
    goods = shop.add_product("mug")
    human = shop.upload_by_hand(goods, "hand.jpg", HUMAN)
    desk.new().publish(goods.id, "mug", [item(0), item(1)])
    before = list(goods.media)
    desk.new().publish(goods.id, "mug", [item(2), item(1, alt="new words"), item(3)])
    assert names(shop, goods) == [item(2).name, item(1).name, item(3).name, "hand.jpg"]
    assert shop.files[goods.media[1]].alt == "new words"
    files = len(shop.files)
    desk.new().rollback(goods.id)
    assert goods.media == before
    assert [shop.files[ident].alt for ident in goods.media[:2]] == ["view 0", "view 1"]
    assert len(shop.files) == files
    desk.new().publish(goods.id, "mug", [])
    assert goods.media == [human]
    assert shop.files[human].data == HUMAN


WRITES = [
    "stagedUploadsCreate",
    "upload",
    "fileCreate",
    "fileUpdate",
    "metafieldsSet",
    "productReorderMedia",
    "job",
    "product",
    "nodes",
]
ATTACHING = ["productVariantAppendMedia", "productVariantDetachMedia"]


FAULTS = [("429", 1), ("500", 1), ("500", 6), ("lost", 1), ("lost", 6), ("internal", 1), ("throttled", 1)]
CASES = [(where, *fault) for where in [*WRITES, *ATTACHING] for fault in FAULTS if where != "upload" or fault[0].isdigit()]


@pytest.mark.parametrize(("where", "kind", "times"), CASES)
def test_a_fault_at_any_call_leaves_a_gallery_that_the_next_publisher_makes_right(
    shop: Shop, desk: Desk, where: str, kind: str, times: int
) -> None:
    goods = shop.add_product("mug", ("A", {"Colour": "Red"}), ("B", {"Colour": "Blue"}))
    red = goods.variants[0]
    human = shop.upload_by_hand(goods, "hand.jpg", HUMAN, red)
    desk.new().publish(goods.id, "mug", [item(0), item(1)])
    wanted = [item(2, variants=(red.id,)), item(0), item(3)]
    shop.faults = [(where, kind)] * times
    for _ in range(12):
        try:
            desk.new().publish(goods.id, "mug", wanted)
            break
        except VendorUnavailable:
            assert human in goods.media
    assert names(shop, goods) == [placed.name for placed in [*wanted]] + ["hand.jpg"]
    assert len({file.name for file in shop.files.values()}) == len(shop.files)
    assert shop.files[human].data == HUMAN
    assert [shop.files[ident].name for ident in red.media] == [wanted[0].name]
    shop.faults = []
    desk.new().publish(goods.id, "mug", [])
    assert goods.media == red.media == [human]


def test_a_picture_that_shopify_cannot_read_is_refused_and_what_was_live_stays(shop: Shop, tmp_path: Path) -> None:
    goods = shop.add_product("mug")
    broken = b"\xff\xd8 no picture"
    blobs = {**BLOBS, digest_bytes(broken): broken}
    records = Publications(f"sqlite:///{tmp_path / 'records.db'}")
    gallery = opened(shop).gallery
    assert gallery
    publisher = Publisher("acme", gallery, records, blobs.__getitem__, sleep=shop.sleep)
    publisher.publish(goods.id, "mug", [item(0)])
    bad = Item(digest=digest_bytes(broken), media_type="image/jpeg", name=marked("bad.jpg", digest_bytes(broken)))
    for _ in range(2):
        with pytest.raises(VendorRefused, match="could not be processed"):
            publisher.publish(goods.id, "mug", [item(1), bad])
        assert names(shop, goods) == [item(0).name]
    assert [line.outcome for line in records.history("acme", goods.id)] == ["failed", "failed", "live"]
    publisher.publish(goods.id, "mug", [item(1)])
    assert names(shop, goods) == [item(1).name]


def test_a_file_that_was_made_but_is_not_found_yet_is_waited_for(shop: Shop, desk: Desk) -> None:
    goods = shop.add_product("mug")
    shop.faults = [("fileCreate", "lost")]
    shop.settle_after = 4
    shop.hidden = {f"gid://shopify/MediaImage/{n}": 3 for n in range(1000, 1100)}
    desk.new().publish(goods.id, "mug", [item(0), item(1)])
    assert names(shop, goods) == [item(0).name, item(1).name]
    assert len(shop.files) == 2


def test_a_variants_own_set_and_the_products_do_not_disturb_each_other(shop: Shop, desk: Desk) -> None:
    goods = shop.add_product("tee", ("T-R", {"Colour": "Red"}), ("T-B", {"Colour": "Blue"}))
    red, blue = goods.variants
    own = [shop.upload_by_hand(goods, f"own-{n}.jpg", HUMAN, variant) for n, variant in enumerate(goods.variants)]
    source = opened(shop).source
    assert source
    before = source.listing(red.id)
    desk.new().publish(red.id, "T-R", [item(0, name="red.jpg"), item(1, name="red.jpg")])
    desk.new().publish(goods.id, "tee", [item(2)])
    desk.new().publish(blue.id, "T-B", [item(3, name="blue.jpg")])
    desk.new().publish(red.id, "T-R", [item(4, name="red.jpg"), item(0, name="red.jpg")])
    assert sorted(names(shop, goods)[3:]) == sorted(
        [item(0, name="red.jpg").name, item(3, name="blue.jpg").name, item(4, name="red.jpg").name]
    )
    assert names(shop, goods)[0] == item(2).name
    assert goods.media[1:3] == own
    assert [shop.files[ident].name for ident in red.media] == [item(4, name="red.jpg").name]
    now = source.listing(red.id)
    assert before
    assert now
    assert [picture.id for picture in now.pictures if not picture.mark] == [own[0]]
    assert before.product.images[0] in now.product.images
    for ref, sku in ((red.id, "T-R"), (blue.id, "T-B"), (goods.id, "tee")):
        desk.new().publish(ref, sku, [])
    assert goods.media == own
    assert [red.media, blue.media] == [[own[0]], [own[1]]]


def test_sets_of_one_product_that_are_published_at_the_same_time_all_arrive(shop: Shop, desk: Desk) -> None:
    goods = shop.add_product("tee", *[(f"T-{n}", {"Colour": str(n)}) for n in range(4)])
    own = [shop.upload_by_hand(goods, f"own-{n}.jpg", HUMAN, variant) for n, variant in enumerate(goods.variants)]
    jobs = {goods.id: item(5), **{variant.id: item(n, name=f"v{n}.jpg") for n, variant in enumerate(goods.variants)}}

    def publish(ref: str) -> None:
        for _ in range(20):
            try:
                desk.new().publish(ref, ref, [jobs[ref]])
                return
            except VendorUnavailable:
                continue

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(publish, jobs))
    assert sorted(names(shop, goods)) == sorted([*(one.name for one in jobs.values()), *(f"own-{n}.jpg" for n in range(4))])
    assert [shop.files[variant.media[0]].name for variant in goods.variants] == [
        jobs[variant.id].name for variant in goods.variants
    ]
    for ref in jobs:
        desk.new().publish(ref, ref, [])
    assert goods.media == own
    assert [variant.media for variant in goods.variants] == [[ident] for ident in own]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 5), unique=True, max_size=4), min_size=1, max_size=3))
def test_any_sequence_of_sets_ends_in_the_last_one(shop: Shop, desk: Desk, sets: list[list[int]]) -> None:
    goods = shop.add_product("mug")
    human = shop.upload_by_hand(goods, f"hand-{goods.id[-4:]}.jpg", HUMAN)
    for chosen in sets:
        desk.new().publish(goods.id, "mug", [item(n) for n in chosen])
    assert names(shop, goods) == [*(item(n).name for n in sets[-1]), shop.files[human].name]


def test_a_picture_that_a_person_gave_a_variant_since_is_left_there(shop: Shop, desk: Desk) -> None:
    goods = shop.add_product("tee", ("T-R", {"Colour": "Red"}), ("T-B", {"Colour": "Blue"}))
    red = goods.variants[0]
    shop.upload_by_hand(goods, "first.jpg", HUMAN, red)
    desk.new().publish(goods.id, "tee", [item(0, variants=(red.id,))])
    later = shop.upload_by_hand(goods, "later.jpg", HUMAN, red)
    desk.new().publish(goods.id, "tee", [])
    assert red.media == [later]


def test_what_we_publish_changes_nothing_in_the_product_that_others_see(shop: Shop, desk: Desk) -> None:
    """The loop guard's ground: our write-backs fire PRODUCTS_UPDATE, and the product without our pictures stays as it was."""
    goods = shop.add_product("mug", ("M", {"Title": "Default Title"}))
    shop.upload_by_hand(goods, "hand.jpg", HUMAN)
    source = opened(shop).source
    assert source
    before = source.listing(goods.id)
    sent = len(shop.sent)
    desk.new().publish(goods.id, "M", [item(0), item(1)])
    after = source.listing(goods.id)
    assert before
    assert after
    ours = {picture.url for picture in after.pictures if picture.mark}
    assert len(ours) == 2
    kept = tuple(image for image in after.product.images if image.uri not in ours)
    assert [image.uri for image in kept] == [image.uri for image in before.product.images]
    assert after.product.model_copy(update={"images": ()}) == before.product.model_copy(update={"images": ()})
    assert len(shop.sent) > sent


def test_a_product_that_is_gone(shop: Shop, desk: Desk) -> None:
    goods = shop.add_product("mug", ("A", {"Colour": "Red"}), ("B", {"Colour": "Blue"}))
    shop.delete_product(goods)
    for ref in (goods.id, goods.variants[0].id):
        with pytest.raises(ProductGone):
            desk.new().publish(ref, "mug", [item(0)])


def test_a_small_bucket_makes_us_wait_and_never_fail(shop: Shop, desk: Desk) -> None:
    shop.left = shop.burst = 1000.0
    shop.restore = 50.0
    goods = shop.add_product("mug")
    for n in range(6):
        desk.new().publish(goods.id, "mug", [item(n), item(n + 1)])
    assert names(shop, goods) == [item(5).name, item(6).name]
    assert shop.slept > 1
