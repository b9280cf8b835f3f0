"""A Vendure shop in a process of its own, and somebody who keeps it: the people whose products and pictures ours stand beside."""

from __future__ import annotations

import base64
import json
import os
import queue
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

from connectors.vendors.connection import Connection
from tests.doubles.serving import Call, Double, Reply

HOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of the test shop only 32").decode()
KEEPER = ("keeper", "keeper-password")
OURS = ("packshot@shop.example", "a-password-of-ours")
RIGHTS = ("ReadProduct", "UpdateProduct", "ReadAsset", "CreateAsset", "UpdateAsset")
START_S = 90.0
UPLOAD = "mutation($input: [CreateAssetInput!]!) { createAssets(input: $input) { ... on Asset { id source } ... on ErrorResult { message } } }"


@dataclass
class Shop:
    """`folder` has node_modules and server.js, `work` is for assets and the log. Loopback only."""

    folder: Path
    work: Path
    database: URL
    hook_url: str = ""
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))
    token: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def populate(self) -> None:
        """Fill an empty database with Vendure's sample catalogue: 54 products with photos."""
        self.port = self.port or free_port()
        with (self.work / "populate.log").open("wb") as log:
            subprocess.run(
                self._command(), cwd=self.work, env=self._env(POPULATE="1"), stdout=log, stderr=log, timeout=300, check=True
            )

    def start(self, hook_url: str | None = None) -> None:
        """Returns when it answers."""
        self.port, self.hook_url = self.port or free_port(), self.hook_url if hook_url is None else hook_url
        with (self.work / "shop.log").open("ab") as log:
            self.process = subprocess.Popen(self._command(), cwd=self.work, env=self._env(), stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self.process.poll() is None, (self.work / "shop.log").read_text()[-2000:]
            try:
                if self.http.get(f"{self.url}/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise TimeoutError((self.work / "shop.log").read_text()[-2000:])

    def kill(self) -> None:
        """As a power cut does."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def do(self, query: str, **variables: Any) -> dict[str, Any]:
        """As the shop's keeper."""
        if not self.token:
            login = "mutation($u: String!, $p: String!) { login(username: $u, password: $p) { __typename } }"
            answer = self._post({"query": login, "variables": dict(zip("up", KEEPER, strict=True))})
            self.token = answer.headers["vendure-auth-token"]
        return self._said(self._post({"query": query, "variables": variables}))

    def upload(self, name: str, data: bytes) -> str:
        """An asset of a person's; its id."""
        form = {
            "operations": json.dumps({"query": UPLOAD, "variables": {"input": [{"file": None}]}}),
            "map": '{"0": ["variables.input.0.file"]}',
        }
        self.do("{ me { id } }")
        headers = {"authorization": f"Bearer {self.token}", "apollo-require-preflight": "true"}
        answer = self.http.post(f"{self.url}/admin-api", data=form, files={"0": (name, data, "image/jpeg")}, headers=headers)
        return str(self._said(answer)["createAssets"][0]["id"])

    def product(self, name: str, *photos: str, skus: tuple[str, ...] = ()) -> str:
        """A product of a person's, with these assets; its id."""
        slug = name.lower().replace(" ", "-")
        words = [{"languageCode": "en", "name": name, "slug": slug, "description": f"<p>The {name}</p>"}]
        made = {"translations": words, "assetIds": list(photos), "featuredAssetId": photos[0] if photos else None}
        ref = str(self.do("mutation($i: CreateProductInput!) { createProduct(input: $i) { id } }", i=made)["createProduct"]["id"])
        for number, sku in enumerate(skus):
            self.variant(ref, f"{name} {number}", sku, [] if len(skus) == 1 else [self._option(ref, slug, number, sku)])
        return ref

    def variant(self, ref: str, name: str, sku: str, options: list[str]) -> str:
        one = {
            "productId": ref,
            "translations": [{"languageCode": "en", "name": name}],
            "sku": sku,
            "price": 100,
            "optionIds": options,
        }
        made = self.do("mutation($i: [CreateProductVariantInput!]!) { createProductVariants(input: $i) { id } }", i=[one])
        return str(made["createProductVariants"][0]["id"])

    def change(self, ref: str, **more: Any) -> None:
        self.do("mutation($i: UpdateProductInput!) { updateProduct(input: $i) { id } }", i={"id": ref, **more})

    def change_variant(self, variant: str, **more: Any) -> None:
        self.do(
            "mutation($i: [UpdateProductVariantInput!]!) { updateProductVariants(input: $i) { id } }", i=[{"id": variant, **more}]
        )

    def delete(self, ref: str) -> None:
        self.do("mutation($id: ID!) { deleteProduct(id: $id) { result } }", id=ref)

    def variants_of(self, ref: str) -> list[str]:
        found = self.do("query($id: ID!) { product(id: $id) { variants { id } } }", id=ref)["product"]["variants"]
        return [str(variant["id"]) for variant in found]

    def shoppers_see(self, ref: str) -> list[dict[str, Any]]:
        """The product's pictures in the storefront's API, the featured one first."""
        featured, assets = self._storefront(ref)
        return sorted(assets, key=lambda asset: asset["id"] != featured)

    def featured_leads(self, ref: str) -> bool:
        """Whether the featured picture is also the first of the list. While the product is saved the shop may answer otherwise."""
        featured, assets = self._storefront(ref)
        return featured == (assets[0]["id"] if assets else None)

    def _storefront(self, ref: str) -> tuple[str | None, list[dict[str, Any]]]:
        query = "query($id: ID!) { product(id: $id) { featuredAsset { id } assets { id name source customFields { alt } } } }"
        answer = self.http.post(f"{self.url}/shop-api", json={"query": query, "variables": {"id": ref}})
        product = self._said(answer)["product"]
        return (product["featuredAsset"] or {"id": None})["id"], list(product["assets"])

    def library(self, contains: str) -> list[str]:
        """Names of assets with these letters in them."""
        options = {"filter": {"name": {"contains": contains}}}
        found = self.do("query($o: AssetListOptions) { assets(options: $o) { items { name } } }", o=options)
        return sorted(asset["name"] for asset in found["assets"]["items"])

    def account(self, user: str, password: str, rights: tuple[str, ...] = RIGHTS) -> None:
        """An administrator with a role of its own."""
        role = {"code": user, "description": user, "permissions": list(rights)}
        made = self.do("mutation($i: CreateRoleInput!) { createRole(input: $i) { id } }", i=role)["createRole"]["id"]
        who = {"firstName": "Pack", "lastName": "Shot", "emailAddress": user, "password": password, "roleIds": [made]}
        self.do("mutation($i: CreateAdministratorInput!) { createAdministrator(input: $i) { id } }", i=who)

    def sql(self, statement: str, **values: Any) -> None:
        engine = create_engine(self.database)
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()

    def connection(self, **more: Any) -> Connection:
        """Ours to it, with an account that has only the rights that the vendor's docstring asks for."""
        said: dict[str, Any] = {
            "address": self.url, "secrets": dict(zip(("user", "password"), OURS, strict=True)), "options": {"alt": "alt"},
            "hook_secrets": (HOOK_SECRET,), "allow_private": True,
        }  # fmt: skip
        return Connection(name="shop", vendor="vendure", **(said | more))

    def _option(self, ref: str, slug: str, number: int, name: str) -> str:
        """An option of the product's one group."""
        found = self.do("query($id: ID!) { product(id: $id) { optionGroups { id } } }", id=ref)["product"]["optionGroups"]
        if not found:
            group = {"code": slug, "translations": [{"languageCode": "en", "name": "Colour"}], "options": []}
            made = self.do("mutation($i: CreateProductOptionGroupInput!) { createProductOptionGroup(input: $i) { id } }", i=group)
            found = [made["createProductOptionGroup"]]
            add = "mutation($p: ID!, $g: ID!) { addOptionGroupToProduct(productId: $p, optionGroupId: $g) { id } }"
            self.do(add, p=ref, g=found[0]["id"])
        option = {
            "productOptionGroupId": found[0]["id"],
            "code": f"{slug}-{number}",
            "translations": [{"languageCode": "en", "name": name}],
        }
        made = self.do("mutation($i: CreateProductOptionInput!) { createProductOption(input: $i) { id } }", i=option)
        return str(made["createProductOption"]["id"])

    def _post(self, said: dict[str, Any]) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return self.http.post(f"{self.url}/admin-api", json=said, headers=headers)

    def _said(self, answer: httpx.Response) -> dict[str, Any]:
        said = answer.json()
        assert not said.get("errors"), said["errors"]
        return dict(said["data"])

    def _command(self) -> list[str]:
        return ["node", str(self.folder / "server.js")]

    def _env(self, **more: str) -> dict[str, str]:
        assets = self.work / "assets"
        assets.mkdir(exist_ok=True)
        database = self.database
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.work), "TZ": "UTC", "PORT": str(self.port), "PGHOST": database.host or "",
            "PGPORT": str(database.port), "PGUSER": database.username or "", "PGDATABASE": database.database or "",
            "ASSETS": str(assets), "HOOK_URL": self.hook_url, "HOOK_SECRET": HOOK_SECRET, **more,
        }  # fmt: skip


class Ear(Double):
    """Hears the shop's messages and passes them on to `onward` where that is set; `statuses` are what it answers with first."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: queue.Queue[Call] = queue.Queue()
        self.statuses: list[int] = []
        self.onward = ""
        self.answered: list[int] = []
        self._http = httpx.Client(timeout=20)

    def answer(self, call: Call) -> Reply:
        self.heard.put(call)
        if self.statuses or not self.onward:
            return Reply(self.statuses.pop(0) if self.statuses else 204)
        kept = {name: value for name, value in call.headers.items() if name.startswith("webhook-") or name == "content-type"}
        try:
            self.answered.append(self._http.post(self.onward, content=call.body, headers=kept).status_code)
        except httpx.TransportError:
            return Reply(503)
        return Reply(self.answered[-1])


class Road(Double):
    """The way to the shop, on which answers are lost."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self._shop = shop

    def answer(self, call: Call) -> Reply:
        headers = {
            name: value for name, value in call.headers.items() if name not in {"host", "content-length", "accept-encoding"}
        }
        url = f"{self._shop.url}{call.path}"
        try:
            answer = self._shop.http.request(call.method, url, params=call.query, content=call.body, headers=headers)
        except httpx.TransportError:
            return Reply(502)
        kept = {name: answer.headers[name] for name in ("content-type", "vendure-auth-token") if name in answer.headers}
        return Reply(answer.status_code, answer.content, kept)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def database(given: URL, name: str) -> Iterator[URL]:
    """A database of that name, for as long as the block runs."""
    engine = create_engine(given, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield given.set(database=name)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
