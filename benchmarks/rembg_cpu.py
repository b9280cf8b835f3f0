"""CPU seconds a photo of `packshot cutout` and of `rembg p -m u2netp`: whole processes, interleaved rounds, same photos and net.

`python -m benchmarks.rembg_cpu [photos] [rounds]`. What a user pays from the shell: start-up, decoding, network, edges, PNG."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from benchmarks.cutout_scenes import scenes
from benchmarks.peer_rembg import WEIGHTS, cpu_of, rembg_version, run_rembg
from studio.models.registry import Registry

SIZES = (1200, 2000)


def measure(photos: int = 24, rounds: int = 2) -> dict[int, dict[str, float]]:
    """Median CPU seconds a photo of both and their ratio, for each size; `around` is the ratio of what is not the network."""
    results: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        network = _network_seconds()
        for size in SIZES:
            source = Path(name) / f"in-{size}"
            _photos(source, photos, size)
            ours, theirs = [], []
            for index in range(rounds):
                ours.append(_packshot(source, Path(name) / f"ours-{size}-{index}") / photos)
                theirs.append(run_rembg(source, Path(name) / f"theirs-{size}-{index}") / photos)
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            results[size] = {"packshot_cpu_s": statistics.median(ours), "rembg_cpu_s": statistics.median(theirs)}
            around = [(a - network) / (b - network) for a, b in zip(ours, theirs, strict=True)]
            results[size] |= {"ratio": statistics.median(ratios), "around": statistics.median(around), "network_cpu_s": network}
    return results


def _packshot(photos: Path, out: Path) -> float:
    files = [str(path) for path in sorted(photos.iterdir())]
    command = [str(Path(sys.executable).with_name("packshot")), "cutout", *files, "-o", str(out)]
    spent = cpu_of(command, {"PACKSHOT_WEIGHTS": str(WEIGHTS)})
    assert len(list(out.glob("*.png"))) == len(files)
    return spent


def _network_seconds() -> float:
    """CPU seconds of one U2-Netp run alone, the part that both pay."""
    model = Registry(WEIGHTS).create("u2netp")
    model.load()
    spent = []
    for _ in range(8):
        before = time.thread_time()
        model.predict([model.example()])
        spent.append(time.thread_time() - before)
    return statistics.median(spent)


def _photos(folder: Path, count: int, size: int) -> None:
    """JPEGs of `size` pixels square with the grain of a camera: products on plain and soft grounds, and in the set."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    kinds = {"white", "colour", "gradient", "studio", "casual"}
    chosen = [scene for scene in scenes(max(2, count // 5)) if scene.kind in kinds]
    for index in range(count):
        picture = cv2.resize(chosen[index * len(chosen) // count].photo, (size, size), interpolation=cv2.INTER_CUBIC)
        grain = cv2.resize(rng.standard_normal((size // 2, size // 2, 3)).astype(np.float32), (size, size)) * 2
        noisy = np.clip(picture + grain + 0.5, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"photo-{index:03}.jpg"), noisy[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 92))


def main() -> None:
    """Print the table."""
    photos, rounds = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((1, 24), (2, 2)))
    print(f"CPU seconds a photo, {photos} photos, {rounds} interleaved rounds, against {rembg_version()}")
    for size, row in measure(photos, rounds).items():
        seconds = (
            f"packshot {row['packshot_cpu_s']:.3f}, rembg {row['rembg_cpu_s']:.3f}, of it the network {row['network_cpu_s']:.3f}"
        )
        print(f"  {size} px: {seconds}; ratio {row['ratio']:.2f}, around the network {row['around']:.2f}")


if __name__ == "__main__":
    main()
