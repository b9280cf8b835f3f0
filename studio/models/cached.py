"""Weight files in the model cache: where a card's file is, and its bytes once they are known to be the pinned ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

from studio.errors import WeightsCorrupt, WeightsMissing
from studio.models.base import ModelCard


def weight_path(card: ModelCard, cache: Path) -> Path:
    """Where a card's weight file is kept."""
    return cache / card.file


def weight_bytes(card: ModelCard, cache: Path) -> bytes:
    """The weight file, checked against the card. Raises WeightsMissing or WeightsCorrupt."""
    path = weight_path(card, cache)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise WeightsMissing(f"{card.name}: {path} is missing; run `packshot models fetch`") from error
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        raise WeightsCorrupt(f"{card.name}: {path} has sha256 {found}, pinned is {card.sha256}; run `packshot models fetch`")
    return data
