"""Many products saved by one asynchronous call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from connectors.vendors.magento.client import Magento
from connectors.vendors.magento.media import Entry
from studio.errors import VendorError, VendorRefused, VendorUnavailable

MAX_MANY = 500
"""Products of one call; Adobe allows 5,000 entities where input limits are on, and bodies have limits of their own."""
PAUSES_S = (1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0, 60.0, 60.0)
_COMPLETE, _RETRIABLE, _OPEN = 1, 2, 4
"""Operation states (Adobe Commerce REST, "Check the status of bulk operations"); 3 and 5 are final refusals."""


def save_many(client: Magento, galleries: Mapping[str, Sequence[Entry]]) -> dict[str, VendorError]:
    """What went wrong, by SKU. Raises VendorUnavailable when the queue does not get there in about four minutes."""
    wrong: dict[str, VendorError] = {}
    todo = iter(galleries.items())
    while part := dict(islice(todo, MAX_MANY)):
        body = [{"product": {"sku": sku, "media_gallery_entries": list(entries)}} for sku, entries in part.items()]
        taken = client.api.json("PUT", client.path("products/bySku", bulk=True), json=body)
        skus = list(part)
        for number, error in _waited(client, str(taken["bulk_uuid"]), client.sleep).items():
            wrong[skus[number] if number < len(skus) else str(number)] = error
    return wrong


def _waited(client: Magento, uuid: str, sleep: Callable[[float], None]) -> dict[int, VendorError]:
    for pause in PAUSES_S:
        operations = client.json("GET", f"bulk/{uuid}/detailed-status")["operations_list"]
        if all(operation["status"] != _OPEN for operation in operations):
            return {int(operation["id"]): _problem(operation) for operation in operations if operation["status"] != _COMPLETE}
        sleep(pause)
    raise VendorUnavailable(f"{client.name}: bulk call {uuid} is still waiting; does the consumer async.operations.all run?")


def _problem(operation: Mapping[str, Any]) -> VendorError:
    said = str(operation.get("result_message") or "refused")
    return VendorUnavailable(said) if operation["status"] == _RETRIABLE else VendorRefused(said)
