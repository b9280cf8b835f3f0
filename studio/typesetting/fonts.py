"""`Face` and `Fonts`: font files in memory, and which of them writes which character."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped]
from PIL import ImageFont

from studio.keys import digest_bytes
from studio.typesetting.errors import BadFont, MissingGlyph

MAX_FONT_BYTES = 64 << 20
SIZES_KEPT = 256
OPTICAL, POINTS = "opsz", 0.5
"""Fonts with an optical size are set for half their size in pixels, as pictures are seen small; `axes` may say another."""
UNSEEN = frozenset("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad") | frozenset(map(chr, range(0xFE00, 0xFE10)))
"""Characters that steer shaping and show nothing."""
SPACES = frozenset("\u00a0\u202f\u2007\u2008\u2009\u200a\u2002\u2003")


class Face:
    """One face of a font file (TrueType, OpenType, collections by `index`). `axes` sets a variable font, e.g. {"wght": 600}.

    Raises BadFont for bytes that are no font, or an axis that it does not have.
    """

    def __init__(self, data: bytes, index: int = 0, *, axes: dict[str, float] | None = None) -> None:
        if not data or len(data) > MAX_FONT_BYTES:
            raise BadFont(f"a font of {len(data)} bytes; from 1 to {MAX_FONT_BYTES} are read")
        self.data, self.index, self.axes = data, index, dict(axes or {})
        self.digest = digest_bytes(data)
        self._read()

    @property
    def key(self) -> tuple[str, int, tuple[tuple[str, float], ...]]:
        """What names this face: digest of its file, index, axes."""
        return self.digest, self.index, tuple(sorted(self.axes.items()))

    @cached_property
    def covered(self) -> frozenset[int]:
        """Code points that the face has a glyph for."""
        return _covered(self)

    def covers(self, text: str) -> bool:
        """Whether every character that shows something has a glyph."""
        return all(ord(c) in self.covered or c in UNSEEN for c in text)

    def at(self, size_px: float) -> ImageFont.FreeTypeFont:
        """The face at a size, for drawing."""
        return _sized(self, round(size_px, 2))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Face) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def _read(self) -> None:
        try:
            with TTFont(io.BytesIO(self.data), fontNumber=self.index, lazy=True) as font:
                self.family = str(font["name"].getDebugName(16) or font["name"].getDebugName(1) or "?")
                known = {axis.axisTag for axis in font["fvar"].axes} if "fvar" in font else set()
        except (TTLibError, KeyError, OSError, ValueError, AssertionError) as error:
            raise BadFont(f"not a font: {error}") from error
        self.variable = bool(known)
        if strange := sorted(self.axes.keys() - known):
            raise BadFont(f"{self.family} has no axis {', '.join(strange)}")


class Fonts:
    """A chain of faces: the first that covers a cluster writes it. Raises BadFont for an empty chain."""

    def __init__(self, faces: Sequence[Face]) -> None:
        if not faces:
            raise BadFont("no font is given")
        self.faces = tuple(faces)

    @property
    def first(self) -> Face:
        """The face that gives the line its height."""
        return self.faces[0]

    def runs(self, text: str) -> list[tuple[Face, str]]:
        """The text in pieces that one face writes each, in reading order. Raises MissingGlyph naming the character."""
        pieces: list[tuple[Face, str]] = []
        for cluster in map(self._spaced, clusters(text)):
            last = pieces[-1][0] if pieces else None
            face = last if last and (cluster.isspace() or last is self.first) and last.covers(cluster) else self._face(cluster)
            if face is last:
                pieces[-1] = face, pieces[-1][1] + cluster
            else:
                pieces.append((face, cluster))
        return pieces

    def missing(self, text: str) -> tuple[str, ...]:
        """Clusters that no face covers, each once, in order; line breaks ask for no glyph."""
        plain = unicodedata.normalize("NFC", text.replace("\n", " "))
        found = (c for c in map(self._spaced, clusters(plain)) if not any(face.covers(c) for face in self.faces))
        return tuple(dict.fromkeys(found))

    def _spaced(self, cluster: str) -> str:
        """A special space that no face has becomes a plain one."""
        strange = cluster[0] in SPACES and not any(ord(cluster[0]) in face.covered for face in self.faces)
        return " " + cluster[1:] if strange else cluster

    def _face(self, cluster: str) -> Face:
        for face in self.faces:
            if face.covers(cluster):
                return face
        named = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in cluster)
        raise MissingGlyph(f"no font of {', '.join(face.family for face in self.faces)} has {named}")


def clusters(text: str) -> Iterator[str]:
    """A base character with its marks and joiners, so that one face writes all of it."""
    piece = ""
    for c in text:
        joined = unicodedata.category(c)[0] == "M" or c in UNSEEN or piece.endswith("\u200d")
        if piece and not joined:
            yield piece
            piece = ""
        piece += c
    if piece:
        yield piece


@lru_cache(maxsize=64)
def _covered(face: Face) -> frozenset[int]:
    with TTFont(io.BytesIO(face.data), fontNumber=face.index, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())


@lru_cache(maxsize=SIZES_KEPT)
def _sized(face: Face, size_px: float) -> ImageFont.FreeTypeFont:
    try:
        engine = ImageFont.Layout.RAQM
        font = ImageFont.truetype(io.BytesIO(face.data), size_px, index=face.index, layout_engine=engine)
        if face.variable:
            font.set_variation_by_axes(_coordinates(face, size_px))
    except OSError as error:
        raise BadFont(f"{face.family}: {error}") from error
    return font


def _coordinates(face: Face, size_px: float) -> list[float]:
    wanted = {OPTICAL: size_px * POINTS, **face.axes}
    return [min(max(wanted.get(tag, default), low), high) for tag, low, default, high in _spans(face)]


@lru_cache(maxsize=64)
def _spans(face: Face) -> tuple[tuple[str, float, float, float], ...]:
    with TTFont(io.BytesIO(face.data), fontNumber=face.index, lazy=True) as font:
        return tuple((axis.axisTag, axis.minValue, axis.defaultValue, axis.maxValue) for axis in font["fvar"].axes)
