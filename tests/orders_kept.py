"""What must hold after orders were carried out by processes that were killed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cluster.settings import Settings
from connectors.online.orders import Orders, OrderState
from connectors.online.outbox import Outbox


def every_order_once(settings: Settings, orders: Orders, endpoint: str, count: int) -> None:
    """Every order succeeded, was published once to each place, and its success is told to `endpoint` once."""
    found, _ = orders.list(limit=2 * count)
    assert Counter(order.state for order in found) == {OrderState.SUCCEEDED: count}
    for order in found:
        told = Counter(event.type for event in orders.events(order.id))
        assert told["order.succeeded"] == told["order.started"] == 1
        assert told["asset.published"] == len(orders.publications(order.id)) == 2
    outbox = Outbox(settings.online)
    deliveries, _ = outbox.deliveries(endpoint, limit=2 * count)
    outbox.close()
    assert Counter(delivery.order_id for delivery in deliveries) == {order.id: 1 for order in found}
    assert len(list(Path(settings.api.publish).rglob("*.jpg"))) == count
    renders = (settings.home / "renders").read_text().splitlines()
    assert set(renders) == {order.sku for order in found}
