"""Profiles: the packaged ones load and fit their machine; wrong ones say what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.profile import FOLDER, Batch, Profile, Replicas, load_profile
from studio.errors import SettingsError

PACKAGED = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def test_the_documented_profiles_are_packaged() -> None:
    assert {"local", "single-gpu", "production"} <= set(PACKAGED)


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_profile_loads(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.models
    assert profile.renderer.min_replicas >= 1 or name == "night", "the renderer answers single items: it may not be cold"


@pytest.mark.parametrize("name", PACKAGED)
def test_serve_batches_fit_into_the_calls_a_replica_takes(name: str) -> None:
    """A replica that works on fewer requests than renderers can send must at least take two, so that it never waits."""
    profile = load_profile(name)
    for replicas in profile.deployments.values():
        assert replicas.shared >= 2
        assert replicas.queued >= profile.in_flight


@pytest.mark.parametrize("name", ["local", "single-gpu"])
def test_one_machine_profiles_fit_one_machine(name: str) -> None:
    """Without labels, at max_replicas, within the logical resources of the Ray that the profile starts."""
    profile = load_profile(name)
    deployments = [profile.renderer, *profile.models.values()]
    assert all(not replicas.labels for replicas in deployments)
    assert sum(r.num_gpus * r.max_replicas for r in deployments) <= profile.ray.num_gpus
    if profile.ray.num_cpus:
        assert sum(r.num_cpus * r.max_replicas for r in deployments) < profile.ray.num_cpus


def test_profile_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nrenderer: {max_replicas: 3}\nmodels: {fake: {min_replicas: 0}}\n")
    profile = load_profile(str(path))
    assert (profile.workers, profile.models["fake"].min_replicas) == (3, 0)


def test_unknown_profile_lists_the_known() -> None:
    with pytest.raises(SettingsError, match="no profile 'producton'; known: local, night, production, single-gpu"):
        load_profile("producton")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name: x\nmodels: {}\nrenderer: {min_replicas: 2, max_replicas: 1}\n", "min_replicas is above max_replicas"),
        ("name: x\nmodels: {u2netp: {num_gpuz: 1}}\n", "models.u2netp.num_gpuz"),
        ("name: x\nmodels: {u2netp: {max_replicas: 0}}\n", "models.u2netp.max_replicas"),
        ("name: x\nmodels: {}\nbatch: {chunk: 0}\n", "batch.chunk"),
        ("name: x\nmodels: {u2netp: {ongoing: 3, urgent: 3}}\n", "urgent leaves no place"),
        ("name: x\nmodels: {u2netp: {max_replicas: 2, reserved: 2}}\n", "reserved leaves no replica"),
        ("name: x\nmodels: {u2netp: {cold: 2}}\n", "cold is above max_replicas"),
        ("name: x\nmodels: {u2netp: {down_s: 700}}\n", "idle_s is below down_s"),
        ("name: x\nmodels: {u2netp: {or_labels: {a: b}}}\n", "or_labels without labels"),
        ("name: x\nmodels: {u2netp: {standard: {num_gpuz: 1}}}\n", "models.u2netp.standard.num_gpuz"),
        ("name: x\nmodels: {u2netp: {standard: {standard: {}}}}\n", "standard has a standard of its own"),
        ("name: x\n", "models"),
        ("name: [\n", "while parsing"),
    ],
)
def test_wrong_profiles_name_file_and_field(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as raised:
        load_profile(str(path))
    assert "wrong.yaml" in str(raised.value)
    assert named in str(raised.value)


@given(replicas=st.integers(1, 200), ongoing=st.integers(1, 16), urgent=st.integers(0, 15), twin=st.booleans())
def test_enough_calls_in_flight_to_scale_out(replicas: int, ongoing: int, urgent: int, twin: bool) -> None:
    """Fewer calls in flight than max_replicas x places would never show Serve that more renderers are wanted."""
    shape = Replicas(max_replicas=replicas, ongoing=ongoing, urgent=min(urgent, ongoing - 1))
    renderer = Replicas(max_replicas=1, ongoing=9, standard=shape) if twin else shape
    profile = Profile(name="x", renderer=renderer, models={}, batch=Batch())
    places = ongoing if twin else ongoing - min(urgent, ongoing - 1)
    assert replicas * places * 1.2 <= profile.in_flight < replicas * places * 1.2 + 1
    assert profile.workers == replicas


def test_a_twin_keeps_nothing_free_and_has_a_name() -> None:
    shape = Replicas(ongoing=4, standard=Replicas(ongoing=4, urgent=2, max_replicas=3, reserved=1, min_replicas=0))
    profile = Profile(name="x", renderer=shape, models={"u2netp": shape, "span-x2": Replicas()})
    assert list(profile.deployments) == ["renderer", "u2netp", "span-x2", "renderer-standard", "u2netp-standard"]
    assert (shape.shared, profile.deployments["u2netp-standard"].shared, profile.deployments["u2netp-standard"].reserved) == (
        3,
        4,
        0,
    )


def test_a_replica_for_one_request_keeps_no_place() -> None:
    assert Replicas(ongoing=1).shared == 1


@given(chunks=st.integers(0, 500), cold=st.integers(1, 12))
def test_a_night_begins_with_what_its_queue_asks_for(chunks: int, cold: int) -> None:
    """Never fewer renderers than `cold`, never more than there may be, and no place of the last one beyond `cold` without work."""
    twin = Replicas(min_replicas=0, max_replicas=12, cold=cold, ongoing=3, urgent=0)
    profile = Profile(name="x", renderer=Replicas(standard=twin), models={})
    begun = profile.cold_for(chunks)
    assert cold <= begun <= 12
    if begun > cold:
        assert (begun - 1) * twin.shared < chunks
    if chunks >= profile.in_flight:
        assert begun == 12
