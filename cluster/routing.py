"""Which replica of a model gets the next call: the one with the shortest queue of all, where Serve looks at two at random."""

from __future__ import annotations

import random

from ray.serve.request_router import FIFOMixin, PendingRequest, RequestRouter, RunningReplica

LOOKED_AT = 16
"""Queues compared for a call. Two at random (Serve's default) leave some of 8 GPUs idle while others hold two waiting calls:
12 images a GPU then take 13 turns."""


class ShortestQueue(FIFOMixin, RequestRouter):  # type: ignore[misc]
    """Calls last as long as each other on a GPU, so equal queues mean that all replicas finish together."""

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """One rank: everybody, or a random sample of a large pool; Serve takes the shortest queue of a rank."""
        if len(candidate_replicas) <= LOOKED_AT:
            return [candidate_replicas]
        return [random.sample(candidate_replicas, LOOKED_AT)]
