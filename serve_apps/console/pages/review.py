"""Review: what was held back, looked at, decided about one by one or together, and undone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from cluster.reviewed import KINDS, OTHER, training_rows
from connectors.review import STATES, Action, Item, Reviewer, Wanted
from connectors.reviews import Reviews
from serve_apps.console.faults import wants_data
from serve_apps.console.frame import ROOT, Actor, Entry, Viewer, go, page, paged
from serve_apps.console.review_acts import carry_out, edits_of, resume, take_back
from serve_apps.console.review_intake import passed, take_in
from serve_apps.console.review_views import LATEST, PREVIEWS, agreed, marked, rules_of, steps_of
from serve_apps.console.session import signed_in
from serve_apps.console.signin import local
from serve_apps.console.words import plural
from serve_apps.parts import parts_of
from studio.errors import Conflict, InputError

router = APIRouter(prefix="/review")
ENTRY = Entry("Review", "/review", "r")
SIZE = 36
MOST = 1000
"""Items of one bulk action."""
ItemId = Annotated[str, Path(pattern=r"^rev_[0-9a-f]{26}$")]
Name = Annotated[str, Query(max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
Items = Annotated[list[Annotated[str, Form(pattern=r"^rev_[0-9a-f]{26}$")]], Form(max_length=MOST)]
DONE = {"approve": "released", "reject": "rejected", "regenerate": "being made anew"}


CHOICES_S = 5.0
_CHOICES = ("origin", "template", "destination", "reason")


def wanted(
    caller: Viewer,
    state: Annotated[str, Query(pattern=f"^({'|'.join(STATES)}|any)?$")] = "",
    origin: Annotated[str, Query(pattern="^(night|order)?$")] = "",
    template: Name = "",
    destination: Name = "",
    reason: Name = "",
    text: Name = "",
    order: Annotated[Literal["", "doubt", "newest", "sku"], Query()] = "",
) -> Wanted:
    """Which items a page is about: the open ones that this key may see, unless the address says otherwise."""
    return Wanted(
        state="" if state == "any" else state or "open",
        origin=origin,
        template=template,
        destination=destination,
        reason=reason,
        text=text,
        sees=caller.sees,
        order=order or "doubt",
    )


Which = Annotated[Wanted, Depends(wanted)]


@router.get("")
def show_queue(
    request: Request, caller: Viewer, which: Which, number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1
) -> Response:
    """Items to be decided, the doubtful ones first; further states by choice. New ones are taken in on the way."""
    parts = parts_of(request)
    resume(parts)
    reviews, whole = parts.reviews, take_in(parts)
    found = reviews.page(which, number=number, size=SIZE)
    if passed(parts, found):
        found = reviews.page(which, number=number, size=SIZE)
    choices = _choices(reviews, which.state, caller.sees, int(time.monotonic() / CHOICES_S))
    narrowed = (which.origin, which.template, which.destination, which.reason, which.text)
    states = reviews.states(caller.sees)
    total = reviews.count(which) if any(narrowed) or not which.state else states.get(which.state, 0)
    return page(
        request,
        "review",
        items=paged(request, found, total=total, number=number, size=SIZE),
        given=which,
        whole=whole,
        filtered=any(narrowed) or which.state != "open",
        choices=choices,
        states=states,
        kinds=KINDS,
        other=OTHER,
        query=_query(which),
        undoable=reviews.last_batch(caller.key_id),
    )


@router.get("/thresholds")
def show_thresholds(request: Request, caller: Viewer) -> Response:
    """Whether the limits would have agreed with the people."""
    parts = parts_of(request)
    lines = agreed(parts.reviews, parts.library, parts.reviews.stamp())
    return page(request, "thresholds", lines=lines, most=LATEST)


@router.get("/export.jsonl")
def export(request: Request, caller: Viewer) -> Response:
    """What was decided as examples for the defect classifier, JSON Lines."""

    def lines() -> Iterator[str]:
        for row in training_rows(parts_of(request).reviews, caller.sees):
            yield json.dumps(row, ensure_ascii=False) + "\n"

    headers = {"content-disposition": 'attachment; filename="packshot-review.jsonl"', "cache-control": "no-store"}
    return StreamingResponse(lines(), headers=headers, media_type="application/jsonl")


@router.post("/decide")
async def decide(
    request: Request,
    caller: Actor,
    item: Items,
    action: Annotated[Action, Form()],
    reason: Annotated[str, Form(max_length=64, pattern="^[a-z_]*$")] = "",
    note: Annotated[str, Form(max_length=1000)] = "",
    change: Annotated[str, Form(pattern="^(seed|fill|shadow|refiner|ground)?$")] = "",
    value: Annotated[str, Form(max_length=40)] = "",
    then: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Approve, reject with a reason, or make anew with one change. Items that somebody else has decided meanwhile stay so."""
    if action == "reject" and reason not in (*KINDS, *OTHER):
        raise InputError("say why: choose a reason")
    changed = {change: value} if action == "regenerate" else {}
    if action == "regenerate":
        edits_of(changed)
    reviews, parts = parts_of(request).reviews, parts_of(request)
    by = Reviewer(caller.key_id, signed_in(request).name)
    made = await asyncio.to_thread(reviews.decide, item, action, by, reason=reason, note=note, change=changed, sees=caller.sees)
    problems = await carry_out(parts, made)
    done, late = len(made) - len(problems), len(set(item)) - len(made)
    said = f"{plural(done, 'picture')} {DONE[action]}"
    said += f"; {late} had been decided by somebody else" if late else ""
    said += f"; {len(problems)} not: {next(iter(problems.values()))}" if problems else ""
    if wants_data(request):
        batch = made[0].batch if made else ""
        decided = [one.item for one in made if one.item not in problems]
        answer = {"said": said, "decided": decided, "batch": batch, "problems": list(problems.values())}
        return JSONResponse(answer, headers={"cache-control": "no-store"})
    return go(_local(then), said)


@router.post("/undo")
async def undo(
    request: Request,
    caller: Actor,
    batch: Annotated[str, Form(pattern=r"^(rvb_[0-9a-z]{26})?$")] = "",
    then: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Take back what this key decided last, or the batch that is named. Raises Conflict where there is nothing to take back."""
    parts, by = parts_of(request), Reviewer(caller.key_id, signed_in(request).name)
    batch = batch or await asyncio.to_thread(parts.reviews.last_batch, caller.key_id)
    if not batch:
        raise Conflict("you have decided nothing that could be taken back")
    back = await asyncio.to_thread(parts.reviews.undo, batch, by, anybodys=caller.sees is None)
    parts.hits.forget()
    for one in back:
        order_id = await asyncio.to_thread(take_back, parts, one)
        if order_id:
            await parts.desk.cancel(order_id)
    said = f"{plural(len(back), 'decision')} taken back"
    if wants_data(request):
        return JSONResponse({"said": said, "undone": [one.item for one in back]}, headers={"cache-control": "no-store"})
    return go(_local(then), said)


@router.get("/{item_id}")
def show_item(request: Request, item_id: ItemId, caller: Viewer, which: Which) -> Response:
    """One picture: before and after, the cut-out, what failed drawn on it, what was measured, what was decided."""
    parts = parts_of(request)
    item = parts.reviews.get(item_id, caller.sees)
    item = parts.reviews.get(item_id) if passed(parts, [item]) else item
    before, after = parts.reviews.next_to(item, which)
    return page(
        request,
        "review_item",
        item=item,
        source=_photo(item, request),
        previews=[(name, words, item.report.get("previews", {}).get(name, "")) for name, words in PREVIEWS],
        rules=rules_of(parts.library, item),
        steps=steps_of(item),
        history=parts.reviews.history(item_id),
        earlier=parts.reviews.get(item.follows) if item.follows and parts.reviews.known([item.follows]) else None,
        before=before,
        after=after,
        query=_query(which),
        kinds=KINDS,
        other=OTHER,
        undoable=parts.reviews.last_batch(caller.key_id),
    )


@router.get("/{item_id}/marked")
def show_marked(request: Request, item_id: ItemId, caller: Viewer) -> Response:
    """What failed, drawn on the picture: a JPEG. Raises NotStored, ImageError."""
    parts = parts_of(request)
    data = marked(parts, parts.reviews.get(item_id, caller.sees))
    return Response(data, headers={"cache-control": "private, max-age=3600", "vary": "Cookie"}, media_type="image/jpeg")


@lru_cache(maxsize=64)
def _choices(reviews: Reviews, state: str, sees: str | None, _turn: int) -> dict[str, list[str]]:
    """What a queue may be filtered by, at most `CHOICES_S` old: who decides loads the page again and again."""
    return {name: [value for value, _ in counts] for name, counts in reviews.choices(_CHOICES, state, sees).items()}


def _photo(item: Item, request: Request) -> str:
    """Digest of the photo as large as the store has it."""
    small = str(item.report.get("previews", {}).get("source", ""))
    return item.source if item.source and parts_of(request).storage.has_blob(item.source) else small


def _query(which: Wanted) -> str:
    """The filters of a listing as the end of an address."""
    plain = replace(which, sees=None)
    given = {name: getattr(plain, name) for name in ("origin", "template", "destination", "reason", "text")}
    given |= {"state": plain.state or "any", "order": plain.order}
    usual = {"state": "open", "order": "doubt"}
    kept = {name: value for name, value in given.items() if value and usual.get(name) != value}
    return f"?{urlencode(kept)}" if kept else ""


def _local(then: str) -> str:
    return local(then) if then else f"{ROOT}/review"
