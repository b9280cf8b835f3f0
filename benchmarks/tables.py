"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; floats with three significant digits."""
    lines = [head, ["---"] * len(head), *([_shown(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def batch_efficiency(result: dict[str, Any]) -> str:
    """Ideal, ours, peers; then where our CPU went."""
    count, ideal = result["photos"], result["ideal_cpu_s"]
    parts = ", ".join(f"{name} {value}" for name, value in result["ideal_parts"].items())
    rows = [["ideal", ideal, ideal / count, "", 1.0]]
    rows += [[name, row["cpu_s"], row["cpu_s"] / count, row["wall_s"], row["efficiency"]] for name, row in result["rows"].items()]
    head = ["", "CPU-s", "CPU-s a photo", "wall s", "efficiency"]
    split = ", ".join(f"{name} {value:.1f}" for name, value in result["split"].items() if abs(value) >= 0.1)
    note = f"{count} {result['origin']} photos of 1200 px. Ideal: {parts} CPU-s. Our same-mask job by process: {split} CPU-s."
    return f"{note}\n\n{table(head, rows)}\n\nTarget for `ours, same mask`: 0.90."


def gpu_duty(result: dict[str, Any]) -> str:
    """Duty and end-to-end."""
    names = (
        "images",
        "duty_mean",
        "duty_worst",
        "images_a_gpu",
        "e2e",
        "e2e_from_first_start",
        "gpus_only",
        "planned_to_rendering_s",
        "rendering_to_first_start_s",
        "last_end_to_journal_s",
    )
    columns = ("long", "short", "ray data, 12 a GPU")
    rows = [[name, *(result[column].get(name, "") for column in columns)] for name in names]
    target = "Targets: duty mean 0.995 and worst 0.99 (long), e2e 0.97 (short). e2e = ideal / wall from the plan to the journal."
    return f"{table(['', *columns], rows)}\n\n{target}"


def unchanged(result: dict[str, Any]) -> str:
    """One row a figure."""
    target = (
        "Targets: 0 calls, 0 reads, factor >= 200; changed work <= 1.2 % of the first run, plus the start-up of an empty run."
    )
    return f"{table(['', 'value'], list(result.items()))}\n\n{target}"


def memory(result: dict[str, Any]) -> str:
    """Peaks by mode."""
    count = result["photos"]
    rows = [[mode, row["few_mb"], row["many_mb"], row["ratio"]] for mode, row in result.items() if mode != "photos"]
    return table(["mode", f"{count} photos, MB", f"{10 * count} photos, MB", "ratio"], rows) + "\n\nTarget: ratio <= 1.10."


def faults(result: dict[str, Any]) -> str:
    """One column a fault."""
    cases = [name for name in result if name != "photos"]
    names = list(dict.fromkeys(key for case in cases for key in result[case]))
    rows = [[name, *(result[case].get(name, "") for case in cases)] for name in names]
    return f"{result['photos']} photos, 4 model replicas.\n\n{table(['', *cases], rows)}"


def serve_tax(result: dict[str, Any]) -> str:
    """One row a server."""
    rows = result["rows"]
    keys = ("p50_ms", "added_ms", "p99_ms", "rps_16", "p99_16_ms", "within_slo", "rps_over_fastapi", "failed")
    head = [
        "",
        "p50 ms",
        "over FastAPI ms",
        "p99 ms",
        "requests/s at 16",
        "p99 at 16 ms",
        "p99 < model + 50",
        "over FastAPI",
        "failed",
    ]
    lines = [[name, *(row[key] for key in keys)] for name, row in rows.items()]
    missing = "".join(f"\n\nSkipped {name}: {why}" for name, why in result["skipped"].items())
    ray = f"{rows['packshot']['rps_16'] / rows['ray']['rps_16']:.2f}" if "ray" in rows else "unknown"
    size, rounds = result["bytes"], result["rounds"]
    note = f"A model of {result['model_ms']:g} ms, {size:,} bytes in and out, {rounds} interleaved rounds, medians."
    target = f"Requests/s over Ray Serve as it comes: {ray}. Targets for `packshot`: +1.5 ms, 1.1 and 3."
    return f"{note}\n\n{table(head, lines)}{missing}\n\n{target}"


def serve_hit(result: dict[str, Any]) -> str:
    """One row a figure."""
    target = "Targets: over_static_p50_ms <= 2; no model call, no workflow step (a hit asks no replica)."
    return f"{table(['', 'value'], list(result.items()))}\n\n{target}"


def serve_urgent(result: dict[str, Any]) -> str:
    """One row a figure."""
    target = "Target: p99_ratio <= 1.10, while the night keeps the other replicas busy."
    return f"{table(['', 'value'], list(result.items()))}\n\n{target}"


def serve_spike(result: dict[str, Any]) -> str:
    """One row a figure."""
    target = "Targets: decision_s <= 2 (Ray Serve's default: 30), drain_over_ideal <= 1.15."
    return f"{table(['', 'value'], list(result.items()))}\n\n{target}"


def serve_faults(result: dict[str, Any]) -> str:
    """One row a figure."""
    return f"{table(['', 'value'], list(result.items()))}\n\nTargets: lost 0, published_twice 0."


def small_job(result: dict[str, Any]) -> str:
    """One row a job."""
    target = "Seconds from the start of the job to its end, over the time of one model call. Target: <= 1.05."
    return f"{table(['', 'value'], list(result.items()))}\n\n{target}"


def _shown(cell: Any) -> str:
    return (
        f"{cell:.3g}" if isinstance(cell, float) and abs(cell) < 100 else f"{cell:,.0f}" if isinstance(cell, float) else str(cell)
    )


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "batch_efficiency": batch_efficiency,
    "gpu_duty": gpu_duty,
    "unchanged": unchanged,
    "memory": memory,
    "faults": faults,
    "serve_tax": serve_tax,
    "serve_hit": serve_hit,
    "serve_urgent": serve_urgent,
    "serve_spike": serve_spike,
    "serve_faults": serve_faults,
    "small_job": small_job,
}
