"""What the renderer keeps in the store: step results, previews for people, and outcomes by shot key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from connectors.approvals import Approvals
from connectors.storage.base import Storage
from studio.errors import NotStored, StorageError
from studio.imaging.glance import look
from studio.qa import policy
from studio.qa.cures import remade
from studio.shot import Asset, Done, Outcome, Rejected, Report, Shot
from studio.steps.base import CachedStep, Step
from studio.take import F32, U8, Take

PREVIEW_PX = 224
_FREE: dict[str, Any] = {
    "seconds": {},
    "model_calls": {},
    "cpu_s": 0.0,
    "gpu_s": 0.0,
    "cpu_parts": {},
    "gpu_parts": {},
    "lost_parts": {},
}
_CHECKER = ((np.indices((PREVIEW_PX, PREVIEW_PX)) // 14).sum(0) % 2 * 38 + 208).astype(np.uint8)


class StepCache:
    """Results of cached steps, under the step's key, with the small pictures that go with them."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def restore(self, keys: Sequence[tuple[Step, str]], take: Take) -> tuple[int, tuple[str, ...]]:
        """Put the latest stored step result on the take. Returns the index of the first step to run, and what was reused."""
        for index in range(len(keys) - 1, -1, -1):
            step, key = keys[index]
            if not isinstance(step, CachedStep) or not step.applies(take.shot):
                continue
            entry = self._entry(key)
            if entry is None:
                continue
            try:
                step.load(take, self._storage.get_blob(entry["blob"]))
            except (NotStored, StorageError):
                self._storage.drop_action(key)
                continue
            take.measurements.update(entry["measurements"])
            return index + 1, tuple(s.name for s, _ in keys[: index + 1])
        return 0, ()

    async def keep(self, step: Step, made: Sequence[tuple[str, Take]]) -> None:
        """Store what a cached step made; other steps keep nothing."""
        if isinstance(step, CachedStep):
            await asyncio.gather(*(asyncio.to_thread(self._keep, step, key, take) for key, take in made))

    def forget(self, keys: Sequence[tuple[Step, str]]) -> None:
        """Drop what the store knows of these keys, so that everything is made again."""
        for step, key in keys:
            if isinstance(step, CachedStep):
                self._storage.drop_action(key)
        self._storage.drop_action(keys[-1][1])

    def previews(self, keys: Sequence[tuple[Step, str]]) -> dict[str, str]:
        """Blob digests of the pictures stored with the latest cached step."""
        for step, key in reversed(keys):
            if isinstance(step, CachedStep) and (entry := self._entry(key)):
                return dict(entry["previews"])
        return {}

    def _entry(self, key: str) -> dict[str, Any] | None:
        stored = self._storage.get_action(key)
        entry: dict[str, Any] | None = json.loads(stored) if stored else None
        return entry

    def _keep(self, step: CachedStep, key: str, take: Take) -> None:
        pictures: dict[str, str] = {}
        if take.glance:
            pictures["source"] = self._storage.put_blob(preview(look(take.glance, half=True)), media_type="image/jpeg")
        if take.matte is not None:
            pictures["cutout"] = self._storage.put_blob(preview(take.matte.foreground, take.matte.alpha), media_type="image/jpeg")
        entry = {"blob": self._storage.put_blob(step.dump(take)), "previews": pictures, "measurements": take.measurements}
        self._storage.put_action(key, json.dumps(entry, sort_keys=True).encode())


def made_outcome(storage: Storage, take: Take, reused: tuple[str, ...], previews: dict[str, str]) -> Outcome:
    """Store the finished bytes and judge them."""
    image = take.need_image()
    asset = Asset(
        digest=storage.put_blob(take.encoded, media_type=take.media_type),
        media_type=take.media_type,
        width=image.shape[1],
        height=image.shape[0],
        bytes=len(take.encoded),
    )
    report = Report(
        measurements=dict(sorted(take.measurements.items())),
        reused=reused,
        engine=take.engine,
        **spent(take),
        previews={**previews, "result": storage.put_blob(preview(image), media_type="image/jpeg")},
    )
    return judged(take.shot, asset, report)


def spent(take: Take) -> dict[str, Any]:
    """The fields of a `Report` that say what a take cost."""
    return {
        "seconds": take.seconds,
        "model_calls": dict(take.model_calls),
        "cpu_s": take.cpu_s,
        "gpu_s": take.gpu_s,
        "cpu_parts": take.cpu_parts,
        "gpu_parts": take.gpu_parts,
    }


def load_outcome(storage: Storage, key: str, shot: Shot) -> Outcome | None:
    """What an earlier run made under this key, judged by today's thresholds and by people; None when nothing is there."""
    stored = storage.get_action(key)
    if stored is None:
        return None
    entry = json.loads(stored)
    asset, report = Asset.model_validate(entry["asset"]), Report.model_validate(entry["report"])
    if not storage.has_blob(asset.digest):
        storage.drop_action(key)
        return None
    return settled(storage, key, judged(shot, asset, report.model_copy(update={**_FREE, "reused": ("shot",)})))


def settled(storage: Storage, key: str, outcome: Outcome) -> Outcome:
    """The verdict on the shot with this key; released where a person let this picture through for the limit that it breaks."""
    if not isinstance(outcome, Rejected) or outcome.asset is None:
        return outcome
    if not Approvals(storage).holds(key, outcome.asset.digest, outcome.reason):
        return outcome
    return Done(asset=outcome.asset, report=outcome.report)


def judged(shot: Shot, asset: Asset, report: Report) -> Outcome:
    """Released or rejected, by the limits of the look that made the picture and of its destination."""
    made = remade(shot, report.cure)
    limits = policy.limits(made.template, made.destination)
    verdict = policy.decide(report.measurements, limits)
    report = report.model_copy(update={"uncertainty": policy.uncertainty(report.measurements, limits)})
    if verdict.released:
        return Done(asset=asset, report=report)
    return Rejected(reason=verdict.reason, detail=verdict.detail, action=verdict.unless_retried, asset=asset, report=report)


def preview(image: U8, alpha: F32 | None = None) -> bytes:
    """A JPEG of at most 224 px a side, over a checkerboard where `alpha` (or the image's own fourth channel) is below 1."""
    small = _small(image)
    clear = small[..., 3] if small.shape[2] == 4 else None
    if alpha is not None:
        clear = _small(np.asarray(cv2.convertScaleAbs(alpha, alpha=255), np.uint8))
    if clear is not None:
        share = clear[..., None].astype(np.float32) / 255
        board = _CHECKER[: small.shape[0], : small.shape[1], None]
        small = (small[..., :3] * share + board * (1 - share)).astype(np.uint8)
    done, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise StorageError("a preview could not be encoded")
    return data.tobytes()


def _small(image: U8) -> U8:
    """Halved while that is fast (an exact factor of 2), then brought to the preview's size."""
    height, width = image.shape[:2]
    scale = PREVIEW_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    while min(image.shape[:2]) > 2 and max(image.shape[:2]) >= 2 * PREVIEW_PX:
        high, wide = image.shape[0] // 2, image.shape[1] // 2
        image = np.asarray(cv2.resize(image[: 2 * high, : 2 * wide], (wide, high), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
