"""`Runs`: whether running runs go on, and whether the latest pictures look like those of the run before; from the runs' files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import pyarrow.fs as pafs

from connectors.records import Records, RunRecord
from connectors.s3_client import arrow_s3
from studio.qa.consistency import drift, tolerances

LOOKED_AT = 50
"""Latest runs among which running ones, and two of one catalogue, are looked for."""
_ENDED = frozenset({"done", "failed"})


class Runs:
    """The runs of the settings, in a folder or in S3. Raises what the records raise, and OSError."""

    def __init__(self, records: Records, uri: str, endpoint_url: str = "") -> None:
        self._records, self._uri, self._endpoint = records, uri, endpoint_url
        self._opened: tuple[pafs.FileSystem, str] | None = None
        self._known: dict[str, dict[str, dict[str, float]]] = {}

    def silences(self, now: datetime) -> list[float]:
        """Seconds since each running run began or last finished a chunk."""
        running = [run for run in self._records.runs(LOOKED_AT) if run.state == "running"]
        return [max(0.0, (now - max([run.started, *self._chunks(run)])).total_seconds()) for run in running]

    def drifts(self) -> dict[str, float]:
        """By template, how far its sets moved between the two latest runs over the same catalogue: the most, in tolerances."""
        moved: dict[str, float] = {}
        for now, before in self._pairs():
            for place in now.keys() & before.keys():
                template = place.partition("/")[0].partition("@")[0]
                most = max(drift(now[place], before[place], tolerances(None)).values(), default=0.0)
                moved[template] = max(moved.get(template, 0.0), most)
        return moved

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._records.close()

    def _pairs(self) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """Medians of the two latest runs that released something, catalogue by catalogue."""
        latest: dict[str, list[dict[str, dict[str, float]]]] = {}
        for run in self._records.runs(LOOKED_AT):
            found = latest.setdefault(run.catalog, [])
            if run.state in _ENDED and len(found) < 2 and (medians := self._medians(run.id)):
                found.append(medians)
        for found in latest.values():
            if len(found) == 2:
                yield found[0], found[1]

    def _medians(self, run: str) -> dict[str, dict[str, float]]:
        """Medians by `template/destination`; {} while the run has left none. What was read once is remembered."""
        if run not in self._known:
            filesystem, root = self._where()
            try:
                with filesystem.open_input_stream(str(PurePosixPath(root, run, "medians.json"))) as stream:
                    kept = json.loads(stream.read())
            except FileNotFoundError:
                return {}
            except ValueError:
                kept = []
            self._known[run] = {f"{one['template']}/{one['destination']}": one["medians"] for one in kept}
        return self._known[run]

    def _chunks(self, run: RunRecord) -> Iterator[datetime]:
        """When its journal's files were written."""
        filesystem, root = self._where()
        for info in filesystem.get_file_info(
            pafs.FileSelector(str(PurePosixPath(root, run.id, "journal")), allow_not_found=True, recursive=True)
        ):
            if info.mtime is not None:
                yield info.mtime.astimezone(UTC)

    def _where(self) -> tuple[pafs.FileSystem, str]:
        if self._opened is None:
            if self._uri.startswith("s3://"):
                self._opened = arrow_s3(self._endpoint), self._uri.removeprefix("s3://")
            else:
                self._opened = pafs.LocalFileSystem(), self._uri.removeprefix("file://")
        return self._opened
