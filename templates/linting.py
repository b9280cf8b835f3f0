"""Everything that is wrong in template folders, and what loading leaves for later: words, and brands over every style."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from templates.lexicon import lexicon
from templates.library import PACKAGED, Library
from templates.reading import Problem

PARTS = ("styles", "destinations", "brands", "lexicon")


def lint(extra: Sequence[Path] = ()) -> list[Problem]:
    """What is wrong in the packaged folder and in further ones, by file."""
    library = Library.default(extra, strict=False)
    return sorted({*library.problems, *library.brand_problems(), *_words(library)}, key=lambda p: (str(p.file), p.field))


def template_folder(path: Path) -> Path | None:
    """The template folder that a path is, or lies in: the one with a folder of styles, destinations or brands."""
    path = path.resolve()
    for at in (path, *path.parents):
        if at.name in PARTS and at != path and _has_parts(at.parent):
            return at.parent
    return next((at for at in (path, *path.parents[:3]) if at.is_dir() and _has_parts(at)), None)


def is_packaged(folder: Path) -> bool:
    """Whether it is the folder that Packshot brings along."""
    return folder.resolve() == PACKAGED


def _has_parts(folder: Path) -> bool:
    return any((folder / part).is_dir() for part in PARTS)


def _words(library: Library) -> Iterator[Problem]:
    known = lexicon()
    for template in library.templates():
        strange = known.unknown(template.prompt.terms)
        if strange:
            yield Problem(library.file(template), "prompt.terms", f"not in the lexicon: {', '.join(strange)}")
