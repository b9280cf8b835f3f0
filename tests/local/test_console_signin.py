"""Who gets into the console, what the browser keeps, and that nobody acts in somebody's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text
from starlette.testclient import TestClient

from connectors.audit import Audit
from connectors.online.sessions import IDLE, LONGEST, Sessions
from serve_apps.http.api import make_api
from studio.errors import Unauthenticated
from tests.local.running import Running, running

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("console")) as found:
        yield found


@contextmanager
def browser(service: Running, key: str = "") -> Iterator[httpx.Client]:
    """As a browser calls, signed in with a key."""
    with httpx.Client(base_url=service.url, headers={**HTML, "origin": service.url}, timeout=60) as client:
        if key:
            assert client.post("/console/login", data={"key": service.secrets[key]}).status_code == 303
        yield client


def elsewhere(service: Running, **api: Any) -> TestClient:
    """The same parts behind an ingress of its own with other settings."""
    settings = service.parts.settings
    changed = settings.model_copy(update={"api": settings.api.model_copy(update=api)})
    app = make_api(replace(service.parts, settings=changed))
    return TestClient(app, headers={**HTML, "origin": "http://testserver"}, follow_redirects=False)


def token(client: httpx.Client) -> str:
    """The token that forms of this session carry."""
    return client.get("/console/").text.partition('name="csrf" content="')[2].partition('"')[0]


def test_without_a_session_everything_leads_to_the_sign_in(service: Running) -> None:
    with browser(service) as client:
        for path in ("/console/", "/console/runs", "/console/orders", "/console/cost", "/console/try"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/console/login")
        assert client.get("/console").headers["location"] == "/console/"
        for path in ("/console/events", "/console/pictures/" + "0" * 64, "/console/try/quote?template=tiny-grey"):
            answer = client.get(path, headers={"accept": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_an_api_key_alone_is_no_session(service: Running) -> None:
    with service.client("root") as client:
        assert client.get("/console/", headers=HTML).status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(service: Running) -> None:
    with browser(service) as client:
        answer = client.post("/console/login", data={"key": service.secrets["reader"]})
        parts = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")}
        assert {"httponly", "samesite=strict", "path=/console"} <= parts
        assert service.secrets["reader"] not in answer.headers["set-cookie"]


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(service: Running) -> None:
    with elsewhere(service, base_url="https://packshot.example") as client:
        client.headers["origin"] = "https://packshot.example"
        answer = client.post("/console/login", data={"key": service.secrets["reader"]})
        cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith("__host-packshot=")
        assert "; secure" in cookie
        assert "path=/;" in cookie + ";"


def test_the_database_does_not_hold_the_token(service: Running) -> None:
    with browser(service, "reader") as client:
        secret = next(iter(client.cookies.values()))
    rows = create_engine(service.parts.settings.online).connect().execute(text("SELECT * FROM console_sessions")).all()
    assert rows
    assert secret not in str(rows)


@pytest.mark.parametrize("key", ["", "x", "pk_01m83d6hakaz5b6srexsa5gskb_" + "a" * 43, "\x00", "pk_" + "é" * 30])
def test_a_wrong_key_shows_the_form_again(service: Running, key: str) -> None:
    with browser(service) as client:
        answer = client.post("/console/login", data={"key": key, "then": "/console/runs"})
        assert answer.status_code == 401
        assert 'role="alert"' in answer.text
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("then", "to"),
    [
        ("/console/runs?page=2", "/console/runs?page=2"),
        ("https://evil.example/", "/console/"),
        ("//evil.example/console/", "/console/"),
        ("/console//evil.example", "/console/"),
        ("/console/../v1/orders", "/console/"),
        ("/console/\\evil.example", "/console/"),
        ("/console/\r\nset-cookie: a=b", "/console/"),
        ("javascript:alert(1)", "/console/"),
    ],
)
def test_signing_in_leads_nowhere_else(service: Running, then: str, to: str) -> None:
    with browser(service) as client:
        answer = client.post("/console/login", data={"key": service.secrets["reader"], "then": then})
        assert answer.headers["location"] == to


def test_signing_out_ends_the_session_everywhere(service: Running) -> None:
    with browser(service, "reader") as client:
        kept = dict(client.cookies)
        assert client.post("/console/logout").headers["location"] == "/console/login"
        assert client.get("/console/").status_code == 303
    with browser(service) as thief:
        thief.cookies.update(kept)
        assert thief.get("/console/").status_code == 303


def test_signing_in_again_ends_the_session_before(service: Running) -> None:
    with browser(service, "reader") as client:
        before = dict(client.cookies)
        client.post("/console/login", data={"key": service.secrets["writer"]})
        with browser(service) as other:
            other.cookies.update(before)
            assert other.get("/console/").status_code == 303
        assert client.get("/console/").status_code == 200


def test_a_revoked_key_ends_its_sessions(service: Running) -> None:
    key, secret = service.parts.keys.issue("short", {"read"})
    with browser(service) as client:
        client.post("/console/login", data={"key": secret})
        assert client.get("/console/").status_code == 200
        service.parts.keys.revoke(key.id)
        answer = client.get("/console/runs")
        assert answer.headers["location"].startswith("/console/login")
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert "has ended" in client.get("/console/login").text


def test_sessions_end_by_themselves(service: Running) -> None:
    sessions, now = Sessions(service.parts.settings.online), datetime.now(UTC)
    token = sessions.begin("key_a", now=now)
    for minutes in range(0, 470, 60):
        assert sessions.find(token, now=now + timedelta(minutes=minutes)).key_id == "key_a"
    with pytest.raises(Unauthenticated):
        sessions.find(token, now=now + LONGEST)
    idle = sessions.begin("key_a", now=now)
    with pytest.raises(Unauthenticated):
        sessions.find(idle, now=now + IDLE)


ACTION = "/console/orders/ord_01hzxw6q3v7n5t8k2m4p9r0s1b/retry"


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example", "http://127.0.0.1:1", "http://localhost"])
def test_other_sites_cannot_act(service: Running, origin: str) -> None:
    with browser(service, "writer") as client:
        client.headers["origin"] = origin
        answer = client.post(ACTION, data={"csrf": token(client)})
        assert (answer.status_code, "does not come from a page" in answer.text) == (403, True)
        assert client.post("/console/login", data={"key": service.secrets["writer"]}).status_code == 403
        assert client.post("/console/logout").status_code == 403


def test_a_form_needs_its_own_sessions_token(service: Running) -> None:
    with browser(service, "writer") as client, browser(service, "writer") as other:
        for wrong in ("", "0" * 48, token(other)):
            assert client.post(ACTION, data={"csrf": wrong}).status_code == 403
        assert client.post(ACTION).status_code == 403
        assert client.post(ACTION, data={"csrf": token(client)}).status_code == 404, "the order is not there"
        assert client.post(ACTION, headers={"x-csrf-token": token(client)}).status_code == 404


def test_a_key_that_reads_cannot_act(service: Running) -> None:
    with browser(service, "reader") as client:
        answer = client.post(ACTION, data={"csrf": token(client)})
        assert (answer.status_code, "scope" in answer.text) == (403, True)


def test_every_answer_says_what_the_browser_may_do(service: Running) -> None:
    with browser(service, "writer") as client:
        for path in ("/console/", "/console/login", "/console/nothing", "/console/runs"):
            answer = client.get(path)
            policy = answer.headers.get_list("content-security-policy")
            assert len(policy) == 1
            assert policy[0].startswith("default-src 'self'")
            assert "unsafe" not in policy[0]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert answer.headers["cache-control"] == "no-store"
            assert "style=" not in answer.text
            assert "onclick" not in answer.text
        assert client.get("/healthz").headers["content-security-policy"].startswith("default-src 'none'")


def test_a_link_from_another_site_is_followed_once_more_from_here(service: Running) -> None:
    """The browser holds the cookie back on such a call (SameSite=Strict), and sends it when the page itself goes on."""
    with browser(service) as client:
        answer = client.get('/console/runs?a="><b>', headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 200
        assert 'content="0;url=/console/runs?a=%22%3E%3Cb%3E"' in answer.text


def test_static_files_are_for_everybody_and_for_ever(service: Running) -> None:
    with browser(service) as client:
        page = client.get("/console/login").text
        path = page.partition('href="/console/static/')[2].partition('"')[0]
        answer = client.get("/console/static/" + path)
        assert answer.headers["cache-control"].endswith("immutable")
        assert client.get("/console/static/0000000000000000/console.css").status_code == 404
        assert client.get("/console/static/x/..%2f..%2fapp.py").status_code == 404


def test_too_many_sign_ins_are_refused(service: Running) -> None:
    with elsewhere(service) as client:
        codes = [client.post("/console/login", data={"key": "x"}).status_code for _ in range(62)]
        assert codes[:60] == [401] * 60
        assert codes[60:] == [429] * 2


def test_actions_count_against_the_keys_calls(service: Running) -> None:
    with elsewhere(service, rate_per_minute=3) as client:
        client.post("/console/login", data={"key": service.secrets["writer"]})
        csrf = token(client)
        codes = [client.post(ACTION, data={"csrf": csrf}).status_code for _ in range(5)]
        assert codes == [404, 404, 404, 429, 429]


def test_where_no_keys_are_asked_for_everybody_is_administrator(service: Running) -> None:
    with elsewhere(service, require_keys=False) as client:
        assert client.get("/console/").status_code == 303
        assert "asks for no keys" in client.get("/console/login").text
        assert client.post("/console/login").status_code == 303
        assert "everybody" in client.get("/console/").text
        client.headers["origin"] = "https://evil.example"
        assert client.post(ACTION, data={"csrf": token(client)}).status_code == 403


def test_the_audit_log_tells_who_signed_in(service: Running) -> None:
    before = len(list(Audit(service.parts.settings.records).lines(action="signed.in")))
    with browser(service) as client:
        assert client.post("/console/login", data={"key": "pk_wrong"}).status_code == 401
    with browser(service, "reader"):
        pass
    told = list(Audit(service.parts.settings.records).lines(action="signed.in"))[before:]
    assert [line.entry.actor for line in told] == [f"key:{service.parts.keys.verify(service.secrets['reader']).id}"]
