"""Real photos to seed defects into, which product each shows, and which products are held out.

Sources: spree (studio shots of appliances in colour variants), saleor (true cut-outs, once as they are and once as a photo on a
soft studio ground), catalogue (the path-traced sample catalogue, studio and casual). The split is by product: no photo, variant
or look of a held-out product is ever trained on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import yaml

from studio.keys import digest_of

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FAULTY = Path(__file__).with_name("faulty.yaml")
"""Pictures that a person found defective without any seeding: they are no clean ones."""
HELD_OUT = 0.4
"""Share of the products of each source that training never sees."""
COLOURS = re.compile(
    r"-(matte-black|stainless-steel|steel-grey|dark-grey|dark-blue|rose-gold|black-and-blue|black-and-red|blue-and-white|"
    r"purple-and-white|grey-and-white|white-and-grey|black|white|grey|silver|gunmetal|blue|graphite|mint|chrome|pink)$"
)


@dataclass(frozen=True, slots=True)
class SourcePhoto:
    """One photo: `product` is what it shows, whatever the colour or the side."""

    id: str
    source: str
    product: str
    path: Path
    flattened: bool = False

    def data(self) -> bytes:
        """Encoded bytes, as a seller would send them."""
        return _flattened(self.path, self.product) if self.flattened else self.path.read_bytes()


def photos() -> list[SourcePhoto]:
    """Every photo of the shared data, in a fixed order that mixes the sources."""
    found = [*_spree(), *_saleor(), *_catalogue()]
    return sorted(found, key=lambda photo: digest_of(["order", photo.id]))


@lru_cache(maxsize=1)
def held_out() -> frozenset[str]:
    """Products kept for the report: a fixed share of each source."""
    kept: set[str] = set()
    for source in ("spree", "saleor", "catalogue"):
        names = sorted({p.product for p in photos() if p.source == source}, key=lambda name: digest_of(["split", name]))
        kept |= set(names[: round(HELD_OUT * len(names))])
    return frozenset(kept)


@lru_cache(maxsize=1)
def faulty() -> dict[str, str]:
    """Photo id, or `photo/look`, -> what is wrong with the unseeded picture."""
    return dict(yaml.safe_load(FAULTY.read_text()) or {}) if FAULTY.is_file() else {}


def _spree() -> Iterator[SourcePhoto]:
    for path in sorted((DATA / "spree" / "images").glob("*.webp")):
        yield SourcePhoto(f"spree-{path.stem}", "spree", COLOURS.sub("", path.stem), path)


def _saleor() -> Iterator[SourcePhoto]:
    for path in sorted((DATA / "saleor" / "cutouts").glob("*.webp")):
        product = re.sub(r"(-back|-front|-\d+)$", "", path.stem)
        yield SourcePhoto(path.stem, "saleor", product, path, flattened=True)
        yield SourcePhoto(f"{path.stem}-alpha", "saleor", product, path)


def _catalogue() -> Iterator[SourcePhoto]:
    for path in sorted((DATA / "catalogue" / "images").glob("*.jpg")):
        sku = path.stem.split("_")[0]
        yield SourcePhoto(path.stem, "catalogue", re.sub(r"^(NL-LIP)-.*", r"\1", sku), path)


def _flattened(path: Path, product: str) -> bytes:
    """The cut-out on a soft studio ground of a light colour, 1200 px, JPEG."""
    rgba = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32)
    premultiplied = np.dstack((rgba[..., :3] * rgba[..., 3:] / 255, rgba[..., 3:]))
    small = cv2.resize(premultiplied, (1200, 1200), interpolation=cv2.INTER_AREA)
    rng = np.random.default_rng(int(digest_of(["ground", product])[:8], 16))
    y, x = np.mgrid[0:1200, 0:1200].astype(np.float32)[..., None] / 1200
    ground = rng.uniform(205, 246, 3).astype(np.float32) * (1.03 - 0.12 * ((x - 0.4) ** 2 + y**2))
    photo = small[..., :3] + (1 - small[..., 3:] / 255) * ground
    done, data = cv2.imencode(".jpg", np.clip(photo + 0.5, 0, 255).astype(np.uint8), (cv2.IMWRITE_JPEG_QUALITY, 95))
    assert done
    return data.tobytes()
