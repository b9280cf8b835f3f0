"""Drawing simulated autoscaling: calls in the system, the replicas asked for and the replicas that run, over time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from benchmarks.autoscaling_sim import Result, Trace

WIDTH, HEIGHT, COLUMNS, FINE = 1500, 1250, 2, 2
PANEL_W, PANEL_H, LEFT, TOP = 650, 270, 72, 148
GAP_X, GAP_Y = 76, 110
INK, PALE, GRID = (38, 42, 48), (110, 116, 124), (228, 230, 233)
DEMAND, TARGET, RUNNING = (205, 219, 236), (214, 106, 30), (24, 96, 168)
Draw = Any


def draw(traces: Mapping[str, Trace], results: Mapping[str, Result], path: Path) -> None:
    """One panel a trace, drawn at twice the size and reduced, so that lines are smooth."""
    image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), "white")
    pen = ImageDraw.Draw(image)
    _text(pen, LEFT, 22, "Replicas follow the queue", 26)
    x = LEFT
    for colour, words in (
        (DEMAND, "calls running and waiting (left)"),
        (TARGET, "replicas asked for (right)"),
        (RUNNING, "replicas that run"),
    ):
        pen.rectangle(_scale(x, 66, x + 22, 78), fill=colour)
        _text(pen, x + 30, 63, words, 15)
        x += 60 + int(8.2 * len(words))
    for i, (name, trace) in enumerate(traces.items()):
        _panel(pen, LEFT + (i % COLUMNS) * (PANEL_W + GAP_X), TOP + (i // COLUMNS) * (PANEL_H + GAP_Y), trace, results[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).quantize(64).save(path, optimize=True)


def _panel(pen: Draw, left: int, top: int, trace: Trace, result: Result) -> None:
    bottom, seconds = top + PANEL_H, max(result.seconds)
    most, replicas = max(result.demand) * 1.08, trace.shape.max_replicas * 1.12

    def at(second: float, value: float, full: float) -> tuple[float, float]:
        return left + PANEL_W * second / seconds, bottom - PANEL_H * value / full

    _text(pen, left, top - 27, f"{trace.name}: {_words(trace)}", 16)
    for count in range(0, trace.shape.max_replicas + 1, 2):
        y = at(0, count, replicas)[1]
        pen.line(_scale(left, y, left + PANEL_W, y), fill=GRID, width=FINE)
        _text(pen, left + PANEL_W + 8, y - 9, str(count), 14, PALE)
    outline = [at(second, demand, most) for second, demand in zip(result.seconds, result.demand, strict=True)]
    pen.polygon([_up(p) for p in (at(0, 0, most), *outline, at(seconds, 0, most))], fill=DEMAND)
    for demand in (0, int(max(result.demand))):
        _text(pen, left - 34, at(0, demand, most)[1] - 9, str(demand), 14, PALE)
    for colour, values, above in ((RUNNING, result.running, 0), (TARGET, result.target, 4)):
        corners = (at(second, value, replicas) for second, value in _corners(result.seconds, values))
        pen.line([_up((x, y - above)) for x, y in corners], fill=colour, width=2 * FINE, joint="curve")
    pen.line(_scale(left, bottom, left + PANEL_W, bottom), fill=INK, width=FINE)
    every = 60 if seconds > 200 else 20
    for second in range(0, int(seconds) + 1, every):
        _text(pen, at(second, 0, most)[0] - 8, bottom + 6, f"{second} s" if second else "0", 14, PALE)


def _words(trace: Trace) -> str:
    if trace.losses:
        return f"{trace.losses[0][1]} replicas die at {trace.losses[0][0]:.0f} s"
    return f"{len(trace.arrivals)} calls of {trace.service_s:.0f} s, {trace.start_s:.0f} s to start a replica"


def _corners(seconds: list[float], values: list[int]) -> list[tuple[float, int]]:
    """The points of a line in steps."""
    points = [(seconds[0], values[0])]
    for second, value in zip(seconds[1:], values[1:], strict=True):
        if value != points[-1][1]:
            points += [(second, points[-1][1]), (second, value)]
    return [*points, (seconds[-1], values[-1])]


def _text(pen: Draw, x: float, y: float, words: str, size: int, colour: tuple[int, int, int] = INK) -> None:
    pen.text(_up((x, y)), words, font=ImageFont.load_default(size * FINE), fill=colour)


def _up(point: tuple[float, float]) -> tuple[float, float]:
    return point[0] * FINE, point[1] * FINE


def _scale(*values: float) -> list[float]:
    return [value * FINE for value in values]
