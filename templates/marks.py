"""What a brand gives to pictures with words: type, colours, logo."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.brand import Brand, Logo
from studio.briefs.ad_poster import AdPosterBrief
from studio.keys import digest_bytes
from studio.product import Product
from studio.template import Template
from templates.fonts import lettered
from templates.reading import Problem

SIGNS = ("file", "on_dark")


def written(template: Template, product: Product, brand: Brand | None, cache_folder: Path | None = None) -> Template:
    """A look whose brief has the brand's marks and its font files; one that writes nothing stays as it is.

    Raises TemplateError and, where `cache_folder` is given and fonts are not in it, WeightsMissing.
    """
    return lettered(marked(template, brand), product, brand, cache_folder)


def marked(template: Template, brand: Brand | None) -> Template:
    """A poster in a brand's colours (`primary` is the accent, `ink` the ink, all of them may be words) and with its logo."""
    brief = template.brief
    if brand is None or not isinstance(brief, AdPosterBrief):
        return template
    told: dict[str, Any] = {"palette": tuple(dict.fromkeys((*brief.palette, *brand.palette.values())))}
    told |= {field: brand.palette[name] for field, name in (("accent", "primary"), ("ink", "ink")) if name in brand.palette}
    sign = brand.logo
    if sign is not None and sign.file is not None and sign.file.digest and brief.logo is None and _allowed(sign, template):
        told |= {"logo": sign.file, "logo_on_dark": sign.on_dark}
        told |= {"logo_clear": sign.clear_space, "logo_least_px": sign.min_width_px}
    return template.model_copy(update={"brief": brief.model_copy(update=told)})


def with_signs(path: Path, data: Mapping[str, Any], assets: dict[str, bytes]) -> dict[str, Any] | Problem:
    """A brand file's data with the digests of its logo files, whose bytes go to `assets`. Paths are relative to the file."""
    logo = data.get("logo")
    if not isinstance(logo, Mapping):
        return dict(data)
    filled = dict(logo)
    for name in SIGNS:
        sign = logo.get(name)
        if isinstance(sign, Mapping) and isinstance(sign.get("path"), str):
            try:
                content = (path.parent / sign["path"]).read_bytes()
            except OSError as error:
                return Problem(path, f"logo.{name}.path", f"{sign['path']}: {error.strerror}")
            digest = digest_bytes(content)
            assets[digest] = content
            filled[name] = {**sign, "digest": digest}
    return {**data, "logo": filled}


def _allowed(sign: Logo, template: Template) -> bool:
    """Whether the brand lets its logo stand on the look's ground."""
    return not sign.grounds or template.background.kind in sign.grounds
