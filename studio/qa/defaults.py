"""Where every QA bound that no destination or template states has its one home."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from studio.briefs.ghost_mannequin import GhostMannequinBrief
from studio.destination import Cure, Destination, Limit
from studio.qa.checks.colour import relit
from studio.qa.checks.on_model import drawn, on_model, placed, unbounded
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

PRINTED: Mapping[str, Limit] = MappingProxyType(
    {
        "print_dpi": Limit(min=100),
        "print_cropped": Limit(max=0.5),
        "print_visible": Limit(min=0.5),
        "blank_scale": Limit(max=2.0),
        "print_shift": Limit(max=2.0),
        "delta_e_p95": Limit(max=4.0),
    }
)
"""Added where artwork is printed on a blank. JPEG moves the edges of flat ink more than photographed ones (3.0 to 3.3 on a leaf
pattern). A design whose colours sink into the blank's is held back."""

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

ANGLES: Mapping[str, Limit] = MappingProxyType({"angle_scale": Limit(max=0.01), "angle_baseline": Limit(max=0.005)})
"""Added where all angles of a product have one scale."""

TRANSMITTING: Mapping[str, Limit] = MappingProxyType({"glass_backdrop": Limit(max=0.12)})
"""Added where a look treats some products as glass. Studio sweeps measure 0.04 to 0.06, a room 0.3."""

MIRRORING: Mapping[str, Limit] = MappingProxyType({"gleam_delta_e": Limit(max=1.0)})
"""Added where a look treats some products as metal."""

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

LOOKALIKE: Mapping[str, Limit] = MappingProxyType(
    {
        "match_background": Limit(min=0.5),
        "match_palette": Limit(min=0.6),
        "match_light": Limit(min=0.1),
        "match_softness": Limit(min=0.4),
        "match_contrast": Limit(min=0.6),
        "match_horizon": Limit(min=0.5),
        "match_box": Limit(min=0.6),
    }
)
"""Added for a lookalike on a set of its own: below these the two pictures would not be taken for one series."""

GHOST: Mapping[str, Limit] = MappingProxyType(
    {
        "mannequin_share": Limit(min=0.01, max=2.0),
        "mannequin_contrast": Limit(min=5.0),
        "mannequin_likeness": Limit(max=0.08),
        "mannequin_left": Limit(max=0.005),
        "volume_delta_e": Limit(max=1.0),
    }
)
"""Added where a mannequin is taken off."""
LINED: Mapping[str, Limit] = MappingProxyType({"opening_filled": Limit(min=0.97), "lining_lightness": Limit(max=3.0)})
"""Added where the neck must have its inside."""

BARE_RECIPE = "cutout"
BARE: Mapping[str, Limit] = MappingProxyType({"uncertainty": Limit(max=0.5, retry=True)})
"""All that holds for a bare cut-out, which has no canvas, no ground and no destination's size to be measured against."""

LEARNED: Mapping[str, Limit] = MappingProxyType({"defect": Limit(max=ALARM), "halo": Limit(max=12.0, retry=True)})
"""Where the classifier is asked. It knows halos better than their bound alone: clean pictures of dark goods on dark sets measure
up to 11.8, seeded halos from 2 to over 20."""


GROUP: Mapping[str, Limit] = MappingProxyType(
    {
        "group_uncertainty": Limit(max=0.5, retry=True),
        "group_strays": Limit(max=0.005),
        "group_halo": Limit(max=5.0, retry=True),
        "group_cropped": Limit(max=0),
        "dimension_misfit": Limit(max=1.4),
        "dimension_stranger": Limit(max=5.0),
        "scale_spread": Limit(max=0.03),
        "group_collisions": Limit(max=0),
        "group_beyond": Limit(max=0),
        "group_visible": Limit(min=0.5),
        "group_smallest": Limit(min=0.04),
        "group_delta_e": Limit(max=1.6),
        "group_sharpness": Limit(min=0.75),
    }
)
"""Added where several products are shown at true scale: each is measured by itself. Encoding alone changes a small product of
coarse weave by 1.3 at quality 95."""
STOOD: Mapping[str, Limit] = MappingProxyType({"group_shadow_gap": Limit(max=0.01)})
"""Added where such a group throws contact shadows on a ground."""
OF_ONE = frozenset(
    {
        "uncertainty",
        "strays",
        "edge_contrast",
        "halo",
        "surplus_parts",
        "source_detail",
        "shadow_gap",
        "shadow_angle",
        "delta_e_mean",
        "delta_e_p95",
        "delta_e_local",
        "sharpness_ratio",
    }
)
"""Bounds about the one product of a picture and its photo: no group is held to them."""


WORDS: Mapping[str, Limit] = MappingProxyType(
    {
        "label_contrast": Limit(min=4.5),
        "label_size": Limit(min=0.02),
        "label_overlap": Limit(max=0),
        "frame": Limit(max=0.9),
    }
)
"""Where words and lines stand beside the product: a line may run along an edge."""

LISTED: Mapping[str, Mapping[str, Limit]] = MappingProxyType(
    {
        "dimensions": {**WORDS, "proportion_error": Limit(max=0.06), "line_error": Limit(max=2), "drawn_over": Limit(max=0.01)},
        "in-hand": {
            **WORDS,
            "proportion_error": Limit(max=0.06),
            "scale_error": Limit(max=0.005),
            "drawn_over": Limit(max=0.01),
        },
        "callouts": {
            **WORDS,
            "leaders_off": Limit(max=0),
            "leader_crossings": Limit(max=0),
            "drawn_over": Limit(max=0.03),
        },
        "variant-strip": {
            **WORDS,
            "drawn_over": Limit(max=0.01),
            "strip_gap": Limit(min=0.01),
        },
        "detail-crop": {"enlargement": Limit(max=1.0), "crop_cover": Limit(min=0.45), "crop_detail": Limit(min=1.0)},
    }
)
"""The product page's studios. Ink on a product may be seen where a line leads to it, and nowhere else."""

LEFT_OUT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "detail-crop": frozenset({"halo", "centring_x", "centring_y", "banding", "white_on_white", "shadow_gap"}),
        "variant-strip": frozenset({"delta_e_local", "centring_x", "centring_y"}),
        "callouts": frozenset({"delta_e_local"}),
    }
)
"""What makes no sense of a part of the product at the photo's own pixels, of several products compared with one photo, or where
lines lead onto the product."""


POSTER: Mapping[str, Limit] = MappingProxyType(
    {
        "word_contrast": Limit(min=4.5),
        "words_on_product": Limit(max=0),
        "words_unsafe": Limit(max=0),
        "smallest_words": Limit(min=0.014),
    }
)
"""Added to posters. 4.5: WCAG 2.2, 1.4.3 for text of any size."""
READ_BACK: Mapping[str, Limit] = MappingProxyType({"copy_cer": Limit(max=0.1)})
"""Added where a poster's headline and price are read back."""


WORN: Mapping[str, Limit] = MappingProxyType({"worn_delta_e": Limit(max=8.0)})
"""Added where a product is shown on a person; glass and shade move colours by up to 5."""
WORN_PLACED: Mapping[str, Limit] = MappingProxyType(
    {
        "wear_frontal": Limit(min=0.6),
        "wear_sure": Limit(min=0.4),
        "wear_shown": Limit(min=0.9),
        "wear_grip": Limit(min=0.5),
    }
)
"""Added where it is placed by geometry: a flat photo of glasses does not turn with a head."""
WORN_DRAWN: Mapping[str, Limit] = MappingProxyType(
    {
        "worn_texture": Limit(max=2.0, retry=ANEW),
        "worn_alike": Limit(min=0.6, retry=ANEW),
        "worn_cer": Limit(max=0.25, retry=ANEW),
        "try_on_spill": Limit(max=0.3, retry=ANEW),
        "faces_lost": Limit(max=0, retry=ANEW),
        "face_shift": Limit(max=0.05, retry=ANEW),
        "face_delta_e": Limit(max=2.0, retry=ANEW),
        "limbs_lost": Limit(max=2, retry=ANEW),
        "pose_shift": Limit(max=0.1, retry=ANEW),
        "hand_shift": Limit(max=0.25, retry=ANEW),
    }
)
"""Added where an engine drew it. The bounds are first guesses: no engine that draws people well has run here."""


def look(template: Template, destination: Destination) -> dict[str, Limit]:
    """Bounds for a look at a destination before either says anything about them."""
    limits = dict(DEFAULTS)
    for holds, more in _groups(template, destination):
        limits |= more if holds else {}
    if template.recipe == "group-shot":
        limits = {name: limit for name, limit in limits.items() if name not in OF_ONE}
    blind = LEFT_OUT.get(template.recipe, frozenset()) | unbounded(template)
    return {name: limit for name, limit in {**limits, **LISTED.get(template.recipe, {})}.items() if name not in blind}


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
        (template.recipe == "mockup", PRINTED),
        (True, _lit(template)),
        (grounded, SET),
        (grounded and template.shadow.contact > 0, STANDING),
        (grounded and template.shadow.cast > 0, CAST),
        (template.composition.same_scale, ANGLES),
        (template.material in ("auto", "glass"), TRANSMITTING),
        (template.material in ("auto", "metal"), MIRRORING),
        (template.recipe == "group-shot", GROUP),
        (template.recipe == "group-shot" and grounded and template.shadow.contact > 0, STOOD),
        (template.recipe == "lookalike" and destination.background == "any", LOOKALIKE),
        (template.recipe == "ad-poster", POSTER),
        (bool(getattr(template.brief, "reads_back", False)), READ_BACK),
        (template.recipe == "ghost-mannequin", GHOST),
        (isinstance(template.brief, GhostMannequinBrief) and template.brief.inside == "required", LINED),
        ("text" in asked, TEXT),
        ("identity" in asked, IDENTITY),
        (on_model(template), WORN),
        (placed(template), WORN_PLACED),
        (drawn(template), WORN_DRAWN),
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
