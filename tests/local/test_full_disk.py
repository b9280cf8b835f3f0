"""A disk that is full for a while, as SQLite sees it: every write fails. What orders were doing goes on afterwards."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import pytest

from connectors.destinations.folder import FolderDestination
from serve_apps.orders.workflows import Workflows
from studio.errors import StorageUnavailable


def test_publishing_to_a_full_disk_is_worth_another_try(tmp_path: Path) -> None:
    place, before = FolderDestination(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(StorageUnavailable) as caught:
            place.publish("SKU-1", "front.jpg", b"picture")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.retryable
    assert place.publish("SKU-1", "front.jpg", b"picture").read_bytes() == b"picture"


@pytest.mark.parametrize("between", ["first", "second"])
def test_the_disk_fills_under_a_running_workflow(tmp_path: Path, between: str) -> None:
    done: list[str] = []

    async def scenario() -> str:
        flows = Workflows(f"sqlite:///{tmp_path / 'workflows.db'}", {})
        before = resource.getrlimit(resource.RLIMIT_FSIZE)

        async def work(name: str) -> str:
            done.append(name)
            if name == between:
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
                asyncio.get_running_loop().call_later(0.5, resource.setrlimit, resource.RLIMIT_FSIZE, before)
            return name

        async def flow() -> str:
            await flows.step("first", work, "first")
            return await flows.step("second", work, "second")

        flows.register("flow", flow)
        await flows.launch()
        try:
            await flows.start("flow", "one")
            for _ in range(600):
                if (status := await flows.status("one")) != "PENDING":
                    break
                await asyncio.sleep(0.05)
            return status
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            await flows.close()

    assert asyncio.run(scenario()) == "SUCCESS"
    assert done == ["first", "second"]
