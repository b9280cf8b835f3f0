"""A Bynder portal, from its published OpenAPI files: tokens, the file service's chunks, the asset bank with an index that lags."""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import parse_qs

from tests.doubles.serving import Call, Double, Reply, said

CLIENT, SECRET = "11111111-2222-3333-4444-555555555555", "an-oauth-secret"
BRAND = "AAAAAAAA-BBBB-CCCC-DDDDEEEEEEEEEEEE"
SKU = "5C0B2D6F-0000-4000-8000000000000001"
_SAVED = {"brandId", "name", "description", "tags", "copyright", "isPublic", "audit"}
_CHANGED = {"name", "description", "tags", "copyright", "archive", "isPublic", "brandId"}


class Portal(Double):
    """`lag`: lists that miss the newest asset. `busy`: saves that answer 303. A deleted asset is in `trash`."""

    def __init__(self) -> None:
        super().__init__()
        self.assets: dict[str, dict[str, Any]] = {}
        self.originals: dict[str, bytes] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.trash: dict[str, dict[str, Any]] = {}
        self.lag = self.busy = self.tokens = 0
        self.live: set[str] = set()
        self.permanent = "a-permanent-token"

    def put(self, name: str, data: bytes = b"photo", **more: Any) -> str:
        """An asset, of a person or of a call."""
        number = len(self.originals) + 1
        key = f"{number:08X}-0000-4000-8000{number:012X}"
        self.originals[key] = data
        self.assets[key] = {
            "id": key, "name": name, "description": "", "tags": [], "brandId": BRAND, "type": "image", "isPublic": 0,
            "dateCreated": f"2026-11-01T10:{number:02}:00Z", "dateModified": f"2026-11-01T10:{number:02}:00Z",
            "thumbnails": {"webimage": f"{self.url}/m/{key}/webimage.png"}, **more,
        }  # fmt: skip
        return key

    def answer(self, call: Call) -> Reply:
        if call.path == "/v6/authentication/oauth2/token":
            return self._token(call)
        if call.path.startswith("/s3/"):
            if "authorization" in call.headers or not call.query.get("X-Amz-Signature"):
                return said(400, {"message": "one way of logging in only"})
            return Reply(200, self.originals[call.parts[1]], {"content-type": "image/jpeg"})
        if call.headers.get("authorization", "").removeprefix("Bearer ") not in {*self.live, self.permanent}:
            return said(401, {"message": "Not authorized", "statuscode": "401"})
        if call.path.startswith("/v7/file_cmds/upload/") and call.method == "POST":
            return self._file(call)
        if call.path == "/api/v4/media/" and call.method == "GET":
            return self._list(call)
        if found := re.fullmatch(r"/api/v4/media/save/([0-9a-f]+)", call.path):
            return self._save(call, found[1])
        if found := re.fullmatch(r"/api/v4/media/([0-9A-F-]+)(/download)?", call.path):
            return self._asset(call, found[1], bool(found[2]))
        return said(404, {"message": "no such path", "statuscode": "404"})

    def _token(self, call: Call) -> Reply:
        given = _form(call)
        right = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
        if {name: given.get(name) for name in right} != right or set(given["scope"].split()) != {"asset:read", "asset:write"}:
            return said(400, {"error": "invalid_client"})
        self.tokens += 1
        token = f"token-{self.tokens}"
        self.live.add(token)
        return said(200, {"access_token": token, "token_type": "bearer", "expires_in": 3600, "scope": given["scope"]})

    def _file(self, call: Call) -> Reply:
        step = call.path.removeprefix("/v7/file_cmds/upload/")
        if step == "prepare":
            key = f"{len(self.uploads) + 1:032x}"
            self.uploads[key] = {"chunks": {}, "done": False}
            return said(200, {"file_id": key})
        key, _, rest = step.partition("/")
        upload = self.uploads[key]
        if found := re.fullmatch(r"chunk/(\d+)", rest):
            if call.headers.get("content-sha256") != hashlib.sha256(call.body).hexdigest() or len(call.body) > 5 << 20:
                return said(400, {"message": "the chunk is broken"})
            upload["chunks"][int(found[1])] = call.body
            return Reply(201)
        given = _form(call)
        data = b"".join(upload["chunks"][number] for number in sorted(upload["chunks"]))
        if (
            rest != "finalise_api"
            or upload["done"]
            or set(given) != {"fileName", "fileSize", "chunksCount", "sha256"}
            or (int(given["fileSize"]), given["sha256"]) != (len(data), hashlib.sha256(data).hexdigest())
            or set(upload["chunks"]) != set(range(int(given["chunksCount"])))
        ):
            return said(400, {"message": "cannot be finalised"})
        upload |= {"done": True, "data": data}
        return Reply(201, b"", {"x-api-correlation-id": f"c-{key}"})

    def _save(self, call: Call, key: str) -> Reply:
        given = _form(call)
        if unknown := {
            name for name in given if name not in _SAVED and not re.fullmatch(r"metaproperty\.[0-9A-Fa-f-]{35,36}", name)
        }:
            return said(400, {"message": f"unknown {sorted(unknown)}", "statuscode": "400"})
        if given.get("brandId") != BRAND:
            return said(400, {"message": "No brandid provided", "statuscode": "400"})
        if key not in self.uploads or not self.uploads[key]["done"]:
            return said(404, {"message": "Import ID not found", "statuscode": "404"})
        if self.busy:
            self.busy -= 1
            return said(303, {"message": "Import not converted yet, please poll", "statuscode": "303"})
        made = self.put(given["name"], self.uploads[key]["data"], description=given.get("description", ""), tags=_tags(given))
        self._properties(made, given)
        return said(201, {"mediaid": made, "batchId": "b", "success": True, "mediaitems": []})

    def _properties(self, key: str, given: dict[str, str]) -> None:
        found = {name.removeprefix("metaproperty."): value for name, value in given.items() if name.startswith("metaproperty.")}
        self.assets[key].setdefault("properties", {}).update(found)

    def _list(self, call: Call) -> Reply:
        if set(call.query) - {"tags", "limit", "page", "orderBy"} or not 0 < int(call.query["limit"]) <= 1000:
            return said(400, {"message": "no such parameter"})
        wanted = set(call.query["tags"].split(","))
        found = sorted((a for a in self.assets.values() if wanted <= set(a["tags"])), key=lambda asset: asset["dateCreated"])
        if self.lag:
            self.lag -= 1
            found = found[:-1]
        page, limit = int(call.query["page"]), int(call.query["limit"])
        return said(200, found[(page - 1) * limit : page * limit])

    def _asset(self, call: Call, key: str, download: bool) -> Reply:
        if key not in self.assets:
            return said(404, {"message": "Media not found", "statuscode": "404"})
        if download:
            return said(200, {"s3_file": f"{self.url}/s3/{key}?X-Amz-Signature=abc"})
        if call.method == "GET":
            return said(200, self.assets[key])
        if call.method == "DELETE":
            self.trash[key] = self.assets.pop(key)
            return Reply(204)
        given = _form(call)
        if set(given) - _CHANGED - {name for name in given if name.startswith("metaproperty.")}:
            return said(400, {"message": "unknown field"})
        self.assets[key] |= {name: value for name, value in given.items() if name in ("name", "description")}
        self.assets[key] |= {"tags": _tags(given)} if "tags" in given else {}
        self._properties(key, given)
        return said(202, {"message": "Accepted", "statuscode": 202})


def _form(call: Call) -> dict[str, str]:
    assert call.headers.get("content-type") == "application/x-www-form-urlencoded"
    return {name: values[0] for name, values in parse_qs(call.body.decode(), keep_blank_values=True).items()}


def _tags(given: dict[str, str]) -> list[str]:
    return [tag for tag in given.get("tags", "").split(",") if tag]
