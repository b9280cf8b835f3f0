"""Products out of Akeneo, by the time of their last change."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.sources.mapping import Mapping
from connectors.vendors.akeneo.cells import Reading, media_in, product_cells, usual_mapping
from connectors.vendors.akeneo.client import Client
from connectors.vendors.akeneo.gallery import MEDIA, Slots, pictures_of
from connectors.vendors.api import Refused
from connectors.vendors.base import Listing, Page
from connectors.vendors.cells import product_from
from studio.errors import InputError, InvalidCursor, RowError, VendorError

LIMIT = 100
"""Products a page; the API's own limit."""
_CODE = re.compile(r"(?!.*\.\.)[A-Za-z0-9_./-]+/download")
OVERLAP = timedelta(minutes=2)
"""How far the next pull goes back behind the beginning of this one: the PIM's index lags behind its database."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    """`since`: changes up to there were seen (UTC). `began`: when the pull under way began, by the PIM's clock; `after`: where in
    it we are."""

    since: str = ""
    began: str = ""
    after: str = ""


class AkeneoSource:
    """One listing for a product, simple or variant, under its uuid; `variant_of` is the code of its product model, whose values
    the PIM repeats in every variant. A model that changes makes the PIM list its variants.

    The API sorts by uuid and not by time, so a pull is oldest first only within a page. Deleted products are not in its lists:
    events and reconciliation find them. `product.images` are photos only, ours are in `pictures`; their addresses need our token,
    so `photo` reads them. A mapping reaches each photo under its attribute's name, and all as `images`.
    """

    def __init__(self, client: Client, mapping: Mapping | None, reading: Reading, slots: Slots) -> None:
        self._client, self._mapping, self._reading, self._slots = client, mapping, reading, slots

    def pages(self, cursor: str = "") -> Iterator[Page]:
        """Raises InvalidCursor, VendorError's kinds."""
        at = _read(cursor)
        while True:
            answer = self._client.call("GET", "api/rest/v1/products-uuid", params=self._query(at))
            said = json.loads(answer.content)
            began = at.began or _clock(answer.headers.get("date", ""))
            after = _after(said)
            at = _Cursor(at.since, began, after) if after else _Cursor(max(at.since, began))
            found = [self._listing(product) for product in said["_embedded"]["items"]]
            yield Page(tuple(sorted(found, key=_age)), json.dumps(asdict(at)))
            if not after:
                return

    def listing(self, ref: str) -> Listing | None:
        """Raises RowError for a product that cannot be understood, VendorError's kinds."""
        try:
            product = self._client.json("GET", f"api/rest/v1/products-uuid/{ref}", params={"with_attribute_options": "true"})
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        found = self._listing(product)
        if isinstance(found, RowError):
            raise found
        return found

    def photo(self, uri: str) -> bytes:
        """The file behind an address of `product.images`. Raises InputError for another address, VendorError's kinds."""
        code = uri.removeprefix(self._client.address(f"{MEDIA}/"))
        if code == uri or not _CODE.fullmatch(code):
            raise InputError("this is no address of a media file in the PIM")
        return self._client.call("GET", f"{MEDIA}/{code}").content

    def _query(self, at: _Cursor) -> dict[str, str]:
        query = {"pagination_type": "search_after", "limit": str(LIMIT), "with_attribute_options": "true"}
        if at.since:
            local = datetime.fromisoformat(at.since).astimezone(self._slots.zone)
            query["search"] = json.dumps({"updated": [{"operator": ">", "value": f"{local:%Y-%m-%d %H:%M:%S}"}]})
        if self._reading.channel:
            query["scope"] = self._reading.channel
        if self._reading.locale:
            query["locales"] = self._reading.locale
        return {**query, "search_after": at.after} if at.after else query

    def _listing(self, product: dict[str, Any]) -> Listing | RowError:
        values = product.get("values") or {}
        wanted = self._slots.photos or [name for name, _ in media_in(values, self._reading) if name not in self._slots.ours]
        media = dict(media_in(values, self._reading))
        photos = {name: self._client.address(f"{MEDIA}/{media[name]}/download") for name in wanted if name in media}
        ours = pictures_of(product, self._slots, self._reading)
        cells = product_cells(product, self._reading, list(photos.values()))
        item = product_from({**photos, **cells}, self._mapping or usual_mapping(cells), f"akeneo/{product['uuid']}")
        if isinstance(item, RowError):
            return item
        return Listing(product["uuid"], item, ours, datetime.fromisoformat(product["updated"]))


def _age(found: Listing | RowError) -> float:
    """A broken listing counts as the oldest."""
    return found.updated.timestamp() if isinstance(found, Listing) and found.updated else 0.0


def _after(said: Any) -> str:
    """The place after this page. Only the token of the link is used, never its address."""
    try:
        href = (said["_links"].get("next") or {}).get("href", "")
        said["_embedded"]["items"]
    except (KeyError, TypeError, AttributeError):
        raise VendorError("the PIM answered no page of products") from None
    return next(iter(parse_qs(urlsplit(href).query).get("search_after", ())), "")


def _clock(date: str) -> str:
    """Where the next pull begins: the PIM's own clock counts, ours where it tells none, five minutes off at most."""
    try:
        now = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        now = datetime.now(UTC) - timedelta(minutes=5)
    return (now.astimezone(UTC) - OVERLAP).isoformat(timespec="seconds")


def _read(cursor: str) -> _Cursor:
    if not cursor:
        return _Cursor()
    try:
        said = json.loads(cursor)
        at = _Cursor(str(said["since"]), str(said["began"]), str(said["after"]))
        for time in (at.since, at.began):
            _ = time and datetime.fromisoformat(time)
    except (ValueError, KeyError, TypeError):
        raise InvalidCursor("this is no cursor of an Akeneo pull") from None
    return at
