"""Which replica gets the next call: the one with the shortest queue, and never a place that is kept for urgent calls."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from ray.serve.request_router import PendingRequest, ReplicaID, RequestRouter, RunningReplica

LOOKED_AT = 16
"""Queues compared for a call. Two at random (Serve's default) leave some of 8 GPUs idle while others hold two waiting calls:
12 images a GPU then take 13 turns."""
URGENT = "urgent"
UNSEEN_S = 0.05
"""For so long a place that was given may be missing in what its replica says."""


class Capped:
    """A replica that looks full earlier than it is: what a standard call sees of it."""

    def __init__(self, replica: RunningReplica, limit: int) -> None:
        self._replica, self.max_ongoing_requests = replica, limit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._replica, name)


class TieredRouter(RequestRouter):  # type: ignore[misc]
    """Calls tagged `session_id="urgent"` may go everywhere. Others leave `reserved` replicas alone when more than one runs,
    and `urgent` places of every replica. Within a tier first come, first served; urgent calls do not queue behind others.

    Serve's router has as many routing tasks as twice the replicas, each busy with one call until a replica takes it: calls that
    wait for a place would keep an urgent one from even being looked at. So each urgent call adds a task, and is routed first.
    And its tasks look for a place with pauses that grow to half a second; here a call that ends wakes them.
    """

    _reserved = 0
    _urgent = 0

    def initialize_state(self, reserved: int = 0, urgent: int = 0) -> None:
        """From `request_router_kwargs`."""
        self._reserved, self._urgent = reserved, urgent
        self._sleeping: list[asyncio.Future[None]] = []
        self._given: dict[ReplicaID, tuple[int, float]] = {}

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[Any]]:
        """Ranks of replicas, of which Serve takes the shortest queue: for urgent calls idle reserved ones, the emptiest,
        then everybody the call may use, or a random sample of a large pool."""
        kept, shared = self._parted(candidate_replicas)
        ranks: list[list[Any]] = []
        usable: list[Any] = list(candidate_replicas)
        if pending_request is not None:
            # Without this Serve asks again and again without a pause.
            pending_request.routing_context.should_backoff = True
            if not _is_urgent(pending_request):
                usable = [Capped(replica, self._limit(replica)) for replica in shared] if self._urgent else shared
            else:
                emptiest = self._emptiest(usable)
                # A replica that is not reserved may look idle in the moment between two standard calls.
                first = [replica for replica in emptiest if replica in kept and not self._taken(replica.replica_id)]
                ranks += [rank[:LOOKED_AT] for rank in (first, emptiest) if rank]
        return [*ranks, usable if len(usable) <= LOOKED_AT else random.sample(usable, LOOKED_AT)]

    def _emptiest(self, replicas: list[RunningReplica]) -> list[RunningReplica]:
        """Those with the fewest places taken, as far as this router knows."""
        taken = [self._taken(replica.replica_id) for replica in replicas]
        least = min(taken, default=0)
        return [replica for replica, count in zip(replicas, taken, strict=True) if count == least]

    def _parted(self, replicas: list[RunningReplica]) -> tuple[list[RunningReplica], list[RunningReplica]]:
        """The reserved replicas and the others. Every caller's router must keep the same replicas free."""
        kept = max(0, min(self._reserved, len(replicas) - 1))
        if not kept:
            return [], list(replicas)
        ordered = sorted(replicas, key=lambda replica: str(replica.replica_id.unique_id))
        return ordered[:kept], ordered[kept:]

    @property
    def max_num_routing_tasks(self) -> int:
        """Serve's own bound, and one for each urgent call that waits."""
        bound: int = super().max_num_routing_tasks
        return bound + self._urgent_waiting() if self._replicas else bound

    def decrement_queue_len_cache(self, replica_id: ReplicaID) -> None:
        """A call ended: somebody may have its place."""
        super().decrement_queue_len_cache(replica_id)
        if replica_id in self._given:
            taken, until = self._given[replica_id]
            self._given[replica_id] = (taken - 1, until)
        asleep = [sleeper for sleeper in self._sleeping if not sleeper.done()]
        for sleeper in asleep if self._urgent_waiting() else asleep[:1]:
            sleeper.set_result(None)

    async def _backoff(self, attempt: int) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        self._sleeping.append(sleeper)
        try:
            await asyncio.wait([sleeper], timeout=self._compute_backoff_s(attempt))
        finally:
            self._sleeping.remove(sleeper)

    def _urgent_waiting(self) -> int:
        return sum(1 for call in self._pending_requests_to_fulfill if not call.future.done() and _is_urgent(call))

    def _get_next_pending_request_to_route(self) -> PendingRequest | None:
        waiting = self._pending_requests_to_route
        for place, call in enumerate(waiting):
            if _is_urgent(call) and not call.future.done():
                del waiting[place]
                return call
        return super()._get_next_pending_request_to_route()

    def _fulfill_next_pending_request(self, replica: RunningReplica, request_metadata: Any = None) -> None:
        """The place goes to the oldest call of the tier it was found for, unless another task was faster."""
        urgent = request_metadata is not None and request_metadata.session_id == URGENT
        taken = self._taken(replica.replica_id)
        if taken >= (replica.max_ongoing_requests if urgent else self._limit(replica)):
            return
        # Calls that came together have chosen the same replica: this one looks again.
        if urgent and taken and taken > min(map(self._taken, self._replicas)):
            return
        # Serve's own matching goes by an id that all calls made within one request share.
        waiting = (c for c in self._pending_requests_to_fulfill if not c.future.done() and _is_urgent(c) is urgent)
        call = next(waiting, None)
        if call is not None:
            self._given[replica.replica_id] = (taken + 1, self._event_loop.time() + UNSEEN_S)
            self._cancel_routing_task_for_pending_request(call)
            self._record_queue_wait_time(call)
            call.future.set_result(replica)
            self._remove_pending_request_from_indices(call)

    def _taken(self, replica_id: ReplicaID) -> int:
        """Places taken as the replica said last, or as we gave them since: its answer may be older than the call under way."""
        said = self.replica_queue_len_cache.get(replica_id) or 0
        self._given = {key: given for key, given in self._given.items() if given[1] > self._event_loop.time()}
        return max(said, self._given.get(replica_id, (0, 0.0))[0])

    def _limit(self, replica: RunningReplica) -> int:
        return max(1, int(replica.max_ongoing_requests) - self._urgent)


def _is_urgent(call: PendingRequest) -> bool:
    return bool(call.metadata.session_id == URGENT)
