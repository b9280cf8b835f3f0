"""The files of one run: plan, journal, checkpoint, ledger, report. One row of plan and journal is a chunk of shots."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from cluster.chunks import even, guided, shrinking
from connectors.s3_client import arrow_s3
from pipelines.plan import Planned
from studio.errors import RunError, StorageUnavailable
from studio.keys import digest_of

BLOCKS, BLOCK_CHUNKS = 8, 8
"""A row group of the plan is 1 to 8 chunks: at least 8 groups a worker where there are that many chunks. It is the block that Ray
Data moves, which costs about 0.1 CPU-s an operator, and the unit of its checkpoint."""
WINDOW = 20_000
"""Shots ordered together; longer catalogues are ordered window by window, so that memory stays flat. The last one is longer by
what is left when chunks begin to shrink."""
CHUNKS = pa.schema([("chunk", pa.string()), ("items", pa.large_string())])


class RunFiles:
    """Paths under `<runs>/<run>`, in a folder or in S3."""

    def __init__(self, runs: str, run: str, *, endpoint_url: str = "") -> None:
        self.fs, root = _filesystem(runs, endpoint_url)
        self.run = run
        self.root = str(PurePosixPath(root) / run)
        self.local = isinstance(self.fs, pafs.LocalFileSystem)

    def path(self, *parts: str) -> str:
        """A path inside the run, as the run's filesystem names it."""
        return str(PurePosixPath(self.root, *parts))

    def make(self) -> None:
        """Create the run's folders. Like all that writes, raises StorageUnavailable where that cannot be done now."""
        with self._writing():
            for folder in ("plan", "journal", "checkpoint"):
                self.fs.create_dir(self.path(folder), recursive=True)

    def exists(self, name: str = "plan.json") -> bool:
        """Whether this run has a file; its plan unless another is named."""
        return bool(self.fs.get_file_info(self.path(name)).type == pafs.FileType.File)

    def write_json(self, name: str, value: Any) -> None:
        """A small JSON file."""
        with self._writing(), self.fs.open_output_stream(self.path(name)) as stream:
            stream.write(json.dumps(value, sort_keys=True, indent=1).encode())

    def read_json(self, name: str) -> Any:
        """A small JSON file. Raises RunError when this run has none."""
        try:
            with self.fs.open_input_stream(self.path(name)) as stream:
                return json.loads(stream.read())
        except (FileNotFoundError, OSError) as error:
            raise RunError(f"run {self.run!r} has no {name}") from error

    def write_plan(
        self, planned: Iterable[Planned], *, workers: int, largest: int, weight: Callable[[Planned], float]
    ) -> tuple[int, int, str]:
        """Cut the due shots into chunks, longest first. Returns how many shots and chunks, and the plan's fingerprint.

        Chunks shrink in the last window alone, which is long enough for it wherever the catalogue ends.
        """
        count, chunks, fingerprint = 0, 0, digest_of("plan")
        full = WINDOW + shrinking(workers=workers, largest=largest)
        window: list[Planned] = []
        path = self.path("plan", "plan.parquet")
        with self._writing(), pq.ParquetWriter(path, CHUNKS, filesystem=self.fs, compression="zstd") as writer:
            for item in planned:
                window.append(item)
                count += 1
                if len(window) >= full:
                    written, fingerprint = _write(writer, window[:WINDOW], fingerprint, weight, largest=largest)
                    chunks += written
                    window = window[WINDOW:]
            written, fingerprint = _write(writer, window, fingerprint, weight, workers=workers, largest=largest)
        return count, chunks + written, fingerprint

    def chunks(self) -> Iterator[tuple[str, str]]:
        """Chunk id and items (JSON), streamed from the plan."""
        with self.fs.open_input_file(self.path("plan", "plan.parquet")) as source:
            for batch in pq.ParquetFile(source).iter_batches(batch_size=64):
                yield from zip(batch.column("chunk").to_pylist(), batch.column("items").to_pylist(), strict=True)

    def append_journal(self, chunk: str, results: str) -> None:
        """One finished chunk, in the same form in which Ray Data writes the journal."""
        table = pa.table({"chunk": [chunk], "items": [results]}, schema=CHUNKS)
        name = self.path("journal", f"{chunk}.parquet")
        with self._writing():
            pq.write_table(table, name + ".part", filesystem=self.fs)
            self.fs.move(name + ".part", name)

    def journal_files(self) -> list[str]:
        """Finished journal files, in name order."""
        infos = self.fs.get_file_info(pafs.FileSelector(self.path("journal"), allow_not_found=True))
        return sorted(info.path for info in infos if info.type == pafs.FileType.File and info.path.endswith(".parquet"))

    def read_journal(self, path: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Chunk ids and result rows of one journal file."""
        table = pq.read_table(path, filesystem=self.fs, columns=["chunk", "items"])
        for chunk, items in zip(table.column("chunk").to_pylist(), table.column("items").to_pylist(), strict=True):
            yield chunk, json.loads(items)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageUnavailable(f"run {self.run}: {error.strerror or error}") from error


def _filesystem(runs: str, endpoint_url: str) -> tuple[pafs.FileSystem, str]:
    if not runs.startswith("s3://"):
        return pafs.LocalFileSystem(), runs.removeprefix("file://")
    return arrow_s3(endpoint_url), runs.removeprefix("s3://")


def _photos(window: Sequence[Planned], weight: Callable[[Planned], float]) -> list[list[Planned]]:
    """Shots by photo, so that one cut-out serves them all; the most work first."""
    photos: dict[str, list[Planned]] = {}
    for item in sorted(window, key=lambda item: item.shot.id):
        photos.setdefault(item.shot.images[0].digest, []).append(item)
    return sorted(photos.values(), key=lambda photo: (-sum(map(weight, photo)), photo[0].shot.id))


def _write(
    writer: pq.ParquetWriter,
    window: Sequence[Planned],
    fingerprint: str,
    weight: Callable[[Planned], float],
    *,
    largest: int,
    workers: int = 0,
) -> tuple[int, str]:
    """A window as chunks; of the last one, which names the workers, they shrink."""
    photos = _photos(window, weight)
    largest = max(1, largest // max((len(photo) for photo in photos), default=1))
    chunks, bodies = [], []
    for some in guided(photos, workers=workers, largest=largest) if workers else even(photos, largest=largest):
        group = [item for photo in some for item in photo]
        fingerprint = digest_of([fingerprint, [item.key for item in group]])
        chunks.append(fingerprint[:32])
        bodies.append("[" + ",".join(item.model_dump_json() for item in group) + "]")
    group_size = max(1, min(BLOCK_CHUNKS, len(chunks) // (BLOCKS * max(1, workers))))
    writer.write_table(pa.table({"chunk": chunks, "items": bodies}, schema=CHUNKS), row_group_size=group_size)
    return len(chunks), fingerprint
