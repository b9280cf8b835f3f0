"""Log lines of the service say what they are about."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.logs import ORDER, about, start_logging


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Path]:
    root, level = logging.getLogger(), logging.getLogger("cluster").level
    before = list(root.handlers)
    yield start_logging(tmp_path)
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
        handler.close()
    logging.getLogger("cluster").setLevel(level)


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_carries_its_subjects_and_what_extra_adds(lines: Path) -> None:
    log = logging.getLogger("cluster.test")
    with about(order="ord_1", trace="a" * 32), about(step="render"):
        log.info("made %d", 2, extra={"took_s": 0.5})
    log.info('later\nand quoted "')
    first, second = read(lines)
    subjects = {"order": "ord_1", "trace": "a" * 32, "step": "render", "message": "made 2", "level": "info", "took_s": 0.5}
    assert subjects.items() <= first.items()
    assert {"order", "trace", "step", "sku"} & second.keys() == set()
    assert second["message"] == 'later\nand quoted "'


def test_tasks_at_the_same_time_keep_their_own_subjects(lines: Path) -> None:
    log = logging.getLogger("cluster.test")

    async def work(name: str) -> None:
        with about(order=name):
            for _ in range(3):
                await asyncio.sleep(0)
                log.info(name)

    async def both() -> None:
        await asyncio.gather(work("ord_1"), work("ord_2"))

    asyncio.run(both())
    found = read(lines)
    assert len(found) == 6
    assert all(line["order"] == line["message"] for line in found)
    assert ORDER.get() == ""


def test_an_error_has_its_traceback_in_the_same_line(lines: Path) -> None:
    try:
        raise ValueError("the reason")
    except ValueError:
        logging.getLogger("cluster.test").exception("failed")
    (line,) = read(lines)
    assert "ValueError: the reason" in str(line["error"])


def test_starting_twice_writes_once(lines: Path, tmp_path: Path) -> None:
    assert start_logging(tmp_path) == lines
    logging.getLogger("cluster.test").info("once")
    assert len(read(lines)) == 1


def test_a_subject_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError), about(skv="MUG-01"):
        pass
