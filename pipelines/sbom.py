"""The software bill of materials: CycloneDX 1.6 JSON of the default install, the same bytes for the same packages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import distribution
from typing import Any
from uuid import UUID

from pipelines.licences import Part
from studio.keys import digest_of
from studio.models.base import ModelCard

_SPDX = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")


def sbom(parts: Sequence[Part], models: Sequence[ModelCard] = ()) -> dict[str, Any]:
    """Packages with their licences and what needs what, and model weights with their digests. Version 1.6 (ECMA-424, 2024-06);
    without a time, so that it can be compared."""
    root = next(part for part in parts if part.name == "packshot")
    components = [_component(part) for part in parts if part is not root and part.verdict != "missing"]
    components += [_model(card) for card in models]
    there = {part.name: _purl(part) for part in parts if part.verdict != "missing"}
    body: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**_component(root), "type": "application"}},
        "components": components,
        "dependencies": [
            {"ref": there[part.name], "dependsOn": sorted(there[need] for need in part.needs if need in there)}
            for part in parts
            if part.name in there
        ],
    }
    return {"serialNumber": f"urn:uuid:{UUID(hex=digest_of(body)[:32], version=4)}", **body}


def _component(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": _purl(part),
        "name": part.name,
        "version": part.version,
        "purl": _purl(part),
        "licenses": [_licence(part.licence)] if part.licence else [],
    }
    summary = str(distribution(part.name).metadata.json.get("summary", ""))
    return {**found, "description": summary} if summary else found


def _model(card: ModelCard) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": f"model:{card.name}",
        "name": card.name,
        "version": card.revision,
        "licenses": [_licence(card.licence)],
    }
    return {**found, "hashes": [{"alg": "SHA-256", "content": card.sha256}]} if card.sha256 else found


def _licence(text: str) -> dict[str, Any]:
    """An SPDX expression where the text can be one, else its words."""
    plain = _SPDX.fullmatch(text) and re.search(r"\d|MIT|ISC|Zlib", text)
    return {"expression": text} if plain else {"license": {"name": text}}


def _purl(part: Part) -> str:
    return f"pkg:pypi/{part.name}@{part.version}"
