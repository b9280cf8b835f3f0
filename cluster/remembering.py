"""Model answers that are worth keeping: an enlargement of the same crop serves every template and size that asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from blake3 import blake3

from connectors.storage.base import Storage
from studio.errors import NotStored, PackshotError
from studio.keys import digest_of
from studio.models.base import Answer, ModelCard, Models
from studio.take import U8

KEPT = frozenset({"upscaling"})
"""Tasks whose answers are uint8 pictures, slow to make and the same for many shots."""


class RememberingModels:
    """`Models` that asks the store first. The same item asked for twice at once is computed once."""

    def __init__(self, models: Models, storage: Storage) -> None:
        self._models, self._storage = models, storage
        self._pending: dict[str, asyncio.Task[Answer | PackshotError]] = {}

    def card(self, name: str) -> ModelCard:
        """The model's card. Raises UnknownModel."""
        return self._models.card(name)

    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        """One answer or error an item, in order; an answer from the store says `reused`."""
        if self.card(name).task not in KEPT:
            return await self._models.predict(name, items)
        return list(await asyncio.gather(*(self._one(name, item) for item in items)))

    async def _one(self, name: str, item: U8) -> Answer | PackshotError:
        key = await asyncio.to_thread(_key, self.card(name), item)
        if key in self._pending:
            answer = await asyncio.shield(self._pending[key])
            return Answer(answer.value, 0.0, answer.device, reused=True) if isinstance(answer, Answer) else answer
        self._pending[key] = asyncio.create_task(self._made(name, key, item))
        try:
            return await self._pending[key]
        finally:
            self._pending.pop(key, None)

    async def _made(self, name: str, key: str, item: U8) -> Answer | PackshotError:
        stored = await asyncio.to_thread(self._load, key)
        if stored is not None:
            return Answer(stored, 0.0, reused=True)
        (answer,) = await self._models.predict(name, [item])
        if isinstance(answer, Answer):
            await asyncio.to_thread(self._keep, key, answer.value)
        return answer

    def _load(self, key: str) -> U8 | None:
        digest = self._storage.get_action(key)
        if digest is None:
            return None
        try:
            image = cv2.imdecode(np.frombuffer(self._storage.get_blob(digest.decode()), np.uint8), cv2.IMREAD_COLOR)
        except NotStored:
            image = None
        if image is None:
            self._storage.drop_action(key)
            return None
        return np.ascontiguousarray(image[..., ::-1], dtype=np.uint8)

    def _keep(self, key: str, image: U8) -> None:
        done, data = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if done:
            self._storage.put_action(key, self._storage.put_blob(data.tobytes(), media_type="image/png").encode())


def _key(card: ModelCard, item: U8) -> str:
    return digest_of(["answer", card.key, list(item.shape), blake3(np.ascontiguousarray(item).data).hexdigest()])
