"""A bucket behind a CDN, against moto's S3 server; `tests/integration/test_cdn_ceph.py` runs the same on a real one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from connectors.vendors.connection import Connection
from connectors.vendors.objects import Objects
from connectors.vendors.registry import open_vendor
from studio.errors import SettingsError, VendorDenied, VendorUnavailable
from tests.cdn_contract import BUCKET, SKU, CdnContract


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    host, port = made.get_host_and_port()
    yield f"http://{host}:{port}"
    made.stop()


class TestMoto(CdnContract):
    @pytest.fixture
    def endpoint(self, server: str, monkeypatch: pytest.MonkeyPatch) -> str:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        return server


@pytest.mark.parametrize(
    ("address", "options", "secrets"),
    [
        ("s3://", {}, {}),
        ("https://bucket", {}, {}),
        (f"s3://{BUCKET}", {"alias-ttl": "long"}, {}),
        (f"s3://{BUCKET}", {"alias-ttl": "-1"}, {}),
        (f"s3://{BUCKET}", {"alias-ttl": "99999999999"}, {}),
        (f"s3://{BUCKET}", {"check": "never"}, {}),
        (f"s3://{BUCKET}", {"public": "cdn.example.com"}, {}),
        (f"s3://{BUCKET}", {}, {"key-id": "x"}),
    ],
)
def test_settings_that_are_wrong(address: str, options: dict[str, str], secrets: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        open_vendor(Connection(name="cdn", vendor="cdn", address=address, options=options, secrets=secrets))  # type: ignore[arg-type]


def test_a_private_endpoint_needs_leave_and_one_that_is_not_there_is_worth_another_try() -> None:
    said = {"name": "cdn", "vendor": "cdn", "address": f"s3://{BUCKET}", "options": {"endpoint": "http://127.0.0.1:9"}}
    keys = {"secrets": {"key-id": "test", "secret-key": "test"}}
    closed, gone = (
        open_vendor(Connection.model_validate({**said, **keys, "allow_private": leave})).gallery for leave in (False, True)
    )
    assert closed is not None
    assert gone is not None
    with pytest.raises(VendorDenied, match="public"):
        closed.read(SKU)
    with pytest.raises(VendorUnavailable):
        gone.read(SKU)


def test_an_object_that_ends_early_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=cut_short, args=(listening, 2))
        thread.start()
        options = {"endpoint": f"http://127.0.0.1:{listening.getsockname()[1]}"}
        said = {"name": "cdn", "vendor": "cdn", "address": f"s3://{BUCKET}", "options": options, "allow_private": True}
        objects = Objects(Connection.model_validate({**said, "secrets": {"key-id": "test", "secret-key": "test"}}))
        with pytest.raises(VendorUnavailable):
            objects.get("a.jpg", 1000)
        with pytest.raises(VendorUnavailable):
            list(objects.chunks("a.jpg", "x"))
        thread.join()


def cut_short(listening: socket.socket, times: int) -> None:
    """Promises 100 bytes and sends four."""
    for _ in range(times):
        taken, _ = listening.accept()
        with taken:
            taken.recv(1 << 16)
            taken.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: "x"\r\nContent-Type: image/jpeg\r\n\r\nhalf')
