"""Briefs: what a studio is told beyond what every look says. One file a studio; `kind` is the recipe's name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from studio.briefs.ad_poster import AdPosterBrief
from studio.briefs.callouts import CalloutsBrief
from studio.briefs.detail_crop import DetailCropBrief
from studio.briefs.dimensions import DimensionsBrief
from studio.briefs.ghost_mannequin import GhostMannequinBrief
from studio.briefs.group_shot import GroupShotBrief
from studio.briefs.in_hand import InHandBrief
from studio.briefs.listing_set import ListingSetBrief
from studio.briefs.lookalike import LookalikeBrief
from studio.briefs.mockup import MockupBrief
from studio.briefs.on_model import OnModelBrief
from studio.briefs.variant_strip import VariantStripBrief

Brief = Annotated[
    AdPosterBrief
    | CalloutsBrief
    | DetailCropBrief
    | DimensionsBrief
    | GhostMannequinBrief
    | GroupShotBrief
    | InHandBrief
    | ListingSetBrief
    | LookalikeBrief
    | MockupBrief
    | OnModelBrief
    | VariantStripBrief,
    Field(discriminator="kind"),
]
