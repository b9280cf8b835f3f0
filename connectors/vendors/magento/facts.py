"""What products refer to by number: labels of options, names of categories, the parents of variants."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from connectors.vendors.magento.client import PAGE, Magento

KEEP_S = 600.0
"""How long they are taken as unchanged; a new number is looked up at once, though not more often than each `AGAIN_S`."""
AGAIN_S = 30.0


class Facts:
    """Tables of one shop, read when first needed. Thread-safe."""

    def __init__(self, client: Magento, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._lock = threading.Lock()
        self._tables: dict[str, tuple[float, Mapping[str, str]]] = {}

    def label(self, attribute: str, value: str) -> str:
        """Text of a select attribute's option (several: `1,2`); the value itself where it is no option."""
        if not self._look("labels", f"{attribute}\n", self._labels, again=False):
            return value
        labels = [self._look("labels", f"{attribute}\n{part}", self._labels) for part in value.split(",")]
        return ", ".join(labels) if all(labels) else value

    def category(self, ids: list[str]) -> str:
        """Name of the deepest of these categories, the smallest number of several."""
        found = [self._look("categories", number, self._categories) for number in ids]
        levels = [(-int(level), int(number), name) for number, text in zip(ids, found, strict=True) if text
                  for level, _, name in [text.partition(" ")]]  # fmt: skip
        return min(levels)[2] if levels else ""

    def parent(self, number: str) -> str:
        """SKU of the configurable product that a simple one is a variant of, or ""."""
        return self._look("parents", number, self._parents)

    def _look(self, table: str, key: str, load: Callable[[], Mapping[str, str]], *, again: bool = True) -> str:
        with self._lock:
            at, found = self._tables.get(table, (-KEEP_S, {}))
            age = self._clock() - at
            if table not in self._tables or age >= KEEP_S or (again and key not in found and age >= AGAIN_S):
                found = load()
                self._tables[table] = self._clock(), found
            return found.get(key, "")

    def _labels(self) -> dict[str, str]:
        found: dict[str, str] = {}
        fields = "attribute_id,attribute_code,options[label,value]"
        inputs = [[("frontend_input", "in", "select,multiselect")]]
        for page in range(1, 100):
            items = self._client.search("products/attributes", inputs, sort=("attribute_id",), page=page, fields=fields)
            for item in items:
                options = [option for option in item.get("options") or [] if option.get("value") not in ("", None)]
                found |= {f"{item['attribute_code']}\n": "has options"}
                found |= {f"{item['attribute_code']}\n{option['value']}": str(option["label"]) for option in options}
            if len(items) < PAGE:
                break
        return found

    def _categories(self) -> dict[str, str]:
        rows = self._client.all("categories/list", [], key="id", column="entity_id", fields="id,name,level")
        return {str(row["id"]): f"{row.get('level') or 0} {row.get('name') or ''}" for row in rows}

    def _parents(self) -> dict[str, str]:
        fields = "id,sku,extension_attributes[configurable_product_links]"
        rows = self._client.all("products", [[("type_id", "eq", "configurable")]], key="id", column="entity_id", fields=fields)
        return {str(child): str(row["sku"]) for row in rows for child in _links(row)}


def _links(row: Mapping[str, Any]) -> list[Any]:
    more = row.get("extension_attributes")
    return list(more.get("configurable_product_links") or []) if isinstance(more, dict) else []
