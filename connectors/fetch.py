"""`Fetcher`: source images by URI, and cheap stamps that tell whether one has changed."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from connectors import files
from connectors.buckets import Buckets
from connectors.web import Web, WebRules
from studio.errors import FetchRefused

MAX_BYTES = 64 << 20
"""Bytes of one source image."""
_HEADS = 8
"""HEAD requests at a time."""


class Fetcher:
    """Reads paths, `file:`, `http(s):` and `s3:` addresses, each within its limits. Thread-safe; can be pickled.

    `roots` are the folders that local paths may lie in, links followed; None allows every file, for a user's own machine.
    `web.allow_private` lets http(s) reach loopback and intranet addresses, `web.ports` the ports (None: all).
    """

    def __init__(
        self,
        *,
        roots: tuple[Path, ...] | None = None,
        web: WebRules | None = None,
        s3_endpoint_url: str = "",
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._settings = (roots, web or WebRules(), s3_endpoint_url, max_bytes)
        self._roots = roots
        self._max_bytes = max_bytes
        self._web = Web(self._settings[1])
        self._buckets = Buckets(s3_endpoint_url)

    def read(self, uri: str) -> bytes:
        """Bytes of an image. Raises FetchRefused (not allowed), FetchFailed (missing or broken) or FileTooLarge."""
        kind = _kind(uri)
        if kind == "http":
            return self._web.read(uri, self._max_bytes)
        if kind == "s3":
            return self._buckets.read(uri, self._max_bytes)
        return files.read_file(files.local_path(uri), self._roots, self._max_bytes)

    def stamp(self, uri: str) -> str:
        """A version of the bytes without reading them: size and mtime, or ETag. "" when unknown, missing or refused: read it."""
        return self.stamps([uri])[uri]

    def stamps(self, uris: Iterable[str]) -> dict[str, str]:
        """`stamp` of many: one look at each file, one listing a folder for S3, several HEAD requests at a time for http(s)."""
        found: dict[str, str] = {}
        paths: dict[str, str] = {}
        objects: list[str] = []
        pages: list[str] = []
        for uri in dict.fromkeys(uris):
            found[uri] = ""
            try:
                kind = _kind(uri)
                if kind == "http":
                    pages.append(uri)
                elif kind == "s3":
                    objects.append(uri)
                else:
                    paths[uri] = str(files.local_path(uri)) if kind == "file" and uri[:5].lower() == "file:" else uri
            except FetchRefused:
                continue
        listed = files.stamps(paths.values(), self._roots)
        found.update({uri: listed[path] for uri, path in paths.items()})
        found.update(self._buckets.stamps(objects))
        if pages:
            with ThreadPoolExecutor(min(_HEADS, len(pages)), thread_name_prefix="packshot-head") as pool:
                found.update(zip(pages, pool.map(self._web.stamp, pages), strict=True))
        return found

    def close(self) -> None:
        """Close idle connections; the fetcher can be used again."""
        self._web.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, self._settings


def _reopen(roots: tuple[Path, ...] | None, web: WebRules, s3_endpoint_url: str, max_bytes: int) -> Fetcher:
    return Fetcher(roots=roots, web=web, s3_endpoint_url=s3_endpoint_url, max_bytes=max_bytes)


def _kind(uri: str) -> str:
    """`http`, `s3` or `file`. A path may hold a colon; a scheme is letters and `://`, or one of ours."""
    scheme, mark, rest = uri.partition(":")
    scheme = scheme.lower()
    if "\0" in uri or not uri:
        raise FetchRefused("an address must not be empty or hold a NUL byte")
    if not mark or "/" in scheme or scheme == "file":
        return "file"
    if scheme in ("http", "https"):
        return "http"
    if scheme == "s3":
        return "s3"
    if rest.startswith("//") or scheme in ("data", "javascript", "blob"):
        raise FetchRefused(f"{scheme}: addresses are not read")
    return "file"
