"""What a user writes about a model in the settings: `SOURCE,option=value,...`, and the revision of a folder of weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from studio.errors import SettingsError

EDGE = 1 << 20


@dataclass(frozen=True, slots=True)
class Given:
    """`source` is a local folder or a hub id, empty when only options were written."""

    source: str = ""
    options: dict[str, str] = field(default_factory=dict)

    def flag(self, name: str, *, default: bool) -> bool:
        """A yes/no option. Raises SettingsError for anything but true and false."""
        text = self.options.get(name, str(default)).lower()
        if text not in {"true", "false"}:
            raise SettingsError(f"{name}={text}: write true or false")
        return text == "true"

    def number(self, name: str, *, default: float) -> float:
        """A number option. Raises SettingsError for what is none."""
        try:
            return float(self.options.get(name, default))
        except ValueError as error:
            raise SettingsError(f"{name}={self.options[name]}: write a number") from error


def parse(text: str) -> Given:
    """`/models/birefnet,trust_remote_code=true` or `delay_s=1.0`: a source without `=` may come first, then options."""
    first, *rest = [part.strip() for part in text.split(",")]
    source, pairs = ("", [first, *rest]) if "=" in first else (first, rest)
    options = {}
    for pair in filter(None, pairs):
        key, equals, value = pair.partition("=")
        if not equals:
            raise SettingsError(f"{text!r}: {pair!r} is not option=value")
        options[key.strip()] = value.strip()
    return Given(source, options)


def folder_revision(source: str) -> str:
    """Fingerprint of a local model folder: names, sizes and the first and last MiB of every file (weights are gigabytes,
    and a fine-tune that keeps both ends of every file is not one). Empty for a hub id.
    """
    folder = Path(source)
    if not folder.is_dir():
        return ""
    digest = blake3()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            digest.update(file.read(EDGE))
            file.seek(max(size - EDGE, min(size, EDGE)))
            digest.update(file.read(EDGE))
    return digest.hexdigest()[:32]
