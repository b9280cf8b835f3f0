"""People files: `people/<name>.yaml` of a template folder says who products are shown on, and what allows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pydantic import model_validator

from studio.briefs.on_model import OnModelBrief
from studio.errors import TemplateError
from studio.people import Person
from studio.product import Frozen
from studio.template import Template
from templates.reading import parsed, read_yaml

FOLDER = "people"


class PeopleFile(Frozen):
    """The people of one file. Every one of them has a licence and a consent with both dates, or the file is refused."""

    title: str = ""
    people: tuple[Person, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> PeopleFile:
        ids = [person.id for person in self.people]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"there twice: {', '.join(twice)}")
        return self


def read_people(path: Path) -> tuple[Person, ...]:
    """The people of a file, photos as absolute paths or as the URIs they are. Raises TemplateError naming file and field."""
    found = parsed(PeopleFile, path, read_yaml(path))
    return tuple(_located(person, path.parent) for person in found.people)


def lapsed(people: Sequence[Person], today: date) -> list[str]:
    """Why some of the people may not be shown, in words, one a person."""
    return [reason for person in people if (reason := person.lapsed(today))]


def peopled(template: Template, folders: Sequence[Path]) -> Template:
    """The look with the people of the file that its brief names; the first folder that has the file counts. Raises TemplateError
    for a file that none has."""
    brief = template.brief
    if not isinstance(brief, OnModelBrief) or brief.people is None or brief.cast:
        return template
    files = [folder / FOLDER / f"{brief.people}.yaml" for folder in folders]
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        raise TemplateError(f"{template.key}: no people file {brief.people!r}; looked for {', '.join(map(str, files))}")
    return template.model_copy(update={"brief": brief.model_copy(update={"cast": read_people(path)})})


def _located(person: Person, folder: Path) -> Person:
    """A photo beside the file gets its full path."""
    photo = person.photo
    if "://" in photo or Path(photo).is_absolute():
        return person
    return person.model_copy(update={"photo": str((folder / photo).resolve())})
