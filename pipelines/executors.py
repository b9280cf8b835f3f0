"""Carrying a plan out over Serve (fed by Ray Data, or from here when it is short), by a pool, or here. One journal for all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal

from cluster.engine import host_threads, open_renderer
from cluster.profile import Profile
from cluster.runtime import connected, ensure_app, hush, leave
from cluster.settings import Settings
from pipelines.runfiles import RunFiles
from pipelines.stage import PoolStage, Rendered, ServeStage, over_handle, render_chunk
from studio.shot import Outcome, Shot

log = logging.getLogger(__name__)
Mode = Literal["serve", "pool", "inline"]


class Stop:
    """How another thread ends the work: `request` calls what the work has bound, `finish` lets it end what it has begun."""

    def __init__(self) -> None:
        self._end: Callable[[], object] | None = None
        self._drains = False
        self.finishing = False

    def bind(self, end: Callable[[], object], *, drains: bool = False) -> None:
        """Say how the work that goes on now can be ended from another thread, and whether it looks at `finishing`."""
        self._end, self._drains = end, drains

    def finish(self) -> None:
        """Begin nothing more. Work that cannot be told so is ended."""
        self.finishing = True
        if not self._drains:
            self.request()

    def request(self) -> None:
        """End the work. What is finished stays; nothing half done is recorded."""
        if self._end is not None:
            self._end()


def execute(
    mode: Mode, settings: Settings, profile: Profile, files: RunFiles, *, force: bool, phase: Callable[[str], None], stop: Stop
) -> None:
    """Do every chunk of the plan that the journal does not hold yet. `phase` is told what is being waited for."""
    if mode == "inline":
        phase("rendering")
        asyncio.run(_inline(settings, profile, files, force=force, stop=stop))
        return
    phase("starting Ray" if not settings.ray.address else f"connecting to {settings.ray.address}")
    with connected(settings, profile):
        stop.bind(leave)
        if mode == "serve":
            phase("starting the models")
            plan = files.read_json("plan.json")
            app = ensure_app(settings, profile, chunks=plan["chunks"])
            if plan["due"] <= profile.batch.direct:
                phase("rendering")
                asyncio.run(_feed(files, over_handle(app, profile, force=force), width=profile.in_flight, stop=stop))
                return
            serve_arguments = (app, profile.model_dump(mode="json"), force)
            _ray_data(profile, files, ServeStage, serve_arguments, workers=1, calls=profile.in_flight, num_cpus=0.1, phase=phase)
        else:
            pool_arguments = (settings.model_dump(mode="json"), profile.model_dump(mode="json"), force)
            _ray_data(profile, files, PoolStage, pool_arguments, workers=profile.batch.pool, calls=1, num_cpus=1, phase=phase)


async def _inline(settings: Settings, profile: Profile, files: RunFiles, *, force: bool, stop: Stop) -> None:
    host_threads(profile.renderer.threads)
    renderer = open_renderer(settings)

    async def render(shots: Sequence[Shot]) -> list[Outcome]:
        return await renderer.render(shots, force=force)

    await _feed(files, render, width=profile.renderer.shared, stop=stop)


async def _feed(files: RunFiles, render: Rendered, *, width: int, stop: Stop) -> None:
    """Every chunk that the journal does not hold, in the plan's order, `width` of them at a time."""
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    assert this is not None
    stop.bind(lambda: loop.call_soon_threadsafe(this.cancel), drains=True)
    done = {chunk for path in files.journal_files() for chunk, _ in files.read_journal(path)}
    slots = asyncio.Semaphore(width)

    async def work(chunk: str, items: str) -> None:
        try:
            results = await render_chunk(items, render)
        finally:
            slots.release()
        await asyncio.to_thread(files.append_journal, chunk, results)

    async with asyncio.TaskGroup() as group:
        for chunk, items in files.chunks():
            if chunk not in done:
                await slots.acquire()
                if stop.finishing:
                    break
                group.create_task(work(chunk, items))


def _ray_data(
    profile: Profile,
    files: RunFiles,
    stage: type[Any],
    arguments: tuple[Any, ...],
    *,
    workers: int,
    calls: int,
    num_cpus: float,
    phase: Callable[[str], None],
) -> None:
    """Plan -> chunk rows -> the stage -> journal, with Ray Data's own streaming, checkpoint and two-phase commit."""
    import ray.data
    from ray.data.checkpoint import CheckpointConfig

    from pipelines.plan_source import PlanSource

    hush()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = profile.batch.no_progress_s
    context.checkpoint_config = CheckpointConfig(
        id_column="chunk",
        checkpoint_path=files.path("checkpoint", _fingerprint(files)),
        delete_checkpoint_on_success=False,
        **({} if files.local else {"override_filesystem": files.fs}),
    )
    filesystem = None if files.local else files.fs
    pool = ray.data.ActorPoolStrategy(size=workers, max_concurrent_calls_per_actor=calls, max_tasks_in_flight_per_actor=2 * calls)
    phase("rendering")
    (
        ray.data.read_datasource(PlanSource(files.fs, files.path("plan", "plan.parquet")), num_cpus=0.1, concurrency=1)
        .map_batches(
            stage,
            batch_size=1,
            compute=pool,
            fn_constructor_args=arguments,
            num_cpus=num_cpus,
            max_restarts=100,
            max_task_retries=100,
        )
        .write_parquet(files.path("journal"), filesystem=filesystem, concurrency=1, ray_remote_args={"num_cpus": 0.1})
    )


def _fingerprint(files: RunFiles) -> str:
    fingerprint: str = files.read_json("plan.json")["fingerprint"]
    return fingerprint[:32]
