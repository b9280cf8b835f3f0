"""How far a run has come, from its plan and its journal, while another process carries it out."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow.fs as pafs
import pyarrow.parquet as pq

PATIENCE_S = 0.5
"""How long one look may read; the next look goes on where it ended."""
_MOST = 20_000
"""Journal files remembered; beyond that all are read again."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Chunks and shots of the plan, those that are in the journal, and the shots among these by what became of them."""

    chunks: int
    chunks_done: int
    due: int
    status: Counter[str] = field(default_factory=Counter)
    whole: bool = True
    """False: there is more in the journal than was counted yet."""


class Journals:
    """Journals of runs on one filesystem. A file of a journal never changes, so each is read once."""

    def __init__(self, fs: pafs.FileSystem) -> None:
        self._fs = fs
        self._known: dict[str, tuple[int, Counter[str]]] = {}

    def progress(self, folder: str, plan: Mapping[str, Any]) -> Progress:
        """Progress of the run whose journal lies in `folder`."""
        infos = self._fs.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
        names = sorted(info.path for info in infos if info.type == pafs.FileType.File and info.path.endswith(".parquet"))
        until, done, status = time.monotonic() + PATIENCE_S, 0, Counter[str]()
        for count, name in enumerate(names, 1):
            chunks, found = self._counted(name)
            done += chunks
            status += found
            if time.monotonic() > until and count < len(names):
                return Progress(plan["chunks"], done, plan["due"], status, whole=False)
        return Progress(plan["chunks"], done, plan["due"], status)

    def _counted(self, name: str) -> tuple[int, Counter[str]]:
        known = self._known.get(name)
        if known is None:
            with self._fs.open_input_file(name) as source:
                items = pq.ParquetFile(source).read(columns=["items"]).column("items").to_pylist()
            known = len(items), Counter(result["outcome"]["status"] for text in items for result in json.loads(text))
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[name] = known
        return known
