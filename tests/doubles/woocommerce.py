"""WooCommerce's REST interface and WordPress' media as far as we use them, written from their documentation and source."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from tests.doubles.serving import Call, Double, Reply, said

_LIST = {"per_page", "page", "offset", "orderby", "order", "modified_after", "modified_before", "dates_are_gmt", "status"}
_KINDS = {"image/jpeg": (".jpg", ".jpeg"), "image/png": (".png",), "image/webp": (".webp",)}


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str = "") -> None:
        self.reply = said(status, {"code": code, "message": message or code, "data": {"status": status}})


class WooDouble(Double):
    def __init__(self) -> None:
        super().__init__()
        self.key, self.author, self.secret = ("ck_1", "cs_1"), ("editor", "abcd efgh"), "hook secret"
        self.products: dict[int, dict[str, Any]] = {}
        self.variations: dict[int, dict[int, dict[str, Any]]] = {}
        self.media: dict[int, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.assets: dict[str, bytes] = {}
        """Pictures at the address that the shop fetches from."""
        self.unit, self.next_id, self.settings_denied = "cm", 1000, False
        self.now = datetime(2026, 11, 20, 10, tzinfo=UTC)
        self.visible: list[tuple[str, ...]] = []

    def product(self, number: int, at: datetime | None = None, **more: Any) -> dict[str, Any]:
        item = {"id": number, "name": f"Product {number}", "slug": f"product-{number}", "type": "simple", "status": "publish", "sku": "",
                "description": "", "categories": [], "tags": [], "brands": [], "attributes": [], "images": [], "variations": [],
                "dimensions": {"length": "", "width": "", "height": ""}, **more}  # fmt: skip
        item["date_modified_gmt"] = f"{at or self.now:%Y-%m-%dT%H:%M:%S}"
        self.products[number] = item
        return item

    def variation(self, product: int, number: int, **more: Any) -> dict[str, Any]:
        parent = self.products[product]
        item = {"id": number, "sku": "", "description": "", "attributes": [], "image": None, "dimensions": {},
                "date_modified_gmt": parent["date_modified_gmt"], **more}  # fmt: skip
        self.variations.setdefault(product, {})[number] = item
        parent["type"] = "variable"
        return item

    def human(self, product: int, name: str, data: bytes, alt: str = "") -> int:
        number = self._kept(name, data)
        self.media[number]["alt"] = alt
        self.products[product]["images"].append(number)
        return number

    def seen(self, product: int) -> tuple[str, ...]:
        return tuple(self.media[number]["source_url"] for number in self.products[product]["images"])

    def bytes_of(self, product: int) -> list[bytes]:
        return [self.files[urlsplit(url).path] for url in self.seen(product)]

    def message(self, topic: str, body: Any, secret: str | None = None) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery."""
        raw = json.dumps(body).encode()
        mac = hmac.digest((secret or self.secret).encode(), raw, hashlib.sha256)
        delivery = hashlib.md5(f"1{self.now.timestamp()}".encode()).hexdigest()
        return {
            "x-wc-webhook-topic": topic,
            "x-wc-webhook-signature": base64.b64encode(mac).decode(),
            "x-wc-webhook-delivery-id": delivery,
        }, raw

    def answer(self, call: Call) -> Reply:
        try:
            if call.path in self.files:
                return Reply(200, self.files[call.path])
            if call.path in self.assets:
                return Reply(200, self.assets[call.path])
            parts = call.parts
            if parts[:3] == ["wp-json", "wc", "v3"]:
                self._login(call, self.key)
                return self._shop(call, parts[3:])
            if parts == ["wp-json", "wp", "v2", "media"]:
                self._login(call, self.author)
                return self._library(call)
            if parts[:4] == ["wp-json", "wp", "v2", "media"] and len(parts) == 5 and call.method == "POST":
                self._login(call, self.author)
                self.media[int(parts[4])]["alt"] = call.json()["alt_text"]
                return said(200, {"id": int(parts[4])})
            raise Refusal(404, "rest_no_route")
        except Refusal as refusal:
            return refusal.reply

    def _login(self, call: Call, who: tuple[str, str]) -> None:
        if call.headers.get("authorization") != f"Basic {base64.b64encode(':'.join(who).encode()).decode()}":
            raise Refusal(401, "woocommerce_rest_cannot_view")

    def _shop(self, call: Call, rest: list[str]) -> Reply:
        if rest == ["settings", "products", "woocommerce_dimension_unit"]:
            if self.settings_denied:
                raise Refusal(403, "woocommerce_rest_cannot_view")
            return said(200, {"id": rest[-1], "value": self.unit})
        if rest[:1] != ["products"]:
            raise Refusal(404, "rest_no_route")
        if len(rest) == 1:
            return said(200, [self._shown(p) for p in self._listed(call.query, list(self.products.values()))])
        product = self.products.get(int(rest[1])) if rest[1].isdigit() else None
        if product is None:
            raise Refusal(404, "woocommerce_rest_product_invalid_id")
        if len(rest) == 2:
            if call.method == "PUT":
                self._change(product, call.json())
                self.visible.append(self.seen(product["id"]))
            return said(200, self._shown(product))
        variations = self.variations.get(product["id"], {})
        if len(rest) == 3:
            return said(200, [self._shown_variation(product, v) for v in self._listed(call.query, list(variations.values()))])
        variation = variations.get(int(rest[3]))
        if variation is None:
            raise Refusal(404, "woocommerce_rest_product_variation_invalid_id")
        if call.method == "PUT":
            changes = call.json()
            if set(changes) != {"image"}:
                raise Refusal(400, "rest_invalid_param")
            variation["image"] = self._image(changes["image"])
        return said(200, self._shown_variation(product, variation))

    def _listed(self, query: dict[str, str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if set(query) - _LIST or not 1 <= int(query.get("per_page", 10)) <= 100:
            raise Refusal(400, "rest_invalid_param", f"{sorted(set(query) - _LIST)}")
        if query.get("orderby", "date") not in ("date", "modified", "id") or (
            "modified_after" in query and query.get("dates_are_gmt") != "true"
        ):
            raise Refusal(400, "rest_invalid_param")
        rows = [row for row in rows if row.get("status") != "trash"]
        rows = [row for row in rows if row["date_modified_gmt"] > query.get("modified_after", "")]
        rows = [row for row in rows if row["date_modified_gmt"] < query.get("modified_before", "9")]
        column = {"modified": "date_modified_gmt"}.get(query.get("orderby", ""), "id")
        # Rows of one second come in no certain order.
        rows.sort(key=lambda row: (row[column], hashlib.md5(f"{row['id']}{len(self.calls)}".encode()).digest()))
        start = int(query.get("offset", (int(query.get("page", 1)) - 1) * int(query.get("per_page", 10))))
        return rows[start : start + int(query.get("per_page", 10))]

    def _shown(self, product: dict[str, Any]) -> dict[str, Any]:
        return product | {
            "images": [self._as_image(number) for number in product["images"]],
            "variations": list(self.variations.get(product["id"], ())),
        }

    def _shown_variation(self, product: dict[str, Any], variation: dict[str, Any]) -> dict[str, Any]:
        number = variation["image"] or next(iter(product["images"]), None)
        return variation | {"image": self._as_image(number) if number else None}

    def _as_image(self, number: int) -> dict[str, Any]:
        kept = self.media[number]
        return {
            "id": number,
            "src": kept["source_url"],
            "name": kept["title"],
            "alt": kept["alt"],
            "date_created_gmt": "2026-11-20T10:00:00",
        }

    def _change(self, product: dict[str, Any], changes: dict[str, Any]) -> None:
        if set(changes) != {"images"}:
            raise Refusal(400, "rest_invalid_param")
        product["images"] = [self._image(image) for image in changes["images"]]
        self.now += timedelta(seconds=1)
        product["date_modified_gmt"] = f"{self.now:%Y-%m-%dT%H:%M:%S}"

    def _image(self, image: dict[str, Any]) -> int | None:
        if set(image) - {"id", "src", "alt", "name"}:
            raise Refusal(400, "rest_invalid_param")
        number = image.get("id", 0)
        if number == 0:
            if not image.get("src"):
                return None
            number = self._fetched(image["src"])
        elif number not in self.media:
            raise Refusal(400, "woocommerce_product_invalid_image_id", f"#{number} is an invalid image ID.")
        if image.get("alt"):
            self.media[number]["alt"] = " ".join(re.sub(r"<[^>]*>|%[0-9a-fA-F]{2}", "", image["alt"]).split())
        return int(number)

    def _fetched(self, src: str) -> int:
        url = urlsplit(src)
        data = self.assets.get(url.path)
        if data is None:
            raise Refusal(400, "woocommerce_rest_invalid_image_url", "Invalid image URL")
        return self._kept(url.path.rpartition("/")[2], data)

    def _library(self, call: Call) -> Reply:
        if call.method == "GET":
            word = call.query["search"].lower()
            found = [kept for kept in self.media.values() if word in kept["title"].lower()]
            return said(200, [{"id": kept["id"], "source_url": kept["source_url"]} for kept in found])
        name = re.fullmatch(r'attachment; filename="([^"]+)"', call.headers.get("content-disposition", ""))
        if not name or not call.body:
            raise Refusal(400, "rest_upload_no_content_disposition")
        number = self._kept(name[1], call.body, call.headers.get("content-type"))
        return said(201, {"id": number, "source_url": self.media[number]["source_url"]})

    def _kept(self, name: str, data: bytes, kind: str | None = None) -> int:
        try:
            picture = Image.open(io.BytesIO(data))
        except OSError:
            raise Refusal(500, "rest_upload_unknown_error", "not an image") from None
        real = picture.get_format_mimetype() or ""
        if not name.lower().endswith(_KINDS.get(real, ("?",))) or kind not in (None, real):
            raise Refusal(500, "rest_upload_unknown_error", "Sorry, you are not allowed to upload this file type.")
        stem, _, extension = re.sub(r"[^A-Za-z0-9._-]+", "-", name).rpartition(".")
        scaled = "-scaled" if max(picture.size) > 2560 else ""
        path, n = f"/wp-content/uploads/2026/11/{stem}{scaled}.{extension}", 0
        while path in self.files:
            n += 1
            path = f"/wp-content/uploads/2026/11/{stem}{scaled}-{n}.{extension}"
        self.files[path] = data if not scaled else data + b"re-encoded"
        self.next_id += 1
        self.media[self.next_id] = {"id": self.next_id, "title": stem, "alt": "", "source_url": f"{self.url}{path}"}
        return self.next_id
