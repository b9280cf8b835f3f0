"""The audit log over SQLite: lines are only added, and whatever is done to them behind our back shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.audit import acting_as, actor
from tests.audit_contract import AuditContract


class TestSqlite(AuditContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "records.db")


def test_who_acts_is_said_or_is_the_user_of_the_process() -> None:
    with acting_as("key:key_1"):
        assert actor() == "key:key_1"
        with acting_as("order:ord_1"):
            assert actor() == "order:ord_1"
        assert actor() == "key:key_1"
    assert actor().startswith("user:")
