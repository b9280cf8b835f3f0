"""Which URLs may become webhook endpoints, and the pauses between attempts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.settings import ApiSettings
from connectors.webhooks.delivery import MAX_PAUSE_S, Message, pause_s
from connectors.webhooks.target import checked_url
from studio.errors import FetchRefused, InputError, PackshotError

SCHEDULE = ApiSettings().webhook_retries_s


@pytest.mark.parametrize("url", ["https://1.1.1.1/hook", "https://1.1.1.1:8443/a?token=b", "https://[2606:4700:4700::1111]/x"])
def test_public_https_endpoints(url: str) -> None:
    assert checked_url(url, allow_private=False) == url


def test_a_fragment_is_dropped_and_the_host_is_lowered() -> None:
    assert checked_url("https://LOCALHOST/Hook?a=1#part", allow_private=True) == "https://localhost/Hook?a=1"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0", "10.0.0.8",
             "169.254.169.254", "192.168.1.1", "100.64.0.1", "[fd00::1]", "[64:ff9b::7f00:1]", "224.0.0.1"]
)  # fmt: skip
def test_private_addresses_are_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(FetchRefused):
        checked_url(f"https://{host}/hook", allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "", " ", "hook", "/hook", "http://1.1.1.1/hook", "ftp://1.1.1.1/", "file:///etc/passwd", "javascript:alert(1)", "https://",
        "https:///hook", "https://user:pass@1.1.1.1/", "https://user@1.1.1.1/", "https://1.1.1.1:22/", "https://1.1.1.1:99999/",
        "https://1.1.1.1/a\0b", "https://1.1.1.1/a\r\nx: y", "https://[::1", "https://1.1.1.1/" + "x" * 2000, "https://xn--\ud800/",
        "https://*/", "https://a b/",
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_endpoints(url: str) -> None:
    with pytest.raises(InputError):
        checked_url(url, allow_private=False)


@given(st.text(max_size=30))
def test_any_text_is_answered_with_one_of_our_errors(text: str) -> None:
    with pytest.raises(PackshotError):
        checked_url(f"https://{text}.invalid:22/", allow_private=False)


def test_plain_http_and_loopback_where_the_settings_allow_them() -> None:
    assert checked_url("http://127.0.0.1:9000/hook", allow_private=True) == "http://127.0.0.1:9000/hook"


@given(st.integers(1, len(SCHEDULE)), st.text(max_size=10))
def test_pauses_follow_the_schedule_with_a_tenth_of_jitter(attempts: int, seed: str) -> None:
    pause = pause_s(SCHEDULE, attempts, 0, seed)
    assert pause is not None
    assert SCHEDULE[attempts - 1] <= pause <= SCHEDULE[attempts - 1] * 1.1
    assert pause == pause_s(SCHEDULE, attempts, 0, seed)


def test_deliveries_of_one_endpoint_are_spread() -> None:
    assert len({pause_s(SCHEDULE, 2, 0, f"dlv_{i}") for i in range(50)}) == 50


def test_the_schedule_ends() -> None:
    assert pause_s(SCHEDULE, len(SCHEDULE) + 1, 60, "x") is None
    assert pause_s((), 1, 0, "x") is None


@pytest.mark.parametrize(("asked", "least"), [(0, 5), (3, 5), (600, 600), (1e9, MAX_PAUSE_S)])
def test_retry_after_lengthens_a_pause_up_to_a_day(asked: float, least: float) -> None:
    pause = pause_s(SCHEDULE, 1, asked, "x")
    assert pause is not None
    assert least <= pause <= least * 1.1


def test_the_body_is_the_same_bytes_whatever_the_zone() -> None:
    at = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
    bodies = {
        Message("evt_1", "order.succeeded", moment, {"id": "ord_1", "title": "Tasse “Blau”"}).body()
        for moment in (at, at.astimezone(timezone(timedelta(hours=5, minutes=30))))
    }
    assert len(bodies) == 1
    assert json.loads(bodies.pop()) == {
        "type": "order.succeeded",
        "timestamp": "2026-11-22T18:00:00+00:00",
        "data": {"id": "ord_1", "title": "Tasse “Blau”"},
    }
