"""Where every QA bound that no destination or template states has its one home."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from studio.destination import Cure, Destination, Limit
from studio.qa.checks.colour import relit
from studio.qa.checks.outgrowth import painted_around
from studio.qa.defects import ALARM
from studio.qa.questions import questions
from studio.template import Template

DEFAULTS: Mapping[str, Limit] = MappingProxyType(
    {
        "uncertainty": Limit(max=0.5, retry=True),
        "edge_contrast": Limit(min=1.5),
        "strays": Limit(max=0.005),
        "haze": Limit(max=0.01, retry=True),
        "delta_e_mean": Limit(max=1.2),
        "delta_e_p95": Limit(max=3.0),
        "delta_e_local": Limit(max=4.0),
        "halo": Limit(max=5.0, retry=True),
        "sharpness_ratio": Limit(min=0.75),
        "touching_edges": Limit(max=0),
        "centring_x": Limit(max=0.02),
        "centring_y": Limit(max=0.02),
        "enlargement": Limit(max=4.0),
        "blur": Limit(max=0.7),
        "banding": Limit(max=0.0015),
        "source_detail": Limit(min=-30.0),
        "surplus_parts": Limit(max=0),
    }
)
"""Looks of any kind. A template may move these either way: a relit look says so by a wider `delta_e_mean`."""

WHITE: Mapping[str, Limit] = MappingProxyType(
    {
        "white_purity_error": Limit(max=0.04),
        "white_far": Limit(max=0),
        "white_border": Limit(max=2),
    }
)
"""Added where the template's ground or the destination is white: 255 exactly, but for the blocks an edge shares."""

STANDING: Mapping[str, Limit] = MappingProxyType({"shadow_gap": Limit(max=0.01)})
"""Added where the template asks for a contact shadow on a ground of ours."""

RECOLOURED: Mapping[str, Limit] = MappingProxyType({"recolour_delta_e": Limit(max=2.0)})
"""Added where the template asks for another colour: the median delivered is the target, to what most call the same."""

SET: Mapping[str, Limit] = MappingProxyType(
    {
        "ground_drift": Limit(max=6.0),
        "white_on_white": Limit(max=0.35),
        "frame": Limit(max=0.5),
    }
)
"""Added where there is a ground."""

CAST: Mapping[str, Limit] = MappingProxyType({"shadow_angle": Limit(max=60.0)})
"""Added where the template asks for a cast shadow on a ground."""

ANEW: tuple[Cure, ...] = ("seed", "engine")
TEXT: Mapping[str, Limit] = MappingProxyType(
    {
        "label_cer": Limit(max=0.2, retry=ANEW),
        "label_added": Limit(max=0, retry=ANEW),
        "added_lines": Limit(max=0, retry=ANEW),
    }
)
"""Added where lettering is asked about."""

IDENTITY: Mapping[str, Limit] = MappingProxyType(
    {
        "same_product": Limit(min=0.9, retry=ANEW),
        "silhouette_iou": Limit(min=0.5, retry=ANEW),
        "keypoint_inliers": Limit(min=0.2, retry=ANEW),
        "keypoint_shift": Limit(max=0.015, retry=ANEW),
    }
)
"""Added where identity is asked about."""

SAFETY: Mapping[str, Limit] = MappingProxyType({"nsfw": Limit(max=0.5, on_fail="reject")})
PERSON: Mapping[str, Limit] = MappingProxyType({"person": Limit(max=0.25)})
"""The network counts up to a fifth of a picture of a bare appliance as a person; people fill more."""

BARE_RECIPE = "cutout"
BARE: Mapping[str, Limit] = MappingProxyType({"uncertainty": Limit(max=0.5, retry=True)})
"""All that holds for a bare cut-out, which has no canvas, no ground and no destination's size to be measured against."""

LEARNED: Mapping[str, Limit] = MappingProxyType({"defect": Limit(max=ALARM), "halo": Limit(max=12.0, retry=True)})
"""Where the classifier is asked. It knows halos better than their bound alone: clean pictures of dark goods on dark sets measure
up to 11.8, seeded halos from 2 to over 20."""


def look(template: Template, destination: Destination) -> dict[str, Limit]:
    """Bounds for a look at a destination before either says anything about them."""
    limits = dict(DEFAULTS)
    for holds, more in _groups(template, destination):
        limits |= more if holds else {}
    return limits


def _lit(template: Template) -> dict[str, Limit]:
    """How much a look's own light may change the product: what the presets do at that strength to real photos, and a little."""
    relight, harmonise = template.relight, template.harmonise
    strength = relight.strength if relit(template) else 0.0
    amount = strength + 0.4 * max(harmonise.temperature, harmonise.light, harmonise.edge)
    if not amount:
        return {}
    own = {"relit_delta_e": Limit(max=6 * strength), "relit_hue": Limit(max=3.0)} if strength else {}
    wider = (("delta_e_mean", 6), ("delta_e_p95", 12), ("delta_e_local", 20))
    return own | {name: Limit(max=(DEFAULTS[name].max or 0.0) + more * amount) for name, more in wider}


def _groups(template: Template, destination: Destination) -> tuple[tuple[bool, Mapping[str, Limit]], ...]:
    """Whether a group of bounds holds, and the group."""
    grounded = template.background.kind != "transparent" and destination.background != "transparent"
    white = destination.background == "white" or (template.background.kind == "white" and destination.background == "any")
    asked = questions(template)
    return (
        (white, WHITE),
        (template.recolour is not None, RECOLOURED),
        (True, _lit(template)),
        (grounded, SET),
        (grounded and template.shadow.contact > 0, STANDING),
        (grounded and template.shadow.cast > 0, CAST),
        ("text" in asked, TEXT),
        ("identity" in asked, IDENTITY),
        ("safety" in asked, SAFETY),
        ("person" in asked, PERSON),
        ("defects" in asked, LEARNED),
        (
            grounded and destination.background == "any" and painted_around(template),
            {"outgrowth": Limit(max=template.scene.outgrowth, retry=ANEW)},
        ),
    )


def hard(destination: Destination) -> dict[str, Limit]:
    """Rules that follow from the destination's own fields; nobody loosens them."""
    return {
        "product_found": Limit(min=1),
        "format_ok": Limit(min=1),
        "width": Limit(min=destination.width, max=destination.width),
        "height": Limit(min=destination.height, max=destination.height),
        "bytes": Limit(max=destination.max_bytes),
        "icc_srgb": Limit(min=1),
    }
