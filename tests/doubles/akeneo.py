"""An Akeneo PIM over its Swagger file: tokens, products by uuid, attributes, media files."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from tests.doubles.rest import Contract, Double, Reply, Request

CLIENT, SECRET, USER, PASSWORD = "4_client", "client-secret-of-the-pim", "packshot_8012", "password-of-the-pim"
MEDIA = "/api/rest/v1/media-files"
ATTRIBUTES = {
    "sku": ("pim_catalog_identifier", False, False), "name": ("pim_catalog_text", True, True), "brand": ("pim_catalog_simpleselect", False, False),
    "colours": ("pim_catalog_multiselect", False, False), "width": ("pim_catalog_metric", False, False), "washable": ("pim_catalog_boolean", False, False),
    "photo": ("pim_catalog_image", False, False), "detail": ("pim_catalog_image", False, False),
    "shot_1": ("pim_catalog_image", False, False), "shot_2": ("pim_catalog_image", False, False), "shot_3": ("pim_catalog_image", True, False),
    "waiting": ("pim_catalog_image", False, False), "alt_1": ("pim_catalog_text", False, True), "alt_2": ("pim_catalog_text", False, True), "alt_3": ("pim_catalog_text", True, True),
}  # fmt: skip
"""Code -> type, scopable, localizable."""


def uuid(number: int) -> str:
    return str(UUID(int=number << 64 | 0x8000_0000_0000_0000))


class Pim(Double):
    """`hides`: answers that still miss the newest change of a product, as the index lags."""

    def __init__(self, contract: Contract | None) -> None:
        super().__init__(contract)
        self.products: dict[str, dict[str, Any]] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.tokens: set[str] = set()
        self.refresh: set[str] = set()
        self.expires = 3600
        self.grants: list[str] = []
        self.clock = "2026-11-02T08:00:00+00:00"
        self.before: dict[str, dict[str, Any]] = {}
        self.hides = 0

    def product(self, number: int, updated: str = "2026-11-01T10:00:00+00:00", **more: Any) -> dict[str, Any]:
        values = {
            "sku": [_value(f"MUG-{number}")],
            "name": [_value("Mug", "shop", "en_GB"), _value("Tasse", "shop", "de_DE"), _value("B2B mug", "b2b", "en_GB")],
            "brand": [
                _value(
                    "ostheim",
                    linked_data={"attribute": "brand", "code": "ostheim", "labels": {"en_GB": "Ostheim", "de_DE": None}},
                )
            ],
            "colours": [_value(["red", "blue"], linked_data={"red": {"labels": {"en_GB": "Red"}}, "blue": {"labels": {}}})],
            "width": [_value({"amount": "8.5000", "unit": "CENTIMETER"})],
            "washable": [_value(True)],
        }
        product = {
            "uuid": uuid(number), "enabled": True, "family": "mugs", "categories": ["kitchen", "mugs"], "groups": [], "parent": None,
            "values": values, "created": updated, "updated": updated, **more,
        }  # fmt: skip
        self.products[product["uuid"]] = product
        return product

    def put(self, number: int, attribute: str, name: str, data: bytes) -> str:
        """A person's file."""
        code = self._store(name, data)
        self.products[uuid(number)]["values"][attribute] = [self._media(attribute, code)]
        return code

    def held(self, number: int) -> dict[str, bytes]:
        """Bytes by image attribute."""
        values = self.products[uuid(number)]["values"]
        kinds = {name: value[0]["data"] for name, value in values.items() if ATTRIBUTES[name][0] == "pim_catalog_image" and value}
        return {name: self.files[code][1] for name, code in kinds.items() if code}

    def answer(self, request: Request) -> Reply:
        if request.path == "/api/oauth/v1/token":
            return self._token(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Reply(401, {"code": 401, "message": "The access token provided has expired."})
        path = request.path.removeprefix("/api/rest/v1")
        if path == "/products-uuid":
            return self._list(request)
        if path == "/media-files":
            return self._upload(request)
        if path.startswith("/media-files/"):
            code = path.removeprefix("/media-files/").removesuffix("/download")
            return Reply(200, self.files[code][1]) if code in self.files else _no(404, "no such file")
        if path.startswith("/attributes/"):
            return self._attribute(path.rpartition("/")[2])
        key = path.rpartition("/")[2]
        if key not in self.products:
            return _no(404, f"Product {key} does not exist.")
        return self._change(request, key) if request.method == "PATCH" else self._read(key)

    def _read(self, key: str) -> Reply:
        if self.hides and key in self.before:
            self.hides -= 1
            return Reply(200, self.before[key])
        return Reply(200, self.products[key])

    def _token(self, request: Request) -> Reply:
        pair = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return _no(422, 'Parameter "client_id" is missing or does not match any client, or secret is invalid')
        said = (
            request.json
            if "json" in request.headers["content-type"]
            else {name: value[0] for name, value in parse_qs(request.body.decode()).items()}
        )
        self.grants.append(said["grant_type"])
        if said["grant_type"] == "password" and (said["username"], said["password"]) != (USER, PASSWORD):
            return _no(422, "No user found for the given username and password")
        if said["grant_type"] == "refresh_token" and said["refresh_token"] not in self.refresh:
            return _no(400, "Refresh token is invalid or has expired")
        number = len(self.grants)
        self.tokens.add(f"token-{number}")
        self.refresh = {f"refresh-{number}"}
        return Reply(
            200,
            {
                "access_token": f"token-{number}",
                "expires_in": self.expires,
                "token_type": "bearer",
                "refresh_token": f"refresh-{number}",
            },
        )

    def _list(self, request: Request) -> Reply:
        query = request.query
        if query.get("pagination_type") != "search_after":
            return _no(422, "not in this double")
        found = sorted(self.products.values(), key=lambda product: str(product["uuid"]))
        for condition in json.loads(query.get("search", "{}")).get("updated", ()):
            if condition["operator"] != ">" or not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", condition["value"]):
                return _no(422, 'Property "updated" expects YYYY-MM-DD hh:mm:ss')
            found = [one for one in found if one["updated"][:19] > condition["value"].replace(" ", "T")]
        after, limit = query.get("search_after", ""), int(query.get("limit", "10"))
        found = [self._seen(one, query) for one in found if one["uuid"] > after]
        link = f"{self.url}{request.path}?pagination_type=search_after&limit={limit}"
        links = {"self": {"href": link}, "first": {"href": link}}
        if len(found) > limit:
            links["next"] = {"href": f"http://169.254.1.1/elsewhere?search_after={found[limit - 1]['uuid']}&limit={limit}"}
        now = format_datetime(datetime.fromisoformat(self.clock).astimezone(UTC), usegmt=True)
        return Reply(200, {"_links": links, "_embedded": {"items": found[:limit]}}, {"date": now})

    def _seen(self, product: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        """Values of a channel and of locales, where they are asked for."""
        scopes, locales = (None, query.get("scope")), (None, *query.get("locales", "").split(","))
        values = {}
        for name, held in product["values"].items():
            values[name] = [
                v
                for v in held
                if ("scope" not in query or v["scope"] in scopes) and ("locales" not in query or v["locale"] in locales)
            ]
        return {**product, "values": values}

    def _attribute(self, code: str) -> Reply:
        if code not in ATTRIBUTES:
            return _no(404, f"Attribute {code} does not exist.")
        kind, scopable, localizable = ATTRIBUTES[code]
        return Reply(200, {"code": code, "type": kind, "scopable": scopable, "localizable": localizable, "group": "media"})

    def _upload(self, request: Request) -> Reply:
        parts = request.parts()
        name, data = parts["file"]
        where = json.loads(parts["product"][1])
        product = next(
            (
                one
                for one in self.products.values()
                if one["values"]["sku"] and one["values"]["sku"][0]["data"] == where.get("identifier")
            ),
            None,
        )
        if product is None or set(where) != {"identifier", "attribute", "scope", "locale"} or not name:
            return _no(422, "The product does not exist.")
        code = self._store(name, data)
        if problem := self._set(product, where["attribute"], where["scope"], where["locale"], code):
            return _no(422, problem)
        return Reply(201, b"", {"location": f"{self.url}{MEDIA}/{code}"})

    def _store(self, name: str, data: bytes) -> str:
        """As the PIM names files: everything but letters, digits and points becomes `_`, and long names lose their end."""
        clean = re.sub(r"[^A-Za-z0-9.]", "_", name)
        clean = clean if len(clean) <= 100 else f"{clean[:95]}.{clean.rpartition('.')[2]}"
        digest = hashlib.sha1(f"{len(self.files)}{name}".encode()).hexdigest()
        code = f"{digest[0]}/{digest[1]}/{digest[2]}/{digest[3]}/{digest}_{clean}"
        self.files[code] = (name, data)
        return code

    def _change(self, request: Request, key: str) -> Reply:
        product = self.products[key]
        self.before[key] = json.loads(json.dumps(product))
        for attribute, values in request.json["values"].items():
            for value in values:
                if problem := self._set(product, attribute, value["scope"], value["locale"], value["data"]):
                    self.products[key] = self.before[key]
                    return _no(422, problem)
        product["updated"] = self.clock
        return Reply(204)

    def _set(self, product: dict[str, Any], attribute: str, scope: str | None, locale: str | None, data: Any) -> str:
        """What the PIM has against a value."""
        if attribute not in ATTRIBUTES:
            return f"The {attribute} attribute does not exist."
        kind, scopable, localizable = ATTRIBUTES[attribute]
        if (scope is not None) != scopable or (locale is not None) != localizable:
            return f"The {attribute} attribute does not fit scope {scope} and locale {locale}."
        if kind == "pim_catalog_image" and data is not None and data not in self.files:
            return f"The {attribute} attribute expects an existing media file."
        if kind == "pim_catalog_text" and data is not None and len(data) > 255:
            return f"The {attribute} attribute must not contain more than 255 characters."
        others = [value for value in product["values"].get(attribute, ()) if (value["scope"], value["locale"]) != (scope, locale)]
        value = self._media(attribute, data, scope) if kind == "pim_catalog_image" else _value(data, scope, locale)
        product["values"][attribute] = [*others, *([value] if data is not None else [])]
        return ""

    def _media(self, attribute: str, code: str | None, scope: str | None = None) -> dict[str, Any]:
        return {
            **_value(code, scope or ("shop" if ATTRIBUTES[attribute][1] else None)),
            "_links": {"download": {"href": f"{self.url}{MEDIA}/{code}/download"}},
        }


def _value(data: Any, scope: str | None = None, locale: str | None = None, **more: Any) -> dict[str, Any]:
    return {"scope": scope, "locale": locale, "data": data, **more}


def _no(status: int, message: str) -> Reply:
    return Reply(status, {"code": status, "message": message})
