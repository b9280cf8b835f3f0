"""`Library`: every style, destination, brand and rule, read from YAML, checked, and found by id."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from studio.brand import Brand
from studio.destination import Destination
from studio.errors import TemplateError, UnknownTemplate
from studio.product import Product
from studio.qa.consistency import tolerances
from studio.qa.policy import known_checks
from studio.qa.preflight import rules
from studio.selection import Rule
from studio.template import Template
from templates import layers
from templates.folder import Contents, House, Style, read_folder
from templates.fonts import font_assets
from templates.lexicon import worded
from templates.marks import written
from templates.people import peopled
from templates.reading import Problem, refusal
from templates.versions import drift, read_released


class Library:
    """Styles, destinations and brands of one or more folders. Raises TemplateError naming file and field for what is wrong in
    them; with `strict` off, what is wrong is left out and listed in `problems`."""

    def __init__(self, root: Path, extra: Sequence[Path] = (), *, strict: bool = True, fonts: Path | None = None) -> None:
        self._fonts = fonts
        self._destinations: dict[str, Destination] = {}
        self._styles: dict[str, Style] = {}
        self._houses: dict[str, House] = {}
        self._house_of: dict[str, House] = {}
        self._assets: dict[str, bytes] = {}
        self._locked: dict[str, tuple[Path, str]] = {}
        self._rules: list[tuple[Path, Rule]] = []
        self._branded: dict[tuple[str, str], Template] = {}
        self._folders = (*extra, root)
        self._worded: dict[str, tuple[Template, Template]] = {}
        self._files: dict[str, Path] = {}
        self.problems: list[Problem] = []
        found = [read_folder(folder) for folder in (root, *extra)]
        for contents in found:
            self._take(contents)
        self._rules = [(c.folder, rule) for c in (*found[1:], found[0]) for rule in c.rules]
        self.problems += self._disagreements()
        if strict and self.problems:
            raise refusal(self.problems)

    @classmethod
    def default(cls, extra: Sequence[Path] = (), *, strict: bool = True, fonts: Path | None = None) -> Library:
        """What Packshot brings along, and further folders of the same layout. `fonts`: the folder of fetched typefaces."""
        return cls(PACKAGED, extra, strict=strict, fonts=fonts)

    def template(self, name: str) -> Template:
        """By `id@version`, or the highest version by `id`. A released version whose file has moved on is as it was released.
        Raises UnknownTemplate, with close matches, and TemplateError."""
        if name in self._styles:
            return self._styles[name].template
        versions = [style.template for style in self._styles.values() if style.template.id == name]
        if versions:
            return max(versions, key=lambda t: t.version)
        if name in self._locked:
            return self.released(name)
        ids = (style.template.id for style in self._styles.values())
        raise _unknown("template", name, [*self._styles, *ids, *self._locked])

    def templates(self) -> list[Template]:
        """All versions of all templates that have a file, by id and version."""
        return sorted((style.template for style in self._styles.values()), key=lambda t: (t.id, t.version))

    def explained(self, name: str, brand: str | None = None) -> tuple[Template, dict[str, str]]:
        """A look, and for each of its fields (dotted) where the value is from: a file's path in its template folder, or
        `default`. Raises UnknownTemplate, and TemplateError where the brand forbids the look."""
        template = self.template(name)
        style = self._styles.get(template.key)
        if style is None:
            fields = layers.fields_of(template.model_dump(mode="json"))
            origin = {".".join(field): f"released/{template.key}.json" for field, _ in fields}
            return template, origin
        stack = style.layers
        if brand is not None:
            template = self._with_brand(template, self._house(brand))
            stack = (*stack, self._house(brand).layers[template.use])
        return template, layers.explained(template, stack)

    def for_product(self, template: Template, product: Product) -> Template:
        """The look with the rules of the product's brand in it, where a brand file matches, and with a generator's words where it
        asks for one. A look that has a brand stays. Raises TemplateError where the brand forbids the look."""
        house = self._house_of.get(product.brand.strip().lower())
        look = template if house is None or template.brand else self._with_brand(template, house)
        kept = self._worded.get(look.key)
        if kept is None or kept[0] is not look:
            words = worded(look, self._house(look.brand).brand.forbidden_words if look.brand else ())
            kept = look, peopled(words, self._folders)
            self._worded[look.key] = kept
        return written(kept[1], product, self._house(look.brand).brand if look.brand else None, self._fonts)

    def brand(self, name: str) -> Brand:
        """By id. Raises UnknownTemplate, with close matches."""
        return self._house(name).brand

    def brands(self) -> list[Brand]:
        """All brands, by id."""
        return sorted((house.brand for house in self._houses.values()), key=lambda b: b.id)

    def destination(self, name: str) -> Destination:
        """By id. Raises UnknownTemplate, with close matches."""
        if name not in self._destinations:
            raise _unknown("destination", name, self._destinations)
        return self._destinations[name]

    def destinations(self) -> list[Destination]:
        """All destinations, by id."""
        return sorted(self._destinations.values(), key=lambda d: d.id)

    def rules(self) -> tuple[Rule, ...]:
        """Which products get which templates, in order; the rules of further folders come first."""
        return tuple(rule for _, rule in self._rules)

    def asset(self, digest: str) -> bytes:
        """Bytes of a picture that a look names. Raises UnknownTemplate for a digest no template names."""
        if digest not in self._assets:
            raise _unknown("asset", digest, self._assets)
        return self._assets[digest]

    def assets(self) -> Iterator[tuple[str, bytes]]:
        """Digest and bytes of every picture that looks name."""
        yield from self._assets.items()
        if self._fonts is not None:
            yield from font_assets(self._fonts)

    def locked(self) -> tuple[str, ...]:
        """Every released version as `id@version`."""
        return tuple(sorted(self._locked))

    def released(self, key: str) -> Template:
        """A version as it was released. Raises UnknownTemplate, and TemplateError where its file is damaged."""
        if key not in self._locked:
            raise _unknown("released version", key, self._locked)
        folder, digest = self._locked[key]
        found = read_released(folder, key, digest)
        if isinstance(found, list):
            raise refusal(found)
        return found

    def home(self, template: Template) -> Path:
        """The template folder that a look is from. Raises UnknownTemplate."""
        if template.key not in self._styles:
            raise _unknown("template", template.key, self._styles)
        return self._styles[template.key].folder

    def file(self, template: Template) -> Path:
        """The file of a look. Raises UnknownTemplate."""
        if template.key not in self._styles:
            raise _unknown("template", template.key, self._styles)
        return self._styles[template.key].path

    def brand_problems(self) -> Iterator[Problem]:
        """Where a brand's rules do not fit a style. A look that a brand forbids is no problem."""
        for house in self._houses.values():
            for style in self._styles.values():
                look = _branded(style.template, style.layers, house)
                yield from (p for p in look if p.field != FORBIDDEN) if isinstance(look, list) else ()

    def _house(self, name: str) -> House:
        if name not in self._houses:
            raise _unknown("brand", name, self._houses)
        return self._houses[name]

    def _with_brand(self, template: Template, house: House) -> Template:
        place = (template.key, house.brand.id)
        style = self._styles.get(template.key)
        own = style is not None and style.template is template
        if own and place in self._branded:
            return self._branded[place]
        look = _branded(template, style.layers if own and style else (), house)
        if isinstance(look, list):
            raise refusal(look)
        if own:
            self._branded[place] = look
        return look

    def _take(self, contents: Contents) -> None:
        """Put a folder's things on the shelves, each name once."""
        self.problems += contents.problems
        self._assets |= contents.assets
        self._locked |= {key: (contents.folder, digest) for key, digest in contents.locked.items()}
        for path, destination in contents.destinations:
            if self._first("destination", destination.id, path):
                self._destinations[destination.id] = destination
        for style in contents.styles:
            if self._first("template", style.template.key, style.path):
                self._styles[style.template.key] = style
        for house in contents.brands:
            names = [name.strip().lower() for name in house.brand.matches]
            ids = (house.brand.id, *(f"name {name!r}" for name in names))
            if all(self._first("brand", name, house.path) for name in ids):
                self._houses[house.brand.id] = house
                self._house_of |= dict.fromkeys(names, house)

    def _first(self, kind: str, name: str, path: Path) -> bool:
        known = self._files.setdefault(f"{kind} {name}", path)
        if known != path:
            self.problems.append(Problem(path, "id", f"{kind} {name} exists already, in {known}"))
        return known == path

    def _disagreements(self) -> Iterator[Problem]:
        """What is wrong between files."""
        for style in self._styles.values():
            yield from self._of_style(style)
        for destination in self._destinations.values():
            path = self._files[f"destination {destination.id}"]
            yield from _limits(destination.qa, path)
            yield from _raised(path, "upload", partial(rules, destination))
        known = {name for style in self._styles.values() for name in (style.template.id, style.template.key)} | set(self._locked)
        for folder, rule in self._rules:
            for name in rule.templates:
                if name not in known:
                    yield Problem(
                        folder / "selection.yaml", f"rules.{rule.id}.templates", _unknown("template", name, known).message
                    )

    def _of_style(self, style: Style) -> Iterator[Problem]:
        template = style.template
        for output in template.outputs:
            if output not in self._destinations:
                yield Problem(style.path, "outputs", _unknown("destination", output, self._destinations).message)
        yield from _limits(template.qa, style.path)
        yield from _raised(style.path, "consistency", partial(tolerances, template))
        if template.key in self._locked:
            yield from drift(template, *self._locked[template.key], style.path)


PACKAGED = Path(__file__).resolve().parent
"""The template folder that Packshot brings along."""

FORBIDDEN = "forbidden_looks"


def _branded(template: Template, stack: Sequence[layers.Layer], house: House) -> Template | list[Problem]:
    """The look under a brand's rules, or what speaks against it."""
    below = stack or (layers.Layer("", house.path, template.model_dump()),)
    look = layers.resolved((*below, house.layers[template.use]))
    if isinstance(look, list):
        return [Problem(house.path, f"style.{p.field}", f"{p.message} (over {template.key})") for p in look]
    no = house.brand.forbidden(look)
    return [Problem(house.path, FORBIDDEN, f"{template.key} has {', '.join(no)}")] if no else look


def _raised(path: Path, field: str, work: Callable[[], object]) -> Iterator[Problem]:
    """What `work` has against a file."""
    try:
        work()
    except TemplateError as error:
        yield Problem(path, field, error.message)


def _limits(names: Iterable[str], path: Path) -> Iterator[Problem]:
    """A limit on something that no check measures is an error of the file that states it."""
    known = known_checks()
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3)
            hint = f"; close: {', '.join(close)}" if close else f"; known: {', '.join(sorted(known))}"
            yield Problem(path, f"qa.{name}", f"no check measures {name}{hint}")


def _unknown(kind: str, name: str, known: Iterable[str]) -> UnknownTemplate:
    close = difflib.get_close_matches(name, sorted(set(known)), n=3)
    return UnknownTemplate(f"no {kind} {name!r}" + (f"; close: {', '.join(close)}" if close else ""))
