"""A BigCommerce store over its OpenAPI files: products, images, brands, categories, the quota and its headers."""

from __future__ import annotations

import re
from typing import Any

from tests.doubles.rest import Contract, Double, Reply, Request

BASE = "/stores/abc123/v3/catalog"
TOKEN = "store-token-with-much-entropy"
MAX_BYTES = 8 << 20


class Store(Double):
    """`single`: pictures in a change of the product are passed over, as a store might. `hides`: reads that miss the newest picture."""

    def __init__(self, contract: Contract | None) -> None:
        super().__init__(contract)
        self.products: dict[int, dict[str, Any]] = {}
        self.images: dict[int, list[dict[str, Any]]] = {}
        self.files: dict[int, bytes] = {}
        self.single = False
        self.hides = 0
        self._next = 500
        self.headers = {
            "x-rate-limit-requests-quota": "150", "x-rate-limit-time-window-ms": "30000",
            "x-rate-limit-requests-left": "149", "x-rate-limit-time-reset-ms": "30000",
        }  # fmt: skip

    def product(self, number: int, modified: str = "2026-11-01T10:00:00+00:00", **more: Any) -> dict[str, Any]:
        """Put a product into the store."""
        product = {
            "id": number, "name": f"Mug {number}", "type": "physical", "sku": f"MUG-{number}", "description": "<p>A <b>mug</b></p>",
            "weight": 1.0, "width": 8.5, "height": 0.0, "depth": 9.0, "price": 5.0, "categories": [3, 4], "brand_id": 7, "condition": "New",
            "custom_fields": [{"id": 1, "name": "Main Material", "value": "Stoneware"}], "custom_url": {"url": f"/mug-{number}/", "is_customized": False},
            "variants": [], "date_modified": modified, **more,
        }  # fmt: skip
        self.images.setdefault(number, [])
        self.products[number] = product
        return product

    def picture(
        self, number: int, name: str, data: bytes = b"photo", *, thumbnail: bool | None = None, order: int = 0, text: str = ""
    ) -> int:
        """A picture of a person's, or of a call's."""
        self._next += 1
        stem, _, extension = name.rpartition(".")
        file = f"s/{self._next}/{stem}__{self._next}.{extension}"
        images = self.images[number]
        image = {
            "id": self._next, "product_id": number, "is_thumbnail": not images if thumbnail is None else thumbnail, "sort_order": order,
            "description": text, "image_file": file, "date_modified": "2026-11-01T10:00:00+00:00",
            **{f"url_{size}": f"{self.url}/cdn/{file}.{size}.{extension}?c=1" for size in ("zoom", "standard", "thumbnail", "tiny")},
        }  # fmt: skip
        if image["is_thumbnail"]:
            for other in images:
                other["is_thumbnail"] = False
        images.append(image)
        self.files[self._next] = data
        return self._next

    def answer(self, request: Request) -> Reply:
        if request.headers.get("x-auth-token") != TOKEN:
            return Reply(401, {"status": 401, "title": "Unauthorized"})
        path = request.path.removeprefix(BASE)
        if path == "/brands":
            return _page([{"id": 7, "name": "Ostheim"}], request)
        if path == "/trees/categories":
            wanted = request.query["category_id:in"].split(",")
            named = {"3": "Kitchen", "4": "Mugs"}
            return _page([{"category_id": int(key), "name": named[key]} for key in wanted if key in named], request)
        if path == "/products":
            return self._list(request)
        found = re.fullmatch(r"/products/(\d+)(/images)?(?:/(\d+))?", path)
        assert found
        number = int(found[1])
        if number not in self.products:
            return Reply(404, {"status": 404, "title": "Not found", "type": "", "instance": ""})
        if not found[2]:
            return self._product(request, number)
        return self._image(request, number, int(found[3])) if found[3] else self._images(request, number)

    def _list(self, request: Request) -> Reply:
        query, found = request.query, list(self.products.values())
        low, high = query.get("date_modified:min", ""), query.get("date_modified:max", "9999")
        after = int(query.get("id:greater", "-1"))
        found = [p for p in found if low <= p["date_modified"] <= high and p["id"] > after]
        # Ties come in no particular order.
        found.sort(key=lambda p: (p[query["sort"]], -p["id"]) if query["sort"] != "id" else p["id"])
        return _page([self._whole(product) for product in found], request)

    def _whole(self, product: dict[str, Any]) -> dict[str, Any]:
        return {**product, "images": self.images[product["id"]]}

    def _product(self, request: Request, number: int) -> Reply:
        if request.method == "GET":
            return Reply(200, {"data": self._whole(self.products[number]), "meta": {}})
        for change in request.json.get("images", ()) if not self.single else ():
            image = next((one for one in self.images[number] if one["id"] == change.get("id")), None)
            if image is None:
                return Reply(422, {"status": 422, "title": "no such image", "type": "", "errors": {}})
            self._change(number, image, change)
        return Reply(200, {"data": self._whole(self.products[number]), "meta": {}})

    def _images(self, request: Request, number: int) -> Reply:
        images = self.images[number]
        if request.method == "GET":
            if self.hides:
                self.hides -= 1
                images = images[:-1]
            return _page(images, request) if images else Reply(204)
        parts = request.parts()
        name, data = parts["image_file"]
        if not name or len(data) > MAX_BYTES:
            return Reply(422, {"status": 422, "title": "image_file is too large", "type": "", "errors": {}})
        wants = parts["is_thumbnail"][1] == b"true" or None
        key = self.picture(
            number, name, data, thumbnail=wants, order=int(parts["sort_order"][1]), text=parts["description"][1].decode()
        )
        return Reply(200, {"data": next(one for one in images if one["id"] == key), "meta": {}})

    def _image(self, request: Request, number: int, key: int) -> Reply:
        image = next((one for one in self.images[number] if one["id"] == key), None)
        if request.method == "DELETE":
            # The file documents no 404 here.
            self.images[number] = [one for one in self.images[number] if one["id"] != key]
            return Reply(204)
        if image is None:
            return Reply(404, {"status": 404, "title": "Not found", "type": "", "instance": ""})
        for other in self.images[number]:
            if "sort_order" in request.json and other is not image and other["sort_order"] >= request.json["sort_order"]:
                other["sort_order"] += 1
        self._change(number, image, request.json)
        return Reply(200, {"data": image, "meta": {}})

    def _change(self, number: int, image: dict[str, Any], change: dict[str, Any]) -> None:
        if change.get("is_thumbnail"):
            for other in self.images[number]:
                other["is_thumbnail"] = False
        image.update(change)


def _page(items: list[dict[str, Any]], request: Request) -> Reply:
    page, limit = int(request.query.get("page", "1")), int(request.query.get("limit", "50"))
    part = items[(page - 1) * limit : page * limit]
    pagination = {
        "total": len(items),
        "count": len(part),
        "per_page": limit,
        "current_page": page,
        "total_pages": -(-len(items) // limit),
    }
    return Reply(200, {"data": part, "meta": {"pagination": pagination}})
