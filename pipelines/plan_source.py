"""A run's plan as a Ray Data source: one read task a row group, so that blocks are cut where the plan was cut.

Ray's own Parquet reader lists files, reads footers in an actor of its own and merges small files; on two cores that costs more
than reading (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from ray.data import DataContext
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask


class PlanSource(Datasource):  # type: ignore[misc]
    """Chunk rows of a plan file."""

    def __init__(self, filesystem: pafs.FileSystem, path: str) -> None:
        super().__init__()
        self._filesystem, self._path = filesystem, path
        with filesystem.open_input_file(path) as source:
            meta = pq.ParquetFile(source).metadata
            groups = [meta.row_group(index) for index in range(meta.num_row_groups)]
            self._groups = [(group.num_rows, group.total_byte_size) for group in groups]

    def estimate_inmemory_data_size(self) -> int:
        """Bytes of all rows, uncompressed."""
        return sum(size for _, size in self._groups)

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: DataContext | None = None
    ) -> list[ReadTask]:
        """One task a row group, whatever parallelism is asked for."""
        return [
            ReadTask(
                partial(_read, self._filesystem, self._path, index),
                BlockMetadata(num_rows=rows, size_bytes=size, exec_stats=None, input_files=None),
            )
            for index, (rows, size) in enumerate(self._groups)
        ]


def _read(filesystem: pafs.FileSystem, path: str, index: int) -> Iterable[pa.Table]:
    with filesystem.open_input_file(path) as source:
        yield pq.ParquetFile(source).read_row_group(index)
