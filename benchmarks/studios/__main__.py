"""`python -m benchmarks.studios [NAME...]`: the figures of every studio, or of those named, as JSON."""

from __future__ import annotations

import json
import sys
from importlib import import_module

NAMES = ("photography", "lookalike", "on_model", "ghost_mannequin", "mockup", "group_shot", "listing_set", "ad_poster")
"""Each is a module of this package with a function `run() -> dict[str, Any]`."""


def main(names: list[str]) -> None:
    """Run them in order, and print each as it is done."""
    for name in names or NAMES:
        if name not in NAMES:
            sys.exit(f"{name} is none of {', '.join(NAMES)}")
        figures = import_module(f"benchmarks.studios.{name}").run()
        print(json.dumps({"studio": name, **figures}, indent=1, default=str), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
