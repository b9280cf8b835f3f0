"""Where our pictures lie in a Cloudinary account: public ids, tags and folders from a product's ref."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.vendors.base import MARK
from connectors.vendors.connection import Connection
from studio.errors import SettingsError, VendorRefused

MAX_ID = 255
"""Characters of a public id; upload API reference, 2026-11-23."""
_PLAIN = re.compile(rb"[A-Za-z0-9_.-]")
_PREFIX = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
_ESCAPED = re.compile(r"~([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Naming:
    """`<prefix>/<ref>/<file name without extension>`; two refs never share a folder."""

    prefix: str = "packshot"
    tags: tuple[str, ...] = ()
    dynamic: bool = False

    @classmethod
    def of(cls, connection: Connection) -> Naming:
        """As the options say. Raises SettingsError."""
        prefix, where = connection.option("prefix", "packshot"), f"connections.{connection.name}.options"
        if not _PREFIX.fullmatch(prefix) or len(prefix) > 100:
            raise SettingsError(f"{where}.prefix is letters, digits, - and _, with / between, at most 100")
        if MARK.search(prefix):
            raise SettingsError(f"{where}.prefix looks like a mark of ours")
        if connection.option("folders", "fixed") not in ("fixed", "dynamic"):
            raise SettingsError(f"{where}.folders is fixed or dynamic")
        tags = tuple(tag.strip() for tag in connection.option("tags").split(",") if tag.strip())
        return cls(prefix, tags, connection.option("folders") == "dynamic")

    def folder(self, ref: str) -> str:
        """The folder of a product; characters that public ids do not take are escaped (`~2f`). Raises VendorRefused."""
        escaped = escape(ref)
        if not escaped:
            raise VendorRefused("a product without a name has no folder")
        return f"{self.prefix}/{escaped}"

    def public_id(self, ref: str, name: str) -> str:
        """Raises VendorRefused for more characters than a public id has."""
        stem = name.rpartition(".")[0] or name
        found = f"{self.folder(ref)}/{escape(stem)}"
        if len(found) > MAX_ID:
            raise VendorRefused(f"{name}: a public id of {len(found)} characters, Cloudinary takes {MAX_ID}")
        return found

    def ref(self, public_id: str) -> str:
        """The product that a public id belongs to, "" when it is none of our folders."""
        head, slash, rest = public_id.removeprefix(f"{self.prefix}/").partition("/")
        if not public_id.startswith(f"{self.prefix}/") or not slash or not rest:
            return ""
        try:
            return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), head).encode("latin-1").decode()
        except ValueError:
            return ""

    def live(self, ref: str) -> str:
        """The tag by which a site lists the product's pictures (`/image/list/<tag>.json`, product gallery)."""
        return f"packshot-{escape(ref)}"


def escape(text: str) -> str:
    """Letters, digits and `_.-` stay, every other byte becomes `~` and two hex digits."""
    return "".join(chr(byte) if _PLAIN.fullmatch(bytes([byte])) else f"~{byte:02x}" for byte in text.encode())
