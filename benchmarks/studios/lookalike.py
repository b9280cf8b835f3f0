"""The studio `lookalike` measured: what is read off pictures whose light and colours are known, and how alike its pictures are.

Run: `python -m benchmarks.studios.lookalike`. Reads ../shared/data where there is any; the pictures of the repository otherwise.
"""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cluster.engine import registry, storage
from cluster.renderer import Renderer
from cluster.settings import load_settings
from connectors.fetch import Fetcher
from studio.imaging.codec import decode
from studio.imaging.light import towards
from studio.imaging.reference.palette import palette_distances, palette_of
from studio.imaging.reference.read_picture import read_picture
from studio.imaging.views import frame, item
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.product import ImageRole, Product, ProductImage
from studio.reading import Tone
from studio.shot import Done, Rejected, Shot
from studio.take import F32
from studio.template import Light
from templates.library import Library

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
OWN = ROOT / "examples" / "catalog" / "images"
MATTING = "u2netp"
PAIRS = (
    ("lookalike-warm-side", "NL-MUG-01_front.jpg", ""),
    ("lookalike-high-key", "NL-CRM-01_front.jpg", ""),
    ("lookalike-dark-moody", "FJ-CAN-01_front.jpg", ""),
    ("lookalike-photo", "NL-VAS-01_front.jpg", "NL-CRM-01_casual.jpg"),
    ("lookalike-photo", "drip-coffee-maker-black.webp", "NL-CSH-01_casual.jpg"),
    ("lookalike-photo", "electric-kettle-1-7l-stainless-steel.webp", "NL-MUG-01_casual.jpg"),
    ("lookalike-photo", "personal-blender-mint.webp", "air-purifier-compact-white.webp"),
)
"""Template, photo, reference (none: the template's); photos of `spree` are left out where they are not at hand."""


def run() -> dict[str, Any]:
    """Figures by name; prints them."""
    settings = load_settings(home=Path(tempfile.mkdtemp(prefix="lookalike-")), weights=ROOT / ".packshot" / "models")
    models = LocalModels(registry(settings))
    figures: dict[str, Any] = {"truth": truth(models) if (SHARED / "catalogue").is_dir() else "no ../shared/data: not measured"}
    figures["pictures"] = pictures(settings, models)
    print(json.dumps(figures, indent=1))
    return figures


def truth(models: LocalModels) -> dict[str, Any]:
    """Light, palette and horizon of the reference scenes and of the catalogue's photos, against what they were rendered with."""
    catalogue = SHARED / "catalogue"
    known = json.loads((catalogue / "catalog.json").read_text())["images"]
    scenes: dict[str, Any] = {}
    errors: dict[str, list[float]] = {"studio": [], "casual": []}
    always: dict[str, list[float]] = {"studio": [], "casual": []}
    for record in known:
        if record["set"] not in ("reference", "studio", "casual"):
            continue
        rgb, seen = seen_of(catalogue / record["file"], models)
        reading, lamp = read_picture(rgb, seen), level(record["key_light"]["direction_world"])
        off = apart(towards(reading.light), lamp)
        if record["set"] != "reference":
            errors[record["set"]].append(off)
            always[record["set"]].append(apart(towards(Light(azimuth_deg=0, elevation_deg=40)), lamp))
            continue
        colours = tuple(Tone(colour=colour, share=0.2) for colour in record["palette_image_hex"])
        told = palette_of(rgb)
        scenes[Path(record["file"]).stem] = {
            "light_error_deg": round(off, 1),
            "palette_de00_main_three": [round(value, 1) for value in palette_distances(colours, told)],
            "softness": reading.light.softness,
            "lamp_size_over_distance": round(sum(record["key_light"]["size_mm"]) / 2 / record["key_light"]["distance_mm"], 2),
            "kind": reading.kind,
            "horizon": reading.horizon,
            "certainty": reading.certainty,
        }
    return {"scenes": scenes} | {
        f"light_error_deg_{name}": {
            "median": round(float(np.median(values)), 1),
            "worst": round(max(values), 1),
            "images": len(values),
            "median_of_a_constant_guess": round(float(np.median(always[name])), 1),
        }
        for name, values in errors.items()
    }


def pictures(settings: Any, models: LocalModels) -> list[dict[str, Any]]:
    """Scores, seconds of CPU and their share by step, of whole pictures at 1600 px."""
    library, store = Library.default(), storage(settings)
    made: list[dict[str, Any]] = []
    for _, data in library.assets():
        store.put_blob(data)
    renderer = Renderer(models, store, Fetcher().read)
    for template, front, like in PAIRS:
        files = [(found(front), ImageRole.FRONT), *([(found(like), ImageRole.REFERENCE)] if like else [])]
        photos = [ProductImage(uri=str(f), role=role, digest=digest_bytes(f.read_bytes())) for f, role in files if f is not None]
        if len(photos) < len(files):
            print(f"{front}: no ../shared/data: left out")
            continue
        look, place = library.template(template), library.destination("web-square")
        product = Product(sku=Path(front).stem.removesuffix("_front"), images=tuple(photos))
        shot = Shot(product=product, template=look.at(place), destination=place, images=tuple(photos))
        (outcome,) = asyncio.run(renderer.render([shot]))
        if not isinstance(outcome, Done | Rejected):
            made.append({"picture": shot.id, "failed": outcome.message})
            continue
        report = outcome.report
        scores = {
            name.removeprefix("match_"): round(v, 2) for name, v in report.measurements.items() if name.startswith("match_")
        }
        total = sum(report.seconds.values())
        slow = sorted(report.seconds.items(), key=lambda pair: -pair[1])[:6]
        made.append(
            {
                "picture": shot.id,
                "status": outcome.status if isinstance(outcome, Done) else f"{outcome.status}: {outcome.reason}",
                "scores": scores,
                "cpu_s": round(report.cpu_s, 2),
                "share": {name: round(seconds / total, 2) for name, seconds in slow},
            }
        )
    return made


def seen_of(path: Path, models: LocalModels) -> tuple[Any, F32]:
    """A picture and what the matting model sees in it."""
    rgb = decode(path.read_bytes()).rgb
    (answer,) = asyncio.run(models.predict(MATTING, [item(rgb, frame(rgb), models.card(MATTING).input_px)]))
    assert not isinstance(answer, Exception)
    return rgb, np.asarray(cv2.resize(np.asarray(answer.value, np.float32), (rgb.shape[1], rgb.shape[0])), np.float32)


def found(name: str) -> Path | None:
    """A photo of the sample catalogue or of `spree`, where it is at hand."""
    return next((folder / name for folder in (OWN, SHARED / "spree" / "images") if (folder / name).is_file()), None)


def level(world: list[float]) -> F32:
    """The catalogue's axes (y away from the camera, z up) as ours (y up, z to the camera), unit length."""
    x, y, z = world
    return np.array([x, z, -y], np.float32) / np.float32(math.hypot(x, y, z))


def apart(one: F32, other: F32) -> float:
    """Degrees between two directions."""
    return math.degrees(math.acos(float(np.clip(one @ other, -1, 1))))


if __name__ == "__main__":
    run()
