"""A bucket behind a CDN on a real Ceph RADOS gateway: `.ci/ceph.sh start DIR`, then set PACKSHOT_TEST_S3 to what it prints."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.vendors.connection import Connection
from connectors.vendors.registry import open_vendor
from studio.errors import VendorDenied
from tests.cdn_contract import SKU, CdnContract

pytestmark = pytest.mark.integration


class TestCeph(CdnContract):
    stride = 5

    @pytest.fixture
    def endpoint(self, ceph: str) -> str:
        return ceph

    def test_a_wrong_key_is_denied_and_not_shown(self, connection: Connection, s3: Any) -> None:
        secrets = {"key-id": "packshot", "secret-key": "not-the-secret"}
        gallery = open_vendor(Connection.model_validate({**connection.model_dump(), "secrets": secrets})).gallery
        assert gallery is not None
        with pytest.raises(VendorDenied) as caught:
            gallery.read(SKU)
        assert "not-the-secret" not in caught.value.message
