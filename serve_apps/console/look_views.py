"""What the pages of templates show: fields and where they are from, what changed since the release, and how it did when tried."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from connectors.online.orders import Order, OrderState
from serve_apps.parts import Parts
from serve_apps.request.schema import OrderResult
from studio.shot import Failed
from studio.template import Template
from templates.layers import fields_of
from templates.library import Library
from templates.versions import changed, content, content_digest, read_lock

TRIAL, CONTENT = "trial", "content"
"""Metadata of an order that tries a template: `id@version`, and the beginning of the digest of what it said then."""


@dataclass(frozen=True, slots=True)
class Look:
    """A template in the list."""

    template: Template
    released: bool
    family: str


@dataclass(frozen=True, slots=True)
class Tried:
    """One picture of a trial. `current`: made by what the template says now."""

    order: str
    sku: str
    state: str
    status: str
    detail: str
    digest: str
    thumb: str
    destination: str
    current: bool


def looks(library: Library, text: str, family: str) -> list[Look]:
    """Templates whose id or title has `text` in it, of a family of styles."""
    locked = set(library.locked())
    found = [Look(t, t.key in locked, library.file(t).parent.name) for t in library.templates()]
    words = text.lower()
    return [
        one
        for one in found
        if (not family or one.family == family) and (words in one.template.id or words in one.template.title.lower())
    ]


def released_before(library: Library, template: Template) -> Template | None:
    """The newest released version up to this one, as it was released. Raises TemplateError where its file is damaged."""
    versions = {key: int(key.rpartition("@")[2]) for key in library.locked() if key.rpartition("@")[0] == template.id}
    known = [key for key, version in versions.items() if version <= template.version]
    return library.released(max(known, key=lambda key: versions[key])) if known else None


def differences(before: Template | None, template: Template) -> list[tuple[str, str, str]]:
    """Field, value before and value now, for what differs."""
    if before is None:
        return []
    return [(name, _said(old), _said(new)) for name, (old, new) in changed(content(before), content(template)).items()]


def fields(library: Library, name: str) -> list[tuple[str, str, str]]:
    """Every field of a look with its value and where that is from."""
    template, origins = library.explained(name)
    rows = fields_of(template.model_dump(mode="json"))
    return [(".".join(field), _said(value), origins.get(".".join(field), "default")) for field, value in rows]


def is_locked(library: Library, template: Template) -> bool:
    """Whether this version is released, also since this process began."""
    if template.key in library.locked():
        return True
    lock = read_lock(library.home(template))
    return isinstance(lock, dict) and template.key in lock


def stamp(template: Template) -> str:
    """The beginning of the digest of what the template says."""
    return content_digest(template)[:16]


def tried(parts: Parts, template: Template, sees: str | None) -> list[Tried]:
    """Trials of this version that a key may see, newest first."""
    orders, _ = parts.orders.list(template=template.key, key_id=sees, limit=200)
    return [one for order in orders if _about(order, template) for one in _pictures(order, stamp(template))]


def verdict(trials: Sequence[Tried]) -> str:
    """Why the version cannot be released yet, "" where it can: everything that was tried with what it says now has come out
    well, and something was."""
    now = [one for one in trials if one.current]
    if not now:
        return "try it on a product first: nothing has been made with what it says now"
    open_ones = [one for one in now if one.state in (OrderState.QUEUED, OrderState.RUNNING)]
    if open_ones:
        return f"{len(open_ones)} trials are under way"
    fallen = [one for one in now if one.status != "released"]
    if fallen:
        skus = ", ".join(dict.fromkeys(one.sku for one in fallen[:5]))
        return f"{len(fallen)} of {len(now)} pictures fell ({skus}): change the template, or review them"
    return ""


def _about(order: Order, template: Template) -> bool:
    return bool(order.spec.get("metadata", {}).get(TRIAL) == template.key)


def _pictures(order: Order, now: str) -> Iterable[Tried]:
    current = order.spec.get("metadata", {}).get(CONTENT) == now
    try:
        shots = OrderResult.model_validate(order.result).shots if order.result else ()
    except ValidationError:
        shots = ()
    if not shots:
        why = str(order.error.get("message", ""))
        status = "failed" if order.state.ended else "queued"
        yield Tried(order.id, order.sku, order.state, status, why, "", "", "", current)
    for shot in shots:
        outcome = shot.outcome
        asset = None if isinstance(outcome, Failed) else outcome.asset
        why = outcome.message if isinstance(outcome, Failed) else str(getattr(outcome, "detail", ""))
        thumb = outcome.report.previews.get("result", "")
        digest = asset.digest if asset else ""
        yield Tried(order.id, order.sku, order.state, outcome.status, why, digest, thumb, shot.destination, current)


def _said(value: Any) -> str:
    if value is None:
        return "\u2013"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
