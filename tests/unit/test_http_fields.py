"""Header fields: preferences, ranges, conditions, keys, trace context."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.http.limits import Rates, declared_length, oversized_head
from serve_apps.http.prefer import Preferences, applied, preferences
from serve_apps.http.ranges import byte_range, none_match
from serve_apps.http.security import Caller, needed, secret_of
from serve_apps.http.sse import last_seen
from serve_apps.http.tracing import join_trace, trace_of

ETAG = '"' + "a" * 64 + '"'


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", Preferences()),
        ("wait=10", Preferences(10)),
        ("WAIT = 10", Preferences(10)),
        ('wait="7"', Preferences(7)),
        ("respond-async, wait=10", Preferences(10, True)),
        ("respond-async;foo=bar, wait=10;x", Preferences(10, True)),
        ("wait=10, wait=20", Preferences(10)),
        ("wait=-1", Preferences()),
        ("wait=1.5", Preferences()),
        ("wait=" + "9" * 40, Preferences()),
        ('foo="a, wait=3", wait=4', Preferences(4)),
        ("return=minimal", Preferences()),
    ],
)
def test_preferences(header: str, wanted: Preferences) -> None:
    assert preferences(header) == wanted


@given(st.text(max_size=500))
def test_any_preference_is_readable(header: str) -> None:
    wait = preferences(header).wait_s
    assert wait is None or 0 <= wait < 10**9


def test_applied_says_only_what_was_honoured() -> None:
    assert applied(None, respond_async=False) == {}
    assert applied(5, respond_async=False) == {"preference-applied": "wait=5"}
    assert applied(None, respond_async=True) == {"preference-applied": "respond-async"}


@given(st.binary(min_size=1, max_size=60), st.integers(0, 70), st.integers(0, 70))
def test_ranges_agree_with_slices(data: bytes, first: int, last: int) -> None:
    if first < len(data) and first <= last:
        found = byte_range(f"bytes={first}-{last}", "", ETAG, len(data))
        assert found is not None
        assert data[found[0] : found[1] + 1] == data[first : last + 1]
    elif first >= len(data) and first <= last:
        with pytest.raises(ValueError):
            byte_range(f"bytes={first}-{last}", "", ETAG, len(data))
    else:
        assert byte_range(f"bytes={first}-{last}", "", ETAG, len(data)) is None


@pytest.mark.parametrize(
    ("header", "if_range", "wanted"),
    [
        ("bytes=-4", "", (6, 9)),
        ("bytes=-40", "", (0, 9)),
        ("bytes=7-", "", (7, 9)),
        ("BYTES=0-0", "", (0, 0)),
        ("bytes=0-1,3-4", "", None),
        ("lines=0-1", "", None),
        ("bytes=-", "", None),
        ("bytes=0-3", ETAG, (0, 3)),
        ("bytes=0-3", '"stale"', None),
        ("bytes=0-3", f"W/{ETAG}", None),
    ],
)
def test_special_ranges(header: str, if_range: str, wanted: tuple[int, int] | None) -> None:
    assert byte_range(header, if_range, ETAG, 10) == wanted


def test_suffix_of_nothing_lies_outside() -> None:
    with pytest.raises(ValueError):
        byte_range("bytes=-0", "", ETAG, 10)


def test_entity_tags() -> None:
    assert none_match("*", ETAG)
    assert none_match(f'"b", W/{ETAG}', ETAG)
    assert not none_match('"b"', ETAG)


def test_one_secret_or_none() -> None:
    assert secret_of([(b"authorization", b"Bearer abc")]) == "abc"
    assert secret_of([(b"authorization", b"bearer abc")]) == "abc"
    assert secret_of([(b"x-api-key", b"abc")]) == "abc"
    assert secret_of([(b"x-api-key", b"abc"), (b"authorization", b"Bearer abc")]) == "abc"
    assert secret_of([(b"x-api-key", b"abc"), (b"authorization", b"Bearer xyz")]) == ""
    assert secret_of([(b"authorization", b"Basic abc")]) == ""
    assert secret_of([]) == ""


def test_looking_needs_read_and_everything_else_write() -> None:
    assert {needed(method, "/v1/orders") for method in ("GET", "HEAD", "OPTIONS")} == {"read"}
    assert {needed(method, "/v1/orders") for method in ("POST", "PATCH", "DELETE", "PUT", "BREW")} == {"write"}
    assert needed("POST", "/v1/quote") == "read"


def test_scopes_include_lesser_ones() -> None:
    reader, writer, root = (Caller("k", frozenset({scope})) for scope in ("read", "write", "admin"))
    assert [c.may("read") for c in (reader, writer, root)] == [True] * 3
    assert [c.may("write") for c in (reader, writer, root)] == [False, True, True]
    assert [c.may("admin") for c in (reader, writer, root)] == [False, False, True]
    assert (writer.sees, root.sees) == ("k", None)


def test_a_key_has_its_own_rate() -> None:
    rates = Rates(100)
    few, many = Caller("few", frozenset({"read"}), 3), Caller("many", frozenset({"read"}))
    answers = [rates.take(few) for _ in range(5)]
    assert [refusal is None for _, refusal in answers] == [True, True, True, False, False]
    assert dict(answers[0][0])[b"ratelimit"].startswith(b'"key";r=2;t=')
    assert dict(answers[4][0])[b"ratelimit"].startswith(b'"key";r=0;t=')
    last = answers[4][1]
    assert last is not None
    assert 1 <= last.retry_after_s <= 60
    assert rates.take(many)[1] is None


def test_trace_is_taken_up_or_begun() -> None:
    given_id = "0af7651916cd43dd8448eb211c80319c"
    scope: dict[str, object] = {"headers": [(b"traceparent", f"00-{given_id}-b7ad6b7169203331-01".encode())]}
    answer = join_trace(scope)
    assert trace_of(scope) == given_id
    assert answer.startswith(f"00-{given_id}-".encode())
    assert answer.endswith(b"-01")
    assert b"b7ad6b7169203331" not in answer


@pytest.mark.parametrize(
    "header", [b"", b"junk", b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01", b"00-" + b"A" * 32 + b"-" + b"1" * 16 + b"-01"]
)
def test_a_broken_trace_begins_a_new_one(header: bytes) -> None:
    scope: dict[str, object] = {"headers": [(b"traceparent", header)]}
    join_trace(scope)
    assert len(trace_of(scope)) == 32
    assert trace_of(scope).strip("0")
    assert trace_of(scope) != "A" * 32


def test_heads_that_are_too_large() -> None:
    assert oversized_head([(b"a", b"b")] * 99, 100) == ""
    assert "header fields" in oversized_head([(b"a", b"b")] * 101, 100)
    assert "bytes of header" in oversized_head([(b"a", b"b" * 40_000)], 100)
    assert "address" in oversized_head([], 10_000)


def test_declared_length() -> None:
    assert declared_length([(b"content-length", b"12")]) == 12
    assert declared_length([(b"content-length", b"-12")]) == 0
    assert declared_length([]) == 0


@given(st.text(max_size=100))
def test_last_event_id_of_a_stranger(header: str) -> None:
    assert last_seen(header) == (int(header) if header.isascii() and header.isdigit() and len(header) < 10 else 0)
