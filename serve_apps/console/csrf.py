"""No other site may act in somebody's name: a token in every form, and a look at where the call comes from."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import UploadFile

from serve_apps.parts import parts_of
from studio.errors import Forbidden

FIELD, HEADER = "csrf", "x-csrf-token"
MOST_FIELDS, MOST_FILES = 2_000, 4
"""Of one form: a bulk action names each of its items."""


def token_for(session: str) -> str:
    """The token of a session: derived from its secret, so that nothing more is stored, and saying nothing about it."""
    return hashlib.blake2b(session.encode(errors="replace"), digest_size=24, person=b"packshot csrf").hexdigest()


def check_origin(request: Request) -> None:
    """Raises Forbidden unless the call comes from a page of this host: browsers say so on every POST (Fetch, `Origin`)."""
    origin = urlsplit(request.headers.get("origin", "")).netloc
    ours = {request.headers.get("host", ""), urlsplit(parts_of(request).settings.api.base_url).netloc}
    if not origin or origin not in ours:
        raise Forbidden("this call does not come from a page of the console")


async def check_token(request: Request, wanted: str) -> None:
    """Raises Forbidden unless the header or the form carries the session's token. Reads the form, which routes get again."""
    given: UploadFile | str = request.headers.get(HEADER, "")
    if not given and request.headers.get("content-type", "").startswith(("multipart/form-data", "application/x-www-form")):
        given = (await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS)).get(FIELD, "")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(errors="replace"), wanted.encode()):
        raise Forbidden("the form is from another session: load the page again")
