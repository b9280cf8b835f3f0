"""What every database does with the review queue: taken in once, decided once, undone once, whoever asks. `url` is a fixture of the
class that takes it up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.audit import Audit
from connectors.records import Records, ShotRecord
from connectors.review import Decision, Item, Reviewer, Wanted
from connectors.reviews import Reviews
from studio.errors import Conflict, NotFound

NAMES = count()
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


ACTS = st.lists(st.tuples(st.sampled_from(["approve", "reject", "regenerate", "undo"]), st.integers(0, 3)), max_size=14)


class ReviewsContract:
    @pytest.fixture
    def reviews(self, url: str) -> Iterator[Reviews]:
        made = Reviews(url)
        yield made
        made.close()

    @pytest.fixture
    def records(self, url: str) -> Iterator[Records]:
        made = Records(url)
        yield made
        made.close()

    def test_what_nights_held_back_is_found_once_and_in_pieces(self, reviews: Reviews, records: Records) -> None:
        records.remember_shots("cat", [shot(n) for n in range(20)] + [shot(99, status="released")])
        first = reviews.held_shots(8)
        assert len(first) == 8
        reviews.add([item(int(one.shot_id[1:].partition("/")[0])) for _, one in first])
        reviews.looked("night", first[-1][1].updated_at)
        rest = reviews.held_shots(100)
        assert len(rest) == 12
        assert not {one.shot_id for _, one in first} & {one.shot_id for _, one in rest}

    @pytest.mark.parametrize("order", ["doubt", "newest", "sku"])
    def test_neighbours_walk_the_listing_from_end_to_end(self, reviews: Reviews, order: str) -> None:
        reviews.add([item(n) for n in range(23)])
        wanted = Wanted(order=order)  # type: ignore[arg-type]
        listed = [one.id for number in (1, 2, 3) for one in reviews.page(wanted, number=number, size=10)]
        walked = [listed[0]]
        while following := reviews.next_to(reviews.get(walked[-1]), wanted)[1]:
            walked.append(following)
        assert walked == listed
        assert reviews.next_to(reviews.get(listed[1]), wanted)[0] == listed[0]
        assert reviews.next_to(reviews.get(listed[0]), wanted)[0] == ""

    def test_two_people_at_once_decide_each_item_once(self, reviews: Reviews) -> None:
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

    def test_undo_is_one_s_own_and_only_once(self, reviews: Reviews) -> None:
        reviews.add([item(1), item(2)])
        (one, _) = reviews.decide([item(1).id, item(2).id], "reject", ANN, reason="halo")
        with pytest.raises(NotFound):
            reviews.undo(one.batch, BEN)
        assert reviews.last_batch("key_ann") == one.batch
        assert len(reviews.undo(one.batch, ANN)) == 2
        with pytest.raises(Conflict):
            reviews.undo(one.batch, ANN)
        assert reviews.last_batch("key_ann") == ""

    def test_an_item_of_somebody_s_order_is_hidden_from_others(self, reviews: Reviews) -> None:
        reviews.add([item(1, owner="key_ann"), item(2)])
        assert reviews.count(Wanted(sees="key_ben")) == 1
        assert reviews.count(Wanted(sees="key_ann")) == reviews.count(Wanted(sees=None)) == 2
        with pytest.raises(NotFound):
            reviews.get(item(1, owner="key_ann").id, "key_ben")
        with pytest.raises(NotFound):
            reviews.decide([item(1).id], "approve", BEN, sees="key_ben")

    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(ACTS)
    def test_a_shot_is_released_exactly_while_its_approval_stands(
        self, reviews: Reviews, records: Records, url: str, acts: list[tuple[str, int]]
    ) -> None:
        name = f"cat-{next(NAMES)}"
        records.remember_shots(name, [shot(n) for n in range(4)])
        reviews.add([item(n, place=name) for n in range(4)])
        standing: dict[int, Decision] = {}
        for action, n in acts:
            if action == "undo" and n in standing:
                reviews.undo(standing.pop(n).batch, ANN)
            elif action != "undo":
                made = reviews.decide([item(n, place=name).id], action, ANN)  # type: ignore[arg-type]
                assert bool(made) == (n not in standing)
                standing |= dict.fromkeys([n], made[0]) if made else {}
        for n in range(4):
            approved = n in standing and standing[n].action == "approve"
            assert records.shots_of(name, [shot(n).shot_id])[shot(n).shot_id].status == ("released" if approved else "rejected")
            assert (reviews.get(item(n, place=name).id).state == "open") == (n not in standing)
        audit = Audit(url)
        assert not audit.verify().broken
        audit.close()

    def test_two_processes_take_the_same_in_at_once(self, reviews: Reviews) -> None:
        """In whatever order each of them met the items."""
        with ThreadPoolExecutor(4) as pool:
            for start in range(0, 1000, 200):
                items = [item(n) for n in range(start, start + 200)]
                list(pool.map(reviews.add, [items, items[::-1], items[100:] + items[:100], items[::-1]]))
        assert reviews.count(Wanted()) == 1000
