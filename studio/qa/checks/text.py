"""Lettering: none that was not there, and a label that still says what it said."""

from __future__ import annotations

import numpy as np

from studio.evidence import Line
from studio.qa.check import Check
from studio.qa.exhibits import moved, to_canvas
from studio.qa.lettering import area, at, lost_letters, plain, same_place, tall
from studio.qa.questions import asks
from studio.qa.subject import Subject
from studio.take import F32
from studio.template import Template

SURE, VERY_SURE = 0.75, 0.9
"""The reader's confidence from which a line counts as lettering, and from which its letters are held against the picture."""
LETTERS = 2
"""Shorter lines are grain, knobs and reflections as often as lettering."""
LEGIBLE_PX = 18.0
"""Height, on the canvas, below which no reader can be held to the letters."""


def added_text(subject: Subject) -> float | None:
    """Share of the picture covered by lettering that does not lie on the product; None when nobody read it."""
    lines = _outside(subject)
    return None if lines is None else sum(area(line.quad) for line in lines) / subject.solid.size


def added_lines(subject: Subject) -> float | None:
    """Lines of lettering that do not lie on the product."""
    lines = _outside(subject)
    return None if lines is None else float(len(lines))


def label_cer(subject: Subject) -> float | None:
    """Character error rate of the product's own lettering: letters and digits of the photo's lines that no reading of their
    place in the picture gives back, over all of them, 0..1. Lines that are too small on the canvas, cut by it or doubtful in the
    photo are left out; 0 for a product without lettering.
    """
    evidence = subject.take.evidence
    if evidence.lines is None or evidence.source_lines is None:
        return None
    lost = total = 0
    for line in _legible(subject, evidence.source_lines):
        wanted = plain(line.text)
        lost += lost_letters(wanted, [plain(other.text) for other in at(evidence.lines, line.quad)])
        total += len(wanted)
    return lost / total if total else 0.0


def label_lines(subject: Subject) -> float | None:
    """Lines that `label_cer` is about."""
    lines = subject.take.evidence.source_lines
    return None if lines is None else float(len(_legible(subject, lines)))


def label_added(subject: Subject) -> float | None:
    """Letters and digits on the product that the photo has none of at their place: a watermark across it, invented print."""
    evidence = subject.take.evidence
    if evidence.lines is None or evidence.source_lines is None:
        return None
    known = tuple(_on_canvas(subject, line) for line in evidence.source_lines if line.text.strip())
    added = 0
    for line in evidence.lines:
        if line.inside >= 0.5 and _counts(line, VERY_SURE) and tall(line.quad) >= LEGIBLE_PX:
            added += 0 if at(known, line.quad) else len(plain(line.text))
    return float(added)


def _outside(subject: Subject) -> list[Line] | None:
    lines = subject.take.evidence.lines
    if lines is None:
        return None
    found = [line for line in lines if line.inside < 0.5 and _counts(line, SURE)]
    return [line for line in found if not _mirrored(subject, line, lines)]


def _mirrored(subject: Subject, line: Line, lines: tuple[Line, ...]) -> bool:
    """Whether a line is the mirror image, on a polished ground, of lettering on the product."""
    if subject.shot.template.reflection.strength == 0:
        return False
    base = subject.box[1] + subject.box[3]
    image = np.array([1, -1], np.float32) * line.quad + np.array([0, 2 * base], np.float32)
    return any(same_place(image, _taller(own.quad)) for own in lines if own.inside >= 0.5)


def _taller(quad: F32) -> F32:
    """A quad with its own height added above and below: the line of the base is not known to a pixel."""
    low, high = quad.min(0), quad.max(0)
    room = high[1] - low[1]
    return np.array(
        [[low[0], low[1] - room], [high[0], low[1] - room], [high[0], high[1] + room], [low[0], high[1] + room]], np.float32
    )


def _legible(subject: Subject, lines: tuple[Line, ...]) -> list[Line]:
    """The photo's sure lines that the canvas shows whole and large enough, with their quads on the canvas."""
    width, height = subject.canvas
    placed = [_on_canvas(subject, line) for line in lines if _counts(line, VERY_SURE)]
    shown = (line for line in placed if line.quad.min() >= 0 and (line.quad.max(0) <= (width, height)).all())
    return [line for line in shown if tall(line.quad) >= LEGIBLE_PX]


def _on_canvas(subject: Subject, line: Line) -> Line:
    return Line(line.text, line.score, moved(line.quad, to_canvas(subject)), line.inside)


def _counts(line: Line, sure: float) -> bool:
    return line.score >= sure and len(plain(line.text)) >= LETTERS


def read(template: Template) -> bool:
    """Whether lettering is asked about."""
    return asks(template, "text")


CHECKS = (
    Check("label_cer", "text", "share", "low", "letters of the product's own lettering that are lost", label_cer, read),
    Check("label_added", "text", "letters", "low", "letters on the product that the photo does not have", label_added, read),
    Check("label_lines", "text", "lines", "range", "lines of the product's lettering that were compared", label_lines, read),
    Check("added_text", "text", "share", "low", "lettering off the product, of the picture's area", added_text, read),
    Check("added_lines", "text", "lines", "low", "lines of lettering off the product", added_lines, read),
)
