"""One template folder, read: destinations, styles with their layers, brands, rules, locks, and everything that is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from studio.brand import Brand
from studio.destination import Destination
from studio.selection import Rule, Selection
from studio.template import Template
from templates.layers import Layer, resolved, with_pictures
from templates.marks import with_signs
from templates.reading import Problem, checked, load_yaml, merged
from templates.versions import KEY, read_lock

BASE = "base.yaml"
"""`styles/base.yaml` of a folder holds what all its styles share; what is nearer to a style wins."""
INDUSTRY = "industry.yaml"
"""What the styles of its folder (and of folders in it) share. It is no style itself."""
SELECTION = "selection.yaml"

_BARE = {"id": "any", "title": "Any", "outputs": ["any"]}
"""What no shared file states, so that one can be checked without a style."""


@dataclass(frozen=True, slots=True)
class Style:
    """A look and what it was made of: the layers, the last of which is its own file, and the template folder."""

    template: Template
    layers: tuple[Layer, ...]
    folder: Path

    @property
    def path(self) -> Path:
        """Its own file."""
        return self.layers[-1].path


@dataclass(frozen=True, slots=True)
class House:
    """A brand, its file, and what it says over styles by their `use`."""

    brand: Brand
    path: Path
    layers: dict[str, Layer]


@dataclass(slots=True)
class Contents:
    """What a folder has. `problems` are those that can be seen without other folders."""

    folder: Path
    destinations: list[tuple[Path, Destination]] = field(default_factory=list)
    styles: list[Style] = field(default_factory=list)
    brands: list[House] = field(default_factory=list)
    rules: tuple[Rule, ...] = ()
    locked: dict[str, str] = field(default_factory=dict)
    assets: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_folder(folder: Path) -> Contents:
    """Everything in a template folder. Nothing is raised for what is wrong in it."""
    found = Contents(folder)
    if not folder.is_dir():
        found.problems.append(Problem(folder, "", "no such template folder"))
        return found
    for path in sorted((folder / "destinations").glob("*.yaml")):
        _destination(found, path)
    shared: dict[Path, Layer] = {}
    for path in _shared(folder):
        _share(found, path, shared)
    for path in sorted((folder / "styles").rglob("*.yaml")):
        if path != folder / "styles" / BASE and path.name != INDUSTRY:
            _style(found, path, shared)
    for path in sorted((folder / "brands").glob("*.yaml")):
        _brand(found, path)
    _selection(found)
    lock = read_lock(folder)
    found.locked, more = ({}, [lock]) if isinstance(lock, Problem) else (lock, [])
    found.problems += more
    return found


def _shared(folder: Path) -> list[Path]:
    styles = folder / "styles"
    return [path for path in (styles / BASE, *sorted(styles.rglob(INDUSTRY))) if path.is_file()]


def _share(found: Contents, path: Path, shared: dict[Path, Layer]) -> None:
    """Add a shared file as a layer. What is wrong in it is seen here once, and not again with each style."""
    data = load_yaml(path)
    data = data if isinstance(data, Problem) else with_pictures(path, data, found.assets)
    if isinstance(data, Problem):
        found.problems.append(data)
        return
    layer = Layer(path.relative_to(found.folder).as_posix(), path, data)
    alone = resolved((Layer("", path, _BARE), *_above(path, shared), layer))
    if isinstance(alone, list):
        found.problems += alone
        return
    shared[path.parent] = layer


def _above(path: Path, shared: dict[Path, Layer]) -> list[Layer]:
    """The shared layers of the folders that a file lies in, outermost first."""
    return [shared[at] for at in reversed(path.parents) if at in shared]


def _style(found: Contents, path: Path, shared: dict[Path, Layer]) -> None:
    data = load_yaml(path)
    data = data if isinstance(data, Problem) else with_pictures(path, data, found.assets)
    if isinstance(data, Problem):
        found.problems.append(data)
        return
    own = Layer(path.relative_to(found.folder).as_posix(), path, data)
    kept = KEY.fullmatch(path.stem) is not None
    above = [] if kept else _above(path, shared)
    look = resolved((*above, own))
    if isinstance(look, list):
        found.problems += look
        return
    if kept and look.key != path.stem:
        found.problems.append(Problem(path, "version", f"the file is named for {path.stem}, but holds {look.key}"))
    found.styles.append(Style(look, (*above, own), found.folder))


def _destination(found: Contents, path: Path) -> None:
    data = load_yaml(path)
    place = [data] if isinstance(data, Problem) else checked(Destination, path, data)
    if isinstance(place, list):
        found.problems += place
        return
    found.destinations.append((path, place))


def _brand(found: Contents, path: Path) -> None:
    data = load_yaml(path)
    data = data if isinstance(data, Problem) else with_signs(path, data, found.assets)
    brand = [data] if isinstance(data, Problem) else checked(Brand, path, data)
    if isinstance(brand, list):
        found.problems += brand
        return
    name = path.relative_to(found.folder).as_posix()
    layers: dict[str, Layer] = {}
    for use in get_args(Template.model_fields["use"].annotation):
        says = merged({"brand": brand.id, **brand.style}, brand.by_use.get(use, {}))
        look = with_pictures(path, says, found.assets)
        if isinstance(look, Problem):
            found.problems.append(Problem(path, f"style.{look.field}", look.message))
            return
        layers[use] = Layer(name, path, look)
    found.brands.append(House(brand, path, layers))


def _selection(found: Contents) -> None:
    path = found.folder / SELECTION
    if not path.is_file():
        return
    data = load_yaml(path)
    rules = [data] if isinstance(data, Problem) else checked(Selection, path, data)
    if isinstance(rules, list):
        found.problems += rules
    else:
        found.rules = rules.rules
