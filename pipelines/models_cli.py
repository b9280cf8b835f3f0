"""`packshot models`: what there is, where the weights are, what a model costs on this machine."""

from __future__ import annotations

import json
import resource
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from studio.errors import ModelError, PackshotError, SettingsError
from studio.models.base import Answer, Model, run_batch
from studio.models.registry import Registry

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout")]


def register(models_app: typer.Typer) -> None:
    """Add the commands to `packshot models`."""
    models_app.command("list")(models_list)
    models_app.command("fetch")(models_fetch)
    models_app.command("verify")(models_verify)
    models_app.command("bench")(models_bench)


def models_list() -> None:
    """Every model: task, licence, whether its weights are here."""
    from cluster.engine import registry
    from cluster.settings import load_settings
    from pipelines.screen import print_models

    settings = load_settings()
    print_models(out, registry(settings), settings.weights_folder)


def models_fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: all but the optional ones; `fonts`: the typefaces")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Optional ones too")] = False,
) -> None:
    """Bring the pinned weights, and the typefaces, into the model cache and check them."""
    from cluster.engine import registry
    from cluster.settings import load_settings
    from connectors.weights import fetch
    from templates.fonts import cards as typefaces

    settings = load_settings()
    cards = registry(settings)
    wanted = [cards.card(name) for name in names or cards.names() if name != "fonts"]
    wanted += typefaces() if not names or "fonts" in names else []
    fetch(
        [card for card in wanted if names or everything or not card.optional],
        settings.weights_folder,
        progress=lambda card, state: err.print(f"{card.name}: {state}", markup=False),
    )


def models_verify() -> None:
    """Check the digests of all fetched weights."""
    from cluster.engine import registry
    from cluster.settings import load_settings
    from connectors.weights import verify
    from templates.fonts import cards as typefaces

    settings = load_settings()
    cards = registry(settings)
    states = verify([*(cards.card(name) for name in cards.names()), *typefaces()], settings.weights_folder)
    for name, problem in states.items():
        out.print(f"{name}: {problem or 'as pinned'}", markup=False)
    raise typer.Exit(1 if any(states.values()) else 0)


def models_bench(
    names: Annotated[list[str] | None, typer.Argument(help="Models; default: all whose weights are here")] = None,
    items: Annotated[int, typer.Option(min=1, help="Items that are timed, after one that is not")] = 5,
    as_json: Json = False,
) -> None:
    """Load models and time them on their own example, one item a call. Exit code 1 when one that was named cannot run."""
    from cluster.engine import registry
    from cluster.settings import load_settings

    cards = registry(load_settings())
    rows = [_bench(cards, name, items) for name in names or cards.names()]
    shown = rows if names else [row for row in rows if "error" not in row]
    if as_json:
        typer.echo(json.dumps(shown))
    else:
        out.print(_table(shown))
        for row in shown:
            if "error" in row:
                err.print(f"{row['model']}: {row['error']}", markup=False)
        left_out = len(rows) - len(shown)
        if left_out:
            err.print(f"{left_out} models without weights left out; name one to see why")
    raise typer.Exit(1 if names and any("error" in row for row in rows) else 0)


def _bench(cards: Registry, name: str, items: int) -> dict[str, Any]:
    """One model's figures, or its `error`."""
    before = _resident_mb()
    started = time.perf_counter()
    try:
        model = cards.create(name)
        model.load()
    except (ModelError, SettingsError) as error:
        return {"model": name, "error": error.message}
    loaded = time.perf_counter() - started
    first = _timed(model)
    later = [_timed(model) for _ in range(items)] if not isinstance(first, PackshotError) else []
    if isinstance(first, PackshotError) or any(isinstance(one, PackshotError) for one in later):
        broken = next(one for one in (first, *later) if isinstance(one, PackshotError))
        return {"model": name, "error": broken.message}
    seconds = sorted(one for one in later if not isinstance(one, PackshotError))
    return {
        "model": name,
        "task": model.card.task,
        "device": getattr(model, "device", "cpu"),
        "load_s": round(loaded, 3),
        "first_s": round(first, 4),
        "item_s": round(seconds[len(seconds) // 2], 4),
        "peak_mb": round(_resident_mb() - before),
        "gpu_mb": _gpu_mb(getattr(model, "device", "cpu")),
    }


def _timed(model: Model) -> float | PackshotError:
    """Wall seconds of one item; examples of generators differ by seed, so that none is remembered."""
    item = model.example()
    if model.card.task == "generation":
        from dataclasses import replace

        item = replace(item, seed=time.perf_counter_ns() % 2**32)
    started = time.perf_counter()
    (answer,) = run_batch(model, [item])
    return time.perf_counter() - started if isinstance(answer, Answer) else answer


def _resident_mb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _gpu_mb(device: str) -> int:
    if not device.startswith("cuda"):
        return 0
    import torch

    return round(torch.cuda.max_memory_allocated(device) / 2**20)


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table("model", "task", "device", "load", "first item", "item (median)", "memory", "GPU memory")
    for row in rows:
        if "error" in row:
            continue
        times = [f"{row[key]:.3g} s" for key in ("load_s", "first_s", "item_s")]
        table.add_row(row["model"], row["task"], row["device"], *times, f"{row['peak_mb']} MB", f"{row['gpu_mb']} MB")
    return table
