"""The audit log on a real PostgreSQL: set PACKSHOT_TEST_POSTGRES to the URL of a server."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from connectors.audit import Audit
from tests.audit_contract import AuditContract, directly, entry
from tests.integration.test_online_postgres import url

__all__ = ["url"]
pytestmark = pytest.mark.integration


class TestPostgres(AuditContract):
    def test_the_database_refuses_to_empty_the_log(self, audit: Audit, url: str) -> None:
        audit.add([entry(1)])
        with pytest.raises(DBAPIError, match="only added"):
            directly(url, "TRUNCATE audit_lines")
        assert audit.verify().lines == 1
