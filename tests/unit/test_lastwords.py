"""A pool worker's successor knows which shot killed it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from cluster.lastwords import LastWords
from connectors.storage.registry import open_storage
from pipelines.stage import culprit
from studio.destination import Destination, Source
from studio.product import Product, ProductImage
from studio.shot import Failed, Outcome, Shot
from studio.template import Template


class Killed(BaseException):
    """Stands for the end of the process: nothing in between may catch it."""


def shots(count: int) -> list[Shot]:
    template = Template(id="t", title="t", outputs=("d",))
    destination = Destination(
        id="d", title="d", width=16, height=16, max_bytes=1, sources=(Source(title="t", date="2026-11-22"),)
    )
    image = ProductImage(uri="x", digest="0")
    return [Shot(product=Product(sku=f"S{i}"), template=template, destination=destination, images=(image,)) for i in range(count)]


@pytest.mark.parametrize("bad", [0, 2, 4])
def test_the_culprit_is_named_and_the_rest_is_done(tmp_path: Path, bad: int) -> None:
    wanted = shots(5)

    async def render(some: Sequence[Shot]) -> list[Outcome]:
        if any(shot.product.sku == f"S{bad}" for shot in some):
            raise Killed
        return [Failed(code="fine", message=shot.product.sku) for shot in some]

    results: list[Outcome] = []
    lives = 0
    while not results:
        lives += 1
        words = LastWords(open_storage(str(tmp_path)), tries=2)
        try:
            results = asyncio.run(words.guard("chunk", wanted, render, culprit))
        except Killed:
            assert lives < 10
    codes = [outcome.code for outcome in results if isinstance(outcome, Failed)]
    assert codes == ["process_died" if i == bad else "fine" for i in range(5)]
    assert lives == 5
