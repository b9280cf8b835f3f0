"""Anybody's files held against a destination, one result a file."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from pipelines.qa_output import Checked
from studio.destination import Destination
from studio.errors import ImageError, ModelError
from studio.models.base import Models
from studio.qa.annotate import annotated
from studio.qa.preflight import findings, needs
from studio.qa.upload import Upload, opened

READER = "ocr"
"""The model that reads lettering."""


def check_files(
    files: Sequence[Path],
    where: Destination,
    models: Models,
    *,
    matting: str,
    without: Collection[str] = (),
    pages: Path | None = None,
) -> Iterator[Checked]:
    """One result a file, in order; an unreadable file is a result with its error. Pages of marked pictures go to `pages`.
    Raises ModelError when the product cannot be looked for at all."""
    wanted, seen = needs(where, without), Counter[str]()
    for file in files:
        try:
            data = file.read_bytes()
            upload, unread = asyncio.run(_opened(data, models, matting if "product" in wanted else "", "text" in wanted))
        except OSError as error:
            yield Checked(file, error=ImageError(f"{file}: {error.strerror}"))
            continue
        except ImageError as error:
            yield Checked(file, error=error)
            continue
        found = findings(upload, where, without)
        if pages is not None:
            pages.mkdir(parents=True, exist_ok=True)
            page = annotated(upload, found, f"{file.name} for {where.title}")
            seen[file.name] += 1
            number = f"-{seen[file.name]}" if seen[file.name] > 1 else ""
            (pages / f"{file.name}{number}.png").write_bytes(page)
        yield Checked(file, tuple(found), note=f"lettering was not read: {unread}" if unread else "")


async def _opened(data: bytes, models: Models, matting: str, reads: bool) -> tuple[Upload, str]:
    """The file, and why its lettering could not be read: without that model the other rules still hold."""
    if not reads:
        return await opened(data, models, matting=matting), ""
    try:
        return await opened(data, models, matting=matting, reading=READER), ""
    except ModelError as error:
        return await opened(data, models, matting=matting), error.message
