"""What an order's last event says, whoever ends it: the workflow or the ingress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.online.orders import NewOrder, Order, OrderState


def ended(
    order: Order | NewOrder, state: OrderState, result: Mapping[str, Any], error: Mapping[str, Any] | None = None
) -> tuple[str, dict[str, Any]]:
    """Type and data of the event; `result` is the JSON of an OrderResult or {}."""
    data = {
        "order": order.id,
        "state": str(state),
        "sku": order.sku,
        "template": order.template,
        "trace": order.trace,
        "metadata": order.spec.get("metadata", {}),
        "assets": [_brief(shot) for shot in result.get("shots", ())],
    }
    return f"order.{state}", data | ({"error": dict(error)} if error else {})


def absolute(data: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """An event's data with its assets' links under `base_url`; as they are, paths, where that is empty."""
    if not base_url or "assets" not in data:
        return dict(data)
    linked = [{**asset, "url": base_url.rstrip("/") + asset["url"] if asset.get("url") else ""} for asset in data["assets"]]
    return {**data, "assets": linked}


def _brief(shot: Mapping[str, Any]) -> dict[str, Any]:
    """An image in a few words."""
    outcome = shot["outcome"]
    asset = outcome.get("asset") or {}
    released = outcome["status"] == "released"
    return {
        "destination": shot["destination"],
        "slot": shot["slot"],
        "status": outcome["status"],
        "reason": outcome.get("reason") or outcome.get("code") or "",
        "hash": asset.get("digest", "") if released else "",
        "url": f"/v1/assets/{asset['digest']}" if released else "",
    }
