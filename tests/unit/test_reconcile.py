"""A gallery held against the set that was published to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.differences import differences
from connectors.findings import REPAIRS, Kind, Repair
from connectors.publications import GalleryRecord, Item
from connectors.vendors.base import Shown, marked

LIVE = tuple(
    Item(
        digest=letter * 64,
        media_type="image/jpeg",
        name=marked(f"{letter}.jpg", letter * 64),
        alt=f"Mug {letter}",
        id=f"id-{letter}",
    )
    for letter in "abc"
)
RECORD = GalleryRecord("shop", "7", "MUG", "live", LIVE, (), {item.digest: item.id for item in LIVE}, None)
CAT = Shown("cat", "https://shop/cat.jpg", 0, "A cat")


def ours(letter: str) -> Shown:
    return Shown(f"id-{letter}", f"https://shop/{letter}.jpg", 0, f"Mug {letter}", letter * 16)


def kinds(*shown: Shown, people: str = "after", record: GalleryRecord = RECORD) -> list[Kind]:
    return [kind for kind, _ in differences(record, shown, people)]


A, B, C = map(ours, "abc")


def test_as_it_was_published() -> None:
    assert kinds(A, B, C) == kinds(A, B, C, CAT) == kinds(CAT, A, B, C, people="first") == []


def test_what_the_vendor_does_not_say_is_not_wrong() -> None:
    assert kinds(*(replace(one, alt=None, mark="") for one in (A, B, C))) == []


def test_known_again_by_its_mark_after_the_vendor_made_it_anew() -> None:
    assert kinds(A, replace(B, id="anew"), C) == []


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ((A, C), [Kind.MISSING]),
        ((), [Kind.MISSING]),
        ((CAT,), [Kind.MISSING]),
        ((A, replace(B, placed=False), C), [Kind.MISSING, Kind.STRAY]),
        ((A, replace(B, problem="cannot be read"), C), [Kind.MISSING, Kind.STRAY]),
        ((A, C, B), [Kind.MOVED]),
        ((C, A), [Kind.MISSING, Kind.MOVED]),
        ((CAT, A, B, C), [Kind.DISPLACED]),
        ((A, CAT, B, C), [Kind.DISPLACED]),
        ((A, replace(B, alt="A nice mug"), C), [Kind.REWRITTEN]),
        ((A, replace(B, alt=""), C), [Kind.REWRITTEN]),
        ((A, B, C, replace(B, id="copy")), [Kind.STRAY]),
        ((A, B, C, replace(A, id="old", mark="d" * 16)), [Kind.STRAY]),
    ],
)
def test_changed_by_hand(shown: tuple[Shown, ...], found: list[Kind]) -> None:
    assert kinds(*shown) == found


def test_peoples_pictures_stand_on_their_own_side() -> None:
    assert kinds(A, CAT, B, C, people="first") == [Kind.DISPLACED]
    assert kinds(A, B, C, CAT, people="first") == [Kind.DISPLACED]
    assert kinds(CAT, A, B, C, people="hide") == kinds(A, B, C, CAT, people="hide") == []


def test_a_variant_that_lost_its_picture() -> None:
    live = (LIVE[0].model_copy(update={"variants": ("v1",)}),)
    record = replace(RECORD, live=live)
    assert kinds(replace(A, variants=("v1", "v2")), record=record) == kinds(A, record=record) == []
    assert kinds(replace(A, variants=("v2",)), record=record) == [Kind.UNASSIGNED]


def test_only_pictures_that_were_taken_off_wait_for_a_word() -> None:
    assert [kind for kind, repair in REPAIRS.items() if repair is Repair.RESTORE] == [Kind.MISSING]
