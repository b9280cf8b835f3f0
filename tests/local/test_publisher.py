"""Sets of pictures on products: whatever fails, and wherever a process dies, in the end the gallery is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.publications import Item, Publications
from connectors.publisher import Publisher
from connectors.vendors.base import Picture, Placing, Shown, mark_in, marked
from studio.errors import Conflict, NotFound, VendorRefused, VendorUnavailable
from studio.keys import digest_bytes


class Killed(BaseException):
    """The process is gone: nothing catches this."""


class Wall:
    """A shop's gallery in memory. `trouble` says for each writing call: "" fine, "before" or "after" its effect it fails,
    "kill" it takes the caller with it after its effect."""

    def __init__(self, people: Sequence[str] = (), trouble: Iterator[str] | None = None, *, staged: bool = False) -> None:
        self.shown = [Shown(name, f"https://shop/{name}.jpg", place, alt="theirs") for place, name in enumerate(people)]
        self.data: dict[str, bytes] = {}
        self.waiting: dict[str, Shown] = {}
        self.calls: list[str] = []
        self._trouble, self._staged, self._next = trouble or iter(()), staged, 0
        self.refuses = ""

    def read(self, ref: str) -> tuple[Shown, ...]:
        return tuple(self.shown)

    def add(self, ref: str, picture: Picture) -> str:
        return self._doing("add", lambda: self._add(picture))

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        self._doing("arrange", lambda: self._arrange(order))

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        self._doing("remove", lambda: self._remove(ids))

    def fetch(self, shown: Shown) -> bytes | None:
        return self.data.get(shown.id)

    def _doing(self, name: str, work: object) -> str:
        self.calls.append(name)
        kind = next(self._trouble, "")
        if kind == "before":
            raise VendorUnavailable("no answer")
        answer = work()  # type: ignore[operator]
        if kind == "after":
            raise VendorUnavailable("the answer was lost")
        if kind == "kill":
            raise Killed
        return str(answer)

    def _add(self, picture: Picture) -> str:
        if picture.name.startswith(self.refuses or "\0"):
            raise VendorRefused("too large")
        self._next += 1
        name = f"ours-{self._next}"
        self.data[name] = picture.data()
        found = Shown(name, f"https://shop/{picture.name}", len(self.shown), mark=mark_in(picture.name))
        if self._staged:
            self.waiting[name] = found
        else:
            self.shown.append(found)
        return name

    def _arrange(self, order: Sequence[Placing]) -> str:
        there = {**{shown.id: shown for shown in self.shown}, **self.waiting}
        named = [(there[placing.id], placing.picture) for placing in order]
        rest = [shown for shown in self.shown if shown.id not in {placing.id for placing in order}]
        ours = [shown if picture is None else with_alt(shown, picture.alt) for shown, picture in named]
        self.shown = [at(shown, place) for place, shown in enumerate([*ours, *rest])]
        return ""

    def _remove(self, ids: Sequence[str]) -> str:
        self.shown = [at(shown, place) for place, shown in enumerate(s for s in self.shown if s.id not in ids)]
        return ""

    @property
    def names(self) -> list[str]:
        return [shown.mark or shown.id for shown in self.shown]


def with_alt(shown: Shown, alt: str) -> Shown:
    return Shown(shown.id, shown.url, shown.position, alt, shown.mark)


def at(shown: Shown, place: int) -> Shown:
    return Shown(shown.id, shown.url, place, shown.alt, shown.mark)


def blob(name: str) -> bytes:
    return f"bytes of {name}".encode()


BLOBS = {digest_bytes(blob(name)): blob(name) for name in "abcdefgh"}


def items(names: str, alt: str = "") -> list[Item]:
    digests = [digest_bytes(blob(name)) for name in names]
    return [
        Item(digest=digest, media_type="image/jpeg", name=marked(f"{name}.jpg", digest), alt=alt or name)
        for name, digest in zip(names, digests, strict=True)
    ]


def marks(names: str) -> list[str]:
    return [item.digest[:16] for item in items(names)]


def publisher(folder: Path, wall: Wall, **more: object) -> Publisher:
    return Publisher("shop", wall, Publications(f"{folder}/records.db"), BLOBS.__getitem__, sleep=lambda _: None, **more)  # type: ignore[arg-type]


def test_ours_in_order_before_peoples(tmp_path: Path) -> None:
    wall = Wall(["cat", "dog"])
    done = publisher(tmp_path, wall).publish("p1", "SKU", items("abc"))
    assert (done.outcome, wall.names) == ("live", [*marks("abc"), "cat", "dog"])
    assert [shown.alt for shown in wall.shown] == ["a", "b", "c", "theirs", "theirs"]


def test_the_same_set_again_is_no_call_at_all(tmp_path: Path) -> None:
    wall = Wall(["cat"])
    publisher(tmp_path, wall).publish("p1", "SKU", items("ab"))
    before = list(wall.calls)
    assert publisher(tmp_path, wall).publish("p1", "SKU", items("ab")).outcome == "unchanged"
    assert wall.calls == before


def test_what_is_kept_is_not_sent_again_and_what_is_gone_comes_off(tmp_path: Path) -> None:
    wall = Wall(["cat"])
    publisher(tmp_path, wall).publish("p1", "SKU", items("abc"))
    wall.calls.clear()
    publisher(tmp_path, wall).publish("p1", "SKU", items("cad"))
    assert wall.names == [*marks("cad"), "cat"]
    assert wall.calls.count("add") == 1
    publisher(tmp_path, wall).publish("p1", "SKU", [])
    assert wall.names == ["cat"]


def test_another_alt_text_alone_is_one_arrangement(tmp_path: Path) -> None:
    wall = Wall()
    publisher(tmp_path, wall).publish("p1", "SKU", items("ab"))
    wall.calls.clear()
    publisher(tmp_path, wall).publish("p1", "SKU", items("ab", alt="A mug"))
    assert wall.calls == ["arrange"]
    assert {shown.alt for shown in wall.shown} == {"A mug"}


def test_people_first(tmp_path: Path) -> None:
    wall = Wall(["cat"])
    publisher(tmp_path, wall, people="first").publish("p1", "SKU", items("ab"))
    assert wall.names == ["cat", *marks("ab")]


def test_older_than_what_is_live_is_stale(tmp_path: Path) -> None:
    wall, now = Wall(), datetime.now(UTC)
    one = publisher(tmp_path, wall)
    one.publish("p1", "SKU", items("ab"), stamp=now)
    assert one.publish("p1", "SKU", items("cd"), stamp=now - timedelta(seconds=1)).outcome == "stale"
    assert wall.names == marks("ab")


def test_a_refused_picture_leaves_the_gallery_as_it_was(tmp_path: Path) -> None:
    wall = Wall(["cat"])
    one = publisher(tmp_path, wall)
    one.publish("p1", "SKU", items("ab"))
    wall.refuses = "c"
    with pytest.raises(VendorRefused):
        one.publish("p1", "SKU", items("cb"))
    assert [name for name in wall.names if name in marks("ab")] == marks("ab")
    history = Publications(f"{tmp_path}/records.db").history("shop", "p1")
    assert [(line.outcome, line.detail) for line in history] == [("failed", "too large"), ("live", "")]


def test_rollback_and_back(tmp_path: Path) -> None:
    wall = Wall(["cat"])
    one = publisher(tmp_path, wall)
    with pytest.raises(NotFound):
        one.rollback("p1")
    one.publish("p1", "SKU", items("ab"))
    one.publish("p1", "SKU", items("cd"))
    assert one.rollback("p1").outcome == "live"
    assert wall.names == [*marks("ab"), "cat"]
    one.rollback("p1")
    assert wall.names == [*marks("cd"), "cat"]


def test_one_publisher_at_a_time(tmp_path: Path) -> None:
    records = Publications(f"{tmp_path}/records.db")
    assert records.claim("shop", "p1", "SKU", "somebody", 60)
    with pytest.raises(Conflict, match="SKU"):
        publisher(tmp_path, Wall()).publish("p1", "SKU", items("a"))
    records.release("shop", "p1", "somebody")
    assert publisher(tmp_path, Wall()).publish("p1", "SKU", items("a")).outcome == "live"


def test_a_dead_publishers_hold_ends_and_its_work_is_taken_up(tmp_path: Path) -> None:
    """What a killed process leaves: a claim, an intention, one picture of two at the shop."""
    wall, records = Wall(["cat"]), Publications(f"{tmp_path}/records.db")
    a, b = items("ab")
    assert records.claim("shop", "p1", "SKU", "dead", 60)
    records.intend("shop", "p1", "dead", [a, b], None)
    picture = Picture(a.digest, a.media_type, a.name, lambda: blob("a"))
    records.uploaded("shop", "p1", "dead", {a.digest: wall.add("p1", picture)})
    with pytest.raises(Conflict):
        publisher(tmp_path, wall).publish("p1", "SKU", [a, b])
    records.renew("shop", "p1", "dead", -1)
    assert publisher(tmp_path, wall).publish("p1", "SKU", [a, b]).outcome == "live"
    assert (wall.names, wall.calls.count("add")) == ([*marks("ab"), "cat"], 2)


@settings(max_examples=40)
@given(
    sets=st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=4).map("".join), min_size=1, max_size=3),
    trouble=st.lists(st.sampled_from(["", "", "before", "after", "kill"]), max_size=24),
    people=st.lists(st.sampled_from(["cat", "dog", "owl"]), unique=True, max_size=3),
    staged=st.booleans(),
)
def test_whatever_fails_the_gallery_becomes_right(
    tmp_path_factory: pytest.TempPathFactory, sets: list[str], trouble: list[str], people: list[str], staged: bool
) -> None:
    folder = tmp_path_factory.mktemp("records")
    wall = Wall(people, iter(trouble), staged=staged)
    for names in sets:
        for _ in range(len(trouble) + 1):
            records = Publications(f"{folder}/records.db")
            try:
                publisher(folder, wall).publish("p1", "SKU", items(names))
            except (VendorUnavailable, Killed):
                continue
            finally:
                records.close()
            break
        assert wall.names == [*marks(names), *people]
        assert [wall.data[shown.id] for shown in wall.shown if shown.mark] == [blob(name) for name in names]
