"""`python -m cluster.manifests [--crds FOLDER] [KUSTOMIZATION ...]`: check kustomizations; without one, all of ours,
the Dockerfile and the launcher files. `--crds`: KubeRay's own definitions. Exit code 1: problems."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cluster.launcher import check_launchers
from cluster.manifests import overlays, problems
from cluster.manifests.core import definitions
from cluster.manifests.dockerfile import careless
from studio.errors import SettingsError

ROOT = Path(__file__).parents[2]


def main(arguments: list[str]) -> int:
    """Print what is wrong, and how much was looked at."""
    parser = argparse.ArgumentParser(prog="python -m cluster.manifests")
    parser.add_argument("--crds", type=Path)
    parser.add_argument("folders", nargs="*", type=Path)
    given = parser.parse_args(arguments)
    folders: list[Path] = given.folders
    try:
        folders = folders or overlays()
        known = definitions(given.crds) if given.crds else None
        lines = [f"{folder.name}: {line}" for folder in folders for line in problems(folder, known)]
        if not given.folders:
            lines += [*careless(ROOT / "Dockerfile"), *check_launchers(ROOT)]
    except SettingsError as error:
        lines = [str(error)]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.write(f"{len(folders)} kustomizations, {len(lines)} problems\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
