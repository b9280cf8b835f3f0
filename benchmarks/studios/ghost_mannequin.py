"""The ghost-mannequin studio against its ground truth: mannequins of many colours, with what the true picture looks like.

The true set shows a grey mannequin; other colours are its region retinted in linear light (`mannequin`), a clear one lets the
true picture through (`clear`), and garments near the mannequin's colour are the garment's region retinted (`cloth`).
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.errors import PackshotError
from studio.imaging.colour import delta_e_2000, linear_to_u8, srgb_to_lab, srgb_to_linear, u8_to_linear
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import ImageRole, Product, ProductImage
from studio.recipes.catalogue import recipe
from studio.shot import Shot
from studio.take import F32, U8, Take
from templates.library import Library

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "catalogue" / "ghost"
WEIGHTS = ROOT / ".packshot" / "models"
OWN, CLOTH = "#a3a5a8", "#ece5d6"
"""Albedo of the true mannequin and of the cloth between its stripes."""
MANNEQUINS = {"grey": "", "skin": "#d9a888", "dark skin": "#5a3d2e", "white": "#eeeeee", "black": "#222222", "clear": "clear"}
NEAR = {"cloth-coloured mannequin": "#ece5d6", "stripe-coloured mannequin": "#263854"}
CLOTHS = {"grey cloth on grey": "#a3a5a8", "sand cloth on grey": "#b5aa98"}
THROUGH, GLOSS = 0.86, 0.04
"""Light that a clear mannequin lets through, and its own highlights."""
ASKED_SSIM, ASKED_LEFT = 0.95, 0.005


def _photo(name: str) -> U8:
    return np.asarray(Image.open(DATA / f"{name}.jpg").convert("RGB"))


def _plane(name: str) -> F32:
    return np.asarray(Image.open(DATA / f"{name}.png").convert("L")).astype(np.float32) / np.float32(255)


def _linear(colour: str) -> F32:
    return srgb_to_linear(np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255)


def _mixed(under: F32, over: F32, share: F32) -> U8:
    return linear_to_u8(np.clip(under * (1 - share[..., None]) + over * share[..., None], 0, 1))


def mannequin(colour: str) -> U8:
    """The photo with its mannequin in another colour, or clear."""
    photo, share = u8_to_linear(_photo("on-mannequin")), _plane("on-mannequin_mannequin_alpha")
    shading = photo / _linear(OWN)
    if colour == "clear":
        return _mixed(photo, u8_to_linear(_photo("ghost-truth")) * THROUGH + GLOSS * shading, share)
    return _mixed(photo, shading * _linear(colour), share)


def cloth(picture: str, colour: str) -> U8:
    """A picture with the garment nine tenths of the way to another colour; its stripes stay a little darker."""
    photo = u8_to_linear(_photo(picture))
    level = photo.mean(axis=-1, keepdims=True) / _linear(CLOTH).mean()
    return _mixed(photo, 0.1 * photo + 0.9 * _linear(colour) * np.sqrt(level), _plane(f"{picture}_garment_alpha"))


def bare(photo: U8) -> U8:
    """The mannequin of a photo without its garment, made up: the garment's region filled row by row from the mannequin's tone."""
    own, dressed = _plane("on-mannequin_mannequin_alpha") > 0.99, _plane("on-mannequin_garment_alpha") > 0
    hips = (np.arange(photo.shape[1]) > 312) & (np.arange(photo.shape[1]) < 866)
    tone = np.median(photo[own], axis=0)
    filled = photo.copy()
    inside = cv2.dilate(dressed.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    ground = cv2.inpaint(cv2.resize(photo, (300, 300), interpolation=cv2.INTER_AREA), _small(inside | own), 3, cv2.INPAINT_TELEA)
    filled[inside] = cv2.resize(ground, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)[inside]
    filled[inside & hips[None] & (np.arange(photo.shape[0]) > 290)[:, None]] = np.rint(tone).astype(np.uint8)
    return filled


def _small(mask: NDArray[np.bool_]) -> U8:
    return np.asarray(cv2.resize(cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) * 255, (300, 300)), np.uint8)


def jpeg(picture: U8) -> bytes:
    """As a camera would have saved it."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=92, subsampling=0)
    return stream.getvalue()


def undressed(photos: Sequence[tuple[ImageRole, bytes]], models: LocalModels, **brief: Any) -> Take:
    """The steps from the photos to the garment with its lining. Raises the first step's error."""
    library = Library.default()
    look = library.template("ghost-white")
    assert look.brief is not None
    look = look.model_copy(update={"brief": look.brief.model_copy(update=brief)})
    images = tuple(ProductImage(uri=role.value, role=role, digest=digest_bytes(data)) for role, data in photos)
    product = Product(sku="NL-TOP-01", images=images)
    shot = Shot(product=product, template=look, destination=library.destination(look.outputs[0]), images=images)
    take = Take(shot, photos[0][1], opened={image.digest: data for image, (_, data) in zip(images, photos, strict=True)})

    async def go() -> None:
        for step in recipe("ghost-mannequin").steps:
            if step.applies(shot):
                (result,) = await step.process([take], models)
                if isinstance(result, PackshotError):
                    raise result
            if step.name == "lining":
                return

    asyncio.run(go())
    return take


def similarity(first: U8, second: U8) -> NDArray[np.float64]:
    """Structural similarity at every pixel, mean of the channels (Wang et al. 2004: Gaussian window of 11, sigma 1.5)."""
    a, b = first.astype(np.float64), second.astype(np.float64)

    def mean(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(plane, (11, 11), 1.5), np.float64)

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mu_a, mu_b = mean(a), mean(b)
    var_a, var_b, cov = mean(a * a) - mu_a**2, mean(b * b) - mu_b**2, mean(a * b) - mu_a * mu_b
    found: NDArray[np.float64] = (2 * mu_a * mu_b + c1) * (2 * cov + c2) / ((mu_a**2 + mu_b**2 + c1) * (var_a + var_b + c2))
    return np.asarray(found.mean(axis=-1), np.float64)


def score(take: Take, truth: U8) -> dict[str, float]:
    """SSIM in the true ghost's garment region (both on white), mannequin pixels left over mannequin and over garment area,
    colours of the lining, and what the checks will read."""
    cut, region = take.need_matte(), _plane("ghost-truth_garment_alpha")
    worn, other = _plane("on-mannequin_garment_alpha") > 0.5, _plane("on-mannequin_mannequin_alpha") > 0.5
    made, wanted = _on_white(cut.foreground, cut.alpha), _on_white(truth, region)
    alike, solid = similarity(made, wanted), region > 0.5
    neck = solid & ~worn
    ghost = take.ghost
    assert ghost is not None
    left = (cut.alpha - ghost.lining / 255 > 0.5) & other
    gaps = delta_e_2000(srgb_to_lab(made[neck][:, None]), srgb_to_lab(wanted[neck][:, None]))
    return {
        "ssim": float(alike[solid].mean()),
        "ssim_garment": float(alike[solid & worn].mean()),
        "ssim_lining": float(alike[neck].mean()),
        "lining_delta_e": float(np.median(gaps)),
        "left_of_mannequin": float(left.sum() / other.sum()),
        "left_over_garment": float(left.sum() / worn.sum()),
        "garment_lost": float((worn & (cut.alpha < 0.5)).sum() / worn.sum()),
        **{
            name: take.measurements[name]
            for name in ("mannequin_likeness", "mannequin_contrast", "opening_filled")
            if name in take.measurements
        },
        "undress_s": take.seconds["undress"],
        "lining_s": take.seconds["lining"],
    }


def _on_white(rgb: U8, alpha: F32) -> U8:
    return np.asarray(np.rint(rgb * alpha[..., None] + np.float32(255) * (1 - alpha[..., None])), np.uint8)


def run() -> dict[str, Any]:
    """All figures by kind of mannequin; `held` says what the default limits hold back. Without the data, says so."""
    if not DATA.is_dir() or not (WEIGHTS / "u2netp.onnx").exists():
        print(f"ghost mannequin: no ground truth at {DATA}, or u2netp is not fetched")
        return {}
    models, inside, truth = LocalModels(Registry(WEIGHTS)), jpeg(_photo("inside-back-neck")), _photo("ghost-truth")
    figures: dict[str, Any] = {}
    for name, colour in (MANNEQUINS | NEAR).items():
        photo = mannequin(colour) if colour else _photo("on-mannequin")
        figures[name] = _case(photo, inside, truth, models, seen_as="clear" if colour == "clear" else None)
        if name in NEAR:
            figures[f"{name}, bare photo"] = _case(photo, inside, truth, models, naked=bare(photo))
    for name, colour in CLOTHS.items():
        figures[name] = _case(cloth("on-mannequin", colour), inside, cloth("ghost-truth", colour), models)
    photo = cloth("on-mannequin", CLOTHS["grey cloth on grey"])
    near = cloth("ghost-truth", CLOTHS["grey cloth on grey"])
    figures["grey cloth on grey, bare photo"] = _case(photo, inside, near, models, naked=bare(photo))
    for name, row in figures.items():
        print(name, json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}))
    return figures


def _case(
    photo: U8, inside: bytes, truth: U8, models: LocalModels, naked: U8 | None = None, seen_as: str | None = None
) -> dict[str, Any]:
    photos = [(ImageRole.ON_MANNEQUIN, jpeg(photo)), (ImageRole.INSIDE, inside)]
    photos += [] if naked is None else [(ImageRole.MANNEQUIN, jpeg(naked))]
    found: dict[str, Any] = score(undressed(photos, models, mannequin=seen_as), truth)
    found["held"] = found["mannequin_likeness"] > 0.08 or found["mannequin_contrast"] < 5
    return found


if __name__ == "__main__":
    run()
