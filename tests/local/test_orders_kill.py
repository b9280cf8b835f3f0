"""SIGKILL of the orchestrator's process at any moment: no order is lost, nothing is published or told twice."""

from __future__ import annotations

from pathlib import Path

from tests import desk, sample
from tests.orders_kept import every_order_once

ORDERS = 40


def test_killed_again_and_again(tmp_path: Path) -> None:
    settings = sample.settings(tmp_path, api={"publish": str(tmp_path / "out"), "standard": 6, "urgent": 4})
    orders, endpoint = desk.survive(settings, orders=ORDERS, kills=5, seed=20261122)
    every_order_once(settings, orders, endpoint, ORDERS)
    orders.close()
