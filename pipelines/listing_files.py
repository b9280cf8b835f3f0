"""Files of a listing: names by the shop's rules, alternative texts, the spin's manifest, the zip."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from connectors.names import safe_name
from studio.alt_text import alt_text
from studio.briefs.callouts import CalloutsBrief
from studio.briefs.listing_set import Frame
from studio.destination import Destination, Naming
from studio.errors import InputError
from studio.product import ImageRole, Product
from studio.shot import Done, Outcome, Shot
from studio.steps.labels import said
from studio.steps.strip import labels_of

EXTENSIONS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/avif": ".avif"}
SPIN_PX = 640
"""Side of the little film of a spin."""
SPIN_MS = 1500
"""How long a whole turn takes in it."""


@dataclass(slots=True)
class Entry:
    """One picture of a set: its place, what became of it, its file and its alternative text."""

    frame: Frame
    shot: Shot
    outcome: Outcome
    name: str = ""
    path: Path | None = None
    alt: str = ""

    @property
    def spin(self) -> bool:
        """Whether it is one turn of many."""
        return self.shot.images[0].role is ImageRole.SPIN


def write_set(
    product: Product, entries: Sequence[Entry], place: Destination, folder: Path, blob: Callable[[str], bytes], language: str
) -> None:
    """Write every released picture into the folder and fill in name, path and alternative text; numbers run without gaps.

    Raises InputError where the shop allows no character of the product's identifier.
    """
    folder.mkdir(parents=True, exist_ok=True)
    naming = place.naming or Naming()
    known, number, turn = identifier(product, naming), 0, 0
    for entry in entries:
        if not isinstance(entry.outcome, Done):
            continue
        turn += entry.spin
        stem = f"{known}-spin-{turn:02}" if entry.spin else named(naming, known, number, entry.shot.slot)
        number += not entry.spin
        entry.name = stem + EXTENSIONS.get(entry.outcome.asset.media_type, "")
        entry.path = folder / entry.name
        entry.path.write_bytes(blob(entry.outcome.asset.digest))
        entry.alt = _alt(product, entry, place.alt_text, language, turn)


def identifier(product: Product, naming: Naming) -> str:
    """What the shop knows the product by: the first of its attributes that is there, else the SKU, in characters it allows."""
    known = {name.lower(): value.strip() for name, value in product.attributes.items()}
    value = next((known[name] for name in naming.identifiers if known.get(name)), product.sku)
    plain = "".join(re.findall(naming.only, value))
    if not plain:
        names = ", ".join(naming.identifiers) or "another SKU"
        raise InputError(f"{product.sku}: no character of {value!r} may be in a file name there: supply {names}")
    return safe_name(plain)


def named(naming: Naming, known: str, number: int, slot: str) -> str:
    """Name without extension of the main picture (number 0) or a further one."""
    pattern = naming.further if number else naming.main
    return pattern.format(id=known, number=number, slot=slot.partition("-")[2] or slot)


def spin_files(entries: Sequence[Entry], folder: Path) -> tuple[Path, ...]:
    """For a spin of two turns or more: `spin.json` (order, angles, size) and `spin.webp`, a small film of one turn."""
    turns = [entry for entry in entries if entry.spin and entry.path is not None]
    if len(turns) < 2:
        return ()
    first = turns[0].outcome
    assert isinstance(first, Done)
    step = 360 / len(turns)
    frames = [{"file": entry.name, "degrees": round(step * k, 3)} for k, entry in enumerate(turns)]
    manifest = {"frames": frames, "count": len(turns), "step_degrees": round(step, 3)}
    manifest |= {"width": first.asset.width, "height": first.asset.height, "loop": True}
    about, film = folder / "spin.json", folder / "spin.webp"
    about.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    pictures = [Image.open(io.BytesIO(entry.path.read_bytes())).convert("RGB") for entry in turns if entry.path]
    for picture in pictures:
        picture.thumbnail((SPIN_PX, SPIN_PX), Image.Resampling.LANCZOS)
    pictures[0].save(
        film, save_all=True, append_images=pictures[1:], duration=SPIN_MS // len(turns), loop=0, quality=85, method=4
    )
    return about, film


def packed(files: Sequence[Path], out: Path) -> Path:
    """The files in one zip, without folders; the same files give the same bytes. It appears whole or not at all."""
    draft = out.with_name(out.name + ".part")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name, (2020, 1, 1, 0, 0, 0)), file.read_bytes())
    draft.replace(out)
    return out


def _alt(product: Product, entry: Entry, limit: int | None, language: str, turn: int) -> str:
    template, image = entry.shot.template, entry.shot.images[0]
    brief = template.brief
    features = [words for _, words in said(product, brief)] if isinstance(brief, CalloutsBrief) else []
    return alt_text(
        product,
        template,
        image.role,
        limit=limit,
        language=language,
        number=max(1, turn),
        features=features,
        colours=labels_of(entry.shot) if template.recipe == "variant-strip" else (),
    )
