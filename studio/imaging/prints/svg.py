"""What an SVG artwork may contain, looked at before any renderer sees it.

Refused: entities and document types, scripts, foreign objects, animation, anything fetched (only `#id` and embedded PNG, JPEG or
WebP are references), text that is not outlines (its look would depend on the machine's fonts), and more work than artwork needs.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from xml.parsers import expat

from studio.errors import CorruptImage, ImageError, UnknownFormat
from studio.imaging.codec import Limits, dimensions

MAX_ELEMENTS = 60_000
MAX_DEPTH = 64
MAX_DRAWN = 200_000
"""Elements after every `use` has been carried out."""
MAX_ATTRIBUTE = 8_000_000
EMBEDDED = Limits(max_bytes=8_000_000, max_pixels=40_000_000)

_BANNED = frozenset({"script", "foreignobject", "iframe", "object", "embed", "audio", "video", "handler", "listener", "animate"})
_LETTERED = frozenset({"text", "tspan", "textpath", "tref", "altglyph", "font", "font-face"})
_DATA = re.compile(r"^data:image/(png|jpeg|jpg|webp);base64,([A-Za-z0-9+/=\s]*)$")
_URL = re.compile(r"url\(\s*['\"]?\s*([^)'\"\s]*)", re.IGNORECASE)


def looks_like_svg(data: bytes) -> bool:
    """Whether the first bytes are an XML text whose first element is `svg`."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and re.search(rb"<(?:[A-Za-z0-9_]+:)?svg[\s>/]", data[:65536]) is not None


def checked_svg(data: bytes) -> None:
    """Raises CorruptImage or UnknownFormat for what is refused; nothing is expanded, fetched or drawn."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptImage("the SVG is not UTF-8 text") from error
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.EntityDeclHandler = _no_doctype
    parser.ProcessingInstructionHandler = _no_instruction
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.words
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise CorruptImage(f"the SVG is not well-formed: {error}") from error
    reader.finish()


class _Reader:
    """Walks through the elements once; keeps what each `id` holds, to weigh what `use` repeats."""

    def __init__(self) -> None:
        self.count = 0
        self.open: list[tuple[str, str]] = []
        self.size: dict[str, int] = {}
        self.uses: list[tuple[tuple[str, ...], str]] = []

    def start(self, full: str, attributes: Mapping[str, str]) -> None:
        name = full.rpartition(" ")[2].lower()
        self.count += 1
        if self.count == 1 and name != "svg":
            raise UnknownFormat(f"the file is XML, but its root is {name}, not svg")
        if self.count > MAX_ELEMENTS or len(self.open) >= MAX_DEPTH:
            raise CorruptImage(f"the SVG has more than {MAX_ELEMENTS} elements, or more than {MAX_DEPTH} inside each other")
        if name in _BANNED or name.startswith("animate"):
            raise CorruptImage(f"the SVG has <{name}>, which artwork may not have")
        if name in _LETTERED:
            raise CorruptImage("the SVG has live text; convert it to outlines (paths), so that it looks the same everywhere")
        for key, value in attributes.items():
            self._attribute(name, key.rpartition(" ")[2].lower(), value)
        for _, above in self.open:
            if above:
                self.size[above] += 1
        own = attributes.get("id", "")
        self.size.setdefault(own, 1)
        self.open.append((name, own))

    def end(self, _full: str) -> None:
        self.open.pop()

    def words(self, text: str) -> None:
        if self.open and self.open[-1][0] == "style":
            _references(text)
            if "@import" in text.lower() or "@font-face" in text.lower():
                raise CorruptImage("the SVG's style sheet fetches something")

    def finish(self) -> None:
        """Weigh every `use`: what it repeats may itself repeat."""
        if not self.count:
            raise CorruptImage("the SVG has no element")
        known: dict[str, int] = {}
        total = self.count + sum(self._weight(target, known, ()) for _, target in self.uses)
        if total > MAX_DRAWN:
            raise CorruptImage(f"the SVG draws {total} elements through <use>, the limit is {MAX_DRAWN}")

    def _weight(self, target: str, known: dict[str, int], above: tuple[str, ...]) -> int:
        if target in above or len(above) > MAX_DEPTH:
            raise CorruptImage(f"the SVG's <use> of #{target} contains itself")
        if target not in known:
            inner = (name for within, name in self.uses if target in within)
            weight = self.size.get(target, 1) + sum(self._weight(name, known, (*above, target)) for name in inner)
            known[target] = min(weight, 10 * MAX_DRAWN)
        return known[target]

    def _attribute(self, element: str, key: str, value: str) -> None:
        if len(value) > MAX_ATTRIBUTE * 2:
            raise CorruptImage(f"an attribute of <{element}> has {len(value)} characters")
        if key.startswith("on"):
            raise CorruptImage(f"the SVG has the event handler {key}")
        if key == "href":
            target = value.strip()
            if target.startswith("#"):
                if element == "use":
                    self.uses.append((tuple(name for _, name in self.open if name), target[1:]))
                return
            _embedded(target)
        elif "url" in value.lower():
            _references(value)


def _references(text: str) -> None:
    for target in _URL.findall(text):
        if not target.startswith("#"):
            raise CorruptImage(f"the SVG refers to {target[:60]!r}; only what is inside the file may be used")


def _embedded(target: str) -> None:
    """An embedded picture within our limits, or an error: nothing is ever fetched."""
    found = _DATA.match(target)
    if found is None:
        raise CorruptImage(f"the SVG refers to {target[:60]!r}; only what is inside the file may be used")
    try:
        picture = base64.b64decode(re.sub(r"\s+", "", found[2]), validate=True)
        dimensions(picture, EMBEDDED)
    except (binascii.Error, ImageError) as error:
        raise CorruptImage(f"a picture inside the SVG cannot be used: {error}") from error


def _no_doctype(*_: object) -> None:
    raise CorruptImage("the SVG has a document type or entities; save it as plain SVG")


def _no_instruction(target: str, _data: str) -> None:
    raise CorruptImage(f"the SVG has the processing instruction {target}")
