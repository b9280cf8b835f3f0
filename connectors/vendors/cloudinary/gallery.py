"""Pictures into a Cloudinary account, a folder for each product."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.vendors.base import Picture, Placing, Shown, mark_in
from connectors.vendors.cloudinary.client import Client
from connectors.vendors.cloudinary.naming import Naming
from connectors.vendors.places import in_places
from studio.errors import VendorRefused, VendorUnavailable

PAGE = 500
"""Assets a page; Admin API reference, 2026-11-23."""
MOST = 2000
"""Assets of one folder that are read."""
MAX_VALUE = 255
"""Characters of a value of contextual metadata; contextual metadata, 2024-04-18."""
AT_ONCE = 100
"""Public ids of one call."""
POSITION = "packshot_position"
_KEY = re.compile(r"[^a-z0-9_]+")


class CloudinaryGallery:
    """A picture's id is its public id, made of the product and the file name, so that the same picture sent twice is one asset.

    `add` uploads without the product's tag. `arrange` writes places and alt texts into contextual metadata (`packshot_position`,
    `alt`, which the Media Library shows as its description), and then gives all pictures the tag in one call: sites that list by
    tag see them from then on. `remove` deletes with `invalidate`, so that copies of the CDN go too. Assets of people elsewhere
    are neither listed nor touched; one that a person puts into our folder is listed and left alone.
    """

    def __init__(self, client: Client, naming: Naming, *, read_back: bool = True) -> None:
        self._client, self._naming, self._read_back = client, naming, read_back

    def read(self, ref: str) -> tuple[Shown, ...]:
        """One Admin API call for each 500 pictures. Raises VendorRefused for a folder of more than 2,000."""
        live = self._naming.live(ref)
        assets = sorted(
            self._assets(ref), key=lambda asset: (_waits(asset, live), asset.get("created_at", ""), asset["public_id"])
        )
        return tuple(_shown(asset, place, live) for place, asset in enumerate(in_places(assets, _position)))

    def add(self, ref: str, picture: Picture) -> str:
        """Raises VendorRefused for what the account does not take: too large, not an image."""
        public_id = self._naming.public_id(ref, picture.name)
        fields = {
            "public_id": public_id,
            "overwrite": "false",
            "context": context(self._facts(ref, picture)),
            "tags": ",".join(self._naming.tags),
            "asset_folder": self._naming.folder(ref) if self._naming.dynamic else "",
        }
        answer = self._client.signed("upload", fields, (picture.name, picture.data(), picture.media_type))
        if answer.get("public_id") != public_id:
            raise VendorRefused(f"{picture.name}: Cloudinary calls it {str(answer.get('public_id'))[:200]!r}, not {public_id!r}")
        return public_id

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        """Raises VendorUnavailable where one of them is not there any more."""
        ours = [(place, placing) for place, placing in enumerate(order) if placing.picture]
        for place, placing in ours:
            assert placing.picture is not None
            said = {POSITION: str(place), "alt": placing.picture.alt, **self._facts(ref, placing.picture)}
            self._all("context", [placing.id], {"command": "add", "context": context(said)})
        for start in range(0, len(ours), AT_ONCE):
            ids = [placing.id for _, placing in ours[start : start + AT_ONCE]]
            self._all("tags", ids, {"command": "add", "tag": self._naming.live(ref)})

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        """One call a picture. Raises VendorRefused for one that is not in the product's folder."""
        for public_id in ids:
            if self._naming.ref(public_id) != ref:
                raise VendorRefused(f"{public_id[:200]!r} is no picture of {ref}")
            result = self._client.signed("destroy", {"public_id": public_id, "invalidate": "true"}).get("result")
            if result not in ("ok", "not found"):
                raise VendorUnavailable(f"{public_id}: Cloudinary answers {str(result)[:100]!r}")

    def fetch(self, shown: Shown) -> bytes | None:
        """The original as the CDN delivers it."""
        return self._client.delivered(shown.url) if self._read_back else None

    def _all(self, action: str, ids: list[str], fields: Mapping[str, str]) -> None:
        done = self._client.signed(action, {**fields, "public_ids": ids}).get("public_ids") or ()
        if missing := sorted(set(ids) - set(done)):
            raise VendorUnavailable(f"{missing[0]} is not there any more")

    def _facts(self, ref: str, picture: Picture) -> dict[str, str]:
        """What a person who finds the asset wants to know: sku, template, slot and the like."""
        details = {f"packshot_{_KEY.sub('_', name.lower())}": value for name, value in picture.details.items() if value}
        return {**details, "packshot_ref": ref, **({"packshot_types": ",".join(picture.types)} if picture.types else {})}

    def _assets(self, ref: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        while len(found) <= MOST:
            page = self._client.admin(
                "resources/image/upload",
                prefix=f"{self._naming.folder(ref)}/",
                context="true",
                tags="true",
                max_results=PAGE,
                **more,
            )
            found += page.get("resources") or ()
            if not page.get("next_cursor"):
                return found
            more = {"next_cursor": str(page["next_cursor"])}
        raise VendorRefused(f"{self._naming.folder(ref)} has more than {MOST} assets")


def context(pairs: Mapping[str, str]) -> str:
    """Contextual metadata as a field, `=` and `|` escaped. Raises VendorRefused for more than 255 characters in a value, and for
    a backslash, which cannot be escaped."""
    for name, value in pairs.items():
        if "\\" in value or len(value) > MAX_VALUE:
            raise VendorRefused(f"{name}: contextual metadata takes {MAX_VALUE} characters, and no backslash")
    return "|".join(f"{name}=" + value.replace("=", r"\=").replace("|", r"\|") for name, value in pairs.items())


def _custom(asset: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (asset.get("context") or {}).get("custom") or {}
    return found if isinstance(found, dict) else {}


def _position(asset: Mapping[str, Any]) -> int | None:
    """Where we put it; None for people's pictures and those that were not arranged yet."""
    text = str(_custom(asset).get(POSITION, ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _waits(asset: Mapping[str, Any], live: str) -> bool:
    """Whether it is one of ours that was not arranged yet: it comes last."""
    return bool(mark_in(str(asset["public_id"]).rpartition("/")[2])) and live not in (asset.get("tags") or ())


def _shown(asset: Mapping[str, Any], place: int, live: str) -> Shown:
    public_id = str(asset["public_id"])
    mark = mark_in(public_id.rpartition("/")[2])
    return Shown(
        id=public_id,
        url=str(asset.get("secure_url") or ""),
        position=place,
        alt=str(_custom(asset).get("alt", "")),
        mark=mark,
        placed=not mark or live in (asset.get("tags") or ()),
    )
