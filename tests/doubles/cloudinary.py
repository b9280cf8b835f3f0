"""A Cloudinary account, from its documented contract: signatures of every upload call, the Admin API's lists and quota, delivery.

Written apart from the product: it signs by itself, and refuses fields, public ids and values that the vendor's pages rule out.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from email import policy
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.doubles.serving import Call, Double, Reply, said

CLOUD, KEY, SECRET = "demo", "123456789012345", "a-secret-of-this-account"
_FIELDS = {
    "upload": {"file", "public_id", "overwrite", "context", "tags", "asset_folder"},
    "context": {"command", "context", "public_ids[]"},
    "tags": {"command", "tag", "public_ids[]"},
    "destroy": {"public_id", "invalidate"},
}
_MAX_BYTES = 10 << 20


class Account(Double):
    """`limit` and `used`: the hourly quota of the Admin API. `optimised`: delivery re-encodes. `lag`: lists miss the newest asset."""

    def __init__(self, *, algorithm: str = "sha1") -> None:
        super().__init__()
        self.algorithm = algorithm
        self.assets: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.invalidated: list[str] = []
        self.limit, self.used, self.lag = 500, 0, 0
        self.reset = ""
        self.clock = time.time

    def put(self, public_id: str, data: bytes = b"photo", **more: Any) -> None:
        """A person's asset."""
        self.files[public_id] = data
        self.assets[public_id] = {
            "public_id": public_id, "resource_type": "image", "type": "upload", "created_at": f"2026-11-01T10:{len(self.assets):02}:00Z",
            "secure_url": f"{self.url}/{CLOUD}/image/upload/v17/{public_id}.jpg", "bytes": len(data), "tags": [], **more,
        }  # fmt: skip

    def answer(self, call: Call) -> Reply:
        if call.path.startswith(f"/{CLOUD}/image/upload/v17/"):
            return self._deliver(call)
        found = re.fullmatch(rf"/v1_1/{CLOUD}/image/(upload|context|tags|destroy)", call.path)
        if found and call.method == "POST":
            return self._signed(call, found[1])
        if call.method == "GET" and call.path == f"/v1_1/{CLOUD}/resources/image/upload":
            return self._list(call)
        return _error(404, "no such path")

    def _signed(self, call: Call, action: str) -> Reply:
        fields, file = _fields(call)
        plain = {name: value for name, value in fields.items() if name not in ("api_key", "signature")}
        if unknown := set(plain) - _FIELDS[action] - {"timestamp"}:
            return _error(400, f"unknown {sorted(unknown)}")
        if fields.get("api_key") != [KEY]:
            return _error(401, "Unknown API key")
        text = "&".join(
            sorted(f"{name.removesuffix('[]')}={','.join(value)}".replace("&", "%26") for name, value in plain.items())
        )
        made = hashlib.new(self.algorithm, (text + SECRET).encode()).hexdigest()
        if fields.get("signature") != [made]:
            return _error(401, f"Invalid Signature. String to sign - '{text}'.")
        if abs(self.clock() - int(fields["timestamp"][0])) > 3600:
            return _error(400, "Stale request")
        one = {name: value[0] for name, value in fields.items()}
        if action == "upload":
            return self._upload(one, file)
        if action == "destroy":
            return self._destroy(one)
        return self._change(action, one, fields["public_ids[]"])

    def _upload(self, one: dict[str, str], file: bytes) -> Reply:
        public_id = one["public_id"]
        if not file or re.search(r"[?&#\\%<>+]", public_id) or public_id != public_id.strip(" /") or len(public_id) > 255:
            return _error(400, "no file, or a public id that is not allowed")
        if len(file) > _MAX_BYTES:
            return _error(400, f"File size too large. Got {len(file)}. Maximum is {_MAX_BYTES}.")
        if public_id in self.assets and one.get("overwrite") == "false":
            return said(200, {**self.assets[public_id], "existing": True})
        tags = [tag for tag in one.get("tags", "").split(",") if tag]
        folder = {"asset_folder": one["asset_folder"]} if "asset_folder" in one else {}
        self.put(public_id, file, tags=tags, context={"custom": _pairs(one["context"])}, **folder)
        return said(200, self.assets[public_id])

    def _destroy(self, one: dict[str, str]) -> Reply:
        if one["public_id"] not in self.assets:
            return said(200, {"result": "not found"})
        del self.assets[one["public_id"]]
        if one.get("invalidate") == "true":
            self.invalidated.append(one["public_id"])
        return said(200, {"result": "ok"})

    def _change(self, action: str, one: dict[str, str], ids: list[str]) -> Reply:
        there = [key for key in ids if key in self.assets]
        if one["command"] != "add" or not there:
            return _error(404, "no such assets")
        for key in there:
            asset = self.assets[key]
            if action == "tags":
                asset["tags"] = [*dict.fromkeys([*asset["tags"], one["tag"]])]
            else:
                custom = asset.setdefault("context", {}).setdefault("custom", {})
                custom |= _pairs(one["context"])
        return said(200, {"public_ids": there})

    def _list(self, call: Call) -> Reply:
        if call.headers.get("authorization") != "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode():
            return _error(401, "Unknown API key")
        self.used += 1
        quota = {"x-featureratelimit-limit": str(self.limit), "x-featureratelimit-remaining": str(max(0, self.limit - self.used))}
        quota |= {"x-featureratelimit-reset": self.reset} if self.reset else {}
        if self.used > self.limit:
            return Reply(420, b'{"error": {"message": "Rate Limit Exceeded"}}', quota)
        if set(call.query) - {"prefix", "context", "tags", "max_results", "next_cursor"} or int(call.query["max_results"]) > 500:
            return _error(400, "no such parameter")
        names = sorted(key for key in self.assets if key.startswith(call.query["prefix"]))
        if self.lag:
            self.lag -= 1
            names = names[:-1]
        start, most = int(call.query.get("next_cursor", "0")), int(call.query["max_results"])
        page = {"resources": [self.assets[key] for key in names[start : start + most]]}
        more = {"next_cursor": str(start + most)} if start + most < len(names) else {}
        reply = said(200, page | more)
        return Reply(200, reply.body, reply.headers | quota)

    def _deliver(self, call: Call) -> Reply:
        if "authorization" in call.headers:
            return _error(400, "credentials are not for the CDN")
        public_id = unquote(call.path).removeprefix(f"/{CLOUD}/image/upload/v17/").removesuffix(".jpg")
        return Reply(200, self.files[public_id], {"content-type": "image/jpeg"}) if public_id in self.assets else Reply(404)


def _fields(call: Call) -> tuple[dict[str, list[str]], bytes]:
    """Fields of a form, either encoding, and its file."""
    kind = call.headers.get("content-type", "")
    found: dict[str, list[str]] = {}
    if kind.startswith("application/x-www-form-urlencoded"):
        for name, value in parse_qsl(call.body.decode()):
            found.setdefault(name, []).append(value)
        return found, b""
    message = BytesParser(policy=policy.HTTP).parsebytes(f"content-type: {kind}\r\n\r\n".encode() + call.body)
    file = b""
    for part in message.iter_parts():
        name, data = str(part.get_param("name", header="content-disposition")), bytes(part.get_payload(decode=True))
        if part.get_filename():
            file = data
        else:
            found.setdefault(name, []).append(data.decode())
    return found, file


def _pairs(text: str) -> dict[str, str]:
    """Contextual metadata: pairs by `|`, both delimiters escaped inside values."""
    pairs = [re.split(r"(?<!\\)=", pair, maxsplit=1) for pair in re.split(r"(?<!\\)\|", text)]
    return {name: value.replace("\\|", "|").replace("\\=", "=") for name, value in pairs}


def _error(status: int, message: str) -> Reply:
    return said(status, {"error": {"message": message}})
