"""File drops by SFTP: against asyncssh's own server, and against OpenSSH's where that is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.vendors.base import Listing, Source
from connectors.vendors.connection import Connection
from connectors.vendors.drops.files import Choice
from connectors.vendors.drops.sftp import SftpDrop
from connectors.vendors.drops.source import DropSource, Reading
from connectors.vendors.registry import open_vendor
from studio.errors import RowError, SettingsError, VendorDenied, VendorRefused, VendorUnavailable
from tests.doubles.drops import Sftp, asyncssh_served, openssh_served, sshd_path

OLD = 1_700_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "exports"
    made.mkdir()
    write(made / "a.csv", "sku,image\nA,https://erp/a.jpg\nB,photos/b.jpg\n")
    return made


@pytest.fixture(params=["asyncssh", "openssh"])
def server(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Iterator[Sftp]:
    if request.param == "asyncssh":
        with asyncssh_served(folder) as served:
            yield served
    elif sshd_path():
        with openssh_served(folder, tmp_path) as served:
            yield served
    else:
        pytest.skip("needs OpenSSH's server: apt-get install openssh-server")


def write(path: Path, text: str, at: int = OLD) -> None:
    path.write_text(text)
    os.utime(path, (at, at))


def connection(server: Sftp, path: str = "", **more: Any) -> Connection:
    said: dict[str, Any] = {
        "secrets": {"key": server.key},
        "options": {"host-key": server.host_key},
        "allow_private": True,
        **more,
    }
    address = f"sftp://{server.user}@127.0.0.1:{server.port}{path or server.path}"
    return Connection(name="erp", vendor="drops", address=address, **said)


def opened(server: Sftp, path: str = "", **more: Any) -> Source:
    source = open_vendor(connection(server, path, **more)).source
    assert source is not None
    return source


def impatient(server: Sftp, path: str = "", **more: Any) -> DropSource:
    return DropSource(SftpDrop(connection(server, path, **more), sleep=lambda _: None), Choice(), Reading())


def test_products_changes_and_what_is_left_alone(server: Sftp) -> None:
    source = opened(server)
    pages = list(source.pages())
    product, relative = pages[0].listings
    assert isinstance(product, Listing)
    assert (product.ref, product.updated and product.updated.timestamp()) == ("A", OLD)
    assert isinstance(relative, RowError)
    assert "options.images" in relative.problem
    cursor = pages[-1].cursor
    assert [page.listings for page in source.pages(cursor)] == [()]
    write(server.folder / "b.csv", "sku\nC\n", OLD + 9)
    write(server.folder / "c.csv.part", "sku\nHALF\n")
    (server.folder / "young.csv").write_text("sku\nYOUNG\n")
    (server.folder / "sub").mkdir()
    (server.folder / "latest.csv").symlink_to("b.csv")
    (server.folder / "nowhere.csv").symlink_to("missing.csv")
    found = [item.ref for page in source.pages(cursor) for item in page.listings if isinstance(item, Listing)]
    assert found == ["C", "C"]
    assert sorted(path.name for path in server.folder.iterdir()) == [
        "a.csv", "b.csv", "c.csv.part", "latest.csv", "nowhere.csv", "sub", "young.csv",
    ]  # fmt: skip


def test_one_file_and_one_product(server: Sftp) -> None:
    write(server.folder / "b.csv", "sku\nC\n", OLD + 9)
    source = opened(server, f"{server.path}b.csv")
    assert [item.ref for item in next(iter(source.pages())).listings if isinstance(item, Listing)] == ["C"]
    assert source.listing("A") is None
    (server.folder / "b.csv").touch()
    with pytest.raises(VendorUnavailable, match="may still be written"):
        list(source.pages())
    settled = {"host-key": server.host_key, "images": "https://cdn/", "settle": "0"}
    assert opened(server, options=settled).listing("B") is not None


def test_a_large_file_comes_whole(server: Sftp) -> None:
    rows = "\n".join(f"S{number},{'x' * 200}" for number in range(20_000))
    write(server.folder / "a.csv", f"sku,title\n{rows}\n")
    assert sum(len(page.listings) for page in opened(server).pages()) == 20_000


def test_only_the_server_with_the_known_key_is_trusted(server: Sftp, tmp_path: Path) -> None:
    import asyncssh

    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(VendorDenied, match="host key"):
        list(impatient(server, options={"host-key": other}).pages())


def test_logins_that_are_wrong(server: Sftp) -> None:
    import asyncssh

    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    for secrets in ({"key": stranger}, {"password": "hush-hush"}):
        with pytest.raises(VendorDenied) as caught:
            list(impatient(server, secrets=secrets).pages())
        assert "hush-hush" not in caught.value.message


def test_a_folder_that_is_not_there_and_an_address_that_is_private(server: Sftp) -> None:
    with pytest.raises(VendorRefused, match="there is no"):
        list(impatient(server, f"{server.path}none/").pages())
    with pytest.raises(VendorDenied, match="public"):
        list(impatient(server, allow_private=False).pages())


def test_a_server_that_is_not_there(folder: Path) -> None:
    with asyncssh_served(folder) as server:
        pass
    with pytest.raises(VendorUnavailable):
        list(impatient(server).pages())


def test_a_password_and_a_file_that_grows_while_it_is_read(folder: Path) -> None:
    growing: list[str] = []
    with asyncssh_served(folder, grow=growing) as server:
        source = impatient(server, secrets={"password": server.password})
        assert len(next(iter(source.pages())).listings) == 2
        growing.append("a.csv")
        with pytest.raises(VendorUnavailable, match="changed while"):
            list(source.pages())


def test_settings_that_are_wrong() -> None:
    import asyncssh

    key = asyncssh.generate_private_key("ssh-ed25519")
    public, locked = key.export_public_key().decode(), key.export_private_key("pkcs8-pem", passphrase="hush").decode()
    for address, options, secrets in (
        ("sftp://erp@host/x/", {}, {"password": "p"}),
        ("sftp://erp@host/x/", {"host-key": "ssh-ed25519 AAAA"}, {"password": "p"}),
        ("sftp://erp@host/x/", {"host-key": public}, {}),
        ("sftp://erp@host/x/", {"host-key": public}, {"key": "no key"}),
        ("sftp://erp@host/x/", {"host-key": public}, {"key": locked}),
        ("sftp://erp@host/x/", {"host-key": public}, {"key": locked, "passphrase": "wrong-phrase"}),
        ("sftp://erp:hush@host/x/", {"host-key": public}, {"password": "p"}),
        ("sftp://host/x/", {"host-key": public}, {"password": "p"}),
    ):
        with pytest.raises(SettingsError) as caught:
            open_vendor(Connection(name="erp", vendor="drops", address=address, options=options, secrets=secrets))  # type: ignore[arg-type]
        assert "hush" not in caught.value.message
        assert "wrong-phrase" not in caught.value.message
    found = open_vendor(
        Connection(
            name="erp", vendor="drops", address="sftp://erp@host/x/", options={"host-key": public},
            secrets={"key": locked, "passphrase": "hush"},
        )  # type: ignore[arg-type]
    )  # fmt: skip
    assert found.source is not None
