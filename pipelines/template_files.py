"""What `packshot template` does with files: lint some of them, try styles out, write what is released."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cluster.settings import load_settings
from pipelines.template_trial import Bench, Trial
from pipelines.trial_page import write_page
from studio.errors import InputError
from templates.library import Library
from templates.linting import is_packaged, lint, template_folder
from templates.reading import Problem
from templates.versions import write_release


def linted(paths: Sequence[Path], folders: Sequence[Path]) -> list[Problem]:
    """What is wrong in these files and folders; in all template folders when none is named. Raises InputError for a path
    that is not there or belongs to no template folder."""
    own = [_folder(path) for path in paths]
    extra = list(dict.fromkeys(folder.resolve() for folder in (*folders, *own) if not is_packaged(folder)))
    problems = lint(extra)
    places = [path.resolve() for path in paths]
    return [p for p in problems if not places or any(p.file.resolve().is_relative_to(place) for place in places)]


def unreleased(names: Sequence[str] | None) -> list[str]:
    """Of the named styles, or of the newest version of each, those that are not locked yet, as `id@version`."""
    library = _library()
    asked = [library.template(name) for name in names] if names else [library.template(t.id) for t in library.templates()]
    return [key for key in dict.fromkeys(template.key for template in asked) if key not in library.locked()]


def tried_out(names: Sequence[str], catalog: str, page: Path | None) -> tuple[list[Trial], Path]:
    """The samples of styles, made, and the page about them. Raises InputError for a style without samples."""
    settings, library = load_settings(), _library()
    templates = [library.template(name) for name in names]
    bare = [template.key for template in templates if not template.samples]
    if bare:
        raise InputError(f"template {', '.join(bare)}: samples: none is named; name SKUs of the sample catalogue")
    with closing(Bench(settings, library, catalog)) as bench:
        trials = [bench.trial(template) for template in templates]
    name = templates[0].key if len(templates) == 1 else "styles"
    return trials, write_page(trials, page or settings.home / "trials" / f"{name}.html")


def released(trials: Sequence[Trial]) -> list[Path]:
    """Lock what was tried out, in the template folder that each style is from."""
    library = _library()
    return [write_release(library.home(trial.template), trial.template) for trial in trials]


def _library() -> Library:
    settings = load_settings()
    return Library.default(settings.template_folders, fonts=settings.weights_folder)


def _folder(path: Path) -> Path:
    found = template_folder(path) if path.exists() else None
    if found is None:
        raise InputError(
            f"{path}: " + ("is in no template folder (styles/, destinations/, brands/)" if path.exists() else "no such file")
        )
    return found
