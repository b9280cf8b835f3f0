"""Pictures onto a Vendure product or variant: assets into the library first, then one save of the product with all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.vendors.api import Refused
from connectors.vendors.base import Picture, Placing, Shown
from connectors.vendors.vendure.cells import Json, mark_of, pictures_of, shown
from connectors.vendors.vendure.client import Client, NotThere
from connectors.vendors.vendure.query import Queries
from studio.errors import ProductGone, VendorError, VendorRefused, VendorUnavailable

TAG = "packshot"
"""Of our assets in the library."""
_CREATE = """mutation Create($input: [CreateAssetInput!]!) {
  createAssets(input: $input) { __typename ... on Asset { id name } ... on ErrorResult { message } }
}"""
_FIND = "query Find($options: AssetListOptions) { assets(options: $options) { items { ...Asset } } }\n"
_SAY = "mutation Say($input: UpdateAssetInput!) { updateAsset(input: $input) { id } }"
_SAVE = "mutation Save($input: UpdateProductInput!) { updateProduct(input: $input) { id } }"
_SAVE_VARIANT = "mutation SaveVariant($input: [UpdateProductVariantInput!]!) { updateProductVariants(input: $input) { id } }"


class VendureGallery:
    """A save replaces the whole gallery, so it is read right before it and everybody's assets are named by their ids; a picture
    that somebody adds within those milliseconds leaves the gallery, though not the library. Vendure cannot hide a picture: with
    `people: hide` theirs stay behind ours. What we take off stays in the library, for a rollback and for pages that show it.

    Vendure has no alternative text; where the shop keeps it in a custom field of assets, option `alt` names that field.
    """

    def __init__(self, client: Client, queries: Queries) -> None:
        self._client, self._queries = client, queries

    def read(self, ref: str) -> tuple[Shown, ...]:
        """Raises ProductGone. What was uploaded and not arranged is not there."""
        return shown(self._assets(ref), self._queries.alt)

    def add(self, ref: str, picture: Picture) -> str:
        """Into the library, where shoppers do not see it. The same picture on two products is one asset, unless its text
        differs. Raises VendorRefused for a kind of file that the shop does not take."""
        return self._found(picture) or self._upload(picture)

    def arrange(self, ref: str, order: Sequence[Placing]) -> None:
        """Texts first, then all pictures in one save, the first of them featured."""
        there = {str(asset["id"]): asset for asset in self._assets(ref)}
        if self._queries.alt:
            self._say(order, there)
        wanted = [placing.id for placing in order if placing.picture or placing.id in there]
        rest = [key for key, asset in there.items() if key not in wanted and not mark_of(asset)]
        self._save(ref, [*wanted, *rest])

    def remove(self, ref: str, ids: Sequence[str]) -> None:
        """Off the product; they stay in the library."""
        there = [str(asset["id"]) for asset in self._assets(ref)]
        kept = [key for key in there if key not in ids]
        if len(kept) < len(there):
            self._save(ref, kept)

    def fetch(self, shown: Shown) -> bytes | None:
        """The file as it was uploaded: the asset server re-encodes only where a size or format is asked for."""
        try:
            return self._client.file(shown.url)
        except Refused as error:
            if error.status == 404:
                raise VendorUnavailable(f"{self._client.name}: {shown.url} is not there yet") from None
            raise

    def _assets(self, ref: str) -> list[Json]:
        product, _, variant = ref.partition("/")
        query = self._queries.variant_gallery if variant else self._queries.gallery
        owner = self._client.ask(query, {"id": variant or product}).get("owner")
        if not isinstance(owner, dict) or (variant and str(owner.get("productId")) != product):
            raise ProductGone(f"product {ref} is not there any more")
        return pictures_of(owner)

    def _found(self, picture: Picture) -> str:
        """What an earlier call left in the library, though its answer was lost."""
        options = {"filter": {"name": {"contains": picture.mark}}, "sort": {"id": "ASC"}, "take": 20}
        found = self._client.ask(_FIND + self._queries.asset, {"options": options})["assets"]["items"]
        alt = self._queries.alt
        same = [asset for asset in found if mark_of(asset) == picture.mark and (not alt or _text(asset, alt) == picture.alt)]
        return str(same[0]["id"]) if same else ""

    def _upload(self, picture: Picture) -> str:
        said: dict[str, Any] = {"file": None, "tags": [TAG]}
        if self._queries.alt:
            said["customFields"] = {self._queries.alt: picture.alt}
        file = (picture.name, picture.data(), picture.media_type)
        (made, *_) = self._client.upload(_CREATE, {"input": [said]}, "input.0.file", file)["createAssets"] or [{}]
        if made.get("__typename") != "Asset":
            raise VendorRefused(f"{picture.name}: {made.get('message', 'the shop did not take it')}")
        if mark_of(made) != picture.mark:
            raise VendorError(f"{self._client.name}: the shop does not keep names of files: {picture.name}")
        return str(made["id"])

    def _say(self, order: Sequence[Placing], there: dict[str, Json]) -> None:
        alt = self._queries.alt
        for placing in order:
            if placing.picture and (placing.id not in there or _text(there[placing.id], alt) != placing.picture.alt):
                self._client.ask(_SAY, {"input": {"id": placing.id, "customFields": {alt: placing.picture.alt}}})

    def _save(self, ref: str, assets: Sequence[str]) -> None:
        product, _, variant = ref.partition("/")
        pictures = {"id": variant or product, "assetIds": list(assets), "featuredAssetId": assets[0] if assets else None}
        try:
            self._client.ask(_SAVE_VARIANT if variant else _SAVE, {"input": [pictures] if variant else pictures})
        except NotThere:
            raise ProductGone(f"product {ref} is not there any more") from None


def _text(asset: Json, alt: str) -> str:
    return str((asset.get("customFields") or {}).get(alt) or "")
