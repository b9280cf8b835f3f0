"""Rules for a Dockerfile, after hadolint's (its numbers are named): pinned bases, nobody's root, nothing left lying about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from studio.errors import SettingsError

KNOWN = {"FROM", "RUN", "CMD", "LABEL", "EXPOSE", "ENV", "ADD", "COPY", "ENTRYPOINT", "VOLUME", "USER", "WORKDIR", "ARG"}
KNOWN |= {"STOPSIGNAL", "HEALTHCHECK", "SHELL"}
SECRETIVE = re.compile(r"\b\w*(PASSWORD|SECRET|TOKEN|ACCESS_KEY|PRIVATE_KEY)\w*\s*=\s*\S")


@dataclass(frozen=True, slots=True)
class Line:
    """An instruction with its lines put together."""

    number: int
    word: str
    rest: str


def careless(path: Path) -> list[str]:
    """One line for each rule that the file breaks. Raises SettingsError when it cannot be read."""
    try:
        lines = list(_lines(path.read_text()))
    except OSError as error:
        raise SettingsError(f"{path}: {error}") from error
    return [f"{path.name}: {line}" for line in (*_each(lines), *_whole(lines), *_sources(lines, path.parent))]


def _lines(text: str) -> Iterator[Line]:
    gathered, begun = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("#") or (not line and not gathered):
            continue
        begun = begun or number
        gathered += line.removesuffix("\\")
        if not line.endswith("\\"):
            word, _, rest = gathered.strip().partition(" ")
            yield Line(begun, word, " ".join(rest.split()))
            gathered, begun = "", 0


def _each(lines: list[Line]) -> Iterator[str]:
    for line in lines:
        if line.word not in KNOWN:
            yield f"line {line.number}: {line.word!r} is no instruction"
        for problem in _instruction(line):
            yield f"line {line.number}: {problem}"


def _instruction(line: Line) -> Iterator[str]:
    if line.word == "RUN":
        yield from _run(line.rest)
    if line.word == "ADD":
        yield "ADD: use COPY (DL3020)"
    if line.word == "WORKDIR" and not line.rest.startswith(("/", "$")):
        yield "WORKDIR is relative (DL3000)"
    if line.word in ("CMD", "ENTRYPOINT") and not line.rest.startswith("["):
        yield f"{line.word} is no JSON list (DL3025)"
    if line.word == "HEALTHCHECK" and not re.search(r"CMD \[", line.rest):
        yield "HEALTHCHECK asks nothing"
    if line.word in ("ENV", "ARG") and SECRETIVE.search(line.rest):
        yield f"a secret in {line.word}: it stays in the image"


def _run(command: str) -> Iterator[str]:
    if re.search(r"\bsudo\b", command):
        yield "sudo (DL3004)"
    if re.search(r"(^|[;&|] *)cd ", command):
        yield "cd: use WORKDIR (DL3003)"
    if re.search(r"\bpip3? install\b", command) and "--no-cache-dir" not in command:
        yield "pip install without --no-cache-dir (DL3042)"
    if any(re.search(r"\bpip3? install (?!.*(==|--constraint))", part) for part in command.split("&&")):
        yield "pip install without a version or --constraint (DL3013)"
    if "apt-get install" in command:
        if "--no-install-recommends" not in command:
            yield "apt-get install without --no-install-recommends (DL3015)"
        if "rm -rf /var/lib/apt/lists" not in command:
            yield "apt-get's lists are left (DL3009)"
    if re.search(r"(?<!\|)\|(?!\|)", command) and "pipefail" not in command:
        yield "a pipe hides its first command's failure (DL4006)"
    if re.search(r"(curl|wget)\b.*\|\s*(ba)?sh\b", command):
        yield "runs what it has just downloaded"
    if re.search(r"chmod\s+(-R\s+)?0?777", command):
        yield "chmod 777"


def _whole(lines: list[Line]) -> Iterator[str]:
    args = {name: value for line in lines if line.word == "ARG" for name, _, value in [line.rest.partition("=")]}
    stages: set[str] = set()
    for line in (line for line in lines if line.word == "FROM"):
        image, *named = line.rest.split()
        full = re.sub(r"\$\{(\w+)\}", lambda match: args.get(match[1], ""), image)
        if full not in stages:
            yield from (f"line {line.number}: {problem}" for problem in _base(full, image))
        if named[:1] in (["AS"], ["as"]):
            stages.add(named[1])
    final = lines[max((number for number, line in enumerate(lines) if line.word == "FROM"), default=0) :]
    users = [line.rest for line in final if line.word == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", users[-1]):
        yield "the last USER is no number above 0 (DL3002)"
    for word in ("HEALTHCHECK", "ENTRYPOINT"):
        number = sum(line.word == word for line in final)
        if number != 1:
            yield f"{number} {word} in the last stage"
    if not any(line.word == "FROM" for line in lines[1:]) or len(stages) < 2:
        yield "one stage only: what builds it is in it"


def _base(full: str, image: str) -> Iterator[str]:
    name, _, tag = full.partition("@")[0].rpartition(":")
    if "@sha256:" not in full and (not name or "/" in tag):
        yield f"{image} is no stage and has no version (DL3006)"
    elif tag == "latest":
        yield f"{image} is `latest` (DL3007)"
    elif "@sha256:" not in full and not re.match(r"\d+\.\d+\.\d+", tag):
        yield f"{image}: version {tag!r} moves, give all three numbers or a digest"


def _sources(lines: list[Line], folder: Path) -> Iterator[str]:
    """What is copied must be there, and let through by .dockerignore."""
    ignore = folder / ".dockerignore"
    allowed = (
        {line[1:].strip("/") for line in ignore.read_text().splitlines() if line.startswith("!")} if ignore.exists() else set()
    )
    for line in lines:
        if line.word != "COPY" or "--from=" in line.rest:
            continue
        *sources, _ = [word for word in line.rest.split() if not word.startswith("--")]
        for source in sources:
            if source.rstrip("/") not in allowed:
                yield f"line {line.number}: .dockerignore keeps {source} out"
            elif not (folder / source).exists():
                yield f"line {line.number}: there is no {source}"
