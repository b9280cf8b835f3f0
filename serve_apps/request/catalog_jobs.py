"""Catalogues of the API as Ray jobs on the cluster that `api.jobs_address` names."""

from __future__ import annotations

import asyncio

from cluster.jobs import attach, submit
from cluster.settings import Settings
from serve_apps.parts import CatalogJob
from studio.errors import NotSupported


class CatalogJobs:
    """`SubmitJob` and `JobState` over Ray's job API. Raises NotSupported while no address is set."""

    def __init__(self, settings: Settings) -> None:
        self._address = settings.api.jobs_address

    async def submit(self, job: CatalogJob) -> str:
        """Start the run unless it has been started; the job's id. Raises SettingsError, ClusterUnavailable and RunError."""
        address = self._where()
        started = await asyncio.to_thread(
            lambda: submit(job.catalog, address=address, templates=job.templates, submission_id=job.job_id)
        )
        return started.id

    async def state(self, job_id: str) -> str:
        """PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED. Raises ClusterUnavailable and RunError."""
        address = self._where()
        return await asyncio.to_thread(lambda: attach(job_id, address=address).status())

    def _where(self) -> str:
        if not self._address:
            raise NotSupported("set api.jobs_address to run catalogues, or send at most as many items as a batch may have")
        return self._address
