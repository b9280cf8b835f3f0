"""Pictures into a bucket that a CDN reads from: addresses that never change, and names that always lead to the newest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from urllib.parse import quote

import httpx

from connectors.http import deadline, guarded_client
from connectors.vendors.base import Picture, Placing, Shown
from connectors.vendors.cdn.sheet import MAX_BYTES, NAME, Entry, Sheet, alias_names, asset_key, folder_of, understood, written
from connectors.vendors.connection import Connection
from connectors.vendors.objects import Held, Objects
from studio.errors import FetchError, VendorDenied, VendorRefused, VendorUnavailable

FOREVER = "public, max-age=31536000, immutable"
"""RFC 8246; a year is what caches take for forever (RFC 9111 1.2.2 asks for no more)."""
MAX_PICTURE = 64 << 20
"""Bytes of a picture that is read back."""
MAX_BESIDE = 2000
"""Objects beside a sheet."""
OURS = "packshot"
"""User metadata of our aliases: the digest of what they hold."""
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".svg", ".pdf")
_MD5 = re.compile(r"[0-9a-f]{32}")
_TOTAL_S = 60.0


class Public:
    """What shoppers see: the CDN in front of the bucket, asked without credentials."""

    def __init__(self, connection: Connection, address: str) -> None:
        self._name, self._address = connection.name, address.rstrip("/")
        self._client = guarded_client(allow_private=connection.allow_private)

    def url(self, key: str) -> str:
        """Address of an object."""
        return f"{self._address}/{quote(key)}"

    def read(self, url: str) -> bytes:
        """Raises VendorUnavailable for anything but the bytes, VendorDenied for an address that is not allowed."""
        try:
            with deadline(_TOTAL_S), self._client.stream("GET", url, headers={"accept-encoding": "identity"}) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise VendorUnavailable(f"{self._name}: {url} answered {answer.status_code}")
                body = bytearray()
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > MAX_PICTURE:
                        raise VendorRefused(f"{self._name}: {url} has more than {MAX_PICTURE} bytes")
                return bytes(body)
        except (httpx.HTTPError, OSError) as error:
            raise VendorUnavailable(f"{self._name}: {url}: {error or type(error).__name__}") from None
        except FetchError as error:
            raise VendorDenied(f"{self._name}: {error.message}") from None


class CdnGallery:
    """`assets/<hash[:2]>/<hash>.<ext>` for good, `products/<sku>/gallery.json` for the order, beside it an alias for each slot.

    The sheet changes in one write, and so does each alias; they are copies with a short life, written last, so a page that reads
    several aliases may for `ttl_s` see some of the old set: build pages from the sheet. Other objects beside the sheet are
    people's: they keep their place in it and are never written over. Assets stay when pictures are taken off, because pages in
    caches and other products show them. A CDN's cache of aliases is not purged: it lives for `ttl_s`.
    """

    def __init__(self, objects: Objects, front: Public | None, *, ttl_s: int = 300, through_front: bool = True) -> None:
        self._objects, self._front, self._through = objects, front, through_front
        self._short = f"public, max-age={ttl_s}, must-revalidate"

    def read(self, ref: str) -> tuple[Shown, ...]:
        """The sheet, what lies beside it, and whether each object of ours is there. Not `placed` is a picture whose alias is not
        right yet, and one of a person's that the sheet does not name."""
        sheet, folder = self._sheet(ref), folder_of(ref)
        beside = {found.key: found.tag for found in self._objects.listed(folder, MAX_BESIDE)}
        foreign = {key for key in beside if key.lower().endswith(_PICTURES) and not self._is_alias(sheet, key, beside[key])}
        shown: list[Shown] = []
        for entry in sheet.pictures:
            if entry.digest:
                shown.append(self._own(entry, len(shown), self._in_place(sheet, entry, beside.get(folder + entry.alias, ""))))
            elif entry.key in foreign:
                shown.append(Shown(entry.key, self._url(entry.key), len(shown), None))
                foreign.discard(entry.key)
        for key in sorted(foreign):
            shown.append(Shown(key, self._url(key), len(shown), None, placed=False))
        return tuple(shown)

    def add(self, ref: str, picture: Picture) -> str:
        """Its key. The bytes are sent once, however many products show them; a damaged object is written again."""
        key = asset_key(picture.digest, picture.media_type)
        data, held = picture.data(), self._objects.head(key)
        if held is None:
            self._objects.put(key, data, picture.media_type, FOREVER, new=True)
        elif not _same(held, data):
            self._objects.put(key, data, picture.media_type, FOREVER)
        return key

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        """The sheet, then the aliases, then the sheet's word that all is done. Raises VendorRefused where a file of somebody
        else's has an alias's name."""
        sheet, folder = self._sheet(ref), folder_of(ref)
        names = alias_names([placing.picture for placing in order])
        entries = tuple(self._entry(placing, name) for placing, name in zip(order, names, strict=True))
        wanted = {entry.alias: entry for entry in entries if entry.alias}
        there = {name: self._objects.head(folder + name) for name in sorted({*wanted, *sheet.aliases})}
        for name in wanted:
            held = there[name]
            if held is not None and OURS not in held.details:
                raise VendorRefused(f"{self._objects.prefix}{folder}{name} is not ours; move it away")
        pending = Sheet(pictures=entries, aliases={**sheet.aliases, **dict.fromkeys(wanted, "")}, settled=False)
        self._write(folder, pending)
        tags = {name: self._aliased(folder + name, entry, there[name]) for name, entry in wanted.items()}
        for name in sheet.aliases.keys() - wanted.keys():
            self._drop(folder + name, there[name])
        self._write(folder, Sheet(pictures=entries, aliases=tags))

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        """Out of the sheet, with their aliases; the assets stay."""
        sheet, folder = self._sheet(ref), folder_of(ref)
        kept = tuple(entry for entry in sheet.pictures if entry.key not in ids or not entry.digest)
        if len(kept) == len(sheet.pictures):
            return
        names = {entry.alias for entry in kept}
        for name in sheet.aliases.keys() - names:
            self._drop(folder + name, self._objects.head(folder + name))
        aliases = {name: tag for name, tag in sheet.aliases.items() if name in names}
        self._write(folder, sheet.model_copy(update={"pictures": kept, "aliases": aliases}))

    def fetch(self, shown: Shown) -> bytes | None:
        """Through the CDN where its address is known, else from the bucket."""
        if self._front and self._through:
            return self._front.read(shown.url)
        data = self._objects.get(shown.id, MAX_PICTURE)
        if data is None:
            raise VendorUnavailable(f"{shown.id} is not in the bucket")
        return data

    def _entry(self, placing: Placing, alias: str) -> Entry:
        picture = placing.picture
        if picture is None:
            return Entry(key=placing.id, url=self._url(placing.id))
        held = self._objects.head(placing.id)
        return Entry(
            key=placing.id, url=self._url(placing.id), alt=picture.alt, types=picture.types, variants=picture.variants,
            digest=picture.digest, tag=held.tag if held else "", media_type=picture.media_type, alias=alias,
        )  # fmt: skip

    def _aliased(self, key: str, entry: Entry, held: Held | None) -> str:
        if held is not None and held.details.get(OURS) == entry.digest:
            return held.tag
        return self._objects.copy(entry.key, key, entry.media_type, self._short, {OURS: entry.digest})

    def _drop(self, key: str, held: Held | None) -> None:
        """Delete an alias, unless somebody else's file has its name."""
        if held is not None and OURS in held.details:
            self._objects.delete(key)

    def _own(self, entry: Entry, place: int, in_place: bool) -> Shown:
        held = self._objects.head(entry.key)
        problem = "" if held and not _differ(held.tag, entry.tag) else f"{entry.key} is not in the bucket, or damaged"
        return Shown(
            entry.key, self._url(entry.key), place, entry.alt, entry.digest[:16], entry.variants, in_place, problem=problem
        )

    def _in_place(self, sheet: Sheet, entry: Entry, tag: str) -> bool:
        return sheet.settled and tag == sheet.aliases.get(entry.alias)

    def _is_alias(self, sheet: Sheet, key: str, tag: str) -> bool:
        """Whether an object beside the sheet is an alias of ours; what somebody put in its place is not."""
        name = key.rpartition("/")[2]
        if name not in sheet.aliases:
            return False
        if sheet.settled and sheet.aliases[name] == tag:
            return True
        held = self._objects.head(key)
        return held is None or OURS in held.details

    def _sheet(self, ref: str) -> Sheet:
        key = folder_of(ref) + NAME
        data = self._objects.get(key, MAX_BYTES)
        return Sheet() if data is None else understood(data, self._objects.prefix + key)

    def _write(self, folder: str, sheet: Sheet) -> None:
        self._objects.put(folder + NAME, written(sheet), "application/json", self._short)

    def _url(self, key: str) -> str:
        return self._front.url(key) if self._front else f"s3://{self._objects.bucket}/{self._objects.prefix}{key}"


def _same(held: Held, data: bytes) -> bool:
    """Whether an object looks undamaged. An ETag that is no MD5 (KMS, multipart) is not compared."""
    return held.size == len(data) and not _differ(held.tag, hashlib.md5(data, usedforsecurity=False).hexdigest())


def _differ(tag: str, other: str) -> bool:
    """Whether two ETags are MD5s and of different bytes."""
    return tag != other and bool(_MD5.fullmatch(tag) and _MD5.fullmatch(other))
