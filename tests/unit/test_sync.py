"""Products out of a vendor without our own pictures: what counts as a change, what a crash repeats, which photos stay."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.publications import Publications
from connectors.sets import Finished, gallery_set, role_of
from connectors.sync import Sync, visible, without_ours
from connectors.sync_state import SyncState
from connectors.vendors.base import Listing, Page, Shown, mark_in, marked
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor
from studio.destination import Destination
from studio.errors import FetchFailed, InputError, RowError, SettingsError
from studio.keys import digest_bytes
from studio.product import ImageRole, Product, ProductImage
from studio.template import Template

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MARK = marked("front.jpg", "0123456789abcdef" * 4)


def product(sku: str = "MUG", photos: tuple[str, ...] = ("a", "b"), **more: Any) -> Product:
    roles = [ImageRole.FRONT, *[ImageRole.DETAIL] * len(photos)]
    images = tuple(ProductImage(uri=f"https://s/{name}", role=role) for name, role in zip(photos, roles, strict=False))
    return Product(sku=sku, images=images, **more)


def listing(ref: str, photos: tuple[str, ...] = ("a", "b"), at: datetime = NOON, **more: Any) -> Listing:
    shown = tuple(Shown(name, f"https://s/{name}", place, mark=mark_in(name)) for place, name in enumerate(photos))
    return Listing(ref, product(f"SKU-{ref}", photos, **more), shown, at)


class Catalogue:
    """A vendor in memory: every change is a page entry; the cursor is how many were read."""

    def __init__(self, size: int = 2) -> None:
        self.now: dict[str, Listing] = {}
        self.log: list[str] = []
        self.size, self.asked = size, 0
        self.broken: set[str] = set()

    def put(self, one: Listing) -> None:
        self.now[one.ref] = one
        self.log.append(one.ref)

    def pages(self, cursor: str = "") -> Iterator[Page]:
        at = int(cursor or 0)
        while True:
            self.asked += 1
            some = dict.fromkeys(self.log[at : at + self.size])
            at = min(at + self.size, len(self.log))
            found = tuple(
                RowError("odd", file="x", line=1) if ref in self.broken else self.now[ref] for ref in some if ref in self.now
            )
            yield Page(found, str(at), tuple(ref for ref in some if ref not in self.now))
            if at == len(self.log):
                return

    def listing(self, ref: str) -> Listing | None:
        return self.now.get(ref)


class Keeper:
    """Keeps photos; those of `missing` cannot be had."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.missing: set[str] = set()

    def __call__(self, url: str) -> str:
        self.read.append(url)
        if url in self.missing:
            raise FetchFailed("not there")
        return digest_bytes(url.encode())


STATE = SyncState("sqlite:///:memory:")
NAMES = (f"shop-{number}" for number in count())


def sync_of(source: Catalogue, keeper: Keeper | None = None, name: str = "") -> Sync:
    """One database for all tests, a connection of its own for each."""
    connection, state = Connection(name=name or next(NAMES), vendor="bigcommerce", address="https://shop.example"), STATE
    return Sync(connection, Vendor(source=source), state, Publications(state._database), keeper)


def test_what_we_publish_is_no_change() -> None:
    source, keeper = Catalogue(), Keeper()
    source.put(listing("1"))
    sync = sync_of(source, keeper)
    (pulled,) = sync.pull()
    assert [image.uri for image in pulled.changed[0].product.images] == [
        f"blob:{digest_bytes(f'https://s/{name}'.encode())}" for name in "ab"
    ]
    sync.accept(pulled.changed)
    keeper.read.clear()
    for photos in [(MARK, "a", "b"), ("a", MARK, "b"), (MARK, "x-" + MARK, "a", "b")]:
        source.put(listing("1", photos, NOON + timedelta(hours=1)))
        looked = sync.look("1")
        assert looked is not None
        assert not looked.changed
        assert looked.product == pulled.changed[0].product
    assert keeper.read == []
    source.put(listing("1", (MARK, "b", "a")))
    assert sync.look("1").changed  # type: ignore[union-attr]


def test_pictures_without_a_mark_are_ours_by_their_ids() -> None:
    shown = listing("1", ("77", "a"))
    assert [image.uri for image in without_ours(shown).images] == ["https://s/77", "https://s/a"]
    theirs = without_ours(shown, {"77"}).images
    assert [(image.uri, image.role) for image in theirs] == [("https://s/a", ImageRole.FRONT)]


def test_another_role_is_not_made_a_front() -> None:
    images = (ProductImage(uri=f"https://s/{MARK}"), ProductImage(uri="https://s/b", role=ImageRole.BACK))
    assert without_ours(Listing("1", Product(sku="x", images=images))).images == images[1:]


def test_photos_out_of_sight_are_still_the_source() -> None:
    source, keeper = Catalogue(), Keeper()
    source.put(listing("1"))
    sync = sync_of(source, keeper)
    sync.accept(next(iter(sync.pull())).changed)
    source.put(listing("1", (MARK,)))
    hidden = sync.look("1")
    assert hidden is not None
    assert (hidden.changed, len(hidden.product.images), hidden.all_kept) == (False, 2, True)
    source.put(listing("1", (MARK, "c")))
    fresh = sync.look("1")
    assert fresh is not None
    assert (fresh.changed, len(fresh.product.images)) == (True, 1)
    source.put(listing("1", ()))
    assert sync.look("1").product.images == ()  # type: ignore[union-attr]


def test_a_photo_that_cannot_be_had_now_is_tried_again() -> None:
    source, keeper = Catalogue(), Keeper()
    source.put(listing("1"))
    keeper.missing.add("https://s/b")
    sync = sync_of(source, keeper)
    (pulled,) = sync.pull()
    assert [image.uri.partition(":")[0] for image in pulled.changed[0].product.images] == ["blob", "https"]
    assert not pulled.changed[0].all_kept
    sync.promise(pulled.changed)
    keeper.missing.clear()
    (promised,) = sync.promised()
    assert promised.all_kept
    assert promised.digest == pulled.changed[0].digest
    sync.accept([promised])
    assert (list(sync.promised()), sync.look("1").changed) == ([], False)  # type: ignore[union-attr]


def test_visible_is_what_pictures_can_depend_on() -> None:
    one = product(attributes={"colour": "red", "price": "3", "updated_at": "now"})
    same = product(attributes={"colour": "red", "price": "4", "stock": "9"})
    assert visible(one) == visible(same)
    for other in (
        product(attributes={"colour": "blue"}), product(photos=("b", "a"), attributes={"colour": "red"}),
        product(title="Mug", attributes={"colour": "red"}), product(photos=("a",), attributes={"colour": "red"}),
    ):  # fmt: skip
        assert visible(other) != visible(one)
    signed = [product(photos=(f"a?v=1&X-Amz-Signature={n}&Expires={n}",)) for n in (1, 2)]
    assert visible(signed[0]) == visible(signed[1])
    assert visible(signed[0]) != visible(product(photos=("a?v=2",)))


def test_gone_and_broken_are_told_apart() -> None:
    source = Catalogue(size=9)
    for ref in "123":
        source.put(listing(ref))
    sync = sync_of(source)
    for pulled in sync.pull():
        sync.accept(pulled.changed)
    del source.now["1"]
    source.broken.add("2")
    source.log += ["1", "2", "never"]
    (pulled,) = sync.pull()
    assert (pulled.gone, len(pulled.problems), pulled.unchanged) == (("1",), 1, 0)
    sync.gone(pulled.gone)
    assert sync.look("1") is None
    source.put(listing("1"))
    assert sync.look("1").changed, "it is back"  # type: ignore[union-attr]


def test_a_vendor_without_products_is_an_error() -> None:
    with pytest.raises(InputError, match="no products"):
        Sync(sync_of(Catalogue()).connection, Vendor(), STATE, Publications(STATE._database))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3)), max_size=6), min_size=1, max_size=5),
    st.lists(st.integers(0, 6), max_size=8),
)
def test_whatever_crashes_every_product_ends_as_it_is(nights: list[list[tuple[str, int]]], crashes: list[int]) -> None:
    """Changes between pulls; each pull is killed after so many steps. The last one is not: then what was taken is what is there,
    and another one takes nothing and reads no photo."""
    source, keeper = Catalogue(), Keeper()
    name, crash = next(NAMES), iter(crashes)

    def run(steps: float) -> None:
        sync = sync_of(source, keeper, name)
        for pulled in sync.pull():
            if (steps := steps - 1) < 0:
                return
            sync.promise(pulled.changed)
            if (steps := steps - 1) < 0:
                return
        for one in sync.promised():
            if (steps := steps - 1) < 0:
                return
            sync.accept([one])

    for night in nights:
        for ref, version in night:
            source.put(listing(ref, (f"{ref}{version}", "z"), title=f"v{version}"))
        run(next(crash, 3))
    run(float("inf"))
    assert {one.ref: one.digest for one in STATE.all_seen(name)} == {ref: visible(one.product) for ref, one in source.now.items()}
    keeper.read.clear()
    pulled = list(sync_of(source, keeper, name).pull(full=True))
    assert not any(page.changed for page in pulled)
    assert keeper.read == []


def finished(template: str, slot: str, number: int, destination: str = "shop", use: Any = "main") -> Finished:
    look = Template(id=template, version=1, title=template, recipe="photography", outputs=(destination,), use=use)
    place = Destination(
        id=destination,
        title="x",
        width=64,
        height=64,
        max_bytes=1000,
        alt_text=60,
        sources=({"title": "t", "date": "2026-11-22"},),
    )
    return Finished(look, place, slot, f"{number:064x}", "image/jpeg")


def test_a_set_for_a_page() -> None:
    mug = product(title="Mug", attributes={"colour": "red"})
    made = [
        finished("room", "front", 1, use="lifestyle"), finished("white", "back", 2), finished("white", "front", 3),
        finished("white", "front", 4, "story"), finished("room", "front-2", 3, use="lifestyle"),
    ]  # fmt: skip
    items = gallery_set(mug, made, ref="7")
    assert [int(item.digest, 16) for item in items] == [3, 2, 1]
    assert [item.types for item in items] == [("main",), (), ()]
    assert [item.alt for item in items] == ["Mug, red", "Mug from behind, red", "Mug in a room set, red"]
    assert all(mark_in(item.name) == item.digest[:16] and item.name.endswith(".jpg") for item in items)
    assert items[0].name.startswith("mug-white-front-packshot-")
    assert items[0].details == {"sku": "MUG", "template": "white@1", "slot": "front", "destination": "shop", "ref": "7"}
    assert [int(item.digest, 16) for item in gallery_set(mug, made, ref="7", destinations=["story"])] == [4]
    assert gallery_set(mug, [], ref="7") == ()


@given(st.text(max_size=300).filter(str.strip))
def test_file_names_are_plain(sku: str) -> None:
    try:
        mug = Product(sku=sku)
    except ValueError:
        return
    (item,) = gallery_set(mug, [finished("white", "front", 1)], ref="1")
    assert item.name.isascii()
    assert len(item.name) < 120
    assert not set(item.name) - set("abcdefghijklmnopqrstuvwxyz0123456789-.")


def test_roles_by_slot() -> None:
    slots = {"front": "front", "back-2": "back", "on-model": "on-model", "on-mannequin-2": "on-mannequin", "scale": "front"}
    assert {slot: str(role_of(slot)) for slot in slots} == slots


def test_secrets_are_looked_up_when_they_are_used(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", "first")
    (tmp_path / "two").write_text("second\n")
    said = {
        "name": "s",
        "vendor": "v",
        "address": "https://x",
        "secrets": {"a": "env:ONE", "b": f"file:{tmp_path}/two", "c": "plain"},
    }
    connection = Connection.model_validate(said | {"hook_secrets": ["env:ONE", "env:NONE"]})
    assert [connection.secret(name) for name in "abc"] == ["first", "second", "plain"]
    assert connection.live_hook_secrets == ("first",)
    assert connection.plain_secrets == ("secrets.c",)
    written = connection.model_dump_json()
    assert "plain" not in written
    assert "first" not in written + repr(connection)
    again = Connection.model_validate_json(written)
    assert (again.secret("a"), again.live_hook_secrets) == ("first", ("first",))
    (tmp_path / "two").write_text("rotated")
    assert connection.secret("b") == "rotated"
    monkeypatch.delenv("ONE")
    with pytest.raises(SettingsError, match=r"connections\.s\.secrets\.a: env:ONE is empty or not set"):
        connection.secret("a")
    with pytest.raises(SettingsError, match="hook_secrets"):
        _ = connection.live_hook_secrets
    (tmp_path / "two").write_bytes(os.urandom(70_000))
    with pytest.raises(SettingsError, match="cannot be read"):
        connection.secret("b")
