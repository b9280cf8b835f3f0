"""`examine`: models look at the finished picture and at the photo. They fill `take.evidence`; checks and policy judge it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from studio.errors import PackshotError
from studio.evidence import Line
from studio.imaging.views import item, padded
from studio.models.base import Models
from studio.models.ocr_items import Found, Places
from studio.qa import defects, exhibits
from studio.qa.lettering import at, inside
from studio.qa.questions import questions
from studio.qa.subject import Subject
from studio.qa.traces.second import asked as mirrored
from studio.shot import Shot
from studio.steps.base import Step, ask, each
from studio.take import F32, Take

READER, WITNESS, GUARD, CROWD = "ocr", "embed", "nsfw", "person"
ASKED = {"text": (READER,), "identity": (WITNESS,), "safety": (GUARD,), "person": (CROWD,), "defects": (WITNESS,)}
"""Models by question; those of `CUTTER` also ask the template's matting model."""
CUTTER = frozenset({"identity", "defects"})
ROOM = 0.2
"""Room around the product, as a share of its longer side, in which the matting model looks for it again."""


@dataclass(slots=True)
class Case:
    """One take under examination: what is shown to models, and where that lies in photo and canvas."""

    take: Take
    subject: Subject
    asked: frozenset[str]
    items: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    from_page: F32 = field(default_factory=lambda: np.eye(2, 3, dtype=np.float32))
    from_final: F32 = field(default_factory=lambda: np.eye(2, 3, dtype=np.float32))


class Examine(Step):
    """Asks what `studio.qa.questions` wants to know of a shot, one item a model call, all takes together. Every exhibit of the
    photo depends on the cut-out alone, so a remembering `Models` answers it once for all destinations.

    A model that fails fails the take: what could not be examined is never released.
    """

    name = "examine"

    def applies(self, shot: Shot) -> bool:
        """Only where somebody wants to know something."""
        return bool(questions(shot.template))

    def reads(self, shot: Shot) -> dict[str, Any]:
        """The questions, and which learned judge answers `defects`."""
        asked = sorted(questions(shot.template))
        return {"questions": asked} | ({"judge": defects.VERSION} if "defects" in asked else {})

    def models(self, shot: Shot) -> tuple[str, ...]:
        """Who is asked."""
        asked = questions(shot.template)
        names = {name for question in asked for name in ASKED[question]}
        return tuple(sorted(names | ({shot.template.cutout.model} if CUTTER & asked else set())))

    async def process(self, takes: Sequence[Take], models: Models) -> list[Take | PackshotError]:
        """Prepare the exhibits, ask each model, write down the evidence."""
        failed: dict[int, PackshotError] = {}
        cases: dict[int, Case] = {}

        def prepare(take: Take) -> None:
            cases[id(take)] = _case(take, models)

        chosen = [take for take in takes if self.applies(take.shot)]
        _note(failed, chosen, await each(self.name, prepare, chosen))
        docket = Docket(self.name, models, [cases[id(take)] for take in chosen if id(take) in cases], failed)
        await docket.text()
        await docket.identity()
        await docket.simple("safety", GUARD, "poster", "unsafe")
        await docket.simple("person", CROWD, "poster", "person")
        await docket.defects()
        return [failed.get(id(take), take) for take in takes]


@dataclass(slots=True)
class Docket:
    """The cases of one call; a take that failed is asked nothing more."""

    step: str
    models: Models
    cases: Sequence[Case]
    failed: dict[int, PackshotError]

    async def text(self) -> None:
        """Lettering in the photo, then in the picture, there also where the photo had some; what the picture has and the photo
        seemed not to have is looked up in the photo once more."""
        await self._ask("text", READER, "source_page")
        await self._each("text", _expect)
        await self._ask("text", READER, "final_page")
        await self._each("text", _lines)
        doubtful = [case for case in self._live("text") if "again" in case.items]
        await self._answers(READER, "again", doubtful)
        await self._each("text", _testimony)

    async def identity(self) -> None:
        """The product's likeness before and after, and its outline found again."""
        await self._ask("identity", WITNESS, "source_face")
        await self._ask("identity", WITNESS, "final_face")
        await self._cutter("identity", "outline")
        await self._each("identity", _likeness)

    async def simple(self, question: str, model: str, exhibit: str, answer: str) -> None:
        """One number from one model."""
        asked = self._live(question)
        for case in asked:
            case.seen.pop(exhibit, None)
        await self._answers(model, exhibit, asked)
        for case in self._live(question):
            setattr(case.take.evidence, answer, float(case.seen[exhibit]))

    async def defects(self) -> None:
        """The learned judge's opinion, from the measurements so far, the whole picture's embedding, and a second look at the
        photo where the cut-out is a model's."""
        await self._ask("defects", WITNESS, "poster")
        await self._cutter("defects", "mirror")
        await self._each("defects", _opinion)

    async def _ask(self, question: str, model: str, exhibit: str) -> None:
        await self._answers(model, exhibit, self._live(question))

    async def _cutter(self, question: str, exhibit: str) -> None:
        """Each case's own matting model, where there is something to show it."""
        asked = [case for case in self._live(question) if exhibit in case.items]
        for model in sorted({case.take.shot.template.cutout.model for case in asked}):
            await self._answers(model, exhibit, [case for case in asked if case.take.shot.template.cutout.model == model])

    async def _answers(self, model: str, exhibit: str, cases: Sequence[Case]) -> None:
        values = await ask(self.step, self.models, model, [c.take for c in cases], [c.items[exhibit] for c in cases])
        for case, value in zip(cases, values, strict=True):
            if isinstance(value, PackshotError):
                self.failed[id(case.take)] = value
            else:
                case.seen[exhibit] = value

    async def _each(self, question: str, work: Callable[[Case], None]) -> None:
        live = {id(case.take): case for case in self._live(question)}
        takes = [case.take for case in live.values()]
        _note(self.failed, takes, await each(self.step, lambda take: work(live[id(take)]), takes))

    def _live(self, question: str) -> list[Case]:
        return [case for case in self.cases if question in case.asked and id(case.take) not in self.failed]


def _case(take: Take, models: Models) -> Case:
    """Every picture that will be shown to a model."""
    subject = Subject(take)
    case = Case(take, subject, questions(take.shot.template))
    if "text" in case.asked:
        case.items["source_page"], case.from_page = exhibits.page_of_source(subject)
    if "identity" in case.asked:
        case.items["source_face"] = exhibits.face_of_source(subject)
        case.items["final_face"] = exhibits.face_of_product(subject)
        case.items["outline"] = _outline_item(subject, models.card(take.shot.template.cutout.model).input_px)
    if "defects" in case.asked and subject.matte.source != "alpha":
        case.items["mirror"] = mirrored(subject, models.card(take.shot.template.cutout.model).input_px)
    if case.asked & {"safety", "person", "defects"}:
        case.items["poster"] = exhibits.poster(exhibits.shown(subject))
    return case


def _expect(case: Case) -> None:
    """What the photo says, and the finished picture with the places where it should say so too."""
    take, subject = case.take, case.subject
    found = [_line(f, case.from_page, subject.matte.alpha) for f in case.seen["source_page"]]
    take.evidence.source_lines = tuple(line for line in found if line.inside >= 0.5)
    page, case.from_final = exhibits.page_of_final(subject)
    there = exhibits.moved(_stacked(line.quad for line in take.evidence.source_lines), exhibits.to_canvas(subject))
    case.items["final_page"] = Places(page, exhibits.moved(there, exhibits.back(case.from_final)))


def _lines(case: Case) -> None:
    """What the picture says; lines on the product that the photo seems not to have are to be looked up in the photo."""
    evidence, subject = case.take.evidence, case.subject
    evidence.lines = tuple(_line(found, case.from_final, subject.placed.alpha) for found in case.seen["final_page"])
    to_photo = exhibits.back(exhibits.to_canvas(subject))
    known = evidence.source_lines or ()
    quads = [exhibits.moved(line.quad, to_photo) for line in evidence.lines if line.inside >= 0.5]
    new = [quad for quad in quads if not at(known, quad)]
    if new:
        page = case.items["source_page"]
        case.items["again"] = Places(page, exhibits.moved(_stacked(new), exhibits.back(case.from_page)), search=False)


def _testimony(case: Case) -> None:
    """What the photo says on closer reading."""
    more = (_line(found, case.from_page, case.subject.matte.alpha) for found in case.seen.get("again", ()))
    case.take.evidence.source_lines = (*(case.take.evidence.source_lines or ()), *(line for line in more if line.text.strip()))


def _likeness(case: Case) -> None:
    evidence = case.take.evidence
    evidence.source_embedding, evidence.embedding = case.seen["source_face"], case.seen["final_face"]
    evidence.remade_iou = _overlap(case.subject, case.seen["outline"])


def _opinion(case: Case) -> None:
    from studio.qa.measure import measure

    case.take.evidence.second_look = case.seen.get("mirror")
    case.take.evidence.defects = defects.judge(case.subject, measure(case.take), case.seen["poster"])


def _line(found: Found, matrix: F32, alpha: F32) -> Line:
    quad = exhibits.moved(np.asarray(found[2], np.float32), matrix)
    return Line(found[0], float(found[1]), quad, inside(quad, alpha))


def _stacked(quads: Iterable[F32]) -> F32:
    return np.array(list(quads), np.float32).reshape(-1, 4, 2)


def _outline_box(subject: Subject) -> tuple[int, int, int, int]:
    x, y, w, h = subject.box if min(subject.box[2:]) else (0, 0, *subject.canvas)
    return padded((x, y, x + w, y + h), ROOM * max(w, h), subject.canvas)


def _outline_item(subject: Subject, side: int) -> Any:
    return item(exhibits.shown(subject), _outline_box(subject), side)


def _overlap(subject: Subject, found: F32) -> float:
    """Intersection over union of the product and what the matting model takes for it, inside the room around it."""
    left, top, right, bottom = _outline_box(subject)
    placed = subject.placed.alpha[top:bottom, left:right]
    ours = cv2.resize(placed, found.shape[::-1], interpolation=cv2.INTER_AREA) > 0.5
    theirs = found > 0.5
    union = int((ours | theirs).sum())
    return float((ours & theirs).sum() / union) if union else 1.0


def _note(failed: dict[int, PackshotError], takes: Sequence[Take], results: Sequence[Take | PackshotError]) -> None:
    for take, result in zip(takes, results, strict=True):
        if isinstance(result, PackshotError):
            failed[id(take)] = result
