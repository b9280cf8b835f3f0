"""Calls of the Admin API: paced by what Shopify says they cost, with its errors as ours.

Limits: https://shopify.dev/docs/api/usage/limits, read 2026-09: 1,000 points a query, 100 points/s on the smallest plan, more on
others; every answer tells the shop's own bucket. Arrays hold at most 250 items.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.vendors.api import Api
from connectors.vendors.connection import Connection
from connectors.vendors.pace import Pace
from studio.errors import ProductGone, VendorDenied, VendorError, VendorRefused, VendorUnavailable

VERSION = "2026-10"
PER_S, BUCKET = 100.0, 1000.0
"""Points of the smallest plan, until Shopify has told us the shop's."""
FIRST_COST = 20.0
"""Points that an operation is taken to cost before its first answer."""
MARGIN_S = 0.25
"""Added to the wait for a bucket that others fill up, too."""
TRIES = 8
_NAME = re.compile(r"\b(?:query|mutation)\s+(\w+)")
_DENIED = frozenset({"ACCESS_DENIED", "SHOP_INACTIVE"})
_LATER = frozenset({"THROTTLED", "INTERNAL_SERVER_ERROR", "TIMEOUT"})
_GONE = frozenset({"REFERENCE_TARGET_DOES_NOT_EXIST", "PRODUCT_DOES_NOT_EXIST"})
_BUSY = frozenset({"NON_READY_STATE", "NON_READY_MEDIA", "FILE_LOCKED", "STALE_OBJECT"})


class Declined(VendorRefused):
    """A mutation was refused; `codes` are Shopify's."""

    def __init__(self, message: str, codes: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.codes = codes


class Admin:
    """One shop's Admin API. The connection's address is `https://<shop>.myshopify.com`, its secret `token`. Thread-safe."""

    def __init__(self, connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> None:
        connection.secret("token")
        self.name, self.sleep = connection.name, sleep
        self._pace = Pace(PER_S, BUCKET, sleep=sleep)
        self._api = Api(connection, lambda: {"x-shopify-access-token": connection.secret("token")}, self._pace, sleep=sleep)
        self._costs: dict[str, float] = {}

    def ask(self, query: str, variables: Mapping[str, Any] | None = None, *, repeatable: bool | None = None) -> dict[str, Any]:
        """The `data` of an answer. Queries are tried again when an answer is lost, mutations where `repeatable`.

        Raises VendorUnavailable, VendorDenied, VendorRefused.
        """
        named = _NAME.search(query)
        name = named[1] if named else ""
        again = query.startswith("query") if repeatable is None else repeatable
        for _ in range(TRIES):
            answer = self._api.json(
                "POST",
                f"admin/api/{VERSION}/graphql.json",
                json={"query": query, "variables": dict(variables or {})},
                repeatable=again,
                cost=self._costs.get(name, FIRST_COST),
            )
            if not isinstance(answer, dict):
                raise VendorError(f"{self.name}: {name} was not answered with an object")
            wait = self._learn(name, answer)
            errors = answer.get("errors")
            if not errors:
                return _object(answer.get("data"))
            codes = _codes(errors)
            if codes != {"THROTTLED"}:
                raise self._failure(name, errors, codes, again=again)
            self._pace.pause(wait)
        raise VendorUnavailable(f"{self.name}: {name} was throttled {TRIES} times")

    def do(self, query: str, variables: Mapping[str, Any], *, repeatable: bool = True) -> dict[str, Any]:
        """The payload of a mutation. Raises Declined for what it was refused for, ProductGone, VendorUnavailable (not ready,
        locked) and what `ask` raises."""
        data = self.ask(query, variables, repeatable=repeatable)
        payload = _object(next(iter(data.values()), None))
        errors = [*(payload.get("userErrors") or []), *(payload.get("mediaUserErrors") or [])]
        if not errors:
            return payload
        codes = frozenset(str(error.get("code") or "") for error in errors)
        said = f"{self.name}: {'; '.join(str(error.get('message'))[:200] for error in errors[:3])}"
        if codes & _GONE:
            raise ProductGone(said)
        if codes <= _BUSY:
            raise VendorUnavailable(said)
        raise Declined(said, codes)

    def send_file(self, url: str, parameters: Sequence[Mapping[str, str]], name: str, media_type: str, data: bytes) -> None:
        """Bytes to an address that Shopify handed out; its parameters are form fields, the file the last of them."""
        fields = {str(parameter["name"]): str(parameter["value"]) for parameter in parameters}
        self._api.call(
            "POST", url, data=fields, files={"file": (name, data, media_type)}, authorised=False, repeatable=True, cost=0.0
        )

    def part(self, url: str, start: int, size: int) -> bytes:
        """So many bytes of a file from `start` on, fewer at its end."""
        wanted = {"range": f"bytes={start}-{start + size - 1}"}
        answer = self._api.call("GET", url, headers=wanted, authorised=False, cost=0.0)
        return answer.content if answer.status_code == 206 else answer.content[start : start + size]

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _learn(self, name: str, answer: Mapping[str, Any]) -> float:
        """Take over what Shopify says about cost and bucket; seconds until this query would have fitted."""
        cost = _object(_object(answer.get("extensions")).get("cost"))
        bucket = _object(cost.get("throttleStatus"))
        if not bucket:
            return 1.0
        left, restore = float(bucket["currentlyAvailable"]), float(bucket["restoreRate"]) or PER_S
        self._pace.told(left, burst=float(bucket["maximumAvailable"]), per_s=restore)
        if cost.get("actualQueryCost") is not None:
            self._costs[name] = float(cost["actualQueryCost"])
        return max(0.0, (float(cost.get("requestedQueryCost") or 0) - left) / restore) + MARGIN_S

    def _failure(self, name: str, errors: Any, codes: set[str], *, again: bool) -> VendorError:
        messages = (
            [str(error.get("message", ""))[:200] for error in errors[:3]] if isinstance(errors, list) else [str(errors)[:200]]
        )
        said = f"{self.name}: {name}: {'; '.join(messages)}"
        if codes & _DENIED:
            return VendorDenied(said)
        return VendorUnavailable(said) if codes & _LATER else VendorRefused(said)


def _codes(errors: Any) -> set[str]:
    if not isinstance(errors, list):
        return set()
    return {str(_object(_object(error).get("extensions")).get("code", "")) for error in errors}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
