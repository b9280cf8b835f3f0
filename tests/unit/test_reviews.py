"""The review queue's own rules, over SQLite: taken in once, decided once, undone once, whoever asks."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.audit import Audit
from connectors.records import Records, ShotRecord
from connectors.review import Decision, Item, Reviewer, Wanted
from connectors.reviews import Reviews
from studio.errors import Conflict, NotFound

ANN, BEN = Reviewer("key_ann", "Ann"), Reviewer("key_ben", "Ben")


def shot(number: int, **more: object) -> ShotRecord:
    values: dict[str, object] = {"key": f"{number:064}", "status": "rejected", "reason": "halo", "digest": f"d{number:063}"}
    return ShotRecord(f"S{number}/look/place/front", **(values | more))  # type: ignore[arg-type]


def item(number: int, **more: object) -> Item:
    held = shot(number)
    values: dict[str, object] = {
        "uncertainty": number % 7 / 10,
        "at": datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=number),
    }
    known = Item(
        "night", "cat", held.shot_id, held.key, held.digest, "image/jpeg", f"S{number}", "look", "place", "front", "halo"
    )
    return replace(known, **(values | more))  # type: ignore[arg-type]


@pytest.fixture
def reviews(tmp_path: Path) -> Reviews:
    return Reviews(str(tmp_path / "records.db"))


def test_what_nights_held_back_is_found_once_and_in_pieces(tmp_path: Path, reviews: Reviews) -> None:
    records = Records(str(tmp_path / "records.db"))
    records.remember_shots("cat", [shot(n) for n in range(20)] + [shot(99, status="released")])
    first = reviews.held_shots(8)
    assert len(first) == 8
    reviews.add([item(int(one.shot_id[1:].partition("/")[0])) for _, one in first])
    reviews.looked("night", first[-1][1].updated_at)
    rest = reviews.held_shots(100)
    assert len(rest) == 12
    assert not {one.shot_id for _, one in first} & {one.shot_id for _, one in rest}


@pytest.mark.parametrize("order", ["doubt", "newest", "sku"])
def test_neighbours_walk_the_listing_from_end_to_end(reviews: Reviews, order: str) -> None:
    reviews.add([item(n) for n in range(23)])
    wanted = Wanted(order=order)  # type: ignore[arg-type]
    listed = [one.id for number in (1, 2, 3) for one in reviews.page(wanted, number=number, size=10)]
    walked = [listed[0]]
    while following := reviews.next_to(reviews.get(walked[-1]), wanted)[1]:
        walked.append(following)
    assert walked == listed
    assert reviews.next_to(reviews.get(listed[1]), wanted)[0] == listed[0]
    assert reviews.next_to(reviews.get(listed[0]), wanted)[0] == ""


def test_two_people_at_once_decide_each_item_once(reviews: Reviews) -> None:
    items = [item(n) for n in range(60)]
    reviews.add(items)
    made: list[Decision] = []
    barrier = threading.Barrier(2)

    def work(by: Reviewer) -> None:
        barrier.wait()
        for one in items:
            made.extend(reviews.decide([one.id], "reject", by, reason="halo"))

    threads = [threading.Thread(target=work, args=(by,)) for by in (ANN, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.item for one in made) == sorted(one.id for one in items)
    assert reviews.count(Wanted()) == 0


def test_undo_is_one_s_own_and_only_once(reviews: Reviews) -> None:
    reviews.add([item(1), item(2)])
    (one, _) = reviews.decide([item(1).id, item(2).id], "reject", ANN, reason="halo")
    with pytest.raises(NotFound):
        reviews.undo(one.batch, BEN)
    assert reviews.last_batch("key_ann") == one.batch
    assert len(reviews.undo(one.batch, ANN)) == 2
    with pytest.raises(Conflict):
        reviews.undo(one.batch, ANN)
    assert reviews.last_batch("key_ann") == ""


def test_an_item_of_somebody_s_order_is_hidden_from_others(reviews: Reviews) -> None:
    reviews.add([item(1, owner="key_ann"), item(2)])
    assert reviews.count(Wanted(sees="key_ben")) == 1
    assert reviews.count(Wanted(sees="key_ann")) == reviews.count(Wanted(sees=None)) == 2
    with pytest.raises(NotFound):
        reviews.get(item(1, owner="key_ann").id, "key_ben")
    with pytest.raises(NotFound):
        reviews.decide([item(1).id], "approve", BEN, sees="key_ben")


ACTS = st.lists(st.tuples(st.sampled_from(["approve", "reject", "regenerate", "undo"]), st.integers(0, 3)), max_size=14)


@settings(max_examples=10, deadline=None)
@given(ACTS)
def test_a_shot_is_released_exactly_while_its_approval_stands(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int]]
) -> None:
    url = str(tmp_path_factory.mktemp("acts") / "records.db")
    records, reviews = Records(url), Reviews(url)
    records.remember_shots("cat", [shot(n) for n in range(4)])
    reviews.add([item(n) for n in range(4)])
    standing: dict[int, Decision] = {}
    for action, n in acts:
        if action == "undo" and n in standing:
            reviews.undo(standing.pop(n).batch, ANN)
        elif action != "undo":
            made = reviews.decide([item(n).id], action, ANN)  # type: ignore[arg-type]
            assert bool(made) == (n not in standing)
            standing |= dict.fromkeys([n], made[0]) if made else {}
    for n in range(4):
        approved = n in standing and standing[n].action == "approve"
        assert records.shots_of("cat", [shot(n).shot_id])[shot(n).shot_id].status == ("released" if approved else "rejected")
        assert (reviews.get(item(n).id).state == "open") == (n not in standing)
    assert not Audit(url).verify().broken
    records.close()
    reviews.close()
