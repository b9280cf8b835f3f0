"""Weights out of a bucket, against moto's S3 server on loopback: whole, in ranges, broken, missing, and by two at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from connectors.s3_client import s3_client
from connectors.weight_store import bring
from studio.errors import SettingsError, StorageUnavailable, WeightsCorrupt, WeightsMissing
from studio.models.base import ModelCard

DATA = bytes(range(256)) * 4000


def card(name: str = "net", data: bytes = DATA, file: str = "net.onnx") -> ModelCard:
    digest = hashlib.sha256(data).hexdigest()
    return ModelCard(name, "matting", "x", "1", digest, "Apache-2.0", commercial_use=True, memory_mb=1, file=file)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    host, port = made.get_host_and_port()
    yield f"http://{host}:{port}"
    made.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {"AWS_ACCESS_KEY_ID": "t", "AWS_SECRET_ACCESS_KEY": "t", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    client = s3_client(server)
    client.create_bucket(Bucket="weights")
    for name, data in {"net.onnx": DATA, "small.bin": b"abc", "broken.bin": b"not what it says", "empty.bin": b""}.items():
        client.put_object(Bucket="weights", Key=f"models/{name}", Body=data)
    return client


@pytest.mark.parametrize("part", [1 << 16, len(DATA), len(DATA) - 1, 1 << 24])
def test_files_come_whole(bucket: Any, server: str, tmp_path: Path, part: int) -> None:
    cards = [card(), card("small", b"abc", "small.bin"), card("empty", b"", "empty.bin")]
    into = tmp_path / "models"
    assert bring(cards, "s3://weights/models/", into, endpoint_url=server, part=part) == ["net", "small", "empty"]
    assert {path.name: path.read_bytes() for path in into.iterdir()} == {"net.onnx": DATA, "small.bin": b"abc", "empty.bin": b""}
    assert bring(cards, "s3://weights/models", into, endpoint_url=server, part=part) == []


def test_what_is_damaged_is_brought_again(bucket: Any, server: str, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(DATA[:-1])
    assert bring([card()], "s3://weights/models", tmp_path, endpoint_url=server) == ["net"]
    assert (tmp_path / "net.onnx").read_bytes() == DATA


@pytest.mark.parametrize(
    ("wanted", "error"),
    [(card("lost", b"x", "lost.bin"), WeightsMissing), (card("broken", b"x", "broken.bin"), WeightsCorrupt)],
)
def test_what_cannot_be_had_is_named_and_leaves_nothing(
    bucket: Any, server: str, tmp_path: Path, wanted: ModelCard, error: type[Exception]
) -> None:
    with pytest.raises(error, match=wanted.file):
        bring([wanted], "s3://weights/models", tmp_path, endpoint_url=server)
    assert list(tmp_path.iterdir()) == []


def test_models_without_a_file_need_no_bucket(tmp_path: Path) -> None:
    assert bring([card(file="")], "s3://nowhere/x", tmp_path) == []


def test_an_address_that_is_not_s3s(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="s3://bucket/key"):
        bring([card()], "https://example.com/models", tmp_path)


def test_no_answer_may_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "t")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "t")
    with pytest.raises(StorageUnavailable) as caught:
        bring([card()], "s3://weights/models", tmp_path, endpoint_url="http://127.0.0.1:9")
    assert caught.value.retryable


def test_several_replicas_of_a_node_at_once(bucket: Any, server: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        done = [
            threads.submit(bring, [card()], "s3://weights/models", tmp_path, endpoint_url=server, part=1 << 17) for _ in range(4)
        ]
        for one in done:
            one.result()
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    assert (tmp_path / "net.onnx").read_bytes() == DATA
