"""The review queue on a real PostgreSQL: set PACKSHOT_TEST_POSTGRES to the URL of a server."""

from __future__ import annotations

import pytest

from tests.integration.test_online_postgres import url
from tests.reviews_contract import ReviewsContract

__all__ = ["url"]
pytestmark = pytest.mark.integration


class TestPostgres(ReviewsContract):
    pass
