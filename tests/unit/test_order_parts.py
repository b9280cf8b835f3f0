"""What the order desk is made of: shared work, sweeps, verdicts, file names, and a template's fallbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.names import asset_name
from connectors.online.orders import OrderState
from serve_apps.orders.flights import Flights
from serve_apps.orders.flow import verdict
from serve_apps.orders.sweeper import Sweeper
from serve_apps.request.schema import ShotResult
from studio.errors import Interrupted, StorageUnavailable
from studio.shot import Asset, Done, Failed, Outcome, Rejected, Report
from studio.template import Template

LOOK = Template(id="look", title="Look", outputs=("place",))
ASSET = Asset(digest="0" * 64, media_type="image/jpeg", width=1, height=1, bytes=1)
OUTCOMES: dict[str, Outcome] = {
    "done": Done(asset=ASSET, report=Report()),
    "rejected": Rejected(reason="fill", report=Report()),
    "failed": Failed(code="corrupt_image", message="broken"),
}


def results(names: Sequence[str]) -> list[ShotResult]:
    return [
        ShotResult(destination="place", slot=str(n), key=str(n), template=LOOK, seed=0, outcome=OUTCOMES[name])
        for n, name in enumerate(names)
    ]


@given(st.lists(st.sampled_from(sorted(OUTCOMES)), min_size=1, max_size=6), st.sampled_from(["retry", "review", "reject"]))
def test_verdict(names: list[str], on_fail: str) -> None:
    state, error = verdict(results(names), on_fail)
    if "failed" in names:
        assert (state, error["code"]) == (OrderState.FAILED, "corrupt_image")
    elif "rejected" in names:
        assert (state, error) == (OrderState.REJECTED if on_fail == "reject" else OrderState.REVIEW, {})
    else:
        assert (state, error) == (OrderState.SUCCEEDED, {})


def test_flights_share_what_is_under_way() -> None:
    async def test() -> None:
        flights: Flights[int, int] = Flights()
        calls: list[list[int]] = []
        go, called = asyncio.Event(), asyncio.Event()

        async def square(items: Sequence[int]) -> list[int]:
            calls.append(list(items))
            if len(calls) == 3:
                called.set()
            await go.wait()
            return [item * item for item in items]

        first = asyncio.create_task(flights("urgent", {"a": 2, "b": 3}, square))
        second = asyncio.create_task(flights("urgent", {"b": 3, "c": 4}, square))
        other = asyncio.create_task(flights("standard", {"a": 2}, square))
        await called.wait()
        first.cancel()
        go.set()
        assert await second == {"b": 9, "c": 16}
        assert await other == {"a": 4}
        assert calls == [[2, 3], [4], [2]]
        assert await flights("urgent", {"a": 5}, square) == {"a": 25}

        go.clear()
        stuck = asyncio.create_task(flights("urgent", {"a": 6}, square))
        await asyncio.sleep(0)
        await flights.close()
        with pytest.raises(asyncio.CancelledError):
            await stuck

    asyncio.run(test())


def test_a_failed_flight_fails_for_everybody_and_is_forgotten() -> None:
    async def test() -> None:
        flights: Flights[int, int] = Flights()

        async def broken(_items: Sequence[int]) -> list[int]:
            raise StorageUnavailable("down")

        async def works(items: Sequence[int]) -> list[int]:
            return list(items)

        both = [flights("urgent", {"a": 1}, broken) for _ in range(2)]
        assert [type(e) for e in await asyncio.gather(*both, return_exceptions=True)] == [StorageUnavailable] * 2
        assert await flights("urgent", {"a": 1}, works) == {"a": 1}

    asyncio.run(test())


def test_sweeps_go_on_after_errors_and_at_once_while_there_is_more() -> None:
    async def test() -> None:
        sweeper, seen, no_more, enough = Sweeper(3600), [0, 0], asyncio.Event(), asyncio.Event()

        async def many() -> bool:
            seen[0] += 1
            if seen[0] == 5:
                no_more.set()
            return seen[0] < 5

        async def fails() -> bool:
            seen[1] += 1
            if seen[1] == 2:
                enough.set()
            raise StorageUnavailable("down")

        sweeper.add(many)
        sweeper.add(fails, woken=True)
        sweeper.start()
        await no_more.wait()
        sweeper.wake()
        await enough.wait()
        sweeper.check()
        await sweeper.stop()
        assert seen == [5, 2]

    asyncio.run(test())


def test_a_sweeper_that_died_says_so() -> None:
    async def test() -> None:
        sweeper = Sweeper(0.0)

        async def fault() -> bool:
            raise ZeroDivisionError

        sweeper.add(fault)
        sweeper.start()
        for _ in range(10):
            await asyncio.sleep(0)
        with pytest.raises(Interrupted):
            sweeper.check()

    asyncio.run(test())


def test_asset_names() -> None:
    assert asset_name("look", "place", "front-2", "image/webp") == "look.place.front-2.webp"


def test_a_fallback_changes_what_it_names_and_nothing_else() -> None:
    look = Template(
        id="look",
        title="Look",
        outputs=("place",),
        fallback=({"cutout": {"refiner": "closed_form"}}, {"composition": {"margins": {"top": 0.1}, "fill": 0.5}}),
    )
    first, second = look.ladder
    assert first == look.model_copy(update={"cutout": look.cutout.model_copy(update={"refiner": "closed_form"}), "fallback": ()})
    assert (second.composition.margins.top, second.composition.margins.left, second.composition.fill) == (0.1, 0.04, 0.5)
    assert second.cutout == look.cutout
    assert first.ladder == ()
    assert Template.model_validate_json(look.model_dump_json()) == look


@pytest.mark.parametrize("rung", [{"qa": {}}, {"id": "x"}, {"cutout": {"refiner": "none", "x": 1}}, {"cutout": {"refiner": "x"}}])
def test_a_fallback_that_does_not_fit_is_refused(rung: dict[str, dict[str, object]]) -> None:
    with pytest.raises(ValueError):
        Template.model_validate({"id": "look", "title": "Look", "outputs": ("place",), "fallback": [rung]})
