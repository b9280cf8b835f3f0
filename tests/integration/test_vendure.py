"""A real Vendure 3.7.3 with its sample catalogue: products in, pictures on, messages, outages.

`.ci/integration` installs it and sets PACKSHOT_TEST_VENDURE (a folder with server.js and node_modules) and PACKSHOT_TEST_POSTGRES.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from connectors.publications import Item, Publications
from connectors.publisher import Publisher
from connectors.vendors.base import Gallery, Inbound, Listing, Picture, Source, Told, marked
from connectors.vendors.connection import Connection
from connectors.vendors.registry import open_vendor
from studio.errors import (
    InvalidCursor,
    ProductGone,
    RowError,
    SettingsError,
    Unauthenticated,
    VendorDenied,
    VendorRefused,
    VendorUnavailable,
)
from studio.keys import digest_bytes
from tests.doubles.serving import Call, Fault, serving
from tests.integration.vendure.shop import HOOK_SECRET, OURS, Ear, Road, Shop
from tests.local.running import photo

pytestmark = pytest.mark.integration
BLOBS = {digest_bytes(data): data for data in (photo(seed, 64 + seed, "JPEG") for seed in range(4))}
DIGESTS = list(BLOBS)


def source_of(connection: Connection) -> Source:
    source = open_vendor(connection).source
    assert source is not None
    return source


def gallery_of(connection: Connection) -> Gallery:
    gallery = open_vendor(connection).gallery
    assert gallery is not None
    return gallery


def item(number: int, alt: str = "", name: str = "mug") -> Item:
    digest = DIGESTS[number]
    alt = alt or f"Mug, view {number}"
    return Item(digest=digest, media_type="image/jpeg", name=marked(f"{name}-{number}.jpg", digest), alt=alt)


def publisher(connection: Connection, folder: Path, **more: Any) -> Publisher:
    records = Publications(f"sqlite:///{folder}/records.db")
    return Publisher("shop", gallery_of(connection), records, BLOBS.__getitem__, **more)


def everything(source: Source, cursor: str = "") -> tuple[list[Listing], str]:
    found = []
    for page in source.pages(cursor):
        assert not any(isinstance(listing, RowError) for listing in page.listings)
        found += page.listings
        cursor = page.cursor
    return found, cursor  # type: ignore[return-value]


def photos_of(shop: Shop) -> Iterator[bytes]:
    """Real photos of Vendure's samples."""
    for path in sorted((shop.folder / "node_modules/@vendure/create/assets/images").glob("*.jpg")):
        yield path.read_bytes()


def seen_by_shoppers(shop: Shop, ref: str) -> list[tuple[str, str]]:
    """Name and text of each picture, in order; every file of ours must be what was sent, byte for byte."""
    found = []
    assert shop.featured_leads(ref)
    for asset in shop.shoppers_see(ref):
        name = asset["name"].partition("-packshot-")[0]
        if name != asset["name"]:
            data = shop.http.get(asset["source"]).content
            assert BLOBS[digest_bytes(data)] == data
        found.append((name, asset["customFields"]["alt"] or ""))
    return found


def settled(shop: Shop) -> None:
    """Make every change so far old, and a minute apart."""
    for table in ("product", "product_variant"):
        shop.sql(f"""UPDATE {table} SET "updatedAt" = timestamp '2026-01-01' + id * interval '1 minute'""")


def test_the_whole_catalogue(shop: Shop) -> None:
    found, cursor = everything(source_of(shop.connection()))
    products = {listing.ref: listing.product for listing in found}
    assert len(products) >= 54
    laptop = products["1"]
    assert (laptop.sku, laptop.title, laptop.brand, laptop.category) == ("L2201308", "Laptop", "Apple", "Computers")
    assert laptop.attributes["description"].startswith("Now equipped with seventh-generation Intel")
    assert all(product.images and product.sku for product in list(products.values())[:54])
    settled(shop)
    _, cursor = everything(source_of(shop.connection()))
    assert len(everything(source_of(shop.connection()), cursor)[0]) <= 2
    assert source_of(shop.connection()).listing("987654") is None
    with pytest.raises(InvalidCursor):
        next(source_of(shop.connection()).pages('{"products": 1}'))


def test_products_that_were_all_changed_in_one_instant(shop: Shop) -> None:
    """As after an import in one transaction: more of them than a page holds, and some change while we read."""
    for table in ("product", "product_variant"):
        shop.sql(f"""UPDATE {table} SET "updatedAt" = '2026-11-01 12:00:00.123456'""")
    source, seen, cursor, pages = source_of(shop.connection()), set[str](), "", 0
    while pages < 40:
        page = next(source.pages(cursor), None)
        pages += 1
        if page is None or page.cursor == cursor:
            break
        seen |= {listing.ref for listing in page.listings if isinstance(listing, Listing)}
        cursor = page.cursor
        if pages in {2, 3}:
            shop.sql("""UPDATE product SET "updatedAt" = now() WHERE id = :id""", id=pages)
    seen |= {listing.ref for listing in everything(source, cursor)[0]}
    assert {str(number) for number in range(1, 55)} <= seen


def test_what_changed_is_found_by_the_next_pull(shop: Shop) -> None:
    front = shop.upload("lamp.jpg", next(photos_of(shop)))
    ref = shop.product("Lamp", front, skus=("LAMP-1",))
    settled(shop)
    source = source_of(shop.connection())
    _, cursor = everything(source)
    (variant,) = shop.variants_of(ref)
    shop.change_variant(variant, sku="LAMP-1B")
    found, cursor = everything(source, cursor)
    assert {listing.product.sku for listing in found if listing.ref == ref} == {"LAMP-1B"}
    settled(shop)
    _, cursor = everything(source)
    shop.change(ref, assetIds=[], featuredAssetId=None)
    found, cursor = everything(source, cursor)
    assert {listing.product.images for listing in found if listing.ref == ref} == {()}
    listing = source.listing(ref)
    assert listing is not None
    assert listing.updated is not None
    assert abs(listing.updated - datetime.now(UTC)) < timedelta(minutes=1)
    shop.delete(ref)
    assert source.listing(ref) is None


def test_variants_with_pictures_of_their_own(shop: Shop, tmp_path: Path) -> None:
    photos = photos_of(shop)
    ref = shop.product("Cup", shop.upload("cup.jpg", next(photos)), skus=("CUP-R", "CUP-B"))
    red, _ = shop.variants_of(ref)
    own = shop.upload("cup-red.jpg", next(photos))
    shop.change_variant(red, assetIds=[own], featuredAssetId=own)
    source, connection = source_of(shop.connection()), shop.connection()
    listing = source.listing(f"{ref}/{red}")
    assert listing is not None
    assert (listing.product.sku, listing.product.variant_of, listing.product.attributes["colour"]) == ("CUP-R", "CUP-R", "CUP-R")
    assert [Path(image.uri).name.partition("__")[0].removesuffix(".jpg") for image in listing.product.images] == ["cup-red"]
    publisher(connection, tmp_path).publish(f"{ref}/{red}", "CUP-R", [item(0)])
    assert [picture.mark for picture in gallery_of(connection).read(f"{ref}/{red}")] == [DIGESTS[0][:16], ""]
    assert [picture.mark for picture in gallery_of(connection).read(ref)] == [""]
    with pytest.raises(ProductGone):
        gallery_of(connection).read(f"1/{red}")


def test_custom_fields_by_a_mapping(shop: Shop, tmp_path: Path) -> None:
    ref = shop.product("Bowl", skus=("BOWL-1",))
    shop.change(ref, customFields={"material": "Stoneware"})
    shop.change_variant(shop.variants_of(ref)[0], customFields={"width": 12.5})
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "sku: sku\ntitle: name\nattributes: {clay: custom.material}\ndimensions: {width: variant.width, unit: cm}\n"
        "images: [{column: images, separator: '\\n'}]\n"
    )
    listing = source_of(shop.connection(mapping=str(mapping))).listing(ref)
    assert listing is not None
    assert (listing.product.attributes, listing.product.dimensions.width_mm) == ({"clay": "Stoneware"}, 125)
    mapping.write_text("sku: custom.nothing\n")
    with pytest.raises(VendorRefused, match="nothing"):
        source_of(shop.connection(mapping=str(mapping))).listing(ref)
    mapping.write_text('sku: "custom.a } variants { id"\n')
    with pytest.raises(SettingsError):
        open_vendor(shop.connection(mapping=str(mapping)))


def test_a_set_is_published_replaced_rolled_back_and_taken_off(shop: Shop, tmp_path: Path) -> None:
    human = shop.upload("by-hand.jpg", next(photos_of(shop)))
    shop.do("mutation($i: UpdateAssetInput!) { updateAsset(input: $i) { id } }", i={"id": human, "customFields": {"alt": "Ours"}})
    ref = shop.product("Mug", human, skus=("MUG-1",))
    publishing = publisher(shop.connection(), tmp_path)
    assert publishing.publish(ref, "MUG-1", [item(0), item(1)]).outcome == "live"
    hand = ("by-hand.jpg", "Ours")
    assert seen_by_shoppers(shop, ref) == [("mug-0", "Mug, view 0"), ("mug-1", "Mug, view 1"), hand]
    assert publishing.publish(ref, "MUG-1", [item(0), item(1)]).outcome == "unchanged"
    publishing.publish(ref, "MUG-1", [item(2), item(0, "Mug, new words")])
    assert seen_by_shoppers(shop, ref) == [("mug-2", "Mug, view 2"), ("mug-0", "Mug, new words"), hand]
    publishing.rollback(ref)
    assert seen_by_shoppers(shop, ref) == [("mug-0", "Mug, view 0"), ("mug-1", "Mug, view 1"), hand]
    assert len(shop.library(DIGESTS[0][:16])) == 1
    publishing.publish(ref, "MUG-1", [])
    assert seen_by_shoppers(shop, ref) == [hand]
    publisher(shop.connection(), tmp_path, people="first").publish(ref, "MUG-1", [item(3)])
    assert seen_by_shoppers(shop, ref) == [hand, ("mug-3", "Mug, view 3")]


def test_a_file_that_the_shop_does_not_take(shop: Shop, tmp_path: Path) -> None:
    ref = shop.product("Book", skus=("BOOK-1",))
    wrong = item(0, "A book").model_copy(
        update={"name": marked("book.exe", DIGESTS[0]), "media_type": "application/x-msdownload"}
    )
    with pytest.raises(VendorRefused):
        publisher(shop.connection(), tmp_path).publish(ref, "BOOK-1", [wrong])
    assert seen_by_shoppers(shop, ref) == []


def test_a_product_that_goes_while_we_publish(shop: Shop, tmp_path: Path) -> None:
    ref = shop.product("Vase", skus=("VASE-1",))
    gallery = gallery_of(shop.connection())
    added = gallery.add(ref, Picture(DIGESTS[0], "image/jpeg", item(0).name, lambda: BLOBS[DIGESTS[0]]))
    shop.delete(ref)
    with pytest.raises(ProductGone):
        gallery.read(ref)
    with pytest.raises(ProductGone):
        gallery.arrange(ref, [])
    with pytest.raises(ProductGone):
        publisher(shop.connection(), tmp_path).publish(ref, "VASE-1", [item(0)])
    assert added


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True), min_size=1, max_size=2),
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from([0, 502, 503, 429]), st.integers(1, 2)), min_size=1, max_size=4),
)
def test_answers_that_are_lost_lose_and_double_nothing(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory, sets: list[list[int]], faults: list[tuple[int, int, int]]
) -> None:
    """The shop does the work and its answer never comes, or it is busy: in the end the gallery is right, each file there once."""
    tag = uuid4().hex[:8]
    human = shop.upload(f"by-hand-{tag}.jpg", BLOBS[DIGESTS[0]])
    ref, road = shop.product(f"Jug {tag}", human, skus=(f"JUG-{tag}",)), Road(shop)
    with serving(road):
        publishing = publisher(shop.connection(address=road.url), tmp_path_factory.mktemp("records"), sleep=lambda _: None)
        road.faults = [
            Fault("POST", status, lost=not status, times=times, skip=skip, headers={"retry-after": "0.01"})
            for skip, status, times in faults
        ]
        for wanted in sets:
            named = [item(number, f"{tag} {number}", f"jug-{tag}") for number in wanted]
            patiently(lambda named=named: publishing.publish(ref, "JUG", named))  # type: ignore[misc]
            names = [(f"jug-{tag}-{number}", f"{tag} {number}") for number in wanted]
            assert seen_by_shoppers(shop, ref) == [*names, (f"by-hand-{tag}.jpg", "")]
    assert len(shop.library(tag)) == 1 + len({number for wanted in sets for number in wanted})


def patiently(call: Callable[[], object], tries: int = 20) -> None:
    for _ in range(tries - 1):
        try:
            call()
            return
        except VendorUnavailable:
            continue
    call()


def test_the_shop_dies_while_we_publish(shop: Shop, tmp_path: Path) -> None:
    """Killed when the second file is on its way: nothing has changed for shoppers; back again, the set is finished."""
    human = shop.upload("pot-by-hand.jpg", next(photos_of(shop)))
    ref = shop.product("Pot", human, skus=("POT-1",))
    reads: list[str] = []

    def blob(digest: str) -> bytes:
        reads.append(digest)
        if len(reads) == 2:
            shop.kill()
        return BLOBS[digest]

    named = [item(number, f"Pot, view {number}", "pot") for number in (0, 1, 2)]
    records = Publications(f"sqlite:///{tmp_path}/records.db")
    with pytest.raises(VendorUnavailable):
        Publisher("shop", gallery_of(shop.connection()), records, blob).publish(ref, "POT-1", named)
    shop.start()
    assert [name for name, _ in seen_by_shoppers(shop, ref)] == ["pot-by-hand.jpg"]
    Publisher("shop", gallery_of(shop.connection()), records, blob).publish(ref, "POT-1", named)
    assert [name for name, _ in seen_by_shoppers(shop, ref)] == ["pot-0", "pot-1", "pot-2", "pot-by-hand.jpg"]
    assert len(shop.library("pot-")) == 4


def test_wrong_credentials_and_missing_rights(shop: Shop) -> None:
    wrong = shop.connection(secrets={"user": OURS[0], "password": "not-the-password"})
    with pytest.raises(VendorDenied) as caught:
        next(source_of(wrong).pages())
    assert "not-the-password" not in f"{caught.value}{wrong!r}"
    with pytest.raises(SettingsError, match="password"):
        open_vendor(shop.connection(secrets={"user": OURS[0]}))
    with pytest.raises(VendorRefused, match="404"):
        next(source_of(shop.connection(options={"path": "not-the-api"})).pages())
    reader = (f"reader-{uuid4().hex[:8]}@shop.example", "reader-password")
    shop.account(*reader, rights=("ReadProduct", "ReadAsset"))
    gallery = gallery_of(shop.connection(secrets=dict(zip(("user", "password"), reader, strict=True))))
    assert gallery.read("1")
    with pytest.raises(VendorDenied, match="rights"):
        gallery.add("1", Picture(DIGESTS[0], "image/jpeg", marked("no.jpg", DIGESTS[0]), lambda: BLOBS[DIGESTS[0]], "No rights"))
    assert not shop.library("no-packshot")


def test_a_session_that_was_ended_is_opened_again(shop: Shop) -> None:
    source = source_of(shop.connection())
    assert source.listing("1")
    shop.sql("DELETE FROM session WHERE token <> :mine", mine=shop.token)
    shop.kill()
    shop.start()
    assert source.listing("1")


def test_an_api_key_does_as_well(shop: Shop) -> None:
    made = shop.do("query { roles { items { id code } } }")["roles"]["items"]
    role = next(role["id"] for role in made if role["code"] == OURS[0])
    name = [{"languageCode": "en", "name": "packshot"}]
    create = "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { apiKey } }"
    login = "mutation($u: String!, $p: String!) { login(username: $u, password: $p) { __typename } }"
    answer = shop.http.post(f"{shop.url}/admin-api", json={"query": login, "variables": {"u": OURS[0], "p": OURS[1]}})
    assert answer.json()["data"]["login"]["__typename"] == "CurrentUser"
    superior = shop.do("query { roles { items { id code } } }")["roles"]["items"]
    role = next(one["id"] for one in superior if one["code"] == "__super_admin_role__")
    key = shop.do(create, i={"roleIds": [role], "translations": name})["createApiKey"]["apiKey"]
    assert source_of(shop.connection(secrets={"key": key})).listing("1")
    with pytest.raises(VendorDenied):
        source_of(shop.connection(secrets={"key": "wrong"})).listing("1")


def inbound_of(shop: Shop) -> Inbound:
    inbound = open_vendor(shop.connection()).inbound
    assert inbound is not None
    return inbound


def told(shop: Shop, call: Call) -> Told:
    Webhook(HOOK_SECRET).verify(call.body, call.headers)
    (one,) = inbound_of(shop).verify([HOOK_SECRET], call.headers, call.body, now=time.time())
    return one


def heard(shop: Shop, ear: Ear, ref: str, kind: str) -> Told:
    """The next message of that kind about that product."""
    while True:
        said = told(shop, ear.heard.get(timeout=20))
        if ref in said.refs and said.kind == kind:
            return said


def test_messages_about_what_people_do(shop: Shop, ear: Ear) -> None:
    asset = shop.upload("tray.jpg", next(photos_of(shop)))
    ref = shop.product("Tray", asset, skus=("TRAY-1",))
    created = heard(shop, ear, ref, "changed")
    assert created.author == "keeper"
    listing = source_of(shop.connection()).listing(ref)
    assert listing is not None
    drained(ear)
    shop.change_variant(shop.variants_of(ref)[0], sku="TRAY-2")
    changed = heard(shop, ear, ref, "changed")
    later = source_of(shop.connection()).listing(ref)
    assert later is not None
    assert changed.at is not None
    assert listing.updated is not None
    assert later.updated is not None
    assert listing.updated < later.updated <= changed.at
    drained(ear)
    shop.do("mutation($id: ID!) { deleteAsset(input: { assetId: $id, force: true }) { result } }", id=asset)
    heard(shop, ear, ref, "changed")
    drained(ear)
    shop.delete(ref)
    heard(shop, ear, ref, "deleted")


def drained(ear: Ear) -> None:
    with suppress(Empty):
        while True:
            ear.heard.get(timeout=0.5)


def test_our_own_writes_are_told_from_others(shop: Shop, ear: Ear, tmp_path: Path) -> None:
    ref = shop.product("Fork", skus=("FORK-1",))
    drained(ear)
    publisher(shop.connection(), tmp_path).publish(ref, "FORK-1", [item(0), item(1)])
    messages = [told(shop, ear.heard.get(timeout=20))]
    while not ear.heard.empty():
        messages.append(told(shop, ear.heard.get()))
    assert {(one.kind, one.author) for one in messages} == {("other", OURS[0])}


def test_a_message_that_was_not_taken_comes_again(shop: Shop, ear: Ear) -> None:
    ref = shop.product("Spoon", skus=("SPOON-1",))
    drained(ear)
    ear.statuses = [503, 503]
    shop.change(ref, enabled=True)
    calls = [ear.heard.get(timeout=20) for _ in range(3)]
    assert len({told(shop, call).id for call in calls}) == 1
    forged = [
        (calls[0].headers | {"webhook-id": "msg_other"}, calls[0].body, HOOK_SECRET),
        (calls[0].headers, calls[0].body.replace(ref.encode(), b"1", 1), HOOK_SECRET),
        (calls[0].headers, calls[0].body, "whsec_" + "A" * 43 + "="),
    ]
    for headers, body, secret in forged:
        with pytest.raises(Unauthenticated):
            inbound_of(shop).verify([secret], headers, body, now=time.time())
    with pytest.raises(Unauthenticated):
        inbound_of(shop).verify([HOOK_SECRET], calls[0].headers, calls[0].body, now=time.time() + 301)
