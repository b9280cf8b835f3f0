"""Style and scripts of the console, under a name that changes with their bytes, so that browsers may keep them for ever."""

from __future__ import annotations

import functools
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from studio.errors import NotFound
from studio.keys import digest_bytes

router = APIRouter(prefix="/static")
FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@router.get("/{version}/{name}")
async def get_static(version: str, name: str) -> Response:
    """A file of the folder `static`; needs no session. Raises NotFound, also for an old version."""
    found = _files().get(name)
    if found is None or found[0] != version:
        raise NotFound(f"no file {name!r} of this version")
    return Response(found[1], headers={"cache-control": FOR_EVER}, media_type=_TYPES[Path(name).suffix])


def static(name: str) -> str:
    """The address of a file of the folder `static`."""
    return f"/console/static/{_files()[name][0]}/{name}"


@functools.cache
def _files() -> dict[str, tuple[str, bytes]]:
    folder = Path(__file__).with_name("static")
    read = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in _TYPES}
    return {name: (digest_bytes(data)[:16], data) for name, data in read.items()}
