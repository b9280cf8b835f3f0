"""Submitted runs: what goes to the head's shell, what travels, and the id that makes a second submission an attachment."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.job_client import whole_lines
from cluster.job_request import PLAIN_OUTPUT, JobRequest
from cluster.jobs import last_summary
from studio.errors import SettingsError

WORDS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30).filter(
    lambda text: text.isprintable() and not text.startswith("-")
)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "shop" / "tonight's catalogue; rm -rf $HOME.csv"
    path.parent.mkdir()
    path.write_text("sku,title\nA,Mug\n")
    return path


@pytest.fixture
def request_(catalog: Path) -> JobRequest:
    return JobRequest(str(catalog), ("amazon-white", "lifestyle-wood@2"), "/data/out dir")


def test_command_line(request_: JobRequest, catalog: Path) -> None:
    request_.check()
    words = ["python", "-m", "pipelines.cli", "run", catalog.name, "--json", "--mode", "serve"]
    assert request_.arguments == [
        *words,
        "--template",
        "amazon-white",
        "--template",
        "lifestyle-wood@2",
        "--out",
        "/data/out dir",
    ]
    assert replace(request_, python="/opt/venv/bin/python").arguments[0] == "/opt/venv/bin/python"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(template=WORDS, out=WORDS, python=WORDS)
def test_nothing_escapes_the_shell_quotes(request_: JobRequest, template: str, out: str, python: str) -> None:
    made = replace(request_, templates=(template,), out=out, python=python)
    made.check()
    assert shlex.split(made.entrypoint) == made.arguments


def test_the_folder_of_the_catalogue_travels(request_: JobRequest, catalog: Path) -> None:
    env = replace(request_, env={"PACKSHOT_HOME": "/data"}).runtime_env
    assert env["working_dir"] == str(catalog.parent)
    assert env["env_vars"] == {**PLAIN_OUTPUT, "PACKSHOT_HOME": "/data"}
    assert ".git" in env["excludes"]


def test_a_given_working_dir_travels_and_the_path_is_relative_to_it(request_: JobRequest, catalog: Path, tmp_path: Path) -> None:
    made = replace(request_, working_dir=str(tmp_path))
    assert made.runtime_env["working_dir"] == str(tmp_path)
    assert made.arguments[4] == f"shop/{catalog.name}"


def test_a_catalogue_on_the_cluster_sends_nothing() -> None:
    made = JobRequest("file:///mnt/shop/a%20b.csv")
    assert made.on_cluster
    assert made.arguments[4] == "/mnt/shop/a b.csv"
    assert made.runtime_env == {"env_vars": PLAIN_OUTPUT}


def test_same_contents_same_id(request_: JobRequest, catalog: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "copy" / catalog.name
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(catalog.read_bytes())
    assert replace(request_, catalog=str(elsewhere)).id == request_.id
    assert replace(request_, python="/opt/venv/bin/python").id == request_.id
    assert request_.id.startswith("packshot-")


@pytest.mark.parametrize(
    "change",
    [
        {"templates": ("amazon-white",)},
        {"out": "/data/other"},
        {"mode": "inline"},
        {"date": "2026-11-23"},
        {"env": {"PACKSHOT_PROFILE": "production"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_run_another_id(request_: JobRequest, change: dict[str, object]) -> None:
    assert replace(request_, **change).id != request_.id  # type: ignore[arg-type]


def test_another_row_or_mapping_another_id(request_: JobRequest, catalog: Path) -> None:
    first = request_.id
    catalog.write_text("sku,title\nA,Mug\nB,Cup\n")
    second = request_.id
    catalog.with_name(catalog.name + ".mapping.yaml").write_text("format: csv\n")
    assert len({first, second, request_.id}) == 3


def test_a_given_id_is_kept(request_: JobRequest) -> None:
    assert replace(request_, submission_id="nightly-2026-11-22").id == "nightly-2026-11-22"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mode": "turbo"}, "'turbo' is none of serve, pool, inline"),
        ({"submission_id": "a/../b"}, "submission id"),
        ({"submission_id": "x" * 101}, "submission id"),
        ({"env": {"A B": "1"}}, "'A B'"),
        ({"catalog": ""}, "no catalogue"),
        ({"catalog": "--help"}, "--help"),
        ({"templates": ("-o",)}, "template '-o'"),
        ({"out": "a\nb"}, "out 'a"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_what_is_refused(request_: JobRequest, change: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        replace(request_, **change).check()  # type: ignore[arg-type]


@pytest.mark.parametrize("uri", ["s3://bucket/a.csv", "https://example.com/a.csv", "file://host/a.csv", "file:a.csv://"])
def test_catalogues_are_files(uri: str) -> None:
    with pytest.raises(SettingsError, match="file:///PATH"):
        _ = JobRequest(uri).arguments


def test_missing_and_misplaced_catalogues(request_: JobRequest, catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no catalogue file"):
        _ = replace(request_, catalog=str(catalog.with_name("gone.csv"))).arguments
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(SettingsError, match="not inside the working directory"):
        _ = replace(request_, working_dir=str(other)).arguments


def test_a_whole_home_is_not_sent(request_: JobRequest, catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(catalog.parent))
    with pytest.raises(SettingsError, match="uploaded as a whole"):
        _ = request_.runtime_env


@given(text=st.text(st.sampled_from("ab\n"), max_size=40), cuts=st.lists(st.integers(0, 40)), skip=st.integers(0, 5))
def test_lines_do_not_depend_on_chunks(text: str, cuts: list[int], skip: int) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]

    async def chunks() -> AsyncIterator[str]:
        for start, end in pairwise(places):
            yield text[start:end]

    async def collect() -> list[str]:
        return [line async for line in whole_lines(chunks(), skip=skip)]

    assert asyncio.run(collect()) == text.splitlines(keepends=True)[skip:]


def test_the_last_summary_counts() -> None:
    first, last = {"run": "1", "released": 0}, {"run": "2", "released": 3}
    log = f'noise\n{json.dumps(first)}\n{json.dumps(last)}\n{{"run": broken\n  {json.dumps(first)}\nbye\n'
    assert last_summary(log) == last
    assert last_summary("no summary here\n") is None
    assert last_summary(f"\x1b[2K\x1b[32mbar\x1b[0m 2/2\n\x1b[?25h{json.dumps(last)}\n") == last
