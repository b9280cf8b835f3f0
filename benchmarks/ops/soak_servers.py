"""What a soak on Ray keeps its state in: a PostgreSQL that is restarted, and an S3 behind a gate that can be shut."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from benchmarks.goods import ROOT
from cluster.proxy import free_port
from connectors.s3_client import s3_client

BUCKET = "soak"
KEYS = {"AWS_ACCESS_KEY_ID": "packshot", "AWS_SECRET_ACCESS_KEY": "packshot-secret", "AWS_DEFAULT_REGION": "us-east-1"}
SHUT = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/xml\r\nconnection: close\r\n"
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


class Postgres:
    """A server of `.ci/postgres.sh` in `folder`; `url` once it runs. Raises CalledProcessError."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._script = folder, ROOT / ".ci" / "postgres.sh"
        self.url = _said(self._script, "start", folder, free_port())

    def restart(self) -> None:
        """As after a crash: nobody is asked, what was committed is recovered from the log."""
        words = ["-D", str(self._folder / "data"), "-m", "immediate", "-w", "-l", str(self._folder / "log"), "restart"]
        program = max(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), default=Path("pg_ctl"))
        owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*owner, str(program), *words], cwd="/", check=True, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        """End it; its data go."""
        subprocess.run([str(self._script), "stop", str(self._folder)], check=False)


class Bucket:
    """An S3 with the bucket `soak`: Ceph where its programs are, else moto's server. Clients come in by `url`, the gate."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._script = folder, ROOT / ".ci" / "ceph.sh"
        self._moto: subprocess.Popen[bytes] | None = None
        os.environ.update(KEYS)
        self.kind = "Ceph" if _is_there("radosgw") else "moto"
        behind = _said(self._script, "start", folder, free_port()) if self.kind == "Ceph" else self._start_moto()
        s3_client(behind).create_bucket(Bucket=BUCKET)
        self.gate = Gate(behind)
        self.url = self.gate.url

    def stop(self) -> None:
        """End gate and server; what was kept goes."""
        self.gate.stop()
        if self._moto is not None:
            self._moto.kill()
            self._moto.wait()
        else:
            subprocess.run([str(self._script), "stop", str(self._folder)], check=False)

    def _start_moto(self) -> str:
        port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self._moto = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self._moto.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return f"http://127.0.0.1:{port}"
        raise RuntimeError("moto's server did not start")


class Gate:
    """Forwards connections to a server on loopback. Shut, it breaks those that are open and answers 503 to new ones."""

    def __init__(self, behind: str) -> None:
        self._port = int(behind.rpartition(":")[2])
        self._shut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._taken, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
        self._thread.start()

    def shut(self) -> None:
        """503 from now on."""
        asyncio.run_coroutine_threadsafe(self._turn(shut=True), self._loop).result()

    def open(self) -> None:
        """Let everybody through again."""
        asyncio.run_coroutine_threadsafe(self._turn(shut=False), self._loop).result()

    def stop(self) -> None:
        """End for good."""
        self.shut()
        asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _turn(self, *, shut: bool) -> None:
        self._shut = shut
        for writer in self._open if shut else ():
            writer.transport.abort()

    async def _ended(self) -> None:
        self._server.close()
        await asyncio.sleep(0)
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            if self._shut:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(SHUT + b"content-length: %d\r\n\r\n" % len(SLOW_DOWN) + SLOW_DOWN)
                await writer.drain()
            else:
                there, back = await asyncio.open_connection("127.0.0.1", self._port)
                self._open |= {writer, back}
                try:
                    await asyncio.gather(_carried(reader, back), _carried(there, writer))
                finally:
                    self._open -= {writer, back}
                    back.close()
        writer.close()


async def _carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


def _said(script: Path, *words: object) -> str:
    """The last line that a script prints."""
    run = subprocess.run([str(script), *map(str, words)], check=True, stdout=subprocess.PIPE, text=True)
    return run.stdout.strip().splitlines()[-1]


def _is_there(program: str) -> bool:
    return any((Path(folder) / program).exists() for folder in os.environ["PATH"].split(os.pathsep))
