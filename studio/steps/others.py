"""The cut-outs of the further photos of a picture: other angles, other products."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from studio.errors import PackshotError, StepError, StorageError
from studio.imaging.matte_bytes import pack, unpack
from studio.models.base import Models
from studio.product import ProductImage
from studio.shot import Shot
from studio.steps.base import CachedStep, Step
from studio.steps.calibrate import Calibrate
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.take import Matte, Take

Wanted = Callable[[Shot], Sequence[ProductImage]]
LENGTH = struct.Struct("<I")


def all_further(shot: Shot) -> tuple[ProductImage, ...]:
    """Every photo of the shot but the first."""
    return shot.photos[1:]


class CutOthers(CachedStep):
    """Fills `take.others` (digest -> Matte) with the cut-outs of the photos that `wanted` names, made exactly as the first one's:
    decoded, set right by a colour chart where the look asks for it, cut out with the look's settings.

    Stands right after `CutoutStep`; `cut_of` reads what it made. The first photo's own bytes are never cut out twice. Records
    `uncertainty_others`, the largest of theirs. An error names the product and the photo. It keeps `take.matte`, `take.glance`,
    `take.others` and `take.glances`, so that steps after it can start without the photos.
    """

    name = "cut-others"
    version = 2

    def __init__(self, wanted: Wanted = all_further) -> None:
        self.wanted = wanted
        self._steps: tuple[Step, ...] = (Decode(), Calibrate(), CutoutStep())

    def applies(self, shot: Shot) -> bool:
        """Only where there is a further photo to cut out."""
        return bool(self.opens(shot))

    def opens(self, shot: Shot) -> tuple[ProductImage, ...]:
        """The wanted photos, each once, without the first."""
        found = {image.digest: image for image in reversed(self.wanted(shot)) if image.digest != shot.images[0].digest}
        return tuple(reversed(found.values()))

    def reads(self, shot: Shot) -> dict[str, Any]:
        """What the steps behind it read of the look, and their versions."""
        own = {step.name: [step.version, step.reads(shot)] for step in self._steps if step.applies(shot)}
        return {"steps": own}

    def models(self, shot: Shot) -> tuple[str, ...]:
        """The matting model."""
        return tuple(dict.fromkeys(name for step in self._steps if step.applies(shot) for name in step.models(shot)))

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """All further photos of all takes go through the steps together; the first error of a take is the take's."""
        works = [[_work(take, image) for image in self.opens(take.shot)] for take in takes]
        errors: dict[int, PackshotError] = {}
        for step in self._steps:
            live = [work for row in works for work in row if isinstance(work, Take) and id(work) not in errors]
            chosen = [work for work in live if step.applies(work.shot)]
            for work, result in zip(chosen, await step.process(chosen, models) if chosen else [], strict=True):
                if isinstance(result, PackshotError):
                    errors[id(work)] = result
        return [_joined(take, row, errors) for take, row in zip(takes, works, strict=True)]

    def dump(self, take: Take) -> bytes:
        """The cut-outs, losslessly, and the glances at the photos."""
        parts = [take.glance, pack(take.need_matte())]
        for digest, cut in sorted(take.others.items()):
            parts += [bytes.fromhex(digest), take.glances[digest], pack(cut)]
        return LENGTH.pack(len(parts)) + b"".join(LENGTH.pack(len(part)) + part for part in parts)

    def load(self, take: Take, data: bytes) -> None:
        """The same pixels back; no photo is needed. Raises StorageError for other bytes."""
        glance, first, *others = _parts(data)
        take.glance, take.matte = glance, unpack(first)
        names = [name.hex() for name in others[::3]]
        take.glances |= dict(zip(names, others[1::3], strict=True))
        take.others |= dict(zip(names, map(unpack, others[2::3]), strict=True))


def cut_of(take: Take, image: ProductImage) -> Matte:
    """The cut-out of one of the shot's photos. Raises StepError when the recipe made none of it."""
    if image.digest == take.shot.images[0].digest:
        return take.need_matte()
    if image.digest not in take.others:
        raise StepError(f"this recipe has no cut-out of {image.uri}")
    return take.others[image.digest]


def _work(take: Take, image: ProductImage) -> Take | PackshotError:
    """A take of its own for a further photo."""
    if image.digest not in take.opened:
        return StepError(f"the bytes of {image.uri} were not brought along")
    shot = take.shot.model_copy(update={"images": (image,), "companions": ()})
    return Take(shot, take.opened[image.digest], take.assets)


def _joined(take: Take, works: Sequence[Take | PackshotError], errors: dict[int, PackshotError]) -> Take | PackshotError:
    """The works' results and costs on their take, or the first error."""
    for work in works:
        if isinstance(work, PackshotError):
            return work
        take.take_over(work)
        if id(work) in errors:
            return _named(errors[id(work)], take.shot, work.shot.images[0])
        digest = work.shot.images[0].digest
        take.others[digest], take.glances[digest] = work.need_matte(), work.glance
    unsure = [cut.uncertainty for cut in take.others.values()]
    take.measurements["uncertainty_others"] = max(unsure, default=0.0)
    return take


def _named(error: PackshotError, shot: Shot, image: ProductImage) -> PackshotError:
    """The error with the product and the photo that it is about in front."""
    owner = next((other.sku for other in shot.companions if image in other.images), shot.product.sku)
    error.message = f"{owner}, {image.uri}: {error.message}"
    error.args = (error.message,)
    return error


def _parts(data: bytes) -> list[bytes]:
    """What `dump` joined. Raises StorageError."""
    found, at = [], LENGTH.size
    try:
        (count,) = LENGTH.unpack_from(data)
        for _ in range(count):
            (length,) = LENGTH.unpack_from(data, at)
            found.append(data[at + LENGTH.size : at + LENGTH.size + length])
            at += LENGTH.size + length
    except struct.error as error:
        raise StorageError(f"these bytes are no cut-outs: {error}") from error
    if at != len(data) or len(found) < 2 or len(found) % 3 != 2:
        raise StorageError("these bytes are no cut-outs: they do not end where they should")
    return found
