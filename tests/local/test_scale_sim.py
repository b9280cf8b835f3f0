"""The simulation of large nights against the code it speaks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.ops import workload
from benchmarks.ops.fleet import Fleet, Nodes
from benchmarks.ops.scale import begun
from benchmarks.ops.workload import PLACES, Chunks, chunks, kinds_of, planned_chunks, weights
from cluster.chunks import shrinking
from cluster.profile import Replicas, load_profile
from pipelines.runfiles import WINDOW

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
SHAPE = Replicas(min_replicas=0, max_replicas=4, cold=4, threads=2, ongoing=3, urgent=0)
STEADY = Nodes(lost_per_hour=0.0)


def test_arrays_cut_a_night_as_the_planner_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three windows: the same chunks in the same order, by their photos and by the planner's weight."""
    monkeypatch.setattr(workload, "WINDOW", 600)
    monkeypatch.setattr("pipelines.runfiles.WINDOW", 600)
    skus = 600 // len(PLACES) * 2 + 187
    real = planned_chunks(tmp_path, skus, workers=2, largest=32)
    simulated = list(chunks(skus, workers=2, largest=32))
    assert len(simulated) == 3
    assert [count for count, _ in real] == [int(n) for window in simulated for n in window.photos]
    rng, known, at = np.random.default_rng(1), weights() * len(PLACES), 0
    for window in simulated:
        count = int(window.photos.sum())
        kinds = kinds_of(rng, count)
        workload._seconds(rng, kinds)
        ordered = -np.sort(-known[kinds])
        sums = np.add.reduceat(ordered, np.append(0, np.cumsum(window.photos)[:-1]))
        assert [weight for _, weight in real[at : at + len(sums)]] == pytest.approx(list(sums))
        at += len(sums)


@pytest.mark.parametrize(("skus", "windows"), [(25_000, [WINDOW, WINDOW, 10_000]), (20_500, [WINDOW, WINDOW + 1000])])
def test_windows_hold_twenty_thousand_pictures_and_the_last_one_what_shrinks(skus: int, windows: list[int]) -> None:
    found = list(chunks(skus, workers=12, largest=32))
    assert [int(window.photos.sum()) * len(PLACES) for window in found] == windows
    for window in found[:-1]:
        assert set(window.photos.tolist()) == {32 // len(PLACES)}
    assert found[-1].photos[-1] == 1


@settings(max_examples=15, deadline=None)
@given(skus=st.integers(1, 900), workers=st.integers(1, 6), largest=st.integers(2, 40))
def test_the_end_of_a_night_is_long_enough_to_shrink(skus: int, workers: int, largest: int) -> None:
    """Wherever a catalogue ends, its last window holds all that shrinks, or the whole catalogue."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workload, "WINDOW", 200)
        *_, last = chunks(skus, workers=workers, largest=largest)
    assert last.photos.sum() * len(PLACES) >= min(skus * len(PLACES), shrinking(workers=workers, largest=largest))


@settings(max_examples=25, deadline=None)
@given(skus=st.integers(1, 3000), lost=st.sampled_from([0.0, 20.0, 200.0]), seed=st.integers(0, 50))
def test_every_chunk_ends_whatever_is_lost(skus: int, lost: float, seed: int) -> None:
    """No night ends before its lower bound, or with photos that nobody made."""
    nodes = Nodes(ask_s=1, boot_s=5, start_s=2, lost_per_hour=lost)
    night = Fleet(SHAPE, nodes, 15, chunks(skus, workers=4, largest=8, seed=seed), seed).run()
    assert night.photos == skus
    assert night.wall_s >= night.lower_s
    assert night.thread_s >= night.cpu_s - SHAPE.max_replicas * SHAPE.threads
    assert lost or not night.redone_s


def test_a_night_of_equal_chunks_takes_the_start_and_the_work() -> None:
    """64 chunks of 40 s on 8 threads: 320 s behind asking, booting and the replica's own start."""

    def equal() -> Iterator[Chunks]:
        ones = np.ones(64)
        yield Chunks(ones.astype(np.int64), ones * 40, ones * 0, ones * 20, 0)

    nodes = Nodes(ask_s=10, boot_s=20, start_s=5, lost_per_hour=0.0)
    night = Fleet(SHAPE, nodes, 15, equal()).run()
    assert night.full_s == pytest.approx(35, abs=2)
    assert night.wall_s == pytest.approx(35 + 320, abs=3)
    assert night.lower_s == 320


def test_a_million_skus_with_the_shipped_profile() -> None:
    """What is asked: at most 1.01 of the lower bound, with spot losses and faults; nearly no thread ever idle."""
    profile = load_profile("production")
    shape = begun(profile)
    source = chunks(1_000_000, workers=shape.max_replicas, largest=profile.batch.chunk)
    night = Fleet(shape, Nodes(), profile.in_flight, source).run()
    assert night.over_lower <= 1.01
    assert night.cpu_s / night.thread_s >= 0.995
    assert night.faults == pytest.approx(10_000, rel=0.05)
