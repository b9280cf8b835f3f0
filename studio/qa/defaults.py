"""Where every QA bound that no destination or template states has its one home."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from studio.destination import Destination, Limit
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

BARE_RECIPE = "cutout"
BARE: Mapping[str, Limit] = MappingProxyType({"uncertainty": Limit(max=0.5, retry=True)})
"""All that holds for a bare cut-out, which has no canvas, no ground and no destination's size to be measured against."""


def look(template: Template, destination: Destination) -> dict[str, Limit]:
    """Bounds for a look at a destination before either says anything about them."""
    limits = dict(DEFAULTS)
    if destination.background == "white" or (template.background.kind == "white" and destination.background == "any"):
        limits |= WHITE
    if template.recolour is not None:
        limits |= RECOLOURED
    if template.shadow.contact > 0 and template.background.kind != "transparent" and destination.background != "transparent":
        limits |= STANDING
    return limits


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
