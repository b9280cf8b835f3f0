"""Akeneo: source, gallery, tokens and events, against a double that executes the vendor's Swagger file."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.publications import Item, Publications
from connectors.publisher import Publisher
from connectors.vendors.akeneo.cells import Reading, mapping_of
from connectors.vendors.akeneo.client import AT_ONCE, Client
from connectors.vendors.akeneo.gallery import AkeneoGallery, Slots
from connectors.vendors.akeneo.source import AkeneoSource
from connectors.vendors.base import Listing, Picture, marked
from connectors.vendors.connection import Connection
from connectors.vendors.registry import open_vendor
from studio.errors import (
    InputError,
    InvalidCursor,
    ProductGone,
    RowError,
    SettingsError,
    VendorDenied,
    VendorRefused,
    VendorUnavailable,
)
from studio.keys import digest_bytes
from tests.doubles.akeneo import CLIENT, PASSWORD, SECRET, USER, Pim, uuid
from tests.doubles.rest import Fault, contract_of, served

BLOBS = {digest_bytes(data): data for data in (b"one" * 50, b"two" * 60, b"three" * 70, b"four" * 80)}
DIGESTS = list(BLOBS)
LOGIN = {"client-id": CLIENT, "client-secret": SECRET, "username": USER, "password": PASSWORD}
OURS = {"images": "shot_1, shot_2, shot_3", "alts": "alt_1, alt_2, alt_3", "staging": "waiting"}
VIEW = {"channel": "shop", "locale": "en_GB"}


@pytest.fixture
def pim() -> Iterator[Pim]:
    double = Pim(contract_of("akeneo"))
    with served(double):
        yield double


def connect(pim: Pim, **more: Any) -> Connection:
    said = {"secrets": LOGIN, "options": {**OURS, **VIEW}, "allow_private": True, **more}
    return Connection(name="pim", vendor="akeneo", address=pim.url, **said)


def client_of(pim: Pim, clock: Any = lambda: 0.0, **more: Any) -> Client:
    return Client(connect(pim, **more), sleep=lambda _: None, clock=clock)


def source_of(pim: Pim, **more: Any) -> AkeneoSource:
    connection = connect(pim, **more)
    return AkeneoSource(client_of(pim, **more), mapping_of(connection), Reading.of(connection), Slots.of(connection))


def gallery_of(pim: Pim, **more: Any) -> AkeneoGallery:
    connection = connect(pim, **more)
    return AkeneoGallery(client_of(pim, **more), Slots.of(connection), Reading.of(connection))


def item(number: int, alt: str = "", name: str = "") -> Item:
    digest = DIGESTS[number]
    return Item(
        digest=digest, media_type="image/jpeg", name=marked(name or f"mug-{number}.jpg", digest), alt=alt or f"Mug, view {number}"
    )


def publisher(pim: Pim, folder: Path) -> Publisher:
    records = Publications(f"sqlite:///{folder}/records.db")
    return Publisher("pim", gallery_of(pim), records, BLOBS.__getitem__, sleep=lambda _: None)


def everything(source: AkeneoSource, cursor: str = "") -> tuple[list[Any], str]:
    found = []
    for page in source.pages(cursor):
        found += page.listings
        cursor = page.cursor
    return found, cursor


def test_a_product_in_a_channel_and_a_locale(pim: Pim) -> None:
    pim.product(1, parent="mug_family")
    front, detail = pim.put(1, "photo", "front.jpg", b"photo"), pim.put(1, "detail", "handle.png", b"detail")
    source = source_of(pim)
    listing = source.listing(uuid(1))
    assert listing is not None
    product = listing.product
    assert (product.sku, product.title, product.brand, product.category, product.variant_of) == (
        "MUG-1",
        "Mug",
        "Ostheim",
        "mugs",
        "mug_family",
    )
    assert product.attributes == {"colours": "Red, blue", "washable": "yes", "family": "mugs", "categories": "kitchen, mugs"}
    assert product.dimensions.width_mm == 85
    assert [image.uri for image in product.images] == [
        f"{pim.url}/api/rest/v1/media-files/{code}/download" for code in (detail, front)
    ]
    assert [source.photo(image.uri) for image in product.images] == [b"detail", b"photo"]
    assert listing.updated == datetime(2026, 11, 1, 10, tzinfo=UTC)
    german = source_of(pim, options={"channel": "shop", "locale": "de_DE", "photos": "photo"}).listing(uuid(1))
    assert german is not None
    assert (german.product.title, len(german.product.images)) == ("Tasse", 1)


@pytest.mark.parametrize(
    "uri",
    [
        "https://elsewhere.example/api/rest/v1/media-files/a/download",
        "{url}/api/rest/v1/products-uuid/x/download",
        "{url}/api/rest/v1/media-files/../../x/download",
    ],
)
def test_photos_are_read_from_the_pim_only(pim: Pim, uri: str) -> None:
    with pytest.raises(InputError):
        source_of(pim).photo(uri.format(url=pim.url))
    assert not pim.calls


def test_a_mapping_of_the_user_and_a_broken_product(pim: Pim, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "sku: sku\ntitle: name\nattributes: {colour: colours}\nimages: [{column: detail, role: detail}, {column: photo}]\n"
    )
    pim.product(1)
    pim.put(1, "photo", "front.jpg", b"photo")
    pim.put(1, "detail", "handle.jpg", b"detail")
    pim.product(2)["values"]["sku"][0]["data"] = "M" * 300
    found = everything(source_of(pim, mapping=str(tmp_path / "m.yaml")))[0]
    (good,), (broken,) = [one for one in found if isinstance(one, Listing)], [one for one in found if isinstance(one, RowError)]
    assert [image.role.value for image in good.product.images] == ["detail", "front"]
    assert good.product.attributes == {"colour": "Red, blue"}
    assert uuid(2) in str(broken)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_change_is_seen_whenever_it_happens(pim: Pim, data: st.DataObject) -> None:
    """A pull that starts again anywhere, with changes in front of it and behind it: the next pulls have them all."""
    pim.products.clear()
    count = data.draw(st.integers(0, 250))
    for number in range(1, count + 1):
        pim.product(number)
    source, cursor, seen = source_of(pim), "", dict[str, str]()
    for minute in range(3):
        pim.clock = f"2026-11-02T08:{minute:02d}:00+00:00"
        pages = source.pages(cursor)
        for page in pages:
            cursor = page.cursor
            seen |= {one.ref: str(one.updated) for one in page.listings if isinstance(one, Listing)}
            if count and data.draw(st.booleans()):
                pim.product(data.draw(st.integers(1, count)), f"2026-11-02T08:{minute:02d}:30+00:00")
            if data.draw(st.booleans()):
                break
    pim.clock = "2026-11-02T09:00:00+00:00"
    for _ in range(2):
        found, cursor = everything(source, cursor)
        seen |= {one.ref: str(one.updated) for one in found}
    assert seen == {key: str(datetime.fromisoformat(one["updated"])) for key, one in pim.products.items()}


def test_a_second_pull_asks_once_and_in_the_time_of_the_server(pim: Pim) -> None:
    for number in range(1, 151):
        pim.product(number)
    source = source_of(pim, options={**VIEW, "time-zone": "Europe/Berlin"})
    found, cursor = everything(source)
    assert len(found) == 150
    assert json.loads(cursor) == {"since": "2026-11-02T07:58:00+00:00", "began": "", "after": ""}
    pim.calls.clear()
    # This server of ours writes UTC, so what changed in the hour between is passed over: the option is what the filter is written in.
    pim.product(3, "2026-11-02T08:30:00+00:00")
    pim.product(4, "2026-11-02T09:30:00+00:00")
    assert [one.ref for one in everything(source, cursor)[0]] == [uuid(4)]
    assert len(pim.calls) == 1


@pytest.mark.parametrize("cursor", ["x", "{}", '{"since": "yesterday", "began": "", "after": ""}', "[]", "7"])
def test_a_foreign_cursor_is_refused(pim: Pim, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        next(source_of(pim).pages(cursor))


def test_what_is_not_there(pim: Pim) -> None:
    assert source_of(pim).listing(uuid(9)) is None
    with pytest.raises(ProductGone):
        gallery_of(pim).read(uuid(9))
    for ref in ("../attributes/sku", "MUG-1", ""):
        with pytest.raises(VendorRefused):
            gallery_of(pim).read(ref)


def test_a_set_is_published_read_back_replaced_and_rolled_back(pim: Pim, tmp_path: Path) -> None:
    pim.product(1)
    pim.put(1, "photo", "by-hand.jpg", b"by hand")
    publishing = publisher(pim, tmp_path)
    publishing.publish(uuid(1), "MUG-1", [item(0), item(1)])
    assert pim.held(1) == {"photo": b"by hand", "shot_1": BLOBS[DIGESTS[0]], "shot_2": BLOBS[DIGESTS[1]]}
    assert pim.counted("PATCH")[f"/api/rest/v1/products-uuid/{uuid(1)}"] == 1
    calls = len(pim.calls)
    assert publishing.publish(uuid(1), "MUG-1", [item(0), item(1)]).outcome == "unchanged"
    assert len(pim.calls) == calls
    publishing.publish(uuid(1), "MUG-1", [item(2), item(1, "New words"), item(0)])
    assert list(pim.held(1).values()) == [b"by hand", *(BLOBS[DIGESTS[number]] for number in (2, 1, 0))]
    assert [shown.alt for shown in gallery_of(pim).read(uuid(1))] == ["Mug, view 2", "New words", "Mug, view 0"]
    publishing.publish(uuid(1), "MUG-1", [item(3)])
    assert pim.held(1) == {"photo": b"by hand", "shot_1": BLOBS[DIGESTS[3]]}
    publishing.rollback(uuid(1))
    assert list(pim.held(1).values()) == [b"by hand", *(BLOBS[DIGESTS[number]] for number in (2, 1, 0))]
    listing = source_of(pim).listing(uuid(1))
    assert listing is not None
    assert len(listing.product.images) == 1
    assert [shown.mark for shown in listing.pictures] == [DIGESTS[number][:16] for number in (2, 1, 0)]


def test_the_picture_that_stays_moves_up(pim: Pim, tmp_path: Path) -> None:
    pim.product(1)
    publishing = publisher(pim, tmp_path)
    publishing.publish(uuid(1), "MUG-1", [item(0), item(1), item(2)])
    publishing.publish(uuid(1), "MUG-1", [item(2)])
    assert pim.held(1) == {"shot_1": BLOBS[DIGESTS[2]]}
    assert [shown.alt for shown in gallery_of(pim).read(uuid(1))] == ["Mug, view 2"]


def test_a_person_s_file_in_one_of_our_attributes_stays(pim: Pim, tmp_path: Path) -> None:
    pim.product(1)
    pim.put(1, "shot_2", "by-hand.jpg", b"by hand")
    publishing = publisher(pim, tmp_path)
    publishing.publish(uuid(1), "MUG-1", [item(0), item(1)])
    assert pim.held(1) == {"shot_1": BLOBS[DIGESTS[0]], "shot_2": b"by hand", "shot_3": BLOBS[DIGESTS[1]]}
    with pytest.raises(VendorRefused, match="3 pictures for 2"):
        publishing.publish(uuid(1), "MUG-1", [item(0), item(1), item(2)])
    assert pim.held(1)["shot_2"] == b"by hand"


def test_names_that_the_pim_cuts_keep_their_mark(pim: Pim, tmp_path: Path) -> None:
    pim.product(1)
    publisher(pim, tmp_path).publish(uuid(1), "MUG-1", [item(0, name=f"{'Ein sehr langer Name ' * 8}.jpg")])
    assert [shown.mark for shown in gallery_of(pim).read(uuid(1))] == [DIGESTS[0][:16]]


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True), min_size=1, max_size=3),
    st.lists(
        st.tuples(st.sampled_from(["GET", "POST", "PATCH"]), st.sampled_from(["500", "429", "502", "lost"]), st.integers(1, 3)),
        max_size=5,
    ),
    st.integers(0, 2),
)
def test_faults_lose_nothing_and_double_nothing(
    pim: Pim, sets: list[list[int]], faults: list[tuple[str, str, int]], hides: int
) -> None:
    pim.products.clear()
    pim.before.clear()
    pim.product(1)
    pim.put(1, "shot_2", "by-hand.jpg", b"by hand")
    pim.hides = hides
    pim.faults = [
        Fault(method, "/api/rest", 0 if kind == "lost" else int(kind), {"retry-after": "1"}, times, kind == "lost")
        for method, kind, times in faults
    ]
    with tempfile.TemporaryDirectory() as folder:
        publishing = publisher(pim, Path(folder))
        for wanted in sets:
            for _ in range(20):
                try:
                    publishing.publish(uuid(1), "MUG-1", [item(number) for number in wanted])
                    break
                except VendorUnavailable:
                    continue
            places = zip(("shot_1", "shot_3"), wanted, strict=False)
            assert pim.held(1) == {"shot_2": b"by hand", **{place: BLOBS[DIGESTS[number]] for place, number in places}}


def test_what_the_pim_is_not_made_for_is_refused(pim: Pim) -> None:
    pim.product(1)
    picture = Picture(DIGESTS[0], "image/jpeg", item(0).name, lambda: b"x")
    with pytest.raises(VendorRefused, match="name is pim_catalog_text"):
        gallery_of(pim, options={**OURS, **VIEW, "staging": "name"}).add(uuid(1), picture)
    with pytest.raises(VendorRefused, match="nowhere"):
        gallery_of(pim, options={**OURS, **VIEW, "staging": "nowhere"}).add(uuid(1), picture)
    pim.products[uuid(1)]["values"]["sku"] = []
    with pytest.raises(VendorRefused, match="no sku"):
        gallery_of(pim).add(uuid(1), picture)
    assert not pim.counted("POST")["/api/rest/v1/media-files"]


def test_tokens_are_renewed_before_they_end_and_after_they_were_revoked(pim: Pim) -> None:
    now = [0.0]
    pim.product(1)
    client = client_of(pim, lambda: now[0])
    path = f"api/rest/v1/products-uuid/{uuid(1)}"
    client.call("GET", path)
    now[0] = 3539.0
    client.call("GET", path)
    assert pim.grants == ["password"]
    now[0] = 3541.0
    client.call("GET", path)
    assert pim.grants == ["password", "refresh_token"]
    pim.tokens.clear()
    pim.refresh.clear()
    client.call("GET", path)
    assert pim.grants == ["password", "refresh_token", "refresh_token", "password"]


@pytest.mark.parametrize("wrong", ["client-id", "client-secret", "username", "password"])
def test_wrong_credentials_say_so_and_show_nothing(pim: Pim, wrong: str) -> None:
    connection = connect(pim, secrets={**LOGIN, wrong: "not-the-right-one"})
    vendor = open_vendor(connection)
    assert vendor.source is not None
    with pytest.raises(VendorDenied) as caught:
        next(vendor.source.pages())
    said = str(caught.value) + repr(connection)
    assert not [secret for secret in ("not-the-right-one", SECRET, PASSWORD) if secret in said]
    assert len(pim.grants) <= 1
    with pytest.raises(SettingsError, match=wrong):
        open_vendor(connect(pim, secrets={name: value for name, value in LOGIN.items() if name != wrong}))


def test_a_connection_that_may_not_is_not_asked_for_ever(pim: Pim) -> None:
    pim.product(1)
    pim.faults = [Fault("GET", "/api/rest", 403, times=100)]
    client = client_of(pim)
    for _ in range(2):
        with pytest.raises(VendorDenied):
            client.call("GET", f"api/rest/v1/products-uuid/{uuid(1)}")
    assert len(pim.calls) <= 4


def test_four_calls_at_once_and_no_more(pim: Pim) -> None:
    pim.product(1)
    client = client_of(pim)
    client.call("GET", f"api/rest/v1/products-uuid/{uuid(1)}")
    pim.meeting = threading.Barrier(AT_ONCE, timeout=20)
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: client.call("GET", f"api/rest/v1/products-uuid/{uuid(1)}").status_code, range(5 * AT_ONCE))
        )
    assert answers == [200] * 5 * AT_ONCE
    assert pim.most == AT_ONCE


def test_options_that_do_not_fit_are_refused(pim: Pim) -> None:
    for options in (
        {"images": "shot_1"},
        {**OURS, "alts": "alt_1"},
        {**OURS, "staging": "shot_1"},
        {**OURS, "photos": "shot_2"},
        {"time-zone": "Mars/Olympus"},
    ):
        with pytest.raises(SettingsError):
            open_vendor(connect(pim, options=options))
    assert open_vendor(connect(pim, options=VIEW)).gallery is None


def test_the_double_holds_the_contract(pim: Pim) -> None:
    if pim.contract is None:
        pytest.skip("the vendor's Swagger file is not at hand")
    pim.product(1)
    client = client_of(pim)
    wrong = [("GET", "api/rest/v1/products-uuid?limit=101", None), ("GET", "api/rest/v1/products-uuid?since=1", None), ("GET", "api/rest/v1/shelves", None), ("PATCH", f"api/rest/v1/products-uuid/{uuid(1)}", {"picture": 1})]  # fmt: skip
    for method, path, body in wrong:
        with pytest.raises(VendorUnavailable, match="599"):
            client.call(method, path, json=body, repeatable=False)
    assert len(pim.breaches) == len(wrong)
    pim.breaches.clear()
