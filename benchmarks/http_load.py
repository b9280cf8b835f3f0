"""A closed loop of keep-alive connections against one server, cheap enough to leave the processor to the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Load:
    """Milliseconds of every request, answers that were not 2xx (or no answer: 0), and the wall time."""

    ms: list[float] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    wall_s: float = 0.0

    def quantile(self, share: float) -> float:
        """Milliseconds that `share` of the requests did not exceed."""
        ordered = sorted(self.ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def rps(self) -> float:
        """Requests a second."""
        return len(self.ms) / self.wall_s


class Connection:
    """HTTP/1.1 by hand: one request at a time, bodies by Content-Length or in chunks."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body. Raises OSError and IncompleteReadError when the connection breaks; the next call opens another."""
        if self._stream is None:
            self._stream = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._stream
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}:{self._port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        try:
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            return await self._answer(reader)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            self.close()
            raise

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        status = int(head[0].split()[1])
        if "chunked" in fields.get("transfer-encoding", ""):
            parts = []
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                parts.append((await reader.readexactly(size + 2))[:-2])
            await reader.readuntil(b"\r\n")
            body = b"".join(parts)
        else:
            body = await reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection", "").lower() == "close":
            self.close()
        return status, body

    def close(self) -> None:
        """Forget the connection."""
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None


async def closed_loop(url: str, requests: Sequence[tuple[str, str, bytes, Mapping[str, str]]], concurrency: int) -> Load:
    """Send (method, path, body, headers) as fast as `concurrency` connections get answers."""
    load, todo = Load(), iter(requests)

    async def work() -> None:
        connection = Connection(url)
        for method, path, body, headers in todo:
            started = time.perf_counter()
            try:
                status, _ = await connection.ask(method, path, body, headers)
            except (OSError, asyncio.IncompleteReadError):
                status = 0
            load.ms.append((time.perf_counter() - started) * 1e3)
            if not 200 <= status < 300:
                load.bad.append(status)
        connection.close()

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    load.wall_s = time.perf_counter() - started
    return load


async def until_up(url: str, path: str, seconds: float = 90.0) -> None:
    """Wait for a 200. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                status, _ = await Connection(url).ask("GET", path)
                if status == 200:
                    return
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.2)
            await asyncio.sleep(0.1)
