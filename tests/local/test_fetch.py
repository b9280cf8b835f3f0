"""Fetching: limits, redirects, private addresses, roots, stamps; against a real HTTP server on loopback."""

from __future__ import annotations

import datetime
import os
import pickle
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.addresses import is_public, resolve
from connectors.fetch import Fetcher
from connectors.web import WebRules
from studio.errors import FetchFailed, FetchRefused, FileTooLarge

PHOTO = b"\xff\xd8\xff" + bytes(range(256)) * 20
OPEN = WebRules(allow_private=True, ports=None, connect_s=20, read_s=20, total_s=60)
IMPATIENT = WebRules(allow_private=True, ports=None, read_s=0.3, total_s=60)


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stop = threading.Event()

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].strip("/").replace("-", "_")
        getattr(self, f"get_{name}", self.get_absent)()

    do_HEAD = do_GET  # noqa: N815 - the name http.server calls

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "content_length" not in headers:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def get_photo(self) -> None:
        self.answer(200, PHOTO, etag='"v1"', x_host=self.headers["host"])

    def get_dated(self) -> None:
        self.answer(200, PHOTO, last_modified="Sun, 22 Nov 2026 10:00:00 GMT")

    def get_plain(self) -> None:
        self.answer(200, PHOTO)

    def get_absent(self) -> None:
        self.answer(404)

    def get_busy(self) -> None:
        self.answer(503)

    def get_moved(self) -> None:
        self.answer(302, location="/photo?from=moved")

    def get_loop(self) -> None:
        self.answer(301, location="/loop")

    def get_to_file(self) -> None:
        self.answer(302, location="file:///etc/passwd")

    def get_to_metadata(self) -> None:
        self.answer(302, location="http://169.254.169.254/latest/meta-data")

    def get_promises_too_much(self) -> None:
        self.answer(200, b"x", content_length=str(10**9), connection="close")

    def get_endless(self) -> None:
        self.send_response(200)
        self.send_header("connection", "close")
        self.end_headers()
        try:
            while not self.stop.is_set():
                self.wfile.write(bytes(65536))
        except OSError:
            self.close_connection = True

    def get_cut_off(self) -> None:
        self.answer(200, PHOTO[:100], content_length=str(len(PHOTO)), connection="close")
        self.close_connection = True

    def get_drip(self) -> None:
        """A byte well inside every read timeout, for ever."""
        self.send_response(200)
        self.send_header("content-length", "100000")
        self.end_headers()
        try:
            while not self.stop.wait(0.05):
                self.wfile.write(b"x")
        except OSError:
            self.close_connection = True

    def get_silent(self) -> None:
        self.stop.wait(10)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    Shop.stop.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Shop.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(web=OPEN, max_bytes=1 << 20) as made:
        yield made


class TestWeb:
    def test_reads_and_follows_a_redirect(self, shop: str, fetcher: Fetcher) -> None:
        assert fetcher.read(f"{shop}/photo") == PHOTO
        assert fetcher.read(f"{shop}/moved") == PHOTO

    def test_host_name_is_kept_though_the_address_is_pinned(self, shop: str, fetcher: Fetcher) -> None:
        assert fetcher.read(shop.replace("127.0.0.1", "localhost") + "/photo") == PHOTO

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "0"]
    )
    def test_private_addresses_are_refused_in_every_spelling(self, shop: str, host: str) -> None:
        with Fetcher(web=WebRules(ports=None)) as guarded, pytest.raises(FetchRefused):
            guarded.read(shop.replace("127.0.0.1", host) + "/photo")

    def test_ports_other_than_80_and_443_are_refused(self, shop: str) -> None:
        with Fetcher(web=WebRules(allow_private=True)) as guarded, pytest.raises(FetchRefused, match="port"):
            guarded.read(f"{shop}/photo")

    @pytest.mark.parametrize("page", ["loop", "to-file"])
    def test_bad_redirects_are_refused(self, shop: str, fetcher: Fetcher, page: str) -> None:
        with pytest.raises(FetchRefused):
            fetcher.read(f"{shop}/{page}")

    def test_a_redirect_to_another_port_is_checked_again(self, shop: str) -> None:
        port = int(shop.rpartition(":")[2])
        with Fetcher(web=WebRules(allow_private=True, ports=(port,))) as guarded, pytest.raises(FetchRefused, match="port 80"):
            guarded.read(f"{shop}/to-metadata")

    @pytest.mark.parametrize("page", ["promises-too-much", "endless"])
    def test_oversized_bodies(self, shop: str, fetcher: Fetcher, page: str) -> None:
        with pytest.raises(FileTooLarge):
            fetcher.read(f"{shop}/{page}")

    @pytest.mark.parametrize(("page", "retryable"), [("absent", False), ("busy", True), ("cut-off", True)])
    def test_failures_say_whether_to_try_again(self, shop: str, fetcher: Fetcher, page: str, retryable: bool) -> None:
        with pytest.raises(FetchFailed) as caught:
            fetcher.read(f"{shop}/{page}?token=secret")
        assert caught.value.retryable is retryable
        assert pickle.loads(pickle.dumps(caught.value)).retryable is retryable
        assert "secret" not in str(caught.value)

    def test_a_silent_server_is_given_up(self, shop: str) -> None:
        with Fetcher(web=IMPATIENT) as impatient:
            assert impatient.stamp(f"{shop}/silent") == ""
            with pytest.raises(FetchFailed, match="slow") as caught:
                impatient.read(f"{shop}/silent")
        assert caught.value.retryable

    def test_a_dripping_server_meets_the_total_time(self, shop: str) -> None:
        rules = WebRules(allow_private=True, ports=None, read_s=20, total_s=0.3)
        with Fetcher(web=rules) as patient, pytest.raises(FetchFailed, match="slow"):
            patient.read(f"{shop}/drip")

    def test_nobody_listens(self, fetcher: Fetcher) -> None:
        with pytest.raises(FetchFailed):
            fetcher.read("http://127.0.0.1:1/x.jpg")

    @pytest.mark.parametrize(
        "uri", ["http://", "http://user:pass@/x", "https://exa mple.com/x", "http://[::1", "http://a:99999/x"]
    )
    def test_addresses_that_are_none(self, fetcher: Fetcher, uri: str) -> None:
        with pytest.raises((FetchRefused, FetchFailed)):
            fetcher.read(uri)

    def test_stamps(self, shop: str, fetcher: Fetcher) -> None:
        pages = ["photo", "moved", "dated", "plain", "absent"]
        stamps = fetcher.stamps(f"{shop}/{page}" for page in pages)
        assert [stamps[f"{shop}/{page}"] for page in pages] == [
            '"v1"',
            '"v1"',
            f"Sun, 22 Nov 2026 10:00:00 GMT/{len(PHOTO)}",
            "",
            "",
        ]

    def test_stamp_of_a_refused_address_is_unknown(self) -> None:
        with Fetcher() as guarded:
            assert guarded.stamp("http://127.0.0.1/x.jpg") == ""


@pytest.fixture
def tls_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """HTTPS with a certificate for `localhost` alone, trusted through SSL_CERT_FILE; gives its port."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    pem, secret = tmp_path / "cert.pem", tmp_path / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_tls_checks_the_name_though_the_address_is_pinned(tls_shop: int, fetcher: Fetcher) -> None:
    assert fetcher.read(f"https://localhost:{tls_shop}/photo") == PHOTO
    with pytest.raises(FetchFailed, match="certificate"):
        fetcher.read(f"https://127.0.0.1:{tls_shop}/photo")


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fe80::1%eth0",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "100::1",
        ],
    )
    def test_private(self, address: str) -> None:
        assert not is_public(address)

    @pytest.mark.parametrize(
        "address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
    )
    def test_public(self, address: str) -> None:
        assert is_public(address)

    def test_literal_resolves_to_itself(self) -> None:
        assert resolve("8.8.8.8", 443, allow_private=False) == ["8.8.8.8"]

    @pytest.mark.parametrize("host", ["a" * 300, "\udc80", ""])
    def test_names_that_do_not_resolve(self, host: str) -> None:
        with pytest.raises(FetchFailed):
            resolve(host, 80, allow_private=True)


class TestFiles:
    def test_paths_and_file_urls(self, tmp_path: Path) -> None:
        photo = tmp_path / "an image ü.jpg"
        photo.write_bytes(PHOTO)
        with Fetcher(roots=(tmp_path,)) as fetcher:
            assert fetcher.read(str(photo)) == PHOTO
            assert fetcher.read(photo.as_uri()) == PHOTO

    def test_outside_the_roots(self, tmp_path: Path) -> None:
        inside, outside = tmp_path / "in", tmp_path / "in-secret"
        inside.mkdir()
        outside.mkdir()
        secret = outside / "secret.jpg"
        secret.write_bytes(PHOTO)
        (inside / "link.jpg").symlink_to(secret)
        (inside / "folder").symlink_to(outside)
        with Fetcher(roots=(inside,)) as fetcher:
            ways = [
                secret,
                f"{inside}/../in-secret/secret.jpg",
                inside / "link.jpg",
                inside / "folder" / "secret.jpg",
                "/no/such",
            ]
            for way in map(str, ways):
                with pytest.raises(FetchRefused):
                    fetcher.read(way)
            assert set(fetcher.stamps(map(str, ways)).values()) == {""}

    def test_a_link_within_the_roots_is_fine(self, tmp_path: Path) -> None:
        (tmp_path / "photo.jpg").write_bytes(PHOTO)
        (tmp_path / "link.jpg").symlink_to(tmp_path / "photo.jpg")
        with Fetcher(roots=(tmp_path,)) as fetcher:
            assert fetcher.read(str(tmp_path / "link.jpg")) == PHOTO

    def test_things_that_are_not_files(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with Fetcher() as fetcher:
            for path in (str(tmp_path / "pipe"), str(tmp_path), "/dev/zero"):
                with pytest.raises((FetchRefused, FetchFailed)):
                    fetcher.read(path)
                assert fetcher.stamp(path) == ""

    def test_missing_and_too_large(self, tmp_path: Path) -> None:
        (tmp_path / "big.jpg").write_bytes(bytes(1001))
        with Fetcher(max_bytes=1000) as fetcher:
            with pytest.raises(FetchFailed) as caught:
                fetcher.read(str(tmp_path / "absent.jpg"))
            assert not caught.value.retryable
            with pytest.raises(FileTooLarge):
                fetcher.read(str(tmp_path / "big.jpg"))

    @pytest.mark.parametrize(
        "uri", ["", "x\0y", "ftp://host/x", "gopher://x", "data:image/png;base64,AA", "file://host/x.jpg", "s3://", "s3://b"]
    )
    def test_addresses_we_do_not_read(self, uri: str) -> None:
        with Fetcher() as fetcher:
            with pytest.raises(FetchRefused):
                fetcher.read(uri)
            assert fetcher.stamp(uri) == ""

    @pytest.mark.parametrize("count", [2, 6])
    def test_stamps_change_with_the_bytes(self, tmp_path: Path, count: int) -> None:
        paths = [tmp_path / f"{n}.jpg" for n in range(count)]
        for path in paths:
            path.write_bytes(PHOTO)
        (tmp_path / "link.jpg").symlink_to(paths[0])
        uris = [*map(str, paths), paths[0].as_uri(), str(tmp_path / "link.jpg"), str(tmp_path / "absent.jpg")]
        with Fetcher(roots=(tmp_path,)) as fetcher:
            before = fetcher.stamps(uris)
            assert before == {uri: fetcher.stamp(uri) for uri in uris}
            assert before[uris[0]] == f"{len(PHOTO)}-{paths[0].stat().st_mtime_ns}" == before[uris[-2]] == before[uris[-3]]
            assert before[uris[-1]] == ""
            paths[1].write_bytes(PHOTO + b"x")
            after = fetcher.stamps(uris)
        assert [uri for uri in uris if after[uri] != before[uri]] == [uris[1]]

    def test_pickles(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(PHOTO)
        copy = pickle.loads(pickle.dumps(Fetcher(roots=(tmp_path,), web=OPEN, max_bytes=10)))
        with pytest.raises(FileTooLarge):
            copy.read(str(tmp_path / "a.jpg"))
