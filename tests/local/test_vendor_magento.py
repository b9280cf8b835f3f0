"""Magento against its double: sync, publishing with faults, bulk, log-in."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
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
from connectors.vendors.base import Listing, Picture, Placing, mark_in, marked
from connectors.vendors.connection import Connection
from connectors.vendors.magento.client import Magento
from connectors.vendors.magento.facts import AGAIN_S, Facts
from connectors.vendors.magento.gallery import MagentoGallery
from connectors.vendors.magento.media import MAIN, STAGED
from connectors.vendors.magento.source import MagentoSource
from connectors.vendors.registry import open_vendor
from studio.errors import InvalidCursor, ProductGone, RowError, SettingsError, VendorDenied, VendorRefused, VendorUnavailable
from tests.doubles.magento import MagentoDouble
from tests.doubles.serving import Fault, serving

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def jpeg(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 90, 200)).save(out, "JPEG")
    return out.getvalue()


BLOBS = {blake3(jpeg(n)).hexdigest(): jpeg(n) for n in range(0, 250, 10)}
DIGESTS = list(BLOBS)


def items(*numbers: int, alt: str = "A mug") -> list[Item]:
    return [
        Item(digest=DIGESTS[n], media_type="image/jpeg", name=marked("front.jpg", DIGESTS[n]), alt=f"{alt} {n}",
             types=("main",) if at == 0 else ())
        for at, n in enumerate(numbers)
    ]  # fmt: skip


@pytest.fixture
def shop() -> Iterator[MagentoDouble]:
    double = MagentoDouble()
    with serving(double):
        yield double


def connection(shop: MagentoDouble, token: str = "integration-token", **more: object) -> Connection:
    return Connection.model_validate(
        {"name": "shop", "vendor": "magento", "address": shop.url, "secrets": {"token": token}, "allow_private": True, **more}
    )


def no_sleep(_seconds: float) -> None:
    pass


def gallery_of(shop: MagentoDouble, people: str = "after") -> MagentoGallery:
    return MagentoGallery(Magento(connection(shop), sleep=no_sleep), people=people)


def publisher_of(shop: MagentoDouble, folder: Path, people: str = "after") -> Publisher:
    records = Publications(f"sqlite:///{folder}/records.db")
    return Publisher("shop", gallery_of(shop, people), records, BLOBS.__getitem__, people=people, sleep=no_sleep)  # type: ignore[arg-type]


def source_of(shop: MagentoDouble, size: int = 3, now: Callable[[], datetime] = lambda: NOON, **more: object) -> MagentoSource:
    one = connection(shop, **more)
    return MagentoSource(Magento(one, sleep=no_sleep), one, now=now, size=size)


def test_a_set_goes_on_and_people_keep_theirs(shop: MagentoDouble, tmp_path: Path) -> None:
    shop.product("MUG/01 a", 1)
    person = shop.human("MUG/01 a", "mine.jpg", jpeg(3), label="By hand", types=list(MAIN))
    publisher = publisher_of(shop, tmp_path)
    shop.visible.clear()
    assert publisher.publish("MUG/01 a", "MUG-01", items(0, 1, 2)).outcome == "live"
    entries = {entry["file"]: entry for entry in shop.products["MUG/01 a"]["media_gallery_entries"]}
    seen = shop.seen("MUG/01 a")
    assert [entries[name]["label"] for name in seen] == ["A mug 0", "A mug 1", "A mug 2", "By hand"]
    assert entries[seen[0]]["types"] == list(MAIN)
    assert str(entries[seen[3]]["id"]) == person
    assert set(shop.visible) == {seen[3:], seen}, "shoppers saw a half gallery"
    assert [shop.files[name] for name in seen[:3]] == [jpeg(0), jpeg(10), jpeg(20)]


def test_the_same_set_again_writes_nothing(shop: MagentoDouble, tmp_path: Path) -> None:
    shop.product("MUG", 1)
    publisher = publisher_of(shop, tmp_path)
    publisher.publish("MUG", "MUG", items(0, 1))
    before = len(shop.calls)
    assert publisher.publish("MUG", "MUG", items(0, 1)).outcome == "unchanged"
    assert len(shop.calls) == before
    assert publisher.publish("MUG", "MUG", items(0, 1), force=True).wrote == 0


def test_a_new_set_replaces_the_old_one_and_can_be_taken_back(shop: MagentoDouble, tmp_path: Path) -> None:
    shop.product("MUG", 1)
    shop.human("MUG", "mine.jpg", jpeg(3))
    publisher = publisher_of(shop, tmp_path)
    publisher.publish("MUG", "MUG", items(0, 1))
    first = shop.seen("MUG")
    shop.visible.clear()
    publisher.publish("MUG", "MUG", items(2, 3))
    assert set(shop.visible) == {first, shop.seen("MUG")}
    assert publisher.rollback("MUG").outcome == "live"
    assert [shop.files[name] for name in shop.seen("MUG")] == [jpeg(0), jpeg(10), jpeg(3)]
    assert len(shop.products["MUG"]["media_gallery_entries"]) == 3


def test_taking_ours_off_gives_the_uses_back(shop: MagentoDouble, tmp_path: Path) -> None:
    shop.product("MUG", 1)
    person = shop.human("MUG", "mine.jpg", jpeg(3), types=list(MAIN))
    publisher = publisher_of(shop, tmp_path)
    publisher.publish("MUG", "MUG", items(0))
    publisher.publish("MUG", "MUG", [])
    (left,) = shop.products["MUG"]["media_gallery_entries"]
    assert (str(left["id"]), left["types"]) == (person, list(MAIN))


def test_people_first_keep_the_main_picture_and_hide_hides_theirs(shop: MagentoDouble, tmp_path: Path) -> None:
    shop.product("A", 1)
    shop.product("B", 2)
    for sku in "AB":
        shop.human(sku, "mine.jpg", jpeg(3), types=list(MAIN))
    publisher_of(shop, tmp_path, "first").publish("A", "A", items(0, 1))
    publisher_of(shop, tmp_path, "hide").publish("B", "B", items(0, 1))
    by_file = {e["file"]: e for e in shop.products["A"]["media_gallery_entries"]}
    assert [by_file[name]["types"] for name in shop.seen("A")] == [list(MAIN), [], []]
    assert [shop.files[name] for name in shop.seen("B")] == [jpeg(0), jpeg(10)]
    assert len(shop.products["B"]["media_gallery_entries"]) == 3


@pytest.mark.parametrize("lost", ["POST .*/media", "PUT .*/products/MUG", "DELETE .*/media"])
@pytest.mark.parametrize("skip", [0, 1])
def test_a_lost_answer_leaves_no_second_copy(shop: MagentoDouble, tmp_path: Path, lost: str, skip: int) -> None:
    shop.product("MUG", 1)
    shop.human("MUG", "mine.jpg", jpeg(3))
    publisher = publisher_of(shop, tmp_path)
    publisher.publish("MUG", "MUG", items(5, 6))
    shop.faults.append(Fault(lost, lost=True, skip=skip))
    publisher.publish("MUG", "MUG", items(0, 1))
    assert [shop.files[name] for name in shop.seen("MUG")] == [jpeg(0), jpeg(10), jpeg(3)]
    assert len(shop.products["MUG"]["media_gallery_entries"]) == 3


@pytest.mark.parametrize("step", ["POST .*/media", "PUT .*/products/MUG", "DELETE .*/media", "GET .*/media"])
def test_a_broken_shop_shows_the_old_set_until_it_is_taken_up_again(shop: MagentoDouble, tmp_path: Path, step: str) -> None:
    shop.product("MUG", 1)
    shop.human("MUG", "mine.jpg", jpeg(3))
    publisher = publisher_of(shop, tmp_path)
    publisher.publish("MUG", "MUG", items(5, 6))
    old = shop.seen("MUG")
    shop.visible.clear()
    fault = Fault(step, status=503, times=1000)
    shop.faults.append(fault)
    with pytest.raises(VendorUnavailable):
        publisher.publish("MUG", "MUG", items(0, 1))
    fault.times = 0
    publisher.publish("MUG", "MUG", items(0, 1))
    assert [shop.files[name] for name in shop.seen("MUG")] == [jpeg(0), jpeg(10), jpeg(3)]
    assert len(shop.products["MUG"]["media_gallery_entries"]) == 3
    assert set(shop.visible) <= {old, shop.seen("MUG")}


def test_a_crash_after_arranging_and_back_to_the_first_set(shop: MagentoDouble, tmp_path: Path) -> None:
    shop.product("MUG", 1)
    publisher = publisher_of(shop, tmp_path)
    publisher.publish("MUG", "MUG", items(0))
    shop.faults.append(Fault("DELETE .*/media", status=503, times=5))
    with pytest.raises(VendorUnavailable):
        publisher.publish("MUG", "MUG", items(1))
    publisher.publish("MUG", "MUG", items(0))
    assert [shop.files[name] for name in shop.seen("MUG")] == [jpeg(0)]


def test_a_text_that_is_too_long_is_refused_before_anything_shows(shop: MagentoDouble, tmp_path: Path) -> None:
    shop.product("MUG", 1)
    with pytest.raises(VendorRefused, match="255"):
        publisher_of(shop, tmp_path).publish("MUG", "MUG", items(0, alt="x" * 260))
    assert shop.seen("MUG") == ()


def test_the_registry_opens_it(shop: MagentoDouble) -> None:
    shop.product("MUG", 1)
    vendor = open_vendor(connection(shop))
    assert vendor.gallery is not None
    assert vendor.source is not None
    assert vendor.inbound is not None
    assert vendor.gallery.read("MUG") == ()
    with pytest.raises(SettingsError, match=r"secrets\.token"):
        open_vendor(connection(shop).model_copy(update={"secrets": {}}))


FAULTS = st.builds(
    Fault,
    st.sampled_from(["POST .*/media$", "PUT .*/products/MUG", "DELETE ", "GET .*/media", "GET /media/"]),
    status=st.sampled_from([0, 500, 502, 503, 429]),
    lost=st.booleans(),
    times=st.integers(1, 7),
    skip=st.integers(0, 6),
)


@settings(max_examples=6)
@given(st.lists(st.lists(st.integers(0, 5), unique=True, max_size=4), min_size=2, max_size=3), st.lists(FAULTS, max_size=5))
def test_whatever_breaks_the_gallery_ends_right(sets: list[list[int]], faults: list[Fault]) -> None:
    shop = MagentoDouble()
    with serving(shop), TemporaryDirectory() as folder:
        shop.product("MUG", 1)
        person = shop.human("MUG", "mine.jpg", jpeg(3), types=list(MAIN))
        publisher = publisher_of(shop, Path(folder))
        shop.visible.clear()
        shop.faults += faults
        for wanted in sets:
            for _ in range(40):
                try:
                    publisher.publish("MUG", "MUG", items(*wanted))
                    break
                except VendorUnavailable:
                    continue
            assert [shop.files[name] for name in shop.seen("MUG")] == [*(jpeg(10 * n) for n in wanted), jpeg(3)]
            entries = shop.products["MUG"]["media_gallery_entries"]
            assert len(entries) == len(wanted) + 1
            assert str(next(e for e in entries if not mark_in(e["file"]))["id"]) == person
            assert [e["types"] for e in entries if e["file"] == shop.seen("MUG")[0]] == [list(MAIN)]
    whole = [{mark_in(name) for name in seen} - {""} for seen in shop.visible]
    assert all(marks in [{DIGESTS[n][:16] for n in wanted} for wanted in [[], *sets]] for marks in whole)


def test_patience_is_kept(shop: MagentoDouble) -> None:
    shop.product("MUG", 1)
    pauses: list[float] = []
    shop.faults.append(Fault("GET", status=429, times=2, headers={"retry-after": "7"}))
    MagentoGallery(Magento(connection(shop), sleep=pauses.append)).read("MUG")
    assert pauses.count(7.0) == 2


def test_refusals_have_their_kinds(shop: MagentoDouble) -> None:
    shop.product("MUG", 1)
    with pytest.raises(ProductGone):
        gallery_of(shop).read("GONE")
    with pytest.raises(VendorDenied) as denied:
        MagentoGallery(Magento(connection(shop, token="secret-of-mine"), sleep=no_sleep)).read("MUG")
    assert "secret-of-mine" not in str(denied.value)
    webp = Picture(DIGESTS[0], "image/webp", marked("a.webp", DIGESTS[0]), lambda: jpeg(0))
    with pytest.raises(VendorRefused, match="MIME"):
        gallery_of(shop).add("MUG", webp)
    wrong = connection(shop, options={"store": "nowhere"})
    with pytest.raises(VendorRefused, match="route"):
        MagentoGallery(Magento(wrong, sleep=no_sleep)).read("MUG")


def test_what_is_added_is_hidden_and_added_once(shop: MagentoDouble) -> None:
    shop.product("MUG", 1)
    gallery = gallery_of(shop)
    name = marked("a very long name " * 10 + ".jpg", DIGESTS[0])
    picture = Picture(DIGESTS[0], "image/jpeg", name, lambda: jpeg(0))
    assert gallery.add("MUG", picture) == gallery.add("MUG", picture)
    (shown,) = gallery.read("MUG")
    assert (shop.seen("MUG"), shown.mark, shown.alt) == ((), DIGESTS[0][:16], STAGED)
    assert gallery.fetch(shown) == jpeg(0)


def test_many_are_arranged_by_one_bulk_call(shop: MagentoDouble) -> None:
    gallery = gallery_of(shop)
    orders: dict[str, list[Placing]] = {}
    for n in range(5):
        shop.product(f"S{n}", n + 1)
        picture = Picture(DIGESTS[n], "image/jpeg", marked("a.jpg", DIGESTS[n]), lambda n=n: BLOBS[DIGESTS[n]], alt=f"alt {n}")
        orders[f"S{n}"] = [Placing(gallery.add(f"S{n}", picture), picture)]
    before, shop.polls_until_done = len(shop.wrote()), 2
    wrong = gallery.arrange_many({**orders, "GONE": []})
    assert {sku: type(error) for sku, error in wrong.items()} == {"GONE": ProductGone}
    assert len(shop.wrote()) == before + 1
    assert all(len(shop.seen(sku)) == 1 for sku in orders)
    shop.polls_until_done = 1000
    with pytest.raises(VendorUnavailable, match="consumer"):
        gallery.arrange_many(orders)


def refs(source: MagentoSource, cursor: str = "") -> list[str]:
    return [listing.ref for page in source.pages(cursor) for listing in page.listings if isinstance(listing, Listing)]


def test_every_product_once_in_order_however_many_share_a_second(shop: MagentoDouble) -> None:
    for n in range(1, 11):
        shop.product(f"P{n}", n, at=NOON - timedelta(days=3 if n < 9 else 1))
    assert refs(source_of(shop)) == [f"P{n}" for n in range(1, 11)]


def test_any_cursor_goes_on_where_it_was(shop: MagentoDouble) -> None:
    for n in range(1, 11):
        shop.product(f"P{n}", n, at=NOON - timedelta(days=3, minutes=n // 4))
    pages = list(source_of(shop).pages())
    whole = [listing.ref for page in pages for listing in page.listings if isinstance(listing, Listing)]
    assert sorted(whole) == sorted(shop.products)
    assert len(whole) == 10
    for done, page in enumerate(pages, 1):
        assert refs(source_of(shop), page.cursor) == whole[done * 3 :]


def test_an_unchanged_shop_costs_one_call_and_a_change_comes(shop: MagentoDouble) -> None:
    for n in range(1, 11):
        shop.product(f"P{n}", n, at=NOON - timedelta(days=3))
    *_, last = source_of(shop).pages()
    before = len(shop.calls)
    assert refs(source_of(shop), last.cursor) == []
    assert len(shop.calls) == before + 1
    shop.product("P4", 4, at=NOON - timedelta(hours=1))
    assert refs(source_of(shop), last.cursor) == ["P4"]


def test_a_save_that_shows_late_is_not_missed(shop: MagentoDouble) -> None:
    shop.product("P1", 1, at=NOON - timedelta(seconds=5))
    *_, last = source_of(shop).pages()
    shop.product("LATE", 2, at=NOON - timedelta(seconds=60))
    assert "LATE" in refs(source_of(shop), last.cursor)


def test_facts_of_a_product(shop: MagentoDouble) -> None:
    shop.attributes = [{"attribute_id": 1, "attribute_code": "manufacturer", "frontend_input": "select", "options": [{"label": "Acme", "value": "7"}]},
                       {"attribute_id": 2, "attribute_code": "color", "frontend_input": "multiselect",
                        "options": [{"label": "Red", "value": "1"}, {"label": "Blue", "value": "2"}]}]  # fmt: skip
    shop.categories = [{"id": 2, "name": "Default", "level": 1}, {"id": 9, "name": "Mugs", "level": 3}]
    shop.product("MUG", 5, type_id="configurable", extension_attributes={"configurable_product_links": [6]})
    shop.product("MUG-RED", 6, visibility=1, name="Red mug", custom_attributes=[
        {"attribute_code": "manufacturer", "value": "7"}, {"attribute_code": "color", "value": "1,2"},
        {"attribute_code": "category_ids", "value": ["2", "9"]}, {"attribute_code": "description", "value": "<p>Holds <b>tea</b></p>"},
        {"attribute_code": "depth_cm", "value": "9.5"}])  # fmt: skip
    shop.human("MUG-RED", "red.jpg", jpeg(3))
    found = source_of(shop).listing("MUG-RED")
    assert found is not None
    product = found.product
    assert (product.title, product.brand, product.category, product.variant_of) == ("Red mug", "Acme", "Mugs", "MUG")
    assert product.attributes == {"color": "Red, Blue", "description": "Holds tea"}
    assert [image.uri for image in product.images] == [f"{shop.url}/media/catalog/product/r/e/red.jpg"]
    assert source_of(shop).listing("NONE") is None


def test_a_new_option_is_looked_up_and_plain_numbers_are_not(shop: MagentoDouble) -> None:
    shop.attributes = [
        {"attribute_id": 1, "attribute_code": "color", "frontend_input": "select", "options": [{"label": "Red", "value": "1"}]}
    ]
    for number in range(1, 6):
        shop.product(
            f"P{number}",
            number,
            custom_attributes=[{"attribute_code": "size", "value": "42"}, {"attribute_code": "color", "value": "1"}],
        )
    source, clock = source_of(shop), [0.0]
    facts = Facts(Magento(connection(shop), sleep=no_sleep), clock=lambda: clock[0])
    assert (facts.label("color", "1"), facts.label("size", "42"), facts.label("color", "2")) == ("Red", "42", "2")
    shop.attributes[0]["options"].append({"label": "Blue", "value": "2"})
    clock[0] += AGAIN_S
    assert facts.label("color", "2") == "Blue"
    before = len(shop.calls)
    found = [listing for page in source.pages() for listing in page.listings if isinstance(listing, Listing)]
    assert {listing.product.attributes["size"] for listing in found} == {"42"}
    assert len([call for call in shop.calls[before:] if call.path.endswith("attributes")]) == 1


def test_a_mapping_of_the_user_and_a_broken_product(shop: MagentoDouble, tmp_path: Path) -> None:
    rules = tmp_path / "map.yaml"
    rules.write_text("sku: sku\ntitle: name\ndimensions: {depth: depth_cm, unit: cm}\n")
    shop.product("MUG", 1, custom_attributes=[{"attribute_code": "depth_cm", "value": "9.5"}])
    shop.product("BAD", 2, custom_attributes=[{"attribute_code": "depth_cm", "value": "wide"}])
    (page,) = source_of(shop, mapping=str(rules)).pages()
    good, bad = page.listings
    assert isinstance(good, Listing)
    assert good.product.dimensions.depth_mm == 95
    assert isinstance(bad, RowError)
    assert "BAD" in bad.message


@pytest.mark.parametrize(
    "cursor", ["x", "[]", "{}", json.dumps({"at": "yesterday", "id": 1}), json.dumps({"at": "", "id": None})]
)
def test_a_cursor_that_is_none_is_refused(shop: MagentoDouble, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        next(source_of(shop).pages(cursor))
