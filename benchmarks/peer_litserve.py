"""Peer of `serve_tax`, run in a virtual environment of its own: the echo on LitServe. `python peer_litserve.py PORT MS`."""

import asyncio
import sys
from typing import Any

import litserve
from fastapi import Request, Response


class Echo(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.seconds = float(sys.argv[2]) / 1e3

    async def decode_request(self, request: Request) -> Any:
        return await request["f"].read()

    async def predict(self, body: bytes) -> bytes:
        await asyncio.sleep(self.seconds)
        return body

    async def encode_response(self, body: bytes) -> Response:
        return Response(body, media_type="image/jpeg")


if __name__ == "__main__":
    server = litserve.LitServer(Echo(api_path="/p", enable_async=True), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False, log_level="error", num_api_servers=1)
