"""The review queue's own rules, over SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reviews_contract import ReviewsContract


class TestSqlite(ReviewsContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "records.db")
