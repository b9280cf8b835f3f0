"""Pictures of the store for who is signed in: the API hands them out to keys, a page has only its cookie."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from serve_apps.console.frame import Viewer
from serve_apps.parts import parts_of
from studio.errors import NotStored, UnknownFormat
from studio.imaging.sniff import sniff

router = APIRouter(prefix="/pictures")
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.get("/{digest}")
def get_picture(request: Request, digest: Digest, _: Viewer, save: Annotated[str, Query(max_length=120)] = "") -> Response:
    """The bytes, kept by this browser alone. `save` is a file name to save them under. Raises NotStored, also for what is no
    picture."""
    headers = {"cache-control": "private, max-age=31536000, immutable", "etag": f'"{digest}"', "vary": "Cookie"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    data = parts_of(request).storage.get_blob(digest)
    try:
        kind = sniff(data)
    except UnknownFormat:
        raise NotStored(f"no picture {digest}") from None
    if save:
        name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in save)
        headers["content-disposition"] = f'attachment; filename="{name}.{kind}"'
    return Response(data, headers=headers, media_type=f"image/{kind}")
