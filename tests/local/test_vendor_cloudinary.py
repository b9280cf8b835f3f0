"""Cloudinary: signatures, pictures and notifications, against a double written from the vendor's pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.publications import Item, Publications
from connectors.publisher import Publisher
from connectors.vendors.base import Picture, marked
from connectors.vendors.cloudinary.client import Client, signature
from connectors.vendors.cloudinary.gallery import CloudinaryGallery, context
from connectors.vendors.cloudinary.hooks import WINDOW_S, CloudinaryInbound
from connectors.vendors.cloudinary.naming import Naming
from connectors.vendors.connection import Connection
from connectors.vendors.registry import open_vendor
from studio.errors import InputError, SettingsError, Unauthenticated, VendorDenied, VendorRefused, VendorUnavailable
from studio.keys import digest_bytes
from tests.doubles.cloudinary import CLOUD, KEY, SECRET, Account, _pairs
from tests.doubles.serving import Fault, serving

BLOBS = {digest_bytes(data): data for data in (b"one" * 50, b"two" * 60, b"three" * 70, b"four" * 80)}
DIGESTS = list(BLOBS)
REF = "MUG/01 blue"
FOLDER = "packshot/MUG~2f01~20blue"
LIVE = "packshot-MUG~2f01~20blue"


@pytest.fixture
def account() -> Iterator[Account]:
    double = Account()
    with serving(double):
        yield double


def connect(account: Account, **more: Any) -> Connection:
    given = {"secrets": {"key": KEY, "secret": SECRET}, "allow_private": True, **more}
    return Connection(name="dam", vendor="cloudinary", address=f"{account.url}/v1_1/{CLOUD}", **given)


def gallery_of(account: Account, slept: list[float] | None = None, **more: Any) -> CloudinaryGallery:
    connection = connect(account, **more)
    client = Client(connection, sleep=(slept if slept is not None else []).append, clock=lambda: account.clock())
    return CloudinaryGallery(client, Naming.of(connection))


def item(number: int, alt: str = "") -> Item:
    digest = DIGESTS[number]
    name = marked(f"mug-{number}.jpg", digest)
    details = {"sku": "MUG/01", "template": "amazon-white"}
    return Item(
        digest=digest, media_type="image/jpeg", name=name, alt=alt or f"Mug = view {number} | left & right", details=details
    )


def picture(number: int, data: bytes = b"") -> Picture:
    one = item(number)
    return Picture(one.digest, one.media_type, one.name, lambda: data or BLOBS[one.digest], one.alt, details=one.details)


def publisher(account: Account, folder: Path, **more: Any) -> Publisher:
    records = Publications(f"sqlite:///{folder}/records.db")
    return Publisher("dam", gallery_of(account), records, BLOBS.__getitem__, sleep=lambda _: None, **more)


def live(account: Account) -> list[tuple[str, str]]:
    """What a site that lists by tag shows: file and alt text, in order."""
    found = [asset for asset in account.assets.values() if LIVE in asset["tags"]]
    found.sort(key=lambda asset: int(asset["context"]["custom"]["packshot_position"]))
    return [
        (asset["public_id"].partition("-packshot")[0].rpartition("/")[2], asset["context"]["custom"]["alt"]) for asset in found
    ]


def test_signatures_are_those_of_the_vendors_pages() -> None:
    # Generating authentication signatures, cloudinary.com/documentation/authentication_signatures
    eager = {"eager": "w_400,h_300,c_pad|w_260,h_200,c_crop", "public_id": "sample_image", "timestamp": "1315060510"}
    assert signature(eager, "abcd") == "bfd09f95f331f558cbd1320e67aa8d488770583e"
    ids = signature({"public_ids": ["cat", "dog"], "tag": "", "timestamp": "1"}, "s")
    assert ids == hashlib.sha1(b"public_ids=cat,dog&timestamp=1s", usedforsecurity=False).hexdigest()
    assert signature({"a": "x&b=y"}, "s") != signature({"a": "x", "b": "y"}, "s")


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        st.text(st.characters(exclude_characters="\\", exclude_categories=["Cs"]), min_size=1, max_size=60),
        min_size=1,
    )
)
def test_metadata_reads_back_as_it_was_written(pairs: dict[str, str]) -> None:
    assert _pairs(context(pairs)) == pairs


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), st.text(max_size=20))
def test_no_two_products_share_a_folder(ref: str, file: str) -> None:
    naming = Naming()
    assert naming.ref(f"{naming.folder(ref)}/mug") == ref
    assert not set(naming.folder(ref)) & set("?&#\\%<>+ ")
    assert naming.ref(f"elsewhere/{file}") == ""


def test_a_set_is_published_once_and_changed(account: Account, tmp_path: Path) -> None:
    account.put(f"{FOLDER}/a-person", b"theirs")
    account.put("packshot/MUG~2f01~20blue2/other", b"of another product")
    before = json.dumps([account.assets[f"{FOLDER}/a-person"], account.assets["packshot/MUG~2f01~20blue2/other"]])
    desk = publisher(account, tmp_path)
    assert desk.publish(REF, "MUG/01", [item(0), item(1)]).outcome == "live"
    assert live(account) == [("mug-0", item(0).alt), ("mug-1", item(1).alt)]
    facts = account.assets[f"{FOLDER}/{item(0).name.removesuffix('.jpg')}"]["context"]["custom"]
    assert (facts["packshot_sku"], facts["packshot_template"], facts["packshot_ref"]) == ("MUG/01", "amazon-white", REF)
    calls = len(account.calls)
    assert desk.publish(REF, "MUG/01", [item(0), item(1)]).outcome == "unchanged"
    assert len(account.calls) == calls
    assert desk.publish(REF, "MUG/01", [item(2), item(0, "Seen from the front")]).outcome == "live"
    assert live(account) == [("mug-2", item(2).alt), ("mug-0", "Seen from the front")]
    assert account.invalidated == [f"{FOLDER}/{item(1).name.removesuffix('.jpg')}"]
    assert desk.rollback(REF).outcome == "live"
    assert live(account) == [("mug-0", item(0).alt), ("mug-1", item(1).alt)]
    after = json.dumps([account.assets[f"{FOLDER}/a-person"], account.assets["packshot/MUG~2f01~20blue2/other"]])
    assert after == before


def test_pictures_are_not_listed_before_the_set_is_there(account: Account) -> None:
    gallery = gallery_of(account)
    first = gallery.add(REF, picture(0))
    assert gallery.add(REF, picture(0)) == first
    (shown,) = gallery.read(REF)
    assert (shown.placed, shown.mark, shown.alt, live(account)) == (False, DIGESTS[0][:16], "", [])


@pytest.mark.parametrize(("skip", "lost"), [*((skip, True) for skip in range(7)), (1, False), (4, False), (6, False)])
def test_a_failure_at_any_call_leaves_nothing_twice(account: Account, tmp_path: Path, skip: int, lost: bool) -> None:
    account.faults.append(Fault("POST", 0 if lost else 500, lost, times=5, skip=skip))
    desk = publisher(account, tmp_path)
    try:
        desk.publish(REF, "MUG/01", [item(0), item(1), item(2)])
    except VendorUnavailable:
        shown = len(live(account))
        assert shown in (0, 3)
    account.faults.clear()
    desk.publish(REF, "MUG/01", [item(0), item(1), item(2)])
    assert [name for name, _ in live(account)] == ["mug-0", "mug-1", "mug-2"]
    assert len(account.assets) == 3


@pytest.mark.parametrize("people", ["after", "first", "hide"])
def test_pictures_of_people_stand_where_they_should(account: Account, tmp_path: Path, people: str) -> None:
    for number in range(2):
        account.put(f"{FOLDER}/a-person-{number}", b"theirs")
    desk = publisher(account, tmp_path, people=people)
    desk.publish(REF, "MUG/01", [item(0), item(1)])
    desk.publish(REF, "MUG/01", [item(2), item(0)])
    found = [shown.mark for shown in gallery_of(account).read(REF)]
    ours = [DIGESTS[2][:16], DIGESTS[0][:16]]
    assert found == (["", "", *ours] if people == "first" else [*ours, "", ""])


def test_bytes_are_read_back_without_our_credentials(account: Account, tmp_path: Path) -> None:
    desk = publisher(account, tmp_path)
    desk.publish(REF, "MUG/01", [item(0)])
    delivered = [call for call in account.calls if call.path.startswith(f"/{CLOUD}/image/upload/")]
    assert delivered
    assert not any("authorization" in call.headers for call in delivered)
    account.files = dict.fromkeys(account.files, b"re-encoded")
    with pytest.raises(VendorUnavailable, match="bytes that were sent"):
        desk.publish(REF, "MUG/01", [item(0)], force=True)
    quiet = open_vendor(connect(account, options={"read-back": "no"})).gallery
    assert quiet is not None
    assert quiet.fetch(quiet.read(REF)[0]) is None


def test_folders_tags_and_sha256() -> None:
    double = Account(algorithm="sha256")
    with serving(double):
        options = {"algorithm": "sha256", "folders": "dynamic", "prefix": "shop/ours", "tags": "spring, 2027"}
        gallery = gallery_of(double, options=options)
        public_id = gallery.add(REF, picture(0))
        assert double.assets[public_id]["asset_folder"] == "shop/ours/MUG~2f01~20blue"
        assert double.assets[public_id]["tags"] == ["spring", "2027"]
        with pytest.raises(VendorDenied):
            gallery_of(double).add(REF, picture(1))


def test_the_quota_is_kept_and_420_is_waited_for(account: Account) -> None:
    slept: list[float] = []
    gallery = gallery_of(account, slept)
    account.faults.append(Fault("GET .*resources", 420, times=2))
    assert gallery.read(REF) == ()
    assert len(slept) >= 2
    account.limit, account.reset = account.used + 2, "Mon, 23 Nov 2099 05:00:00 GMT"
    gallery.read(REF)
    gallery.read(REF)
    with pytest.raises(VendorUnavailable, match="used up"):
        gallery.read(REF)


def test_more_than_a_page_of_assets(account: Account) -> None:
    for number in range(620):
        account.put(f"{FOLDER}/a-person-{number:04}")
    assert len(gallery_of(account).read(REF)) == 620
    assert account.used == 2


def test_what_is_refused(account: Account) -> None:
    gallery = gallery_of(account)
    for wrong in (picture(0, b"x" * (11 << 20)), Picture(DIGESTS[0], "image/jpeg", "m" * 250, lambda: b"x")):
        with pytest.raises(VendorRefused):
            gallery.add(REF, wrong)
    account.put("elsewhere/a-person")
    with pytest.raises(VendorRefused, match="no picture of"):
        gallery.remove(REF, ["elsewhere/a-person"])
    assert "elsewhere/a-person" in account.assets
    for text in ("a\\b", "x" * 256):
        with pytest.raises(VendorRefused):
            context({"alt": text})
    gallery.remove(REF, [f"{FOLDER}/never-there"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"secrets": {"key": KEY}},
        {"address": "https://api.cloudinary.com/"},
        {"options": {"prefix": "a b"}},
        {"options": {"prefix": f"packshot-{'0' * 16}"}},
        {"options": {"folders": "none"}},
        {"options": {"algorithm": "md5"}},
    ],
)
def test_settings_that_are_wrong_are_named(wrong: dict[str, Any]) -> None:
    said = {"address": "https://api.cloudinary.com/v1_1/demo", "secrets": {"key": KEY, "secret": SECRET}, **wrong}
    with pytest.raises(SettingsError, match="connections.dam"):
        open_vendor(Connection(name="dam", vendor="cloudinary", **said))


NOW = 1_795_000_000.0
CHANGE = {
    "notification_type": "resource_tags_changed",
    "resources": [{"asset_id": "a1", "public_id": f"{FOLDER}/mug", "added": ["x"]}, {"public_id": "elsewhere/x"}],
    "notification_context": {"triggered_at": "2026-11-23T04:00:00.5+00:00", "triggered_by": {"source": "ui", "id": "jo@shop"}},
}


def signed(body: bytes, secret: str = SECRET, at: float = NOW, algorithm: str = "sha1") -> dict[str, str]:
    made = hashlib.new(algorithm, body + str(int(at)).encode() + secret.encode()).hexdigest()
    return {"x-cld-timestamp": str(int(at)), "x-cld-signature": made}


def test_a_notification_names_our_products() -> None:
    inbound = CloudinaryInbound(Naming())
    body = json.dumps(CHANGE).encode()
    for algorithm in ("sha1", "sha256"):
        (told,) = inbound.verify(["old", SECRET], signed(body, algorithm=algorithm), body, now=NOW)
        assert (told.kind, told.refs, told.author) == ("changed", (REF,), "jo@shop")
        assert told.at == datetime(2026, 11, 23, 4, 0, 0, 500_000, tzinfo=UTC)
    assert inbound.handshake("GET", {}, {}, b"") is None


@pytest.mark.parametrize(
    ("said", "kind", "refs"),
    [
        ({"notification_type": "upload", "public_id": f"{FOLDER}/x"}, "changed", (REF,)),
        ({"notification_type": "delete", "resources": [{"public_id": f"{FOLDER}/x"}]}, "changed", (REF,)),
        ({"notification_type": "rename", "from_public_id": f"{FOLDER}/x", "to_public_id": "packshot/B/x"}, "changed", ("B", REF)),
        ({"notification_type": "resource_context_changed", "resources": {f"{FOLDER}/x": {"added": {}}}}, "changed", (REF,)),
        ({"notification_type": "eager", "public_id": f"{FOLDER}/x"}, "other", ()),
        ({"notification_type": "upload", "public_id": "elsewhere/x"}, "other", ()),
        ({"notification_type": ["upload"], "public_id": 5, "resources": [None, {"public_id": []}]}, "other", ()),
    ],
)
def test_kinds_of_notifications(said: dict[str, Any], kind: str, refs: tuple[str, ...]) -> None:
    body = json.dumps(said).encode()
    (told,) = CloudinaryInbound(Naming()).verify([SECRET], signed(body), body, now=NOW)
    assert (told.kind, told.refs) == (kind, refs)


def test_forged_notifications() -> None:
    inbound, body = CloudinaryInbound(Naming()), json.dumps(CHANGE).encode()
    good = signed(body)
    forged = [(good, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]) for at in range(len(body))]
    forged += [({**good, "x-cld-timestamp": good["x-cld-timestamp"][:-1]}, body + good["x-cld-timestamp"][-1:].encode())]
    forged += [({**good, name: value}, body) for name in good for value in ("", "0", "é", good[name][:-1], good[name] + "0")]
    forged += [
        (signed(body, at=NOW - WINDOW_S - 1), body),
        (signed(body, at=NOW + 301), body),
        (signed(body, "wrong"), body),
        ({}, body),
    ]
    for headers, changed in forged:
        with pytest.raises(Unauthenticated):
            inbound.verify([SECRET], headers, changed, now=NOW)
    for secrets in ([], [""]):
        with pytest.raises(Unauthenticated):
            inbound.verify(secrets, signed(body, ""), body, now=NOW)
    for broken in (b"[]", b"{", b"[" * 100_000, b"x" * (2 << 20)):
        with pytest.raises(InputError):
            inbound.verify([SECRET], signed(broken), broken, now=NOW)


def test_secrets_are_in_no_message(account: Account) -> None:
    account.faults.append(Fault("", 500, times=99))
    for call in (lambda: gallery_of(account).read(REF), lambda: gallery_of(account).add(REF, picture(0))):
        with pytest.raises(VendorUnavailable) as caught:
            call()
        assert SECRET not in str(caught.value)
        assert KEY not in str(caught.value)
