"""What holds for a bucket behind a CDN, on every S3 server: the test classes give `endpoint` and `bucket`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from connectors.publications import Item, Publications
from connectors.publisher import People, Publisher
from connectors.s3_client import s3_client
from connectors.vendors.base import Picture, Placing, marked
from connectors.vendors.cdn.gallery import CdnGallery, Public
from connectors.vendors.connection import Connection
from connectors.vendors.objects import Objects
from connectors.vendors.registry import open_vendor
from studio.errors import VendorRefused, VendorUnavailable
from studio.keys import digest_bytes

BLOBS = {digest_bytes(data): data for data in (b"one" * 50, b"two" * 60, b"three" * 70, b"four" * 80)}
DIGESTS = list(BLOBS)
BUCKET = "packshot-cdn"
SKU = "MUG/1 rot"
FOLDER = "shop/products/MUG~2F1~20rot/"
Got = TypeVar("Got")


class Killed(BaseException):
    """The process is gone: nothing catches this."""


class Mortal(Objects):
    """Dies at its n-th call, with or without that call's effect."""

    def __init__(self, connection: Connection, calls: int, *, after: bool) -> None:
        super().__init__(connection)
        self.left, self._after = calls, after

    def _asked(self, key: str, work: Callable[[], Got]) -> Got | None:
        self.left -= 1
        if self.left < 0 and not self._after:
            raise Killed
        answer = super()._asked(key, work)
        if self.left < 0:
            raise Killed
        return answer


def item(number: int, slot: str = "", *, alt: str = "a mug", media_type: str = "image/jpeg") -> Item:
    digest = DIGESTS[number]
    details = {"sku": SKU, "template": "home/linen@2", "slot": slot or f"s{number}"}
    return Item(digest=digest, media_type=media_type, name=marked("mug.jpg", digest), alt=alt, types=("main",), details=details)


def key(number: int, extension: str = "jpg") -> str:
    return f"assets/{DIGESTS[number][:2]}/{DIGESTS[number]}.{extension}"


class CdnContract:
    stride = 7
    """Calls between two deaths that are tried: a publication has some 45."""

    @pytest.fixture
    def s3(self, endpoint: str) -> Iterator[Any]:
        made = s3_client(endpoint)
        made.create_bucket(Bucket=BUCKET)
        said = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
        made.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [said]}))
        yield made
        for entry in made.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
            made.delete_object(Bucket=BUCKET, Key=entry["Key"])

    @pytest.fixture
    def connection(self, endpoint: str, s3: Any) -> Connection:
        options = {"endpoint": endpoint, "public": f"{endpoint}/{BUCKET}/shop", "alias-ttl": "60"}
        return Connection(name="cdn", vendor="cdn", address=f"s3://{BUCKET}/shop/", options=options, allow_private=True)

    @pytest.fixture
    def records(self, tmp_path: Path) -> Publications:
        return Publications(f"sqlite:///{tmp_path}/records.db")

    def publisher(
        self, connection: Connection, records: Publications, people: People = "after", gallery: Any = None
    ) -> Publisher:
        gallery = gallery or open_vendor(connection).gallery
        return Publisher("cdn", gallery, records, BLOBS.__getitem__, people=people, sleep=lambda _: None)

    def sheet(self, s3: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{FOLDER}gallery.json")["Body"].read())
        return found

    def keys(self, s3: Any) -> list[str]:
        return [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def check(self, s3: Any, items: list[Item], people: tuple[str, ...] = ()) -> None:
        """The bucket shows exactly these, in order, with the right bytes under every name."""
        sheet = self.sheet(s3)
        assert sheet["settled"]
        shown = [entry["digest"] or entry["key"].rpartition("/")[2] for entry in sheet["pictures"]]
        assert shown == [one.digest for one in items] + list(people)
        beside = {found.removeprefix(FOLDER) for found in self.keys(s3) if found.startswith(FOLDER)}
        assert beside == {"gallery.json", *sheet["aliases"], *people}
        for entry in sheet["pictures"]:
            if entry["digest"]:
                for name in (f"shop/{entry['key']}", f"{FOLDER}{entry['alias']}"):
                    assert s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() == BLOBS[entry["digest"]]

    def test_a_set_its_addresses_and_its_headers(
        self, connection: Connection, records: Publications, s3: Any, endpoint: str
    ) -> None:
        items = [item(0, "front"), item(1, "back", media_type="image/webp")]
        publisher = self.publisher(connection, records)
        assert publisher.publish(SKU, SKU, items).outcome == "live"
        self.check(s3, items)
        first, second = self.sheet(s3)["pictures"]
        assert (first["key"], second["key"]) == (key(0), key(1, "webp"))
        assert first["url"] == f"{endpoint}/{BUCKET}/shop/{key(0)}"
        assert (first["alias"], second["alias"]) == ("home~2Flinen.front.jpg", "home~2Flinen.back.webp")
        assert first["alt"] == "a mug"
        head = s3.head_object(Bucket=BUCKET, Key=f"shop/{key(0)}")
        assert (head["ContentType"], head["CacheControl"]) == ("image/jpeg", "public, max-age=31536000, immutable")
        head = s3.head_object(Bucket=BUCKET, Key=FOLDER + second["alias"])
        assert (head["ContentType"], head["CacheControl"]) == ("image/webp", "public, max-age=60, must-revalidate")
        assert publisher.publish(SKU, SKU, items).outcome == "unchanged"
        assert publisher.publish(SKU, SKU, items, force=True).wrote == 0

    def test_a_new_set_keeps_names_and_old_addresses(self, connection: Connection, records: Publications, s3: Any) -> None:
        publisher = self.publisher(connection, records)
        publisher.publish(SKU, SKU, [item(0, "front"), item(1, "back")])
        publisher.publish(SKU, SKU, [item(2, "front"), item(0, "side")])
        self.check(s3, [item(2, "front"), item(0, "side")])
        assert s3.get_object(Bucket=BUCKET, Key=f"shop/{key(1)}")["Body"].read() == BLOBS[DIGESTS[1]]
        publisher.rollback(SKU)
        self.check(s3, [item(0, "front"), item(1, "back")])
        publisher.publish(SKU, SKU, [])
        self.check(s3, [])

    def test_the_same_picture_on_two_products_is_sent_once(self, connection: Connection, records: Publications, s3: Any) -> None:
        publisher = self.publisher(connection, records)
        publisher.publish(SKU, SKU, [item(0)])
        before = s3.head_object(Bucket=BUCKET, Key=f"shop/{key(0)}")["LastModified"]
        publisher.publish("other", "other", [item(0)])
        publisher.publish("other", "other", [])
        self.check(s3, [item(0)])
        assert s3.head_object(Bucket=BUCKET, Key=f"shop/{key(0)}")["LastModified"] == before

    @pytest.mark.parametrize("people", ["after", "first", "hide"])
    def test_pictures_of_people_stay(self, connection: Connection, records: Publications, s3: Any, people: People) -> None:
        s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}team photo.jpg", Body=b"team")
        s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}notes.txt", Body=b"no picture")
        publisher = self.publisher(connection, records, people)
        for items in ([item(0), item(1)], [item(1)], []):
            publisher.publish(SKU, SKU, items)
            shown = [entry["digest"] or entry["key"] for entry in self.sheet(s3)["pictures"]]
            ours, theirs = [one.digest for one in items], [f"{FOLDER}team photo.jpg".removeprefix("shop/")]
            # Without any of ours there is nothing to arrange, so that `hide` has nothing to hide behind.
            assert shown == {"after": ours + theirs, "first": theirs + ours, "hide": ours}[people]
            assert s3.get_object(Bucket=BUCKET, Key=f"{FOLDER}team photo.jpg")["Body"].read() == b"team"
        assert s3.get_object(Bucket=BUCKET, Key=f"{FOLDER}notes.txt")["Body"].read() == b"no picture"

    def test_what_a_person_put_where_an_alias_belongs_is_not_written_over(
        self, connection: Connection, records: Publications, s3: Any
    ) -> None:
        name = f"{FOLDER}home~2Flinen.front.jpg"
        publisher = self.publisher(connection, records)
        publisher.publish(SKU, SKU, [item(0, "front")])
        s3.put_object(Bucket=BUCKET, Key=name, Body=b"by hand")
        with pytest.raises(VendorRefused, match="not ours"):
            publisher.publish(SKU, SKU, [item(1, "front")])
        assert [entry["digest"] for entry in self.sheet(s3)["pictures"]] == [DIGESTS[0]]
        publisher.publish(SKU, SKU, [])
        assert s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() == b"by hand"

    def test_a_sheet_of_somebody_else_is_not_written_over(self, connection: Connection, records: Publications, s3: Any) -> None:
        s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}gallery.json", Body=b'{"theirs": 1}')
        with pytest.raises(VendorRefused, match="move it away"):
            self.publisher(connection, records).publish(SKU, SKU, [item(0)])

    @pytest.mark.parametrize("harm", ["deleted", "damaged"])
    def test_an_object_that_was_harmed_is_made_good(
        self, connection: Connection, records: Publications, s3: Any, harm: str
    ) -> None:
        publisher = self.publisher(connection, records)
        publisher.publish(SKU, SKU, [item(0), item(1)])
        if harm == "deleted":
            s3.delete_object(Bucket=BUCKET, Key=f"shop/{key(0)}")
        else:
            s3.put_object(Bucket=BUCKET, Key=f"shop/{key(0)}", Body=b"x" * len(BLOBS[DIGESTS[0]]))
        s3.delete_object(Bucket=BUCKET, Key=f"{FOLDER}home~2Flinen.s1.jpg")
        publisher.publish(SKU, SKU, [item(0), item(1)], force=True)
        self.check(s3, [item(0), item(1)])

    @pytest.mark.parametrize("after", [False, True])
    def test_wherever_the_process_dies_the_sheet_is_whole_and_the_next_one_finishes(
        self, connection: Connection, records: Publications, s3: Any, after: bool
    ) -> None:
        s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}team.jpg", Body=b"team")
        old, new = [item(0, "front"), item(1, "back")], [item(2, "front"), item(0, "side"), item(3, "back")]
        whole = self.publisher(connection, records)
        sets = {tuple(one.digest for one in some) for some in (old, new)}
        seen: Counter[bool] = Counter()
        for calls in range(after, 1000, self.stride):
            whole.publish(SKU, SKU, old)
            self.check(s3, old, ("team.jpg",))
            dying = CdnGallery(Mortal(connection, calls, after=after), Public(connection, connection.option("public")))
            try:
                self.publisher(connection, records, gallery=dying).publish(SKU, SKU, new)
            except Killed:
                shown = tuple(entry["digest"] for entry in self.sheet(s3)["pictures"] if entry["digest"])
                assert shown in sets
                seen[shown == tuple(one.digest for one in new)] += 1
                whole.publish(SKU, SKU, new)
                self.check(s3, new, ("team.jpg",))
            else:
                break
        assert seen[True]
        assert seen[False]

    def test_two_pictures_for_one_slot_have_two_names(self, connection: Connection, records: Publications, s3: Any) -> None:
        items = [item(0, "front"), item(1, "front"), item(2, "front.2")]
        self.publisher(connection, records).publish(SKU, SKU, items)
        self.check(s3, items)
        assert len(self.sheet(s3)["aliases"]) == 3

    def test_a_front_that_gives_other_bytes_is_noticed(
        self, connection: Connection, records: Publications, s3: Any, endpoint: str
    ) -> None:
        options = {**connection.options, "public": f"{endpoint}/{BUCKET}/elsewhere"}
        wrong = connection.model_copy(update={"options": options})
        with pytest.raises(VendorUnavailable, match="answered"):
            self.publisher(wrong, records).publish(SKU, SKU, [item(0)])
        trusting = connection.model_copy(update={"options": {**options, "check": "origin"}})
        assert self.publisher(trusting, records).publish(SKU, SKU, [item(0)]).outcome == "live"

    def test_racing_writers_of_one_asset_leave_it_whole(self, connection: Connection, s3: Any) -> None:
        from concurrent.futures import ThreadPoolExecutor

        gallery = open_vendor(connection).gallery
        assert gallery is not None
        one = item(0)
        picture = Picture(one.digest, one.media_type, one.name, lambda: BLOBS[one.digest])
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda n: gallery.add(f"sku{n}", picture), range(8))) == {key(0)}
        gallery.arrange(SKU, [Placing(key(0), picture)])
        assert [shown.mark for shown in gallery.read(SKU)] == [DIGESTS[0][:16]]
