"""File drops over HTTP and S3: what changed and nothing else, resumed anywhere, and nothing of ours named by a file."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.publications import Publications
from connectors.s3_client import s3_client
from connectors.sync import Sync
from connectors.sync_state import SyncState
from connectors.vendors.base import Listing, Page, Source
from connectors.vendors.connection import Connection
from connectors.vendors.drops import source as limits
from connectors.vendors.drops.files import Choice, File
from connectors.vendors.drops.source import DropSource, Reading
from connectors.vendors.registry import open_vendor
from studio.errors import (
    InvalidCursor,
    RowError,
    SettingsError,
    VendorDenied,
    VendorRefused,
    VendorUnavailable,
)
from studio.product import ImageRole
from tests.doubles.drops import Site, site_served

CSV = b"sku,title,image,image_back\nA,Mug,https://erp/a.jpg,\nB,Cup,photos/b 1.jpg,photos/b2.jpg\n"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site({"/out/c.csv": CSV}, {"/out/c.csv": '"1"'}, {"/out/c.csv": "Sun, 01 Nov 2026 10:00:00 GMT"})
    with site_served(made):
        yield made


def web(site: Site, path: str = "/out/c.csv", **more: Any) -> Source:
    return opened(f"{site.url}{path}", **more)


def opened(address: str, **more: Any) -> Source:
    connection = Connection(name="erp", vendor="drops", address=address, **{"allow_private": True, **more})
    source = open_vendor(connection).source
    assert source is not None
    return source


def skus(pages: list[Page]) -> list[str]:
    return [item.ref if isinstance(item, Listing) else f"!{item.line}" for page in pages for item in page.listings]


class TestWeb:
    def test_products_and_pictures_beside_the_file(self, site: Site) -> None:
        (page, end) = web(site).pages()
        mug, cup = page.listings
        assert isinstance(mug, Listing)
        assert isinstance(cup, Listing)
        assert (mug.ref, mug.product.title, mug.updated) == ("A", "Mug", datetime(2026, 11, 1, 10, tzinfo=UTC))
        assert [(image.uri, image.role) for image in cup.product.images] == [
            (f"{site.url}/out/photos/b%201.jpg", ImageRole.FRONT),
            (f"{site.url}/out/photos/b2.jpg", ImageRole.BACK),
        ]
        assert end.listings == ()

    def test_an_unchanged_file_is_not_read_and_a_changed_one_is(self, site: Site) -> None:
        source = web(site)
        cursor = list(source.pages())[-1].cursor
        site.calls.clear()
        assert skus(list(source.pages(cursor))) == []
        assert site.calls == [("HEAD", "/out/c.csv")]
        site.files["/out/c.csv"], site.tags["/out/c.csv"] = b"sku\nC\n", '"2"'
        pages = list(source.pages(cursor))
        assert skus(pages) == ["C"]
        assert skus(list(source.pages(pages[-1].cursor))) == []

    @pytest.mark.parametrize("tells", ["modified", "nothing", "no head"])
    def test_servers_that_tell_less(self, site: Site, tells: str) -> None:
        site.tags.clear()
        if tells != "modified":
            site.modified.clear()
        site.no_head = tells == "no head"
        source = web(site)
        pages = list(source.pages())
        assert skus(pages) == ["A", "B"]
        assert skus(list(source.pages(pages[-1].cursor))) == []
        site.files["/out/c.csv"] = CSV + b"D,Dish,,\n"
        assert skus(list(source.pages(pages[-1].cursor))) == ["A", "B", "D"]

    def test_the_version_that_was_read_counts_not_the_one_that_was_listed(self, site: Site) -> None:
        site.swap["/out/c.csv"] = ('"2"', b"sku\nNEW\n")
        source = web(site)
        pages = list(source.pages())
        assert skus(pages) == ["NEW"]
        assert skus(list(source.pages(pages[-1].cursor))) == []

    @pytest.mark.parametrize("fault", ["half", 500, 503, 429])
    def test_passing_trouble_costs_a_try(self, site: Site, fault: int | str) -> None:
        site.faults = [fault]
        pauses: list[float] = []
        from connectors.vendors.drops.web import WebDrop

        connection = Connection(name="erp", vendor="drops", address=f"{site.url}/out/c.csv", allow_private=True)
        source = DropSource(WebDrop(connection, sleep=pauses.append), Choice(), Reading())
        assert skus(list(source.pages())) == ["A", "B"]
        assert pauses

    def test_trouble_that_stays(self, site: Site) -> None:
        from connectors.vendors.drops.web import WebDrop

        connection = Connection(name="erp", vendor="drops", address=f"{site.url}/out/c.csv", allow_private=True)
        source = DropSource(WebDrop(connection, sleep=lambda _: None), Choice(), Reading())
        site.faults = ["half"] * 20
        with pytest.raises(VendorUnavailable):
            list(source.pages())

    def test_refusals(self, site: Site) -> None:
        with pytest.raises(VendorRefused, match="404"):
            list(web(site, "/out/none.csv").pages())
        site.faults = [302]
        with pytest.raises(VendorRefused, match="302"):
            list(web(site).pages())
        with pytest.raises(VendorDenied, match="public"):
            list(web(site, allow_private=False).pages())

    @pytest.mark.parametrize(
        ("login", "secrets"), [("Bearer top", {"token": "top"}), ("Basic ZXJwOnBhc3M6", {"user": "erp", "password": "pass:"})]
    )
    def test_logins(self, site: Site, login: str, secrets: dict[str, str]) -> None:
        site.login = login
        assert skus(list(web(site, secrets=secrets).pages())) == ["A", "B"]
        with pytest.raises(VendorDenied) as caught:
            list(web(site, secrets={"token": "wrong-token"}).pages())
        assert "wrong-token" not in caught.value.message

    def test_several_files_and_a_query(self, site: Site) -> None:
        site.files |= {"/out/d.jsonl": b'{"sku": "D"}\n', "/out/export": b"<a><item><sku>X</sku></item></a>"}
        assert skus(list(web(site, "/out/", options={"files": "c.csv, d.jsonl"}).pages())) == ["D", "A", "B"]
        assert skus(list(web(site, "/out/export?key=1", options={"format": "xml"}).pages())) == ["X"]

    @pytest.mark.parametrize(
        ("path", "options"),
        [
            ("/out/", {}), ("/out/c.csv", {"files": "d.csv"}), ("/out/", {"files": "//127.0.0.1:1/x.csv"}),
            ("/out/c.csv", {"format": "doc"}), ("/out/c.csv", {"settle": "soon"}), ("/out/c.csv", {"deleted": "gone"}),
            ("/out/c.csv", {"images": "ftp://x"}),
        ],
    )  # fmt: skip
    def test_settings_that_are_wrong(self, path: str, options: dict[str, str]) -> None:
        with pytest.raises(SettingsError):
            opened(f"http://127.0.0.1:9{path}", options=options)

    def test_a_login_in_the_address_is_refused_without_showing_it(self) -> None:
        with pytest.raises(SettingsError) as caught:
            opened("https://erp:hush@example.com/c.csv")
        assert "hush" not in caught.value.message


def test_a_connection_synchronised_from_a_drop(site: Site, tmp_path: Path) -> None:
    site.files["/out/c.csv"] = b"sku,title,price\nA,Mug,5\nB,Cup,6\n"
    records = f"sqlite:///{tmp_path}/records.db"
    connection = Connection(name="erp", vendor="drops", address=f"{site.url}/out/c.csv", allow_private=True)
    sync = Sync(connection, open_vendor(connection), SyncState(records), Publications(records))
    for pulled in sync.pull():
        sync.accept(pulled.changed)
    site.calls.clear()
    assert [one.changed for one in sync.pull()] == [()]
    assert site.calls == [("HEAD", "/out/c.csv")]
    site.files["/out/c.csv"], site.tags["/out/c.csv"] = b"sku,title,price\nA,Mug,9\nB,Beaker,6\n", '"2"'
    changed, _ = sync.pull()
    assert [(one.listing.ref, one.product.title) for one in changed.changed] == [("B", "Beaker")]
    assert changed.unchanged == 1


class TestContents:
    """What a file may say, whatever brought it here."""

    @pytest.mark.parametrize(
        "address", ["/etc/passwd", "../../etc/passwd", "file:///etc/passwd", "s3://other/x.jpg", "a/../../b"]
    )
    def test_pictures_that_are_no_business_of_the_sender(self, site: Site, address: str) -> None:
        site.files["/out/c.csv"] = f"sku,image\nA,{address}\nB,https://erp/b.jpg\n".encode()
        (page, _) = web(site).pages()
        wrong, right = page.listings
        assert isinstance(wrong, RowError)
        assert isinstance(right, Listing)
        assert "packshot-drop" not in str(wrong)

    def test_a_digest_that_the_sender_claims_is_dropped(self, site: Site) -> None:
        line = {"sku": "A", "images": [{"uri": "https://erp/a.jpg", "digest": "ab" * 32}]}
        site.files["/out/c.jsonl"] = json.dumps(line).encode()
        (page, _) = web(site, "/out/c.jsonl").pages()
        (item,) = page.listings
        assert isinstance(item, Listing)
        assert item.product.images[0].digest == ""

    def test_relative_pictures_from_an_address_of_their_own(self, site: Site) -> None:
        (page, _) = web(site, options={"images": "https://cdn.erp/img/"}).pages()
        assert isinstance(page.listings[1], Listing)
        assert page.listings[1].product.images[0].uri == "https://cdn.erp/img/photos/b%201.jpg"

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("c.csv", b""), ("c.csv", "sku\nA\n".encode("utf-16")), ("c.csv", b"name\nno key\n"), ("c.xml", b"<a><item>"),
            ("c.xml", b'<!DOCTYPE a [<!ENTITY b "x">]><a/>'), ("c.csv", b"PK\x03\x04xlsx"), ("c.jsonl", b"{]\n"),
        ],
    )  # fmt: skip
    def test_a_file_that_cannot_be_read_is_one_error_that_names_it(self, site: Site, name: str, data: bytes) -> None:
        site.files[f"/out/{name}"] = data
        pages = list(web(site, f"/out/{name}").pages())
        (error,) = pages[0].listings
        assert isinstance(error, RowError)
        assert error.file == name
        assert "packshot-drop" not in str(error)
        assert skus(list(web(site, f"/out/{name}").pages(pages[-1].cursor))) == []

    def test_gzip_and_bombs(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        site.files["/out/c.csv.gz"] = gzip.compress(CSV)
        assert skus(list(web(site, "/out/c.csv.gz").pages())) == ["A", "B"]
        site.files["/out/c.csv.gz"] = gzip.compress(CSV)[:-9]
        with pytest.raises(VendorRefused, match="gzip"):
            list(web(site, "/out/c.csv.gz").pages())

    def test_products_that_are_gone(self, site: Site, tmp_path: Path) -> None:
        mapping = tmp_path / "m.yaml"
        mapping.write_text("sku: sku\nattributes: [title]\n")
        site.files["/out/c.csv"] = b"sku,title,state\nA,Mug,discontinued\nB,Cup,Live\n"
        source = web(site, mapping=str(mapping), options={"deleted": "state=Discontinued"})
        (page, _) = source.pages()
        assert page.gone == ("A",)
        assert [item.ref for item in page.listings if isinstance(item, Listing)] == ["B"]
        found = source.listing("B")
        assert found is not None
        assert found.product.attributes == {"title": "Cup"}
        assert source.listing("A") is None
        assert source.listing("nobody") is None
        site.files["/out/c.csv"] += b"C,too,many,cells\n"
        with pytest.raises(RowError, match="has 4 fields"):
            source.listing("C")
        assert source.listing("B") is not None

    def test_a_cursor_of_somebody_else(self, site: Site) -> None:
        for text in ("x", "{}", "[1]", '[1,{"a":1},"","",0]', '[1,{},"","",-1]', '[2,{},"","",0]', "[" * 100_000):
            with pytest.raises(InvalidCursor):
                list(web(site).pages(text))


class Shelf:
    """Files in memory; `reads` are those that were opened."""

    def __init__(self) -> None:
        self.there: dict[str, tuple[int, bytes]] = {}
        self.reads: list[str] = []

    def files(self) -> list[File]:
        start = datetime(2026, 11, 1, tzinfo=UTC)
        return [
            File(name, f"{version}", len(data), start + timedelta(minutes=version))
            for name, (version, data) in self.there.items()
        ]

    def fetch(self, file: File, into: Any) -> str:
        self.reads.append(file.name)
        into.write(self.there[file.name][1])
        return str(self.there[file.name][0])

    def picture(self, relative: str) -> str:
        return ""

    def own_picture(self, uri: str) -> bool:
        return False


@given(script=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1700), st.integers(0, 6)), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_written_and_wherever_we_die_the_last_word_on_every_product_arrives(
    script: list[tuple[str, int, int]],
) -> None:
    shelf, cursor, known = Shelf(), "", dict[str, str]()
    for version, (name, rows, pages) in enumerate(script, 1):
        lines = [f"{name}{row},{version}" for row in range(rows)]
        shelf.there[f"{name}.csv"] = (version, "\n".join(["sku,title", *lines]).encode())
        for page in DropSource(shelf, Choice("*.csv"), Reading()).pages(cursor):
            known |= {item.ref: item.product.title for item in page.listings if isinstance(item, Listing)}
            cursor = page.cursor
            pages -= 1
            if pages < 0:
                break
    for page in DropSource(shelf, Choice("*.csv"), Reading()).pages(cursor):
        known |= {item.ref: item.product.title for item in page.listings if isinstance(item, Listing)}
        cursor = page.cursor
    for name, (version, data) in shelf.there.items():
        for row in range(data.count(b"\n")):
            assert known[f"{name[0]}{row}"] == str(version)
    shelf.reads.clear()
    assert [page.listings for page in DropSource(shelf, Choice("*.csv"), Reading()).pages(cursor)] == [()]
    assert shelf.reads == []


def test_a_page_is_bounded_and_a_crash_within_a_file_goes_on_there() -> None:
    shelf = Shelf()
    count = 2 * limits.PAGE + 3
    shelf.there["a.csv"] = (1, b"sku\n" + b"".join(b"S%d\n" % n for n in range(count)))
    first = next(iter(DropSource(shelf, Choice(), Reading()).pages()))
    assert len(first.listings) == limits.PAGE
    rest = list(DropSource(shelf, Choice(), Reading()).pages(first.cursor))
    assert skus([first, *rest]) == [f"S{n}" for n in range(count)]
    shelf.there["a.csv"] = (2, b"sku\nS0\n")
    assert skus(list(DropSource(shelf, Choice(), Reading()).pages(first.cursor))) == ["S0"]


def test_which_files_are_taken() -> None:
    shelf = Shelf()
    names = [".hid.csv", "~x.csv", "a.csv.part", "A.TMP", "b.csv", "b.csv.done", "c.csv", "c.txt", "sub/d.csv"]
    shelf.there = {name: (1, b"sku\n" + name.encode()) for name in names}
    now = datetime(2026, 11, 1, 0, 1, 30, tzinfo=UTC)

    def taken(choice: Choice) -> list[str]:
        return [file.name for file in choice.among(shelf.files(), now)]

    assert taken(Choice("*.csv")) == ["b.csv", "c.csv"]
    assert taken(Choice("*/*.csv")) == ["sub/d.csv"]
    assert taken(Choice("*.csv", marker=".done")) == ["b.csv"]
    assert taken(Choice("*.csv", settle=timedelta(seconds=60))) == []
    source = DropSource(shelf, Choice("*.csv", settle=timedelta(seconds=60)), Reading(), clock=lambda: now)
    with pytest.raises(VendorUnavailable, match="may still be written"):
        list(source.pages())
    with pytest.raises(VendorUnavailable, match="may still be written"):
        source.listing("b.csv")
    assert [page.listings for page in source.pages('[1,{},"","",0]')] == [()]
    with pytest.raises(VendorRefused, match="no file of 9"):
        list(DropSource(shelf, Choice("*.json"), Reading(), clock=lambda: now).pages())
    assert taken(Choice("*.csv", settle=timedelta(seconds=20))) == ["b.csv", "c.csv"]
    with pytest.raises(VendorRefused, match="pattern"):
        Choice().among([File(str(number)) for number in range(2001)], now)


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    made = s3_client(s3_server)
    made.create_bucket(Bucket="exports")
    yield made
    for entry in made.list_objects_v2(Bucket="exports").get("Contents", ()):
        made.delete_object(Bucket="exports", Key=entry["Key"])


class TestBucket:
    def test_a_folder_its_changes_and_its_pictures(self, bucket: Any, s3_server: str) -> None:
        put = lambda name, body: bucket.put_object(Bucket="exports", Key=name, Body=body)  # noqa: E731
        put("erp/a.csv", CSV)
        put("erp/photos/b 1.jpg", b"photo")
        put("other/x.csv", b"sku\nX\n")
        source = opened("s3://exports/erp/", options={"endpoint": s3_server, "pattern": "*.csv"})
        pages = list(source.pages())
        assert skus(pages) == ["A", "B"]
        cup = pages[0].listings[1]
        assert isinstance(cup, Listing)
        assert cup.product.images[0].uri == "s3://exports/erp/photos/b 1.jpg"
        assert skus(list(source.pages(pages[-1].cursor))) == []
        put("erp/b.jsonl", b'{"sku":"D"}\n')
        put(
            "erp/b.csv", b"sku,image\nE,s3://exports/erp/e.jpg\nF,s3://exports/secret/f.jpg\nG,s3://exports/erp/../secret/g.jpg\n"
        )
        (page, _) = source.pages(pages[-1].cursor)
        assert [type(item) for item in page.listings] == [Listing, RowError, RowError]

    def test_one_object_and_a_whole_bucket(self, bucket: Any, s3_server: str) -> None:
        bucket.put_object(Bucket="exports", Key="a.csv", Body=b"sku\nA\n")
        bucket.put_object(Bucket="exports", Key="a.csv.old", Body=b"sku\nB\n")
        options = {"endpoint": s3_server}
        assert skus(list(opened("s3://exports/a.csv", options=options).pages())) == ["A"]
        assert sorted(skus(list(opened("s3://exports/", options=options).pages()))) == ["A", "B"]

    def test_an_object_that_changes_between_listing_and_reading(self, bucket: Any, s3_server: str) -> None:
        from connectors.vendors.drops.bucket import BucketDrop

        bucket.put_object(Bucket="exports", Key="a.csv", Body=b"sku\nA\n")
        connection = Connection(
            name="erp", vendor="drops", address="s3://exports/", options={"endpoint": s3_server}, allow_private=True
        )
        drop = BucketDrop(connection)
        (file,) = drop.files()
        bucket.put_object(Bucket="exports", Key="a.csv", Body=b"sku\nB\n")
        with Path(os.devnull).open("wb") as nowhere, pytest.raises(VendorUnavailable, match="changed"):
            drop.fetch(file, nowhere)

    def test_what_is_wrong_with_a_bucket(self, bucket: Any, s3_server: str) -> None:
        with pytest.raises(VendorRefused, match="NoSuchBucket"):
            list(opened("s3://nobody/x/", options={"endpoint": s3_server}).pages())
        with pytest.raises(VendorDenied, match="public"):
            list(opened("s3://exports/x/", options={"endpoint": s3_server}, allow_private=False).pages())
        with pytest.raises(VendorUnavailable):
            list(opened("s3://exports/x/", options={"endpoint": "http://127.0.0.1:9"}).pages())
        with pytest.raises(SettingsError, match="both"):
            opened("s3://exports/x/", secrets={"key-id": "only"})

    def test_keys_of_its_own(self, bucket: Any, s3_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        bucket.put_object(Bucket="exports", Key="k.csv", Body=b"sku\nA\n")
        secrets = {"key-id": "test", "secret-key": "hush-hush"}
        options = {"endpoint": s3_server, "region": "eu-west-1"}
        assert skus(list(opened("s3://exports/k.csv", secrets=secrets, options=options).pages())) == ["A"]
        with pytest.raises(VendorDenied, match="NoCredentials"):
            list(opened("s3://exports/k.csv", options={"endpoint": s3_server}).pages())
