"""CPU seconds a photo of `packshot cutout` and of `rembg p -m u2netp`: whole processes, interleaved rounds, same photos and net.

`python -m benchmarks.rembg_cpu [photos] [rounds]`. What a user pays from the shell: start-up, decoding, network, edges, PNG."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from benchmarks.peer_rembg import ROOT, WEIGHTS, cpu_of, rembg_version, run_rembg

DATA = ROOT.parent / "shared" / "data"
SIZES = (1200, 2000)


def measure(photos: int = 24, rounds: int = 2) -> dict[int, dict[str, float]]:
    """Median CPU seconds a photo of both, and their ratio by round, for each size."""
    results: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        for size in SIZES:
            source = Path(name) / f"in-{size}"
            _photos(source, photos, size)
            ours, theirs = [], []
            for index in range(rounds):
                ours.append(_packshot(source, Path(name) / f"ours-{size}-{index}") / photos)
                theirs.append(run_rembg(source, Path(name) / f"theirs-{size}-{index}") / photos)
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            results[size] = {"packshot_cpu_s": statistics.median(ours), "rembg_cpu_s": statistics.median(theirs)}
            results[size] |= {"ratio": statistics.median(ratios), "worst_ratio": max(ratios)}
    return results


def _packshot(photos: Path, out: Path) -> float:
    files = [str(path) for path in sorted(photos.iterdir())]
    command = [str(Path(sys.executable).with_name("packshot")), "cutout", *files, "-o", str(out)]
    spent = cpu_of(command, {"PACKSHOT_WEIGHTS": str(WEIGHTS)})
    assert len(list(out.glob("*.png"))) == len(files)
    return spent


def _photos(folder: Path, count: int, size: int) -> None:
    """JPEGs of `size` pixels square, from the shared product photos or, without them, drawn."""
    folder.mkdir()
    sources = [path for pattern in ("catalogue/images/*_front.jpg", "spree/images/*.webp") for path in sorted(DATA.glob(pattern))]
    rng = np.random.default_rng(0)
    for index in range(count):
        if sources:
            picture = cv2.imread(str(sources[index * len(sources) // count]))
        else:
            picture = rng.integers(225, 245, (600, 600, 3), np.uint8)
            cv2.circle(picture, (300, 300), 120 + 5 * (index % 20), (40, 60, 170), cv2.FILLED, cv2.LINE_AA)
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"photo-{index:03}.jpg"), picture, (cv2.IMWRITE_JPEG_QUALITY, 92))


def main() -> None:
    """Print the table."""
    photos, rounds = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((1, 24), (2, 2)))
    print(f"CPU seconds a photo, {photos} photos, {rounds} interleaved rounds, against {rembg_version()}")
    for size, row in measure(photos, rounds).items():
        print(f"  {size} px: packshot {row['packshot_cpu_s']:.3f}, rembg {row['rembg_cpu_s']:.3f}, ratio {row['ratio']:.3f}"
              f" (worst round {row['worst_ratio']:.3f})")  # fmt: skip


if __name__ == "__main__":
    main()
