"""Bodies of requests: JSON, or a form with a file. Pictures are judged by their header before anything decodes them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from cluster.settings import FetchSettings
from serve_apps.http.problems import fault, in_body
from studio.imaging.codec import Limits, dimensions
from studio.imaging.prints.artwork import check_drawing, drawing_kind
from studio.imaging.sniff import FORMATS
from studio.product import ImageRole

MEDIA_TYPES = tuple(f"image/{name}" for name in FORMATS)
MAX_JSON = 1 << 20
"""Bytes of a JSON request, batches apart."""
_LARGE = 1 << 20
"""Bytes from which a body is looked at in a thread."""
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""An escaped NUL in JSON, not an escaped backslash before `u0000`."""
DRAWING = "application/octet-stream"
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that may be decoded: its bytes, type and size in pixels."""

    data: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Form:
    """The parts `request` (JSON) and `file` of a form, empty when a part is missing, and further photos by role."""

    request: str | bytes
    file: bytes
    photos: dict[ImageRole, bytes] = field(default_factory=dict)


async def check_upload(data: bytes, limits: FetchSettings, *, artwork: bool = False) -> Upload:
    """Format and size from the header alone. Raises ImageError (unknown format, too many bytes or pixels, broken header).

    `artwork` may also be a drawing (SVG, PDF). It is looked through, has no size in pixels (0), and is kept under a type that no
    browser opens.
    """
    allowed = Limits(limits.max_bytes, limits.max_pixels)
    if artwork and drawing_kind(data):
        await asyncio.to_thread(check_drawing, data)
        return Upload(data, DRAWING, 0, 0)
    # A progressive JPEG's scans are counted through the whole file.
    large = len(data) > _LARGE
    width, height, kind = await asyncio.to_thread(dimensions, data, allowed) if large else dimensions(data, allowed)
    return Upload(data, f"image/{kind}", width, height)


def content_type(request: Request) -> str:
    """The media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request, model: type[M], most: int = MAX_JSON) -> M:
    """The body as a model. Raises HTTPException 413 beyond `most` bytes, RequestValidationError."""
    body = await request.body()
    if len(body) > most:
        raise HTTPException(413, f"the JSON body is larger than {most} bytes")
    return parsed(body, model)


def parsed(text: bytes | str, model: type[M]) -> M:
    """JSON as a model. Raises RequestValidationError; NUL characters, which PostgreSQL cannot keep, are one."""
    try:
        found = model.model_validate_json(text)
    except ValidationError as error:
        raise in_body(error) from None
    if _NUL.search(text if isinstance(text, bytes) else text.encode()):
        raise fault("must not contain NUL characters")
    return found


async def read_form(request: Request) -> Form:
    """The parts of a form. Raises HTTPException 400 for a broken form, RequestValidationError for other parts."""
    roles = {str(role) for role in ImageRole}
    form = await request.form(max_files=2 + len(roles), max_fields=2, max_part_size=MAX_JSON)
    if set(form) - {"request", "file"} - roles or len(form.multi_items()) != len(form):
        raise fault("a form has the parts `request` (JSON), `file`, and further photos named by their role, each once")
    given = form.get("request", "")
    text = given if isinstance(given, str) else await given.read(MAX_JSON + 1)  # some clients give every part a file name
    if len(text) > MAX_JSON:
        raise HTTPException(413, f"the part `request` is larger than {MAX_JSON} bytes")
    photos = {ImageRole(name): await _file(name, part) for name, part in form.items() if name in roles}
    return Form(text, await _file("file", form.get("file", "")), photos)


async def _file(name: str, part: UploadFile | str) -> bytes:
    if isinstance(part, str) and part:
        raise fault(f"the part `{name}` needs a file name")
    return await part.read() if isinstance(part, UploadFile) else b""


def unsupported(*wanted: str) -> HTTPException:
    """415: the body is of none of the wanted types."""
    return HTTPException(415, f"send {' or '.join(wanted)}", {"accept": ", ".join(wanted)})
