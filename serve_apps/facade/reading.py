"""Requests of the facade: forms and queries as checked fields, photos into the store."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping

from fastapi import Request
from PIL import ExifTags, Image
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from cluster.engine import fetcher
from serve_apps.facade.fields import Asked, Field, checked
from serve_apps.facade.lengths import Size
from serve_apps.http.uploads import check_upload, content_type
from serve_apps.parts import Parts
from studio.errors import InputError

MAX_FIELD = 64 << 10
"""Bytes of a field that is text."""
MAX_FIELDS, MAX_FILES = 100, 4
MAX_FILE = 30 << 20
"""Bytes of a picture; the vendor's OpenAPI file, 2026-06-22."""
MAX_URL = 2000


async def form_of(request: Request, known: Mapping[str, Field]) -> Asked:
    """The fields of a form. Raises InputError, NotSupported."""
    if content_type(request) != "multipart/form-data":
        raise InputError("send multipart/form-data")
    try:
        form = await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD)
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise InputError(f"the form cannot be read: {error.detail}") from None
    items = form.multi_items()
    if len(items) != len(form):
        raise InputError("every field once")
    texts = {name: value for name, value in items if isinstance(value, str)}
    files = {name: await value.read() for name, value in items if isinstance(value, UploadFile)}
    return checked(Asked(texts, files), known)


def query_of(request: Request, known: Mapping[str, Field]) -> Asked:
    """The fields of an address. Raises InputError, NotSupported."""
    items = request.query_params.multi_items()
    texts = dict(items)
    if len(items) != len(texts):
        raise InputError("every field once")
    return checked(Asked(texts), known)


async def picture_in(parts: Parts, asked: Asked, name: str) -> tuple[str, Size]:
    """A picture that was sent, or the one at the address that was sent, in the store: its digest, and its size upright.

    Raises InputError, ImageError, FetchError.
    """
    data = asked.files[name] if name in asked.files else await _fetched(parts, name, asked.text(name))
    if len(data) > MAX_FILE:
        raise InputError(f"{name}: {len(data)} bytes, {MAX_FILE} are read")
    if not data:
        raise InputError(f"{name}: the file is empty")
    upload = await check_upload(data, parts.settings.fetch)
    size = await asyncio.to_thread(_upright, data, (upload.width, upload.height))
    return await asyncio.to_thread(parts.storage.put_blob, data, media_type=upload.media_type), size


async def _fetched(parts: Parts, name: str, url: str) -> bytes:
    if not url.startswith(("https://", "http://")) or len(url) > MAX_URL:
        raise InputError(f"{name} must be an address that begins with https:// or http://")

    def read() -> bytes:
        with fetcher(parts.settings) as source:
            return source.read(url)

    return await asyncio.to_thread(read)


def _upright(data: bytes, size: Size) -> Size:
    """The size after the EXIF orientation; TIFF is turned while it is read, and a PNG is only opened if it has a block for it."""
    if data[:4] == b"\x89PNG" and b"eXIf" not in data:
        return size
    try:
        with Image.open(io.BytesIO(data)) as image:
            turned = image.format != "TIFF" and image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    except (OSError, ValueError, SyntaxError):
        return size
    return (size[1], size[0]) if turned else size
