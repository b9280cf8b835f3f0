"""Assets: pictures under the hash of their bytes, for ever; and uploads that become one."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from pydantic import Field
from starlette.responses import Response

from serve_apps.http.problems import problem
from serve_apps.http.ranges import byte_range, none_match
from serve_apps.http.uploads import MEDIA_TYPES, check_upload
from serve_apps.parts import parts_of
from studio.errors import NotStored, UnknownFormat
from studio.imaging.sniff import sniff
from studio.product import Frozen

router = APIRouter(prefix="/v1/assets", tags=["assets"])
FOR_EVER = "public, max-age=31536000, immutable"
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="BLAKE3 of the bytes.", examples=["0" * 64])]
_BINARY: dict[str, Any] = {name: {"schema": {"type": "string", "format": "binary"}} for name in MEDIA_TYPES}
_HEADERS: dict[str, Any] = {
    "ETag": {"schema": {"type": "string"}, "description": "The hash, quoted."},
    "Cache-Control": {"schema": {"type": "string"}, "description": "The bytes never change."},
    "Accept-Ranges": {"schema": {"type": "string"}, "description": "`bytes`."},
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": _BINARY, "headers": _HEADERS},
    206: {
        "description": "A part of it.",
        "content": _BINARY,
        "headers": {**_HEADERS, "Content-Range": {"schema": {"type": "string"}, "description": "Which part."}},
    },
    304: {"description": "You have it already.", "headers": _HEADERS},
    404: {"description": "No such picture."},
    416: {"description": "The range lies outside."},
}


class StoredAsset(Frozen):
    """A picture that was uploaded."""

    hash: str = Field(description="BLAKE3 of its bytes; `input.asset` of an order.", examples=["0" * 64])
    url: str = Field(description="Where its bytes are.", examples=["/v1/assets/" + "0" * 64])
    media_type: str = Field(description="What it is.", examples=["image/jpeg"])
    width: int = Field(description="Pixels, as stored.", examples=[3000])
    height: int = Field(description="Pixels, as stored.", examples=[2000])
    bytes: int = Field(description="Size of the file.", examples=[812345])


@router.get("/{hash}", responses=_RESPONSES, response_class=Response, operation_id="get_asset", summary="The bytes of an asset")
@router.head(
    "/{hash}", responses=_RESPONSES, response_class=Response, operation_id="head_asset", summary="Size and type of an asset"
)
async def get_asset(
    request: Request,
    hash: Hash,  # noqa: A002
    range: Annotated[str, Header(max_length=200, description="One range of bytes.", examples=["bytes=0-1023"])] = "",  # noqa: A002
    if_none_match: Annotated[str, Header(max_length=4000, description="Entity tags you have.")] = "",
    if_range: Annotated[str, Header(max_length=200, description="Send the range only if this is still the tag.")] = "",
) -> Response:
    """Immutable: may be cached for ever. Answers ranges and conditions (RFC 9110)."""
    store, etag = parts_of(request).storage, f'"{hash}"'
    headers = {"etag": etag, "cache-control": FOR_EVER, "accept-ranges": "bytes"}
    if if_none_match and none_match(if_none_match, etag):
        if not await asyncio.to_thread(store.has_blob, hash):
            raise NotStored(f"no asset {hash}")
        return Response(status_code=304, headers=headers)
    data = await asyncio.to_thread(store.get_blob, hash)
    try:
        media_type = f"image/{sniff(data)}"
    except UnknownFormat:
        # The store also holds what steps remember; only pictures are handed out.
        raise NotStored(f"no asset {hash}") from None
    try:
        part = byte_range(range, if_range, etag, len(data))
    except ValueError as error:
        return problem(416, str(error), scope=request.scope, headers={"content-range": f"bytes */{len(data)}"})
    body = data if part is None else data[part[0] : part[1] + 1]
    if part is not None:
        headers["content-range"] = f"bytes {part[0]}-{part[1]}/{len(data)}"
    headers["content-length"] = str(len(body))
    return Response(b"" if request.method == "HEAD" else body, 200 if part is None else 206, headers, media_type)


@router.post(
    "",
    status_code=201,
    response_model=StoredAsset,
    operation_id="upload_asset",
    summary="Upload a picture",
    openapi_extra={"requestBody": {"required": True, "content": _BINARY, "description": "The picture's bytes."}},
    responses={
        201: {"headers": {"Location": {"schema": {"type": "string"}, "description": "Where its bytes are."}}},
        413: {"description": "Too many bytes or pixels."},
        415: {"description": "Not a picture we read."},
    },
)
async def upload_asset(request: Request) -> Response:
    """Keep a photo, a background or an artwork for later orders (`input.asset`, `edits.background.image`)."""
    parts = parts_of(request)
    upload = await check_upload(await request.body(), parts.settings.fetch)
    digest = await asyncio.to_thread(parts.storage.put_blob, upload.data, media_type=upload.media_type)
    stored = StoredAsset(
        hash=digest,
        url=f"/v1/assets/{digest}",
        media_type=upload.media_type,
        width=upload.width,
        height=upload.height,
        bytes=len(upload.data),
    )
    return Response(stored.model_dump_json(), 201, {"location": stored.url}, "application/json")
