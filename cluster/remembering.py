"""Model answers that are worth keeping: one enlargement, one empty set, one reading of a photo serves everybody who asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from blake3 import blake3

from connectors.storage.base import Storage
from studio.errors import NotStored, PackshotError
from studio.keys import digest_of
from studio.models.base import Answer, ModelCard, Models
from studio.models.diffusion.brief import Brief, Painted
from studio.models.ocr_items import Found
from studio.take import U8


@dataclass(frozen=True, slots=True)
class Codec:
    """How a task's answers are kept. Both directions answer None for what cannot be kept or read."""

    media_type: str
    pack: Callable[[Any], bytes | None]
    unpack: Callable[[bytes], Any]


Answered = Answer | PackshotError


class RememberingModels:
    """`Models` that asks the store first. The same item asked for twice at once is computed once; what one call asks for that
    nobody knows goes to the model in one call."""

    def __init__(self, models: Models, storage: Storage) -> None:
        self._models, self._storage = models, storage
        self._pending: dict[str, asyncio.Task[dict[str, Answered]]] = {}

    def card(self, name: str) -> ModelCard:
        """The model's card. Raises UnknownModel."""
        return self._models.card(name)

    async def predict(self, name: str, items: Sequence[Any]) -> list[Answer | PackshotError]:
        """One answer or error an item, in order; an answer from the store says `reused`."""
        card = self.card(name)
        if card.task not in KEPT:
            return await self._models.predict(name, items)
        keys = await asyncio.gather(*(asyncio.to_thread(_key, card, item) for item in items))
        own = {key: item for key, item in zip(reversed(keys), reversed(items), strict=True) if key not in self._pending}
        if own:
            made = asyncio.create_task(self._made(name, KEPT[card.task], own))
            self._pending |= dict.fromkeys(own, made)
            made.add_done_callback(lambda _: [self._pending.pop(key) for key in own])
        tasks = [self._pending[key] for key in keys]
        answers = [(await asyncio.shield(task))[key] for task, key in zip(tasks, keys, strict=True)]
        first = {key: place for place, key in reversed(list(enumerate(keys))) if key in own}
        return [answer if first.get(keys[i]) == i else _again(answer) for i, answer in enumerate(answers)]

    async def _made(self, name: str, codec: Codec, items: Mapping[str, Any]) -> dict[str, Answered]:
        stored = await asyncio.gather(*(asyncio.to_thread(self._load, codec, key) for key in items))
        known: dict[str, Answered] = {
            key: Answer(value, 0.0, reused=True) for key, value in zip(items, stored, strict=True) if value is not None
        }
        todo = [key for key in items if key not in known]
        fresh = await self._models.predict(name, [items[key] for key in todo]) if todo else []
        made = dict(zip(todo, fresh, strict=True))
        values = {key: answer.value for key, answer in made.items() if isinstance(answer, Answer)}
        await asyncio.gather(*(asyncio.to_thread(self._keep, codec, key, value) for key, value in values.items()))
        return known | made

    def _load(self, codec: Codec, key: str) -> Any:
        digest = self._storage.get_action(key)
        if digest is None:
            return None
        try:
            value = codec.unpack(self._storage.get_blob(digest.decode()))
        except NotStored:
            value = None
        if value is None:
            self._storage.drop_action(key)
        return value

    def _keep(self, codec: Codec, key: str, value: Any) -> None:
        data = codec.pack(value)
        if data is not None:
            self._storage.put_action(key, self._storage.put_blob(data, media_type=codec.media_type).encode())


def _again(answer: Answered) -> Answered:
    """The answer to somebody else's question."""
    return Answer(answer.value, 0.0, answer.device, reused=True) if isinstance(answer, Answer) else answer


def _png(image: U8) -> bytes | None:
    done, data = cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes() if done else None


def _unpng(data: bytes) -> U8 | None:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.ascontiguousarray(image[..., ::-1], dtype=np.uint8)


def _painted(value: Painted) -> bytes | None:
    return None if value.rgb is None else value.pack()


def _lines(value: Any) -> bytes | None:
    """Lines of lettering as JSON; float32 survives it. Bare quads are not kept."""
    if not isinstance(value, Sequence) or not all(isinstance(line, Found) for line in value):
        return None
    return json.dumps([[line.text, float(line.score), np.asarray(line.quad).tolist()] for line in value]).encode()


def _unlines(data: bytes) -> list[Found]:
    return [Found(text, score, np.asarray(quad, np.float32)) for text, score, quad in json.loads(data)]


def _vector(value: Any) -> bytes:
    return np.ascontiguousarray(value, np.float32).tobytes()


def _unvector(data: bytes) -> Any:
    return np.frombuffer(data, np.float32).copy()


_BYTES = "application/octet-stream"
KEPT: Mapping[str, Codec] = {
    "upscaling": Codec("image/png", _png, _unpng),
    "generation": Codec(_BYTES, _painted, Painted.unpack),
    "reading": Codec("application/json", _lines, _unlines),
    "embedding": Codec(_BYTES, _vector, _unvector),
}
"""By task: answers that are slow to make and the same for many shots."""


def _key(card: ModelCard, item: Any) -> str:
    if isinstance(item, np.ndarray):
        return digest_of(["answer", card.key, list(item.shape), blake3(np.ascontiguousarray(item).data).hexdigest()])
    return digest_of(["answer", card.key, _told(item)])


def _told(item: Any) -> Any:
    """An item of any task as JSON, pixels as digests."""
    if isinstance(item, Brief):
        return item.digest
    if isinstance(item, np.ndarray):
        return [str(item.dtype), list(item.shape), blake3(item.tobytes()).hexdigest()]
    return [_told(part) for part in item] if isinstance(item, tuple) else item
