"""Reads `templates/lexicon/*.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import ValidationError

from studio.errors import TemplateError
from studio.grounds import SurfaceGround
from studio.prompts.lexicon import Family, Lexicon, Nouns
from studio.template import Template
from templates.reading import parsed, read_yaml

FOLDER = Path(__file__).parent / "lexicon"


def read_lexicon(folder: Path = FOLDER) -> Lexicon:
    """The lexicon of a folder. Raises TemplateError that names file and field."""
    families: list[Family] = []
    nouns = Nouns()
    for path in sorted(folder.glob("*.yaml")):
        data = read_yaml(path)
        if data.get("family") == "noun":
            nouns = parsed(Nouns, path, data)
        else:
            families.append(parsed(Family, path, data))
        if path.stem != ("nouns" if data["family"] == "noun" else families[-1].family):
            raise TemplateError(f"{path}: family: it is {data['family']!r}, which belongs into a file of that name")
    try:
        return Lexicon.of(families, nouns)
    except ValidationError as error:
        raise TemplateError(f"{folder}: {'; '.join(e['msg'] for e in error.errors())}") from error


@cache
def lexicon() -> Lexicon:
    """The packaged lexicon, read once a process."""
    return read_lexicon()


def worded(template: Template, forbidden: tuple[str, ...] = ()) -> Template:
    """A look with the words a generator needs for it; one that asks no generator stays as it is."""
    looks = (template, *template.ladder)
    if not any(look.scene.engine == "diffusers" for look in looks):
        return template
    grounds = (template.background, *template.backgrounds.values())
    implied = (f"surface.{ground.material}" for ground in grounds if isinstance(ground, SurfaceGround))
    part = lexicon().excerpt((*template.prompt.terms, *implied), nouns=any(look.scene.mode != "backdrop" for look in looks))
    prompt = template.prompt.model_copy(update={"lexicon": part, "forbidden_words": forbidden})
    return template.model_copy(update={"prompt": prompt})
