"""Reconciliation over a shop whose people, messages and publishers do what they like; and as a command, against a strict double."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.findings import Finding, Kind
from connectors.publications import GalleryRecord, Publications
from connectors.publisher import Publisher
from connectors.reconcile import Reconciliation
from connectors.repair import Mended, Repairs
from connectors.sync import Sync
from connectors.sync_state import Seen, SyncState
from connectors.vendors.base import Listing, Page, Picture, Placing, Shown, Told
from connectors.vendors.connection import Connection
from connectors.vendors.registry import Vendor
from studio.errors import ProductGone, RowError, VendorRefused, VendorUnavailable
from studio.product import Product, ProductImage
from tests.local.test_publisher import BLOBS, Killed, Wall, items, marks

NOW = datetime.now(UTC)
CONNECTION = Connection(name="shop", vendor="shopify", address="https://shop.test")


class Shop:
    """Products with galleries, in memory. `calls` counts what is asked of it."""

    def __init__(self, *refs: str) -> None:
        self.walls = {ref: Wall(["cat", "dog"]) for ref in refs}
        self.titles = dict.fromkeys(refs, "Mug")
        self.broken: set[str] = set()
        self.calls: Counter[str] = Counter()

    def pages(self, cursor: str = "") -> Iterator[Page]:
        refs = sorted(self.walls)
        for start in range(0, len(refs) or 1, 2):
            self.calls["page"] += 1
            yield Page(tuple(self._listing(ref) for ref in refs[start : start + 2]), str(start))

    def listing(self, ref: str) -> Listing | None:
        self.calls["listing"] += 1
        found = self._listing(ref) if ref in self.walls else None
        if isinstance(found, RowError):
            raise found
        return found

    def read(self, ref: str) -> tuple[Shown, ...]:
        self.calls["read"] += 1
        return self._wall(ref).read(ref)

    def add(self, ref: str, picture: Picture) -> str:
        return self._wall(ref).add(ref, picture)

    def arrange(self, ref: str, order: list[Placing]) -> None:
        self._wall(ref).arrange(ref, order)

    def remove(self, ref: str, ids: list[str]) -> None:
        self._wall(ref).remove(ref, ids)

    def fetch(self, shown: Shown) -> bytes | None:
        return None

    def _wall(self, ref: str) -> Wall:
        if ref not in self.walls:
            raise ProductGone(f"{ref} is gone")
        return self.walls[ref]

    def _listing(self, ref: str) -> Listing | RowError:
        if ref in self.broken:
            return RowError("no SKU", file=f"shop/{ref}", line=1)
        shown = tuple(self.walls[ref].shown)
        photos = tuple(ProductImage(uri=picture.url) for picture in shown)
        return Listing(ref, Product(sku=f"SKU-{ref}", title=self.titles[ref], images=photos), shown, NOW)


class Bench:
    """A shop of four products; all are taken, the first three have pictures of ours."""

    def __init__(self, folder: Path) -> None:
        self.shop = Shop(*"1234")
        vendor = Vendor(source=self.shop, gallery=self.shop)  # type: ignore[arg-type]
        self.state, self.publications = SyncState(f"{folder}/records.db"), Publications(f"{folder}/records.db")
        self.sync = Sync(CONNECTION, vendor, self.state, self.publications)
        self.publisher = Publisher("shop", self.shop, self.publications, BLOBS.__getitem__, sleep=lambda _: None)  # type: ignore[arg-type]
        self.work = Reconciliation(
            CONNECTION, vendor, self.state, self.publications, drift=lambda seen, record: self.drift(seen, record)
        )
        self.drift = lambda _seen, _record: ""
        for ref in "123":
            self.publisher.publish(ref, f"SKU-{ref}", items("abc"))
        self.accept()
        self.shop.calls.clear()

    def accept(self) -> None:
        for page in self.sync.pull(full=True):
            self.sync.accept(page.changed)
            self.sync.gone(page.gone)

    def found(self) -> list[tuple[Kind, str]]:
        return [(finding.kind, finding.ref) for finding in self.work.findings()]

    def mend(self, *, restore: bool = False) -> list[Mended]:
        repairs = Repairs("shop", self.state, self.publications, self.publisher, restore=restore)
        return list(repairs.mend(list(self.work.findings()), now=NOW))

    def by_hand(self, ref: str, shown: list[Shown]) -> None:
        self.shop.walls[ref].shown = shown

    def work_off(self) -> None:
        """What the worker does with products that wait."""
        for waiting in self.state.due(now=NOW + timedelta(days=1), limit=100, hold_s=60):
            looked = self.sync.look(waiting.ref)
            self.sync.gone([waiting.ref]) if looked is None else self.sync.accept([looked])
            self.state.done(waiting)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_where_all_is_right_only_pages_are_read(bench: Bench) -> None:
    assert bench.found() == []
    assert bench.shop.calls == {"page": 2}
    assert (bench.work.checked.products, bench.work.checked.published, bench.work.checked.gallery_reads) == (4, 3, 0)


def test_an_event_that_was_missed_is_told_and_nothing_is_told_twice(bench: Bench) -> None:
    bench.shop.titles["2"] = "A red mug"
    assert bench.found() == [(Kind.MISSED, "2")]
    assert [one.left for one in bench.mend()] == [""]
    assert bench.found() == []
    assert [waiting.ref for waiting in bench.state.all_waiting("shop")] == ["2"]
    bench.work_off()
    assert bench.found() == []


def test_what_nobody_works_on_is_found_again(bench: Bench) -> None:
    bench.shop.titles["2"] = "A red mug"
    bench.state.take("shop", [Told("m1", "changed", ("2",))], now=NOW - timedelta(hours=2))
    assert bench.found() == [(Kind.MISSED, "2")]


def test_a_product_that_was_never_taken_and_one_that_came_back(bench: Bench) -> None:
    bench.shop.walls["5"], bench.shop.titles["5"] = Wall(["cat"]), "New"
    bench.state.forget("shop", ["4"])
    assert bench.found() == [(Kind.RETURNED, "4"), (Kind.UNKNOWN, "5")]
    bench.mend()
    bench.work_off()
    assert bench.found() == []


def test_deleted_products_are_forgotten_with_their_pictures(bench: Bench) -> None:
    del bench.shop.walls["1"], bench.shop.walls["4"]
    assert bench.found() == [(Kind.DELETED, "1"), (Kind.DELETED, "4"), (Kind.ORPHANED, "1")]
    assert {one.left for one in bench.mend()} == {""}
    assert bench.found() == []
    assert [seen.ref for seen in bench.state.all_seen("shop", gone=True)] == ["1", "4"]
    assert [line.outcome for line in bench.publications.history("shop", "1")] == ["gone", "live"]


def test_a_record_that_cannot_be_understood_is_not_a_deleted_product(bench: Bench) -> None:
    bench.shop.broken.add("2")
    assert bench.found() == [(Kind.UNREADABLE, "")]
    assert [one.left for one in bench.mend()] == ["nothing mends this by itself"]
    bench.shop.broken.clear()
    assert bench.found() == []


def test_a_shop_that_seems_empty_is_not_believed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    extra = [str(number) for number in range(100, 130)]
    for ref in extra:
        bench.shop.walls[ref], bench.shop.titles[ref] = Wall(["cat"]), "Mug"
    bench.accept()
    for ref in extra:
        del bench.shop.walls[ref]
    assert {one.left for one in bench.mend()} == {"20 and more at once are not believed"}
    assert len(list(bench.state.all_seen("shop"))) == 34


def test_what_a_person_took_off_comes_back_only_when_asked_for(bench: Bench) -> None:
    cat, dog = (shown for shown in bench.shop.walls["1"].shown if not shown.mark)
    a, b, c = (shown for shown in bench.shop.walls["1"].shown if shown.mark)
    bench.by_hand("1", [c, a, cat, dog])
    assert bench.found() == [(Kind.MISSING, "1"), (Kind.MOVED, "1")]
    assert {one.left for one in bench.mend()} == {"a person took pictures off; --restore puts them back"}
    assert bench.shop.walls["1"].shown == [c, a, cat, dog]
    assert {one.left for one in bench.mend(restore=True)} == {""}
    assert bench.shop.walls["1"].names == [*marks("abc"), "cat", "dog"]
    assert bench.found() == []
    assert b.mark == marks("b")[0]


def test_order_texts_and_copies_are_put_right(bench: Bench) -> None:
    walls = bench.shop.walls
    bench.by_hand("1", moved(walls["1"].shown))
    bench.by_hand("2", [replace(walls["2"].shown[0], alt="Buy now"), *walls["2"].shown[1:]])
    bench.by_hand("3", [*walls["3"].shown, replace(walls["3"].shown[0], id="copy")])
    assert bench.found() == [(Kind.MOVED, "1"), (Kind.REWRITTEN, "2"), (Kind.STRAY, "3")]
    assert {one.left for one in bench.mend()} == {""}
    assert bench.found() == []
    assert [walls[ref].names[:3] for ref in "123"] == [marks("abc")] * 3
    assert [{"cat", "dog"} <= set(walls[ref].names) for ref in "123"] == [True] * 3


def test_a_dead_publishers_work_is_finished_and_a_living_ones_is_left(bench: Bench) -> None:
    bench.shop.walls["2"]._trouble = iter(["", "kill"])
    with pytest.raises(Killed):
        bench.publisher.publish("2", "SKU-2", items("def"))
    bench.publications.claim("shop", "3", "SKU-3", "living", 60)
    bench.publications.intend("shop", "3", "living", items("d"), None)
    assert bench.found() == [(Kind.STUCK, "2")]
    assert {one.left for one in bench.mend()} == {""}
    assert bench.shop.walls["2"].names == [*marks("def"), "cat", "dog"]
    assert bench.found() == []


def test_a_refused_set_is_said_with_the_vendors_words(bench: Bench) -> None:
    bench.shop.walls["1"].refuses = "d"
    with pytest.raises(VendorRefused):
        bench.publisher.publish("1", "SKU-1", items("d"))
    found = list(bench.work.findings())
    assert [(one.kind, one.detail) for one in found] == [(Kind.REFUSED, "too large")]


def test_our_pictures_without_a_record(bench: Bench) -> None:
    bench.by_hand("4", [*bench.shop.walls["4"].shown, bench.shop.walls["1"].shown[0]])
    assert bench.found() == [(Kind.UNRECORDED, "4")]


def test_drift_is_made_anew_by_whoever_takes_it(bench: Bench) -> None:
    asked = []

    def drift(seen: Seen, record: GalleryRecord) -> str:
        asked.append(seen.ref)
        return "tiny@2 would be made anew" if record.ref == "3" else ""

    bench.drift = drift
    assert bench.found() == [(Kind.DRIFTED, "3")]
    assert asked == ["1", "2", "3"]
    bench.mend()
    looked = bench.sync.look("3")
    assert looked is not None
    assert looked.changed
    assert bench.found() == []


def test_a_shop_that_does_not_answer_while_it_is_mended(bench: Bench) -> None:
    bench.by_hand("1", moved(bench.shop.walls["1"].shown))
    bench.shop.walls["1"]._trouble = iter(["before"])
    assert [one.left for one in bench.mend()] == ["no answer"]
    assert {one.left for one in bench.mend()} == {""}
    assert bench.found() == []


def test_a_dam_without_products_has_its_galleries_read(bench: Bench) -> None:
    vendor = Vendor(gallery=bench.shop)  # type: ignore[arg-type]
    del bench.shop.walls["1"]
    bench.by_hand("2", [])
    found = list(Reconciliation(CONNECTION, vendor, bench.state, bench.publications).findings())
    assert [(one.kind, one.ref) for one in found] == [(Kind.ORPHANED, "1"), (Kind.MISSING, "2")]


DAM = Connection(name="dam", vendor="bynder", address="https://dam.test")


class Apart:
    """A PIM without galleries whose pictures go to a DAM; products 1 to 3 have pictures there, under their SKUs."""

    def __init__(self, folder: Path) -> None:
        self.pim, self.dam = Shop(*"1234"), Shop("SKU-1", "SKU-2", "SKU-3", "of-somebody-else")
        self.state, self.publications = SyncState(f"{folder}/records.db"), Publications(f"{folder}/records.db")
        self.vendor = Vendor(source=self.pim)  # type: ignore[arg-type]
        self.sync = Sync(CONNECTION, self.vendor, self.state, self.publications)
        self.publisher = Publisher("dam", self.dam, self.publications, BLOBS.__getitem__, sleep=lambda _: None)  # type: ignore[arg-type]
        for sku in ("SKU-1", "SKU-2", "SKU-3", "of-somebody-else"):
            self.publisher.publish(sku, sku, items("abc"))
        for page in self.sync.pull(full=True):
            self.sync.accept(page.changed)
        self.work = Reconciliation(
            CONNECTION, self.vendor, self.state, self.publications,
            target=(DAM, self.dam),  # type: ignore[arg-type]
        )  # fmt: skip

    def found(self) -> list[tuple[Kind, str, str]]:
        return [(finding.kind, finding.ref, finding.at) for finding in self.work.findings()]

    def mend(self, *, restore: bool = False) -> set[str]:
        repairs = Repairs("shop", self.state, self.publications, self.publisher, restore=restore, target="dam")
        return {one.left for one in repairs.mend(list(self.work.findings()), now=NOW)}


@pytest.fixture
def apart(tmp_path: Path) -> Apart:
    return Apart(tmp_path)


def test_galleries_elsewhere_that_are_right_are_read_once(apart: Apart) -> None:
    apart.dam.calls.clear()
    assert apart.found() == []
    assert (apart.dam.calls, apart.work.checked.published, apart.work.checked.gallery_reads) == ({"read": 3}, 3, 3)


def test_what_was_done_to_galleries_elsewhere_is_found_and_mended_there(apart: Apart) -> None:
    walls = apart.dam.walls
    walls["SKU-1"].shown = moved(walls["SKU-1"].shown)
    walls["SKU-2"].shown = walls["SKU-2"].shown[1:]
    walls["of-somebody-else"].shown = []
    walls["SKU-3"]._trouble = iter(["", "kill"])
    with pytest.raises(Killed):
        apart.publisher.publish("SKU-3", "SKU-3", items("def"))
    assert apart.found() == [(Kind.MOVED, "SKU-1", "dam"), (Kind.MISSING, "SKU-2", "dam"), (Kind.STUCK, "SKU-3", "dam")]
    assert apart.mend() == {"", "a person took pictures off; --restore puts them back"}
    assert apart.mend(restore=True) == {""}
    assert apart.found() == []
    assert [walls[sku].names[:3] for sku in ("SKU-1", "SKU-2", "SKU-3")] == [marks("abc"), marks("abc"), marks("def")]
    assert walls["of-somebody-else"].shown == []


def test_a_gallery_that_is_gone_there_is_not_a_product_that_is_gone_here(apart: Apart) -> None:
    del apart.dam.walls["SKU-1"]
    assert apart.found() == [(Kind.ORPHANED, "SKU-1", "dam")]
    assert apart.mend() == {""}
    assert apart.found() == []
    assert [seen.ref for seen in apart.state.all_seen("shop")] == ["1", "2", "3", "4"]
    assert apart.publications.history("dam", "SKU-1")[0].outcome == "gone"


def test_products_that_are_gone_or_changed_here_keep_what_hangs_there(apart: Apart) -> None:
    del apart.pim.walls["1"]
    apart.pim.titles["2"] = "A red mug"
    apart.dam.walls["SKU-2"].shown = moved(apart.dam.walls["SKU-2"].shown)
    assert apart.found() == [(Kind.MISSED, "2", ""), (Kind.DELETED, "1", ""), (Kind.MOVED, "SKU-2", "dam")]
    assert apart.mend() == {""}
    assert apart.dam.walls["SKU-1"].names[:3] == marks("abc")


def test_what_hangs_at_the_source_from_before_is_left_as_it_is(apart: Apart) -> None:
    before = Publisher("shop", apart.pim, apart.publications, BLOBS.__getitem__, sleep=lambda _: None)  # type: ignore[arg-type]
    before.publish("1", "SKU-1", items("a"))
    shown = apart.pim.walls["1"].shown = list(reversed(apart.pim.walls["1"].shown))
    vendor = Vendor(source=apart.pim, gallery=apart.pim)  # type: ignore[arg-type]
    work = Reconciliation(CONNECTION, vendor, apart.state, apart.publications, target=(DAM, apart.dam))  # type: ignore[arg-type]
    found = list(work.findings())
    assert {(one.ref, one.at) for one in found} == {("1", "")}
    repairs = Repairs("shop", apart.state, apart.publications, apart.publisher, target="dam")
    assert "its pictures go to dam now" in {one.left for one in repairs.mend(found, now=NOW)}
    assert apart.pim.walls["1"].shown == shown


def moved(shown: Sequence[Shown]) -> list[Shown]:
    """Ours in another order, people's as they were."""
    ours = [picture for picture in shown if picture.mark]
    return [*ours[1:], ours[0], *(picture for picture in shown if not picture.mark)]


HANDS = st.sampled_from(["drop", "reverse", "rewrite", "front", "copy", "retitle", "delete", "die", "lost", "add"])


@settings(max_examples=60)
@given(deeds=st.lists(st.tuples(HANDS, st.sampled_from("1234")), max_size=6))
def test_whatever_happened_it_is_found_and_mended(tmp_path_factory: pytest.TempPathFactory, deeds: list[tuple[str, str]]) -> None:
    bench = Bench(tmp_path_factory.mktemp("records"))
    for deed, ref in deeds:
        if ref in bench.shop.walls:
            happen(bench, deed, ref)
    found = list(bench.work.findings())
    people = {ref: [shown for shown in wall.shown if not shown.mark] for ref, wall in bench.shop.walls.items()}
    bench.mend(restore=True)
    bench.work_off()
    assert [one for one in bench.work.findings() if one.kind is not Kind.UNRECORDED] == []
    assert wrong(bench) == []
    assert {ref: sorted(p.id for p in wall.shown if not p.mark) for ref, wall in bench.shop.walls.items()} == {
        ref: sorted(p.id for p in shown) for ref, shown in people.items()
    }
    assert_no_idle_finding(deeds, found)


def happen(bench: Bench, deed: str, ref: str) -> None:
    wall = bench.shop.walls[ref]
    ours = [shown for shown in wall.shown if shown.mark]
    match deed:
        case "drop":
            wall.shown = [shown for shown in wall.shown if shown is not (ours or [None])[0]]
        case "reverse":
            wall.shown.reverse()
        case "rewrite":
            wall.shown = [replace(shown, alt="by hand") if shown.mark else shown for shown in wall.shown]
        case "front":
            wall.shown.insert(0, Shown(f"owl-{len(wall.shown)}", f"https://shop/owl-{len(wall.shown)}.jpg", 0, "theirs"))
        case "copy" if ours:
            wall.shown.append(replace(ours[0], id=f"copy-{len(wall.shown)}"))
        case "retitle":
            bench.shop.titles[ref] += "!"
        case "delete":
            del bench.shop.walls[ref]
        case "die" | "lost":
            wall._trouble = iter(["", "kill" if deed == "die" else "after"])
            with suppress(Killed, VendorUnavailable):
                bench.publisher.publish(ref, f"SKU-{ref}", items("ade"))
            wall._trouble = iter(())
        case "add":
            bench.publisher.publish(ref, f"SKU-{ref}", items("abcd"), force=True)


def wrong(bench: Bench) -> list[str]:
    """Galleries that do not show what the records say is live."""
    return [
        record.ref
        for record in bench.publications.of_connection("shop")
        if record.ref in bench.shop.walls
        and [shown.mark for shown in bench.shop.walls[record.ref].shown if shown.mark]
        != [item.digest[:16] for item in record.live]
    ]


def assert_no_idle_finding(deeds: list[tuple[str, str]], found: list[Finding]) -> None:
    touched = {ref for _, ref in deeds}
    assert {finding.ref for finding in found} <= touched
