"""A shop that executes Shopify's own schema, refuses what Shopify documents that it refuses, and can be slow, lossy and late.

What it cannot prove: that Shopify behaves as documented (order of referenced files, the `destroy` event, names of served files),
its true costs and limits of bytes and pixels, and how far its search index lags.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import re
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from graphql import GraphQLError, execute_sync
from PIL import Image

from tests.doubles.shopify_parts import File, Goods, Variant, flat, number, page, refused, within, wrong_with
from tests.doubles.shopify_schema import MAX_COST, bulk_complaints, cost, deprecated_values, official, parsed

TOKEN, APP_SECRET = "shpat_right", "app-client-secret"
MAX_ALT = 512


class Shop:
    """State and behaviour. `url` is set by whoever serves it; `sleep` is the clock of shop and caller."""

    def __init__(self) -> None:
        self.url = ""
        self.lock = threading.RLock()
        self.products: dict[str, Goods] = {}
        self.files: dict[str, File] = {}
        self.staged: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.bulks: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.sent: list[tuple[dict[str, str], bytes]] = []
        self.calls: Counter[str] = Counter()
        self.faults: list[tuple[str, str]] = []
        self.settle_after, self.job_after, self.bulk_after = 1, 1, 1
        self.bulk_refused, self.bulk_ends = "", "COMPLETED"
        self.hidden: dict[str, int] = {}
        self.denied: set[str] = set()
        self.left, self.burst, self.restore, self.slept = 2000.0, 2000.0, 100.0, 0.0
        self._next, self._now = 1000, datetime(2026, 11, 20, 10, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.slept += seconds
            self.left = min(self.burst, self.left + seconds * self.restore)

    def add_product(self, handle: str, *variants: tuple[str, dict[str, str]], **facts: Any) -> Goods:
        goods = Goods(
            self.name("Product"), handle, {"title": handle.title(), "vendor": "Acme", "productType": "Mugs", **facts}, ""
        )
        goods.variants = [
            Variant(self.name("ProductVariant"), sku, options) for sku, options in variants or [("", {"Title": "Default Title"})]
        ]
        self.products[goods.id] = goods
        self.touch(goods, "products/create")
        return goods

    def upload_by_hand(self, goods: Goods, name: str, data: bytes, *variants: Variant, alt: str = "") -> str:
        file = File(self.name("MediaImage"), name, alt, data, 99, "READY")
        self.files[file.id] = file
        goods.media.append(file.id)
        for variant in variants:
            variant.media = [file.id]
        self.touch(goods)
        return file.id

    def upload_film(self, goods: Goods) -> str:
        film = File(self.name("Video"), "film.mp4", "", b"", 99, "READY", kind="Video")
        self.files[film.id] = film
        goods.media.append(film.id)
        self.touch(goods)
        return film.id

    def delete_product(self, goods: Goods) -> None:
        del self.products[goods.id]
        self.events.append({"subjectId": goods.id, "createdAt": self.tick()})
        self._tell("products/delete", {"id": number(goods.id)})

    def touch(self, goods: Goods, topic: str = "products/update") -> None:
        goods.updated = self.tick()
        variants = [
            {"id": number(v.id), "sku": v.sku, "image_id": number(v.media[0]) if v.media else None} for v in goods.variants
        ]
        body = {"id": number(goods.id), "title": goods.facts["title"], "updated_at": goods.updated, "variants": variants}
        self._tell(topic, body)

    def tick(self) -> str:
        self._now += timedelta(seconds=1)
        return self._now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def name(self, kind: str) -> str:
        self._next += 1
        return f"gid://shopify/{kind}/{self._next}"

    def _tell(self, topic: str, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        signature = base64.b64encode(hmac.digest(APP_SECRET.encode(), raw, hashlib.sha256)).decode()
        headers = {
            "x-shopify-topic": topic, "x-shopify-hmac-sha256": signature, "x-shopify-shop-domain": "acme.myshopify.com",
            "x-shopify-webhook-id": f"wh-{len(self.sent)}", "x-shopify-triggered-at": self._now.isoformat(),
            "x-shopify-api-version": "2026-10",
        }  # fmt: skip
        self.sent.append((headers, raw))

    def graphql(self, query: str, variables: dict[str, Any], *, execute: bool = True) -> dict[str, Any]:
        schema, document = official(), parsed(query)
        wrong = [*wrong_with(query)]
        wrong += [f"{name} is deprecated" for name in deprecated_values(schema, document, variables)]
        if wrong:
            return {"errors": [{"message": message} for message in wrong]}
        requested = cost(schema, document)
        if requested > MAX_COST:
            return {"errors": [{"message": "Query cost is too high", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
        fields = {str(node.name.value) for d in document.definitions for node in d.selection_set.selections}  # type: ignore[union-attr]
        if fields & self.denied:
            return {"data": None, "errors": [{"message": "Access denied", "extensions": {"code": "ACCESS_DENIED"}}]}
        if not execute:
            self.left = 0.0
        if requested > self.left:
            return {
                "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
                "extensions": self._cost(requested, None),
            }
        actual = requested // 3 + 1
        self.left -= actual
        done = execute_sync(schema, document, root_value=self._root(), variable_values=variables)
        answer: dict[str, Any] = {"data": done.data, "extensions": self._cost(requested, actual)}
        if done.errors:
            answer["errors"] = [{"message": error.message} for error in done.errors]
        return answer

    def take_upload(self, key: str, fields: dict[str, str], name: str, data: bytes) -> int:
        target = self.staged.get(key)
        if target is None or fields != target["fields"] or str(len(data)) != target["fileSize"] or name != target["filename"]:
            return 403
        target["data"] = data
        return 201

    def _cost(self, requested: int, actual: int | None) -> dict[str, Any]:
        bucket = {"maximumAvailable": self.burst, "currentlyAvailable": self.left, "restoreRate": self.restore}
        return {"cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": bucket}}

    def _root(self) -> dict[str, Any]:
        return {
            "product": lambda info, id: self._product(self.products.get(id)),  # noqa: A006
            "productVariant": lambda info, id: self._node(id),  # noqa: A006
            "products": lambda info, **args: self._products(**args),
            "nodes": lambda info, ids: [self._node(ident) for ident in within(ids)],
            "files": lambda info, query, **args: page([self._file(file) for file in self._search(query)], args),
            "events": lambda info, query, **args: page(self._destroyed(query), args),
            "job": lambda info, id: self._job(id),  # noqa: A006
            "bulkOperation": lambda info, id: self._bulk(id),  # noqa: A006
            "bulkOperationRunQuery": lambda info, query, groupObjects: self._bulk_start(query, grouped=groupObjects),  # noqa: N803
            "stagedUploadsCreate": lambda info, input: self._stage(within(input)),  # noqa: A006
            "fileCreate": lambda info, files: self._create(within(files)),
            "fileUpdate": lambda info, files: self._update(within(files)),
            "fileDelete": lambda info, fileIds: self._delete(within(fileIds)),  # noqa: N803
            "productReorderMedia": lambda info, id, moves: self._reorder(id, within(moves)),  # noqa: A006
            "productVariantAppendMedia": lambda info, productId, variantMedia: self._attach(productId, variantMedia),  # noqa: N803
            "productVariantDetachMedia": lambda info, productId, variantMedia: self._detach(productId, variantMedia),  # noqa: N803
            "metafieldsSet": lambda info, metafields: self._set(metafields),
        }

    def _product(self, goods: Goods | None) -> dict[str, Any] | None:
        if goods is None:
            return None
        facts = {"descriptionHtml": "", "tags": [], "category": None, **goods.facts}
        return {
            "__typename": "Product", "id": goods.id, "handle": goods.handle, "updatedAt": goods.updated, **facts,
            "media": lambda info, **args: page([self._file(self.files[ident]) for ident in goods.media], args),
            "variants": lambda info, **args: page([self._variant(goods, variant) for variant in goods.variants], args),
            "metafield": lambda info, key, namespace: goods.metafields.get((namespace, key)),
            "metafields": lambda info, **args: page(
                [
                    {"__typename": "Metafield", "id": f"gid://shopify/Metafield/{key}", "namespace": space, "key": key, **value}
                    for (space, key), value in goods.metafields.items()
                    if f"{space}.{key}" in args["keys"]
                ],
                args,
            ),
        }  # fmt: skip

    def _variant(self, goods: Goods, variant: Variant) -> dict[str, Any]:
        return {
            "__typename": "ProductVariant", "id": variant.id, "sku": variant.sku or None,
            "selectedOptions": [{"name": name, "value": value} for name, value in variant.options.items()],
            "media": lambda info, **args: page([self._file(self.files[ident]) for ident in variant.media], args),
            "product": lambda info: self._product(goods),
        }  # fmt: skip

    def _file(self, file: File) -> dict[str, Any]:
        file.reads += 1
        if file.status in {"UPLOADED", "PROCESSING"}:
            file.status = "PROCESSING" if file.reads <= self.settle_after else self._settled(file)
        image = {"url": f"{self.url}/s/files/1/{file.name}?v=1"} if file.status == "READY" else None
        return {
            "__typename": file.kind, "id": file.id, "alt": file.alt, "fileStatus": file.status, "fileErrors": file.errors, "image": image
        }  # fmt: skip

    def _settled(self, file: File) -> str:
        try:
            Image.open(io.BytesIO(file.data)).verify()
        except Exception:  # noqa: BLE001 - Pillow raises many kinds
            code = "IMAGE_PROCESSING_FAILURE" if file.data else "IMAGE_DOWNLOAD_FAILURE"
            file.errors = [{"code": code, "message": "The image could not be processed"}]
            return "FAILED"
        return "READY"

    def _node(self, ident: str) -> dict[str, Any] | None:
        if ident in self.files:
            return self._file(self.files[ident])
        for goods in self.products.values():
            for variant in goods.variants:
                if variant.id == ident:
                    return self._variant(goods, variant)
        return None

    def _products(self, query: str = "", sortKey: str = "", **args: Any) -> dict[str, Any]:  # noqa: N803
        found = list(self.products.values())
        if query:
            since = re.fullmatch(r"updated_at:>='([^']+)'", query)
            if not since or sortKey != "UPDATED_AT":
                raise GraphQLError(f"the double knows no such search: {query}")
            found = [goods for goods in found if goods.updated >= since[1] and not self._lagging(goods.id)]
        return page([self._product(goods) for goods in sorted(found, key=lambda goods: (goods.updated, goods.id))], args)

    def _destroyed(self, query: str) -> list[dict[str, Any]]:
        since = re.fullmatch(r"subject_type:PRODUCT action:destroy created_at:>='([^']+)'", query)
        if not since:
            raise GraphQLError(f"the double knows no such search: {query}")
        return [
            {"__typename": "BasicEvent", "action": "destroy", **event} for event in self.events if event["createdAt"] >= since[1]
        ]

    def _search(self, query: str) -> list[File]:
        wanted = re.fullmatch(r'filename:"([^"]+)"', query)
        if not wanted:
            raise GraphQLError(f"the double knows no such search: {query}")
        return [file for file in self.files.values() if file.name == wanted[1] and not self._lagging(file.id)]

    def _lagging(self, ident: str) -> bool:
        left = self.hidden.get(ident, 0)
        self.hidden[ident] = left - 1
        return left > 0

    def _bulk_start(self, query: str, *, grouped: bool) -> dict[str, Any]:
        wrong = bulk_complaints(official(), query)
        if wrong or self.bulk_refused or not grouped:
            code = self.bulk_refused or "INVALID"
            return {"bulkOperation": None, "userErrors": [{"code": code, "message": "; ".join(wrong) or code}]}
        made = {"id": self.name("BulkOperation"), "createdAt": self.tick(), "query": query, "polls": 0, "data": b""}
        self.bulks[made["id"]] = made
        return {"bulkOperation": self._bulk(made["id"]), "userErrors": []}

    def _bulk(self, ident: str) -> dict[str, Any] | None:
        bulk = self.bulks.get(ident)
        if bulk is None:
            return None
        bulk["polls"] += 1
        state = ("CREATED", "RUNNING")[min(bulk["polls"] - 1, 1)] if bulk["polls"] <= 1 + self.bulk_after else self.bulk_ends
        if state == "COMPLETED" and not bulk["data"]:
            data = execute_sync(official(), parsed(bulk["query"]), root_value=self._root()).data
            assert data is not None
            bulk["data"] = b"".join(
                json.dumps(line).encode() + b"\n" for edge in data["products"]["edges"] for line in flat(edge["node"])
            )
        size = len(bulk["data"])
        url = f"{self.url}/bulk/{number(ident)}" if size and state == "COMPLETED" else None
        return {
            "status": state,
            "errorCode": None,
            "url": url,
            "fileSize": str(size),
            "createdAt": bulk["createdAt"],
            "id": ident,
        }

    def _stage(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        targets = []
        for wanted in inputs:
            key = f"up-{self._next}"
            self._next += 1
            fields = {"key": key, "Content-Type": wanted["mimeType"], "policy": base64.b64encode(key.encode()).decode()}
            self.staged[key] = {**wanted, "fields": fields, "data": None}
            parameters = [{"name": name, "value": value} for name, value in fields.items()]
            targets.append(
                {"url": f"{self.url}/staged/{key}", "resourceUrl": f"{self.url}/staged/{key}/done", "parameters": parameters}
            )
        return {"stagedTargets": targets, "userErrors": []}

    def _create(self, wanted: list[dict[str, Any]]) -> dict[str, Any]:
        made = []
        for item in wanted:
            name = item["filename"]
            taken = any(file.name == name for file in self.files.values())
            if taken and item.get("duplicateResolutionMode") == "RAISE_ERROR":
                return refused("FILENAME_ALREADY_EXISTS", files=None)
            source = self.staged.get(item["originalSource"].removesuffix("/done").rpartition("/")[2])
            if source is None:
                return refused("INVALID_IMAGE_SOURCE_URL", files=None)
            if source["mimeType"].partition("/")[2].replace("jpeg", "jpg") != name.rpartition(".")[2].replace("jpeg", "jpg"):
                return refused("INVALID_FILENAME_EXTENSION", files=None)
            if len(item.get("alt") or "") > MAX_ALT:
                return refused("ALT_VALUE_LIMIT_EXCEEDED", files=None)
            stem, dot, extension = name.rpartition(".")
            served = f"{stem}_{self._next:08x}{dot}{extension}" if taken else name
            made.append(File(self.name("MediaImage"), served, item.get("alt") or "", source["data"] or b""))
        self.files |= {file.id: file for file in made}
        return {"files": [self._file(file) for file in made], "userErrors": []}

    def _update(self, wanted: list[dict[str, Any]]) -> dict[str, Any]:
        for item in wanted:
            file = self.files.get(item["id"])
            if file is None:
                return refused("FILE_DOES_NOT_EXIST", files=None)
            if self._file(file)["fileStatus"] != "READY":
                return refused("NON_READY_STATE", files=None)
            if len(item.get("alt") or "") > MAX_ALT:
                return refused("ALT_VALUE_LIMIT_EXCEEDED", files=None)
            if any(ref not in self.products for ref in [*item.get("referencesToAdd", ()), *item.get("referencesToRemove", ())]):
                return refused("REFERENCE_TARGET_DOES_NOT_EXIST", files=None)
        for item in wanted:
            self._updated(self.files[item["id"]], item)
        return {"files": [self._file(self.files[item["id"]]) for item in wanted], "userErrors": []}

    def _updated(self, file: File, item: dict[str, Any]) -> None:
        file.alt = item.get("alt", file.alt)
        touched = [goods for goods in self.products.values() if file.id in goods.media]
        for ref in item.get("referencesToAdd", ()):
            goods = self.products[ref]
            if file.id not in goods.media:
                goods.media.append(file.id)
                touched.append(goods)
        for ref in item.get("referencesToRemove", ()):
            goods = self.products[ref]
            goods.media = [ident for ident in goods.media if ident != file.id]
            for variant in goods.variants:
                variant.media = [ident for ident in variant.media if ident != file.id]
        for goods in touched:
            self.touch(goods)

    def _delete(self, ids: list[str]) -> dict[str, Any]:
        if any(ident not in self.files for ident in ids):
            return refused("FILE_DOES_NOT_EXIST", deletedFileIds=None)
        for ident in ids:
            del self.files[ident]
            for goods in self.products.values():
                goods.media = [other for other in goods.media if other != ident]
        return {"deletedFileIds": ids, "userErrors": []}

    def _reorder(self, ident: str, moves: list[dict[str, Any]]) -> dict[str, Any]:
        goods = self.products.get(ident)
        if goods is None:
            return {"job": None, "mediaUserErrors": [{"code": "PRODUCT_DOES_NOT_EXIST", "message": "Product does not exist"}]}
        if any(move["id"] not in goods.media for move in moves):
            return {
                "job": None,
                "mediaUserErrors": [{"code": "MEDIA_DOES_NOT_EXIST_ON_PRODUCT", "message": "Media is not there"}],
            }
        job = {"id": self.name("Job"), "polls": 0, "product": ident, "moves": moves, "done": False}
        self.jobs[job["id"]] = job
        return {"job": self._job(job["id"]), "mediaUserErrors": []}

    def _job(self, ident: str) -> dict[str, Any] | None:
        job = self.jobs.get(ident)
        if job is None:
            return None
        job["polls"] += 1
        if not job["done"] and job["polls"] > self.job_after:
            job["done"], goods = True, self.products[job["product"]]
            for move in job["moves"]:
                if move["id"] in goods.media:
                    goods.media.remove(move["id"])
                    goods.media.insert(int(move["newPosition"]), move["id"])
            self.touch(goods)
        return {"id": ident, "done": job["done"]}

    def _attach(self, ident: str, pairs: list[dict[str, Any]]) -> dict[str, Any]:
        goods = self.products.get(ident)
        variants = {variant.id: variant for variant in goods.variants} if goods else {}
        for pair in pairs:
            variant = variants.get(pair["variantId"])
            if goods is None or variant is None:
                return refused("PRODUCT_VARIANT_DOES_NOT_EXIST_ON_PRODUCT", product=None)
            if len(pair["mediaIds"]) != 1:
                return refused("TOO_MANY_MEDIA_PER_INPUT_PAIR", product=None)
            if variant.media:
                return refused("PRODUCT_VARIANT_ALREADY_HAS_MEDIA", product=None)
            if pair["mediaIds"][0] not in goods.media:
                return refused("MEDIA_DOES_NOT_EXIST_ON_PRODUCT", product=None)
        for pair in pairs:
            variants[pair["variantId"]].media = list(pair["mediaIds"])
        assert goods is not None
        self.touch(goods)
        return {"product": self._product(goods), "userErrors": []}

    def _detach(self, ident: str, pairs: list[dict[str, Any]]) -> dict[str, Any]:
        goods = self.products[ident]
        variants = {variant.id: variant for variant in goods.variants}
        if any(variants[pair["variantId"]].media != pair["mediaIds"] for pair in pairs):
            return refused("MEDIA_IS_NOT_ATTACHED_TO_VARIANT", product=None)
        for pair in pairs:
            variants[pair["variantId"]].media = []
        self.touch(goods)
        return {"product": self._product(goods), "userErrors": []}

    def _set(self, wanted: list[dict[str, Any]]) -> dict[str, Any]:
        for item in wanted:
            goods = self.products.get(item["ownerId"])
            if goods is None:
                return refused("INVALID", metafields=None)
            now = goods.metafields.get((item["namespace"], item["key"]))
            if "compareDigest" in item and item["compareDigest"] != (now["compareDigest"] if now else None):
                return refused("STALE_OBJECT", metafields=None)
        made = []
        for item in wanted:
            digest = hashlib.sha256(item["value"].encode()).hexdigest()
            value = {"value": item["value"], "compareDigest": digest, "type": item["type"]}
            self.products[item["ownerId"]].metafields[item["namespace"], item["key"]] = value
            self.touch(self.products[item["ownerId"]])
            made.append(value)
        return {"metafields": made, "userErrors": []}
