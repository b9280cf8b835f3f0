"""Parquet: record batches out of one row group after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio.errors import InputError, RowError

BATCH = 1024
"""Rows in memory at a time."""


def parquet_records(path: Path) -> Iterator[tuple[int, dict[str, Any]] | RowError]:
    """Every row with its 1-based number. A row group that cannot be decoded ends the reading with a RowError.

    Raises InputError for a file that is missing or not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, pre_buffer=False)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {error}") from None
    line = 0
    with file:
        try:
            for batch in file.iter_batches(batch_size=BATCH):
                for record in batch.to_pylist():
                    line += 1
                    yield line, record
        except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
            yield RowError(f"this row and those after it cannot be decoded: {error}", file=str(path), line=line + 1)


def check_parquet(path: Path) -> None:
    """Read the footer only. Raises InputError."""
    next(parquet_records(path), None)
