"""Bynder: tokens, uploads in chunks and pictures, against a double written from the vendor's OpenAPI files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.publications import Item, Publications
from connectors.publisher import Publisher
from connectors.vendors.base import Picture, marked
from connectors.vendors.bynder.client import CHUNK, Client
from connectors.vendors.bynder.gallery import LIVE, BynderGallery, Filing, tag_of
from connectors.vendors.connection import Connection
from connectors.vendors.registry import open_vendor
from studio.errors import SettingsError, VendorDenied, VendorError, VendorRefused, VendorUnavailable
from studio.keys import digest_bytes
from tests.doubles.bynder import BRAND, CLIENT, SECRET, SKU, Portal
from tests.doubles.serving import Fault, serving

BLOBS = {digest_bytes(data): data for data in (b"one" * 50, b"two" * 60, b"three" * 70, b"four" * 80)}
DIGESTS = list(BLOBS)
REF = "MUG,01/blue"


@pytest.fixture
def portal() -> Iterator[Portal]:
    double = Portal()
    with serving(double):
        yield double


def connect(portal: Portal, **more: Any) -> Connection:
    options = {"brand": BRAND, "metaproperties": f"sku={SKU}", "tags": "spring"}
    given = {"secrets": {"client-id": CLIENT, "client-secret": SECRET}, "options": options, "allow_private": True, **more}
    return Connection(name="dam", vendor="bynder", address=portal.url, **given)


def gallery_of(
    portal: Portal, clock: Callable[[], float] = lambda: 0.0, slept: list[float] | None = None, **more: Any
) -> BynderGallery:
    connection = connect(portal, **more)
    client = Client(connection, sleep=(slept if slept is not None else []).append, clock=clock)
    return BynderGallery(client, Filing.of(connection))


def item(number: int, alt: str = "") -> Item:
    digest = DIGESTS[number]
    name = marked(f"mug-{number}.jpg", digest)
    return Item(
        digest=digest, media_type="image/jpeg", name=name, alt=alt or f"Mug, view {number} & more", details={"sku": "MUG-01"}
    )


def picture(number: int, data: bytes = b"") -> Picture:
    one = item(number)
    return Picture(one.digest, one.media_type, one.name, lambda: data or BLOBS[one.digest], one.alt, details=one.details)


def publisher(portal: Portal, folder: Path, **more: Any) -> Publisher:
    records = Publications(f"sqlite:///{folder}/records.db")
    return Publisher("dam", gallery_of(portal), records, BLOBS.__getitem__, sleep=lambda _: None, **more)


def live(portal: Portal) -> list[tuple[str, str]]:
    """Name and text of what is live, by place."""
    found = [asset for asset in portal.assets.values() if LIVE in asset["tags"] and tag_of(REF) in asset["tags"]]
    found.sort(key=lambda asset: [tag for tag in asset["tags"] if tag.startswith("packshot-place-")])
    return [(asset["name"].partition("-packshot")[0], asset["description"]) for asset in found]


def test_a_set_is_published_once_and_changed(portal: Portal, tmp_path: Path) -> None:
    theirs = [portal.put("a person's", tags=[tag_of(REF)]), portal.put("elsewhere", tags=["packshot-live"])]
    before = json.dumps([portal.assets[key] for key in theirs])
    desk = publisher(portal, tmp_path)
    assert desk.publish(REF, "MUG-01", [item(0), item(1)]).outcome == "live"
    assert live(portal) == [("mug-0", item(0).alt), ("mug-1", item(1).alt)]
    made = [asset for key, asset in portal.assets.items() if key not in theirs]
    assert all(asset["properties"] == {SKU: "MUG-01"} and "spring" in asset["tags"] and not asset["isPublic"] for asset in made)
    calls = len(portal.calls)
    assert desk.publish(REF, "MUG-01", [item(0), item(1)]).outcome == "unchanged"
    assert len(portal.calls) == calls
    made[0]["tags"].append("a person's tag")
    assert desk.publish(REF, "MUG-01", [item(2), item(0, "Front")]).outcome == "live"
    assert live(portal) == [("mug-2", item(2).alt), ("mug-0", "Front")]
    assert "a person's tag" in made[0]["tags"]
    assert [asset["name"].partition("-")[0] for asset in portal.trash.values()] == ["mug"]
    assert desk.rollback(REF).outcome == "live"
    assert live(portal) == [("mug-0", item(0).alt), ("mug-1", item(1).alt)]
    assert json.dumps([portal.assets[key] for key in theirs]) == before


def test_an_index_that_lags_is_waited_for(portal: Portal, tmp_path: Path) -> None:
    desk = publisher(portal, tmp_path)
    desk.publish(REF, "MUG-01", [item(0)])
    portal.lag, portal.busy = 4, 2
    assert desk.publish(REF, "MUG-01", [item(0), item(1)]).outcome == "live"
    assert len(portal.assets) == 2


@pytest.mark.parametrize(("skip", "lost"), [*((skip, True) for skip in range(14)), (1, False), (4, False), (11, False)])
def test_a_failure_at_any_call_leaves_nothing_twice(portal: Portal, tmp_path: Path, skip: int, lost: bool) -> None:
    portal.faults.append(Fault("POST", 0 if lost else 500, lost, times=5, skip=skip))
    desk = publisher(portal, tmp_path)
    try:
        desk.publish(REF, "MUG-01", [item(0), item(1), item(2)])
    except VendorUnavailable:
        assert len(live(portal)) <= 3
    portal.faults.clear()
    desk.publish(REF, "MUG-01", [item(0), item(1), item(2)])
    assert [name for name, _ in live(portal)] == ["mug-0", "mug-1", "mug-2"]
    assert len(portal.assets) == 3


@pytest.mark.parametrize("people", ["after", "first", "hide"])
def test_pictures_of_people_stand_where_they_should(portal: Portal, tmp_path: Path, people: str) -> None:
    for number in range(2):
        portal.put(f"a person's {number}", tags=[tag_of(REF)])
    desk = publisher(portal, tmp_path, people=people)
    desk.publish(REF, "MUG-01", [item(0), item(1)])
    desk.publish(REF, "MUG-01", [item(2), item(0)])
    found = [shown.mark for shown in gallery_of(portal).read(REF)]
    ours = [DIGESTS[2][:16], DIGESTS[0][:16]]
    assert found == (["", "", *ours] if people == "first" else [*ours, "", ""])


def test_large_files_go_in_chunks(portal: Portal) -> None:
    data = bytes(range(256)) * (CHUNK // 128) + b"end"
    gallery = gallery_of(portal)
    key = gallery.add(REF, picture(0, data))
    assert portal.originals[key] == data
    assert [call.path.rpartition("/")[2] for call in portal.calls if "/chunk/" in call.path] == ["0", "1", "2"]
    (shown,) = gallery.read(REF)
    assert gallery.fetch(shown) == data
    assert (shown.placed, shown.mark) == (False, DIGESTS[0][:16])


def test_tokens_are_renewed_early_and_once_when_denied(portal: Portal) -> None:
    now = [0.0]
    gallery = gallery_of(portal, lambda: now[0])
    gallery.read(REF)
    now[0] = 3550.0
    gallery.read(REF)
    gallery.read(REF)
    assert portal.tokens == 2
    portal.live.clear()
    gallery.read(REF)
    assert portal.tokens == 3
    with pytest.raises(VendorDenied):
        gallery_of(portal, secrets={"client-id": CLIENT, "client-secret": "wrong"}).read(REF)
    assert gallery_of(portal, secrets={"token": portal.permanent}).read(REF) == ()
    with pytest.raises(VendorDenied):
        gallery_of(portal, secrets={"token": "wrong"}).read(REF)
    assert portal.tokens == 3


def test_calls_of_storage_carry_no_token(portal: Portal, tmp_path: Path) -> None:
    publisher(portal, tmp_path).publish(REF, "MUG-01", [item(0)])
    stored = [call for call in portal.calls if call.path.startswith("/s3/")]
    assert stored
    assert not any("authorization" in call.headers for call in stored)


def test_what_is_refused(portal: Portal) -> None:
    gallery = gallery_of(portal)
    theirs = portal.put("a person's")
    for wrong in (theirs, "../../x"):
        with pytest.raises(VendorRefused):
            gallery.remove(REF, [wrong])
    assert theirs in portal.assets
    gallery.remove(REF, ["00000000-0000-4000-8000000000000000"])
    with pytest.raises(VendorRefused):
        gallery_of(portal, options={"brand": BRAND.replace("A", "0")}).add(REF, picture(0))
    portal.busy = 99
    with pytest.raises(VendorUnavailable, match="takes the file in"):
        gallery.add(REF, picture(0))
    portal.busy, portal.permanent = 0, ""


def test_429_without_a_time_is_waited_for(portal: Portal) -> None:
    slept: list[float] = []
    portal.faults.append(Fault("GET /api", 429, times=2))
    assert gallery_of(portal, slept=slept).read(REF) == ()
    assert len(slept) >= 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"secrets": {"client-id": CLIENT}},
        {"options": {}},
        {"options": {"brand": "Northlight"}},
        {"options": {"brand": BRAND, "metaproperties": "sku"}},
    ],
)
def test_settings_that_are_wrong_are_named(portal: Portal, wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="connections.dam"):
        open_vendor(connect(portal, **wrong))


def test_secrets_are_in_no_message(portal: Portal) -> None:
    portal.faults.append(Fault("", 500, times=99))
    with pytest.raises(VendorError) as caught:
        gallery_of(portal).read(REF)
    assert SECRET not in str(caught.value)
    assert CLIENT not in str(caught.value)
