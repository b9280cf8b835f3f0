"""Somebody with a browser that runs no scripts: signs in to the console, follows links, sends forms."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from serve_apps.console.csrf import token_for
from tests.local.running import Running


class Visitor:
    """One session of the console. `token` is what its forms carry."""

    def __init__(self, service: Running, key: str = "writer") -> None:
        self._client = httpx.Client(base_url=service.url, timeout=60, headers={"origin": service.url, "accept": "text/html"})
        answer = self._client.post("/console/login", data={"key": service.secrets[key]})
        assert answer.status_code == 303, answer.text
        self.token = token_for(self._client.cookies["packshot_console"])

    def get(self, path: str, status: int = 200, **params: Any) -> str:
        """A page."""
        answer = self._client.get(f"/console{path}", params=params or None)
        assert answer.status_code == status, (answer.status_code, answer.text)
        if found := re.search(r'name="csrf" value="([^"]+)"', answer.text):
            assert found[1] == self.token
        return answer.text

    def send(
        self, path: str, fields: Mapping[str, Any], status: int = 303, *, token: str | None = None, **more: Any
    ) -> httpx.Response:
        """A form's answer."""
        given = {**fields, "csrf": self.token if token is None else token}
        answer = self._client.post(f"/console{path}", data=given, **more)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer

    def ask(self, path: str, fields: Mapping[str, str | Sequence[str]], status: int = 200) -> dict[str, Any]:
        """What a script of the page gets: JSON."""
        headers = {"accept": "application/json", "x-csrf-token": self.token}
        answer = self._client.post(f"/console{path}", data=dict(fields), headers=headers)
        assert answer.status_code == status, (answer.status_code, answer.text)
        data: dict[str, Any] = answer.json()
        return data

    def raw(self, path: str, **more: Any) -> httpx.Response:
        """Whatever comes."""
        return self._client.get(f"/console{path}", **more)

    def close(self) -> None:
        """End."""
        self._client.close()
