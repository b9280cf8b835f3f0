"""What another attempt at a rejected shot does differently: it is the same shot under a slightly different look."""

from __future__ import annotations

from studio.briefs.on_model import OnModelBrief
from studio.destination import Cure
from studio.imaging.metadata import NOT_GENERATIVE
from studio.keys import digest_of
from studio.qa import policy
from studio.shot import Done, Rejected, Shot
from studio.template import Template

OTHER_REFINER = {"guided": "closed_form", "closed_form": "guided"}


def next_cure(shot: Shot, outcome: Rejected) -> Cure | None:
    """What to try next; None when nothing that is left may cure every failure."""
    verdict = verdict_on(shot, outcome)
    generated = outcome.report.engine not in NOT_GENERATIVE
    for cure in verdict.cures:
        changes = remade(shot, cure) is not shot and (generated or cure == "refiner")
        if changes and cure not in outcome.report.tried:
            return cure
    return None


def verdict_on(shot: Shot, outcome: Done | Rejected) -> policy.Verdict:
    """Today's verdict on what was made for the shot, under the look that made it."""
    made = remade(shot, outcome.report.cure)
    return policy.decide(outcome.report.measurements, policy.limits(made.template, made.destination))


def remade(shot: Shot, cure: str) -> Shot:
    """The shot as an attempt with this cure makes it; the shot itself where the cure changes nothing. Deterministic, and with
    keys of its own, so that steps of earlier attempts are found in the store."""
    template = _changed(shot.template, cure)
    return shot if template is shot.template else shot.model_copy(update={"template": template})


def _changed(template: Template, cure: str) -> Template:
    scene, cutout, brief = template.scene, template.cutout, template.brief
    if cure == "refiner" and cutout.refiner in OTHER_REFINER:
        return template.model_copy(update={"cutout": cutout.model_copy(update={"refiner": OTHER_REFINER[cutout.refiner]})})
    if cure == "seed" and isinstance(brief, OnModelBrief) and brief.generates:
        seed = int(digest_of(["another seed", template.id, brief.seed])[:8], 16)
        return template.model_copy(update={"brief": brief.model_copy(update={"seed": seed})})
    if cure == "seed" and scene.engine != "procedural":
        seed = int(digest_of(["another seed", template.id, scene.seed])[:8], 16)
        return template.model_copy(update={"scene": scene.model_copy(update={"seed": seed})})
    if cure == "engine" and scene.engine != "procedural":
        return _procedural(template)
    return template


def _procedural(template: Template) -> Template:
    """The look with a set of ours, and without bounds on what is only asked about generated ones."""
    plain = template.model_copy(update={"scene": template.scene.model_copy(update={"engine": "procedural", "model": ""})})
    gone = policy.checks_of(template) - policy.checks_of(plain)
    return plain.model_copy(update={"qa": {name: limit for name, limit in template.qa.items() if name not in gone}})
