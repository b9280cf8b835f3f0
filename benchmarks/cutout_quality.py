"""Cut-out quality against truth: the raw network, rembg's post-processing and alpha matting, and ours.

`python -m benchmarks.cutout_quality [scenes a kind]`. IoU at 0.5; MAE of alpha; boundary F at 3 px; halo = mean CIE76 distance
in the edge band (2 to 98 % of the true alpha, grown by 3 px) of the cut-out to the true one, on black and on white."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.cutout_scenes import Scene, scenes
from benchmarks.peer_rembg import WEIGHTS, rembg_version, run_rembg
from studio.imaging.matte import Refiner, cut
from studio.imaging.views import View, closer, frame, item
from studio.models.base import Answer, LocalModels
from studio.models.registry import Registry

METRICS = ("iou", "mae", "boundary_f", "halo")
PEERS = {"rembg": (), "rembg -ppm": ("-ppm",), "rembg -dc": ("-dc",), "rembg -a": ("-a",)}
OURS: dict[str, Refiner] = {"ours": "guided", "ours closed_form": "closed_form"}
Rows = dict[str, dict[str, list[dict[str, float]]]]


def measure(per_kind: int = 4) -> dict[str, dict[str, dict[str, float]]]:
    """Mean metrics by method and kind of scene."""
    rows: Rows = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        made = list(scenes(per_kind))
        for index, scene in enumerate(made):
            cv2.imwrite(str(folder / "in" / f"{index:03}.png"), scene.photo[..., ::-1])
        for peer, options in PEERS.items():
            run_rembg(folder / "in", folder / peer, *options)
        models = LocalModels(Registry(WEIGHTS))
        for index, scene in enumerate(made):
            results = {**_ours(scene, models), **{peer: _read(folder / peer / f"{index:03}.png") for peer in PEERS}}
            for method, (alpha, colour) in results.items():
                rows[method][scene.kind].append(compare(scene, alpha, colour))
    return {m: {kind: _mean(values) for kind, values in kinds.items()} for m, kinds in rows.items()}


def compare(scene: Scene, alpha: Any, colour: Any) -> dict[str, float]:
    """The four metrics of a cut-out: alpha float32 0..1 and straight colour uint8 (H, W, 3)."""
    found, true = alpha > 0.5, scene.alpha > 0.5
    edge_found, edge_true = _outline(found), _outline(true)
    soft = ((scene.alpha > 0.02) & (scene.alpha < 0.98)).astype(np.uint8) | edge_true
    band = cv2.dilate(soft, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))) > 0
    a, t = alpha[band][:, None], scene.alpha[band][:, None]
    halo = [_lab_gap(a * colour[band] + (1 - a) * g, scene.premultiplied[band] + (1 - t) * g) for g in (0, 255)]
    return {
        "iou": float((found & true).sum() / max((found | true).sum(), 1)),
        "mae": float(np.abs(alpha - scene.alpha).mean()),
        "boundary_f": _boundary_f(edge_found, edge_true),
        "halo": float(np.mean(halo)),
    }


def _ours(scene: Scene, models: LocalModels) -> dict[str, tuple[Any, Any]]:
    views = [_view(scene, models, frame(scene.photo))]
    wide = cv2.resize(views[0].map, scene.photo.shape[1::-1], interpolation=cv2.INTER_LANCZOS4).clip(0, 1)
    box = closer(views[0])
    if box is not None:
        views.append(_view(scene, models, box))
    results: dict[str, tuple[Any, Any]] = {"raw network": (wide, scene.photo)}
    for method, refiner in OURS.items():
        matte = cut(scene.photo, views, refiner=refiner, decontaminate=True, source="u2netp")
        results[method] = (matte.alpha, matte.foreground)
    return results


def _view(scene: Scene, models: LocalModels, box: tuple[int, int, int, int]) -> View:
    side = models.card("u2netp").input_px
    (answer,) = asyncio.run(models.predict("u2netp", [item(scene.photo, box, side)]))
    assert isinstance(answer, Answer), answer
    return View(answer.value, box)


def _read(path: Path) -> tuple[Any, Any]:
    rgba = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    return rgba[..., 3].astype(np.float32) / 255, rgba[..., :3]


def _outline(mask: Any) -> Any:
    solid = mask.astype(np.uint8)
    return solid - cv2.erode(solid, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)


def _boundary_f(found: Any, true: Any) -> float:
    if not found.any():
        return 0.0
    to_true, to_found = (cv2.distanceTransform(1 - edge, cv2.DIST_L2, 3) for edge in (true, found))
    precision, recall = float((to_true[found > 0] <= 3).mean()), float((to_found[true > 0] <= 3).mean())
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _lab_gap(first: Any, second: Any) -> float:
    labs = [cv2.cvtColor(np.clip(c, 0, 255).astype(np.float32)[None] / 255, cv2.COLOR_RGB2Lab) for c in (first, second)]
    return float(np.linalg.norm(labs[0] - labs[1], axis=2).mean())


def _mean(values: Iterable[dict[str, float]]) -> dict[str, float]:
    rows = list(values)
    return {metric: float(np.mean([row[metric] for row in rows])) for metric in METRICS} | {"scenes": len(rows)}


def main() -> None:
    """Print the table."""
    result = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
    print(f"{rembg_version()}, U2-Netp for all; higher IoU and F, lower MAE and halo are better")
    for kind in next(iter(result.values())):
        print(f"\n{kind} ({result['ours'][kind]['scenes']} scenes)")
        for method, kinds in result.items():
            print(f"  {method:17}" + "".join(f"  {metric} {kinds[kind][metric]:.4f}" for metric in METRICS))


if __name__ == "__main__":
    main()
