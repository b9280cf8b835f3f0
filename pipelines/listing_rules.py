"""The compliance of a set: every file against its destination's rules, and the set as a whole against the shop's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipelines.listing_files import Entry, identifier
from pipelines.qa_files import check_files
from pipelines.qa_output import Checked
from studio.destination import Destination, Naming
from studio.models.base import Models
from studio.product import Product
from studio.shot import Failed, Rejected

MATTING = "u2netp"
MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Held:
    """One rule of the set as a whole."""

    rule: str
    value: str
    wanted: str
    passed: bool
    source: str


@dataclass(frozen=True, slots=True)
class Set:
    """All that was held: files by entry (None where there is no file) and the set's own rules."""

    files: tuple[Checked | None, ...]
    rules: tuple[Held, ...]

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return all(rule.passed for rule in self.rules) and all(file.passed for file in self.files if file is not None)


def held(
    product: Product, entries: Sequence[Entry], place: Destination, destination: Callable[[str], Destination], models: Models
) -> Set:
    """Hold a written set against the rules of its shop. Files of a spin are held against their own destination only."""
    files: list[Checked | None] = []
    for entry in entries:
        if entry.path is None:
            files.append(None)
            continue
        files += check_files([entry.path], destination(entry.shot.destination.id), models, matting=MATTING)
    return Set(tuple(files), tuple(_rules(product, entries, place)))


def _rules(product: Product, entries: Sequence[Entry], place: Destination) -> list[Held]:
    made = [entry for entry in entries if entry.path is not None and not entry.spin]
    count = place.count
    low, high = (count.min, count.max) if count else (1, None)
    wanted = f"at least {low}" + (f", at most {high}" if high else "")
    found = [
        Held("count", str(len(made)), wanted, low <= len(made) <= (high or len(made)), _source(place, "count")),
        _all_made(entries),
        _main_first(made, entries),
        _names(product, entries, place),
        _alts(entries, place),
    ]
    if count and count.wanted:
        short = f"{count.wanted} are recommended"
        found.append(Held("count_wanted", str(len(made)), short, True, _source(place, "count")))
    return [*found, _spin(entries)] if any(entry.spin for entry in entries) else found


def _all_made(entries: Sequence[Entry]) -> Held:
    lost = [f"{entry.shot.slot} ({_why(entry)})" for entry in entries if entry.path is None]
    return Held("released", "; ".join(lost) or "all", "every picture of the set", not lost, "Packshot's own checks")


def _why(entry: Entry) -> str:
    outcome = entry.outcome
    if isinstance(outcome, Failed):
        return f"failed: {outcome.message}"
    return f"held back: {outcome.detail}" if isinstance(outcome, Rejected) else outcome.status


def _main_first(made: Sequence[Entry], entries: Sequence[Entry]) -> Held:
    first = bool(made) and made[0] is entries[0]
    return Held("main_first", made[0].shot.slot if made else "none", "the set's first picture is its main one", first, "the set")


def _names(product: Product, entries: Sequence[Entry], place: Destination) -> Held:
    """Each name once, of a length and in characters that every file system and shop takes."""
    names = [entry.name for entry in entries if entry.name]
    wrong = sorted({n for n in names if names.count(n) > 1 or len(n) > MAX_NAME or not n.isascii() or " " in n})
    known = identifier(product, place.naming or Naming())
    about = f"each once, from {known}, at most {MAX_NAME} characters"
    return Held("names", ", ".join(wrong) or f"{len(names)} names", about, not wrong, _source(place, "naming"))


def _alts(entries: Sequence[Entry], place: Destination) -> Held:
    texts = [entry.alt for entry in entries if entry.path is not None]
    longest, limit = max(map(len, texts), default=0), place.alt_text
    about = "there for each" + (f", at most {limit} characters" if limit else "")
    passed = all(texts) and (limit is None or longest <= limit)
    return Held("alt_text", f"longest {longest} characters", about, passed, _source(place, "alt_text"))


def _spin(entries: Sequence[Entry]) -> Held:
    """All turns at one scale: the photo's own frame is what was placed, so a photo of another size shows here."""
    turns = [entry for entry in entries if entry.spin]
    scales = {round(entry.outcome.report.measurements.get("scale", 0.0), 4) for entry in turns}
    value = f"{len(turns)} turns, scales {', '.join(f'{scale:g}' for scale in sorted(scales))}"
    return Held("spin_scale", value, "one scale for every turn", len(scales) == 1, "the set")


def _source(place: Destination, rule: str) -> str:
    stated = {"count": place.count, "naming": place.naming, "alt_text": place.alt_text}[rule]
    if stated is None:
        return "no rule is known"
    cited = place.sources[place.cites.get(rule, 0)]
    return f"{cited.title} ({cited.date})"
