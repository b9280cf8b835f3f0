"""JSON Lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from studio.errors import InputError, RowError

MAX_LINE = 4 << 20
"""Bytes in one line."""


def jsonl_records(path: Path) -> Iterator[tuple[int, dict[str, Any]] | RowError]:
    """Every object with its line; blank lines are passed over. Raises InputError when the file cannot be opened."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    with stream:
        number = 0
        while text := stream.readline(MAX_LINE):
            number += 1
            if len(text) == MAX_LINE and not text.endswith(b"\n"):
                _skip_line(stream)
                yield RowError(f"longer than {MAX_LINE} bytes", file=str(path), line=number)
                continue
            text = text.removeprefix(b"\xef\xbb\xbf") if number == 1 else text
            if text.strip():
                yield _parsed(text, path, number)


def _parsed(text: bytes, path: Path, number: int) -> tuple[int, dict[str, Any]] | RowError:
    try:
        value = json.loads(text.decode())
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return RowError("contains half a character (a lone surrogate)", file=str(path), line=number)
    except UnicodeDecodeError:
        return RowError("is not UTF-8; save the file as UTF-8", file=str(path), line=number)
    except (ValueError, RecursionError) as error:
        return RowError(f"is not JSON: {str(error)[:200]}", file=str(path), line=number)
    if not isinstance(value, dict):
        return RowError("is not a JSON object", file=str(path), line=number)
    return number, value


def _skip_line(stream: BinaryIO) -> None:
    while (more := stream.readline(MAX_LINE)) and not more.endswith(b"\n"):
        continue
