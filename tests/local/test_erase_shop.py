"""Erasing what is in a shop: off its page, out of our store, and again when the shop did not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.publications import Publications
from connectors.sync_state import SyncState
from connectors.vendors.base import mark_in
from pipelines.erase import Eraser, Wish
from tests import sample
from tests.doubles.serving import Fault
from tests.doubles.woocommerce import WooDouble
from tests.local.test_sync_shop import COUNT, connections, photo, sync, woo

__all__ = ["woo"]
ME = "user:ann@desk"


@pytest.fixture
def synced(woo: WooDouble, tmp_path: Path) -> WooDouble:
    assert sync(woo, tmp_path).outcomes == {"live": COUNT}
    return woo


def eraser(shop: WooDouble, folder: Path) -> Eraser:
    return Eraser(sample.settings(folder, connections=connections(shop, folder)), Wish(skus=("MUG-2",)))


def holding(folder: Path, what: bytes) -> list[str]:
    return [str(path) for path in (folder / "home").rglob("*") if path.is_file() and what in path.read_bytes()]


def test_a_product_leaves_the_shop_and_the_store(synced: WooDouble, tmp_path: Path) -> None:
    ours, source = synced.bytes_of(2)[0], photo(tmp_path, 2)
    others = {number: synced.seen(number) for number in synced.products if number != 2}
    assert holding(tmp_path, ours)
    assert holding(tmp_path, source), "the photo is kept when it is first seen"
    erased = eraser(synced, tmp_path).erase(ME)
    assert (erased.exit_code, erased.galleries, erased.problems) == (0, 1, [])
    assert [mark_in(url) for url in synced.seen(2)] == [""], "what people put there stays"
    assert (holding(tmp_path, ours), holding(tmp_path, source)) == ([], [])
    assert {number: synced.seen(number) for number in others} == others
    records = sample.settings(tmp_path).records
    assert SyncState(records).seen("shop", "2") is None
    assert (Publications(records).get("shop", "2"), Publications(records).history("shop", "2")) == (None, [])
    assert len(list(Publications(records).of_connection("shop"))) == COUNT - 1


def test_a_shop_that_does_not_answer_is_a_problem_and_is_taken_up(synced: WooDouble, tmp_path: Path) -> None:
    ours = synced.bytes_of(2)[0]
    synced.faults = [Fault(r"/wp-json/wc/v3/products/2", status=400, times=99)]
    first = eraser(synced, tmp_path).erase(ME)
    assert (first.exit_code, len(first.problems)) == (3, 1)
    assert Publications(sample.settings(tmp_path).records).get("shop", "2") is not None, "so that the next call knows of it"
    synced.faults.clear()
    assert eraser(synced, tmp_path).erase(ME).exit_code == 0
    assert [mark_in(url) for url in synced.seen(2)] == [""]
    assert holding(tmp_path, ours) == []
