"""From a brief's lettering and a take's assets to fonts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from studio.briefs.lettering import FontFile, Lettering
from studio.errors import WeightsMissing
from studio.typesetting.fonts import Face, Fonts

FETCH = "packshot models fetch fonts"


class Case(NamedTuple):
    """The two chains of fonts that a brief's words are set in."""

    strong: Fonts
    plain: Fonts


def case_of(lettering: Lettering, assets: Mapping[str, bytes]) -> Case:
    """Fonts of a brief. Raises WeightsMissing where the library filled in no files or their bytes are not there; BadFont."""
    return Case(_chain(lettering.strong_files, assets), _chain(lettering.plain_files, assets))


def _chain(files: Sequence[FontFile], assets: Mapping[str, bytes]) -> Fonts:
    missing = [one.file.path for one in files if one.file.digest not in assets]
    if missing or not files:
        raise WeightsMissing(f"fonts are missing ({', '.join(missing) or 'none is named'}); run `{FETCH}`")
    return Fonts([_face(assets[one.file.digest], one.file.digest, one.index, tuple(sorted(one.axes.items()))) for one in files])


class _Bytes(bytes):
    """Font bytes that are told apart by their digest, so that a cache does not hash megabytes."""

    digest: str

    def __new__(cls, data: bytes, digest: str) -> _Bytes:
        made = super().__new__(cls, data)
        made.digest = digest
        return made

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Bytes) and self.digest == other.digest


def _face(data: bytes, digest: str, index: int, axes: tuple[tuple[str, float], ...]) -> Face:
    return _kept(_Bytes(data, digest), index, axes)


@lru_cache(maxsize=32)
def _kept(data: _Bytes, index: int, axes: tuple[tuple[str, float], ...]) -> Face:
    return Face(bytes(data), index, axes=dict(axes))
