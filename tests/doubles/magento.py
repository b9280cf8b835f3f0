"""Magento's REST interface as far as we use it, written from its documentation and the behaviour of its media processor."""

from __future__ import annotations

import base64
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image

from tests.doubles.serving import Call, Double, Reply, said

ROLES = ("image", "small_image", "thumbnail", "swatch_image")
_FILTER = re.compile(r"searchCriteria\[filterGroups\]\[(\d+)\]\[filters\]\[(\d+)\]\[(field|value|conditionType)\]")
_SORT = re.compile(r"searchCriteria\[sortOrders\]\[(\d+)\]\[(field|direction)\]")
_ENTRY = {"id", "media_type", "label", "position", "disabled", "types", "file", "content", "extension_attributes"}
_COLUMNS = {
    "products": {"updated_at", "entity_id", "type_id", "sku"},
    "products/attributes": {"frontend_input", "attribute_id", "attribute_code"},
    "categories/list": {"entity_id", "name"},
}


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        self.reply = said(status, {"message": message})


class MagentoDouble(Double):
    def __init__(self, token: str = "integration-token") -> None:
        super().__init__()
        self.token, self.products, self.files = token, {}, {}  # type: ignore[var-annotated]
        self.attributes: list[dict[str, Any]] = []
        self.categories: list[dict[str, Any]] = []
        self.bulks: dict[str, dict[str, Any]] = {}
        self.polls_until_done, self.next_id = 1, 100
        self.now = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)
        self.visible: list[tuple[str, ...]] = []
        """What shoppers saw after each write."""

    def product(self, sku: str, number: int, at: datetime | None = None, **more: Any) -> dict[str, Any]:
        item = {"id": number, "sku": sku, "name": f"Product {number}", "type_id": "simple", "visibility": 4, "status": 1,
                "updated_at": f"{at or self.now:%Y-%m-%d %H:%M:%S}", "custom_attributes": [], "extension_attributes": {},
                "media_gallery_entries": [], **more}  # fmt: skip
        self.products[sku] = item
        return item

    def human(self, sku: str, name: str, data: bytes, **more: Any) -> str:
        """A picture that a person uploads in the admin."""
        entry = self._stored(
            self.products[sku],
            {"media_type": "image", "label": "", "position": 1, "disabled": False, "types": []} | more,
            name,
            data,
        )
        return str(entry["id"])

    def seen(self, sku: str) -> tuple[str, ...]:
        """Files that shoppers see, in order."""
        entries = sorted(self.products[sku]["media_gallery_entries"], key=lambda e: (e["position"], e["id"]))
        return tuple(entry["file"] for entry in entries if not entry["disabled"])

    def answer(self, call: Call) -> Reply:
        try:
            if call.path.startswith("/media/catalog/product/"):
                data = self.files.get(call.path.removeprefix("/media/catalog/product"))
                return Reply(200, data, {"content-type": "image/jpeg"}) if data is not None else Reply(404)
            if call.headers.get("authorization") != f"Bearer {self.token}":
                raise Refusal(401, "The consumer isn't authorized to access %resources.")
            reply = self._routed(call)
        except Refusal as refusal:
            return refusal.reply
        if call.method != "GET":
            self.visible += [self.seen(sku) for sku in self.products if sku in call.parts]
        return reply

    def _routed(self, call: Call) -> Reply:
        parts = call.parts
        if parts[:5] == ["rest", "all", "async", "bulk", "V1"] and call.method == "PUT" and parts[5:] == ["products", "bySku"]:
            return self._bulk(call.json())
        if parts[:3] != ["rest", "all", "V1"]:
            raise Refusal(404, "Request does not match any route.")
        rest = parts[3:]
        if call.method == "GET" and "/".join(rest) in _COLUMNS:
            return said(200, self._searched("/".join(rest), call.query))
        if rest[:1] == ["bulk"] and rest[2:] == ["detailed-status"]:
            return said(200, self._status(rest[1]))
        if rest[:1] != ["products"] or len(rest) not in (2, 3, 4) or (len(rest) > 2 and rest[2] != "media"):
            raise Refusal(404, "Request does not match any route.")
        return self._product(call, rest)

    def _product(self, call: Call, rest: list[str]) -> Reply:
        item = self.products.get(rest[1])
        if item is None:
            raise Refusal(404, "The product that was requested doesn't exist. Verify the product and try again.")
        match call.method, len(rest):
            case "GET", 2:
                return said(200, item)
            case "PUT", 2:
                body = call.json()["product"]
                if body.get("sku") != rest[1]:
                    raise Refusal(400, "the SKU differs")
                self._save(item, body)
                return said(200, item)
            case "GET", 3:
                return said(200, item["media_gallery_entries"])
            case "POST", 3:
                return said(200, str(self._added(item, call.json()["entry"])["id"]))
            case "DELETE", 4:
                left = [entry for entry in item["media_gallery_entries"] if str(entry["id"]) != rest[3]]
                if len(left) == len(item["media_gallery_entries"]):
                    raise Refusal(404, "There is no image with provided ID.")
                self._save(item, {"media_gallery_entries": left})
                return said(200, True)
        raise Refusal(404, "Request does not match any route.")

    def _added(self, item: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
        if set(entry) - _ENTRY or "content" not in entry or "id" in entry:
            raise Refusal(400, "The image content is not valid.")
        content = entry["content"]
        data = base64.b64decode(content["base64_encoded_data"], validate=True)
        try:
            kind = Image.open(io.BytesIO(data)).get_format_mimetype()
        except OSError:
            raise Refusal(400, "The image content must be valid base64 encoded data.") from None
        if kind != content["type"] or kind not in ("image/jpeg", "image/png", "image/gif"):
            raise Refusal(400, "The image MIME type is not valid or not supported.")
        if re.search(r'[\\/?*:";<>()|{}]', content["name"]) or len(content["name"]) > 90:
            raise Refusal(400, "Provided image name contains forbidden characters.")
        entry = {name: value for name, value in entry.items() if name != "content"}
        return self._stored(item, entry, content["name"], data)

    def _stored(self, item: dict[str, Any], entry: dict[str, Any], name: str, data: bytes) -> dict[str, Any]:
        name = re.sub(r"[^a-z0-9_.-]+", "_", name, flags=re.IGNORECASE)
        stem, _, extension = name.rpartition(".")
        path, n = f"/{name[0]}/{name[1]}/{name}".lower(), 0
        while path in self.files:
            n += 1
            path = f"/{name[0]}/{name[1]}/{stem}_{n}.{extension}".lower()
        self.files[path] = data
        self.next_id += 1
        stored = entry | {"id": self.next_id, "file": path}
        self._save(item, {"media_gallery_entries": [*item["media_gallery_entries"], stored]}, new=stored)
        return stored

    def _save(self, item: dict[str, Any], body: dict[str, Any], new: dict[str, Any] | None = None) -> None:
        """Entries that are not named go; every use is taken from all and given to the last that claims it."""
        there = {entry["id"]: entry for entry in item["media_gallery_entries"]} | ({new["id"]: new} if new else {})
        if "media_gallery_entries" in body:
            for entry in body["media_gallery_entries"]:
                if set(entry) - _ENTRY:
                    raise Refusal(400, f"Property {set(entry) - _ENTRY} does not have accessor method")
                if entry.get("id") not in there:
                    raise Refusal(400, "The image content is not valid.")
                if not isinstance(entry["disabled"], bool) or not isinstance(entry["position"], int):
                    raise Refusal(400, "Error occurred during processing")
            merged = [there[entry["id"]] | entry for entry in body["media_gallery_entries"]]
            holder = {role: entry["id"] for entry in merged for role in entry["types"] if role in ROLES}
            item["media_gallery_entries"] = [
                entry | {"types": [role for role in ROLES if holder.get(role) == entry["id"]]} for entry in merged
            ]
        self.now += timedelta(seconds=1)
        item["updated_at"] = f"{self.now:%Y-%m-%d %H:%M:%S}"

    def _bulk(self, bodies: list[dict[str, Any]]) -> Reply:
        uuid = f"bulk-{len(self.bulks) + 1}"
        operations = []
        for n, body in enumerate(bodies):
            operation = {"id": n, "status": 1, "result_message": "Service execution success", "error_code": None}
            sku = body["product"]["sku"]
            try:
                if sku not in self.products:
                    raise Refusal(404, "The product that was requested doesn't exist.")
                self._save(self.products[sku], body["product"])
            except Refusal as refusal:
                operation |= {"status": 3, "result_message": refusal.reply.body.decode()}
            operations.append(operation)
        self.bulks[uuid] = {"left": self.polls_until_done, "operations": operations}
        items = [{"id": n, "data_hash": "0", "status": "accepted"} for n in range(len(bodies))]
        return said(202, {"bulk_uuid": uuid, "request_items": items, "errors": False})

    def _status(self, uuid: str) -> dict[str, Any]:
        bulk = self.bulks[uuid]
        bulk["left"] -= 1
        open_now = bulk["left"] >= 0
        return {"operations_list": [op | ({"status": 4} if open_now else {}) for op in bulk["operations"]]}

    def _searched(self, rest: str, query: dict[str, str]) -> dict[str, Any]:
        groups: dict[int, dict[int, dict[str, str]]] = {}
        sorts: dict[int, dict[str, str]] = {}
        size, page, fields = 0, 1, ""
        for name, value in query.items():
            if found := _FILTER.fullmatch(name):
                groups.setdefault(int(found[1]), {}).setdefault(int(found[2]), {})[found[3]] = value
            elif found := _SORT.fullmatch(name):
                sorts.setdefault(int(found[1]), {})[found[2]] = value
            elif name == "searchCriteria[pageSize]":
                size = int(value)
            elif name == "searchCriteria[currentPage]":
                page = int(value)
            elif name == "fields":
                fields = value
            else:
                raise Refusal(400, f"unknown parameter {name}")
        if not 1 <= size <= 300:
            raise Refusal(400, "Maximum SearchCriteria pageSize is 300")
        named = {f["field"] for g in groups.values() for f in g.values()} | {s["field"] for s in sorts.values()}
        if named - _COLUMNS[rest]:
            raise Refusal(400, f"Invalid attribute name: {named - _COLUMNS[rest]}")
        rows = {
            "products": list(self.products.values()),
            "products/attributes": self.attributes,
            "categories/list": self.categories,
        }[rest]
        rows = [row for row in rows if all(any(_holds(row, f) for f in group.values()) for group in groups.values())]
        for sort in [sorts[n] for n in sorted(sorts, reverse=True)]:
            rows.sort(key=lambda row: _column(row, sort["field"]), reverse=sort["direction"] == "DESC")
        total, last = len(rows), max(1, -(-len(rows) // size))
        at = (min(page, last) - 1) * size
        found_rows = rows[at : at + size]
        if fields:
            keep = set(re.findall(r"\w+", fields.removeprefix("items")))
            found_rows = [{name: value for name, value in row.items() if name in keep} for row in found_rows]
        return {"items": found_rows, "total_count": total}


def _column(row: dict[str, Any], name: str) -> Any:
    return row.get({"entity_id": "id"}.get(name, name))


def _holds(row: dict[str, Any], rule: dict[str, str]) -> bool:
    value = _column(row, rule["field"])
    given: Any = int(rule["value"]) if isinstance(value, int) and rule["conditionType"] != "in" else rule["value"]
    match rule["conditionType"]:
        case "eq":
            return bool(value == given)
        case "gt":
            return bool(value > given)
        case "gteq":
            return bool(value >= given)
        case "in":
            return str(value) in given.split(",")
    raise Refusal(400, "unknown condition")
