"""Runs as Ray jobs, for notebooks: `pipelines.jobs.submit(...)` starts a night on a cluster or attaches to it."""

from cluster.jobs import Job, attach, submit

__all__ = ["Job", "attach", "submit"]
