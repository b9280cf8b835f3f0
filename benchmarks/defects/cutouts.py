"""Cut-outs of every photo, made once by the real steps and kept on disk."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from benchmarks.defects.looks import shot
from benchmarks.defects.photos import SourcePhoto, photos
from studio.errors import PackshotError
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.steps.cutout import CutoutStep
from studio.steps.decode import Decode
from studio.take import Take

CACHE = Path(os.environ.get("PACKSHOT_DEFECTS", "/tmp/defects"))
WEIGHTS = Path(__file__).resolve().parents[2] / ".packshot" / "models"


def path_of(photo: SourcePhoto) -> Path:
    """Where the photo's cut-out is kept."""
    return CACHE / "cutouts" / f"{photo.id}.bin"


async def make() -> None:
    """Cut out every photo that has no cut-out yet; a photo without a product is said and left out."""
    models = LocalModels(Registry(WEIGHTS))
    (CACHE / "cutouts").mkdir(parents=True, exist_ok=True)
    for photo in photos():
        if not path_of(photo).exists():
            await _one(photo, models)


async def _one(photo: SourcePhoto, models: LocalModels) -> None:
    data = photo.data()
    take = Take(shot(photo.id, data, "amazon-white"), data)
    step = CutoutStep()
    for each in (Decode(), step):
        (result,) = await each.process([take], models)
        if isinstance(result, PackshotError):
            print(f"{photo.id}: {result}")
            return
    part = path_of(photo).with_suffix(".part")
    part.write_bytes(step.dump(take))
    part.replace(path_of(photo))


def main() -> None:
    """All of them."""
    asyncio.run(make())


if __name__ == "__main__":
    main()
