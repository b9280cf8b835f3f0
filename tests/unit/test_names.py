"""File names of SKUs: harmless, readable, and different for different SKUs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.names import MAX_NAME, safe_name

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestSafeName:
    @pytest.mark.parametrize(
        "sku", ["..", ".", "../../etc/passwd", "/", "a\\b", "C:\\x", ".hidden", "trailing.", "nul\0", "", "ü", "A B", "-x"]
    )
    def test_harmless(self, sku: str) -> None:
        name = safe_name(sku)
        assert name not in ("", ".", "..")
        assert not name.startswith(".")
        assert not name.endswith(".")
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")

    def test_plain_skus_stay_as_they_are(self) -> None:
        assert [safe_name(sku) for sku in ("NL-MUG-01", "a_b.c", "404.038.96")] == ["NL-MUG-01", "a_b.c", "404.038.96"]

    @given(st.lists(st.text(max_size=200), min_size=2, max_size=6, unique=True))
    def test_different_skus_have_different_names(self, several: list[str]) -> None:
        names = [safe_name(sku) for sku in several]
        assert len(set(names)) == len(names)
        assert all(1 <= len(name) <= MAX_NAME for name in names)

    def test_long_skus_that_begin_alike(self) -> None:
        names = {safe_name("杯" * 100 + tail) for tail in "abc"}
        assert len(names) == 3
        assert {len(name) for name in names} <= set(range(1, MAX_NAME + 1))
