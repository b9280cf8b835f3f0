"""The products of a group on the canvas, at true scale to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studio.briefs.group_shot import GroupShotBrief
from studio.errors import StepError
from studio.imaging.geometry import Extent, box_of, extent_of, offset_of, scale_of, without_haze
from studio.imaging.groups.arrangement import Piece, Spot, arranged, extent
from studio.imaging.groups.sizing import Seen, Size, seen, size_of, strangers
from studio.imaging.resample import REACH, padded, resampled_source
from studio.keys import facts
from studio.product import Product
from studio.shot import Shot
from studio.standing import Standing
from studio.steps.base import PixelStep
from studio.steps.others import cut_of
from studio.take import F32, Take
from studio.template import Composition

TENTHS = 10
"""Boxes are whole numbers: a group is measured in tenths of a millimetre."""


@dataclass(frozen=True, slots=True)
class Member:
    """A product of the group, with what its photo shows of it."""

    product: Product
    alpha: F32
    extent: Extent
    size: Size
    seen: Seen

    @property
    def piece(self) -> Piece:
        """What the layout places."""
        _, _, w, h = self.extent.solid
        return Piece(w / self.seen.scale, h / self.seen.scale, self.size.depth)


class Arrange(PixelStep):
    """Fills `take.layout`: each product's solid box gets the size that its measures give it, all at one scale, placed by the
    brief's layout; the group as a whole follows the composition.

    Records `px_per_mm`, `dimension_misfit` (`Seen.misfit`, the worst), `dimension_stranger` (`strangers`, the worst) and, for a
    product that contradicts its measures, `dimension_outlier_<place in the group>`. Raises MissingInput without measures,
    NoProductFound for an empty cut-out.
    """

    name = "arrange"

    def reads(self, shot: Shot) -> dict[str, Any]:
        """Brief, composition and canvas; the photos in their order; the products' measures and categories."""
        group = members_of(shot)
        return {
            "brief": brief_of(shot).model_dump(mode="json"),
            "composition": facts(shot.template.composition, later=("scaling", "reference_box")),
            "canvas": [shot.destination.width, shot.destination.height],
            "photos": [product.images[0].digest for product in group],
            "attributes": [[p.sku, p.category, p.dimensions.model_dump(mode="json")] for p in group],
        }

    def apply(self, take: Take) -> None:
        """Measure, arrange, resize once and set each in its window."""
        shot = take.shot
        brief, group = brief_of(shot), [_member(take, product) for product in members_of(shot)]
        canvas = shot.destination.width, shot.destination.height
        pieces = [member.piece for member in group]
        spots = arranged(pieces, brief, canvas[0] / canvas[1])
        frame = _Frame.of(pieces, spots, canvas, shot.template.composition)
        items = [_standing(take, member, spot, frame) for member, spot in zip(group, spots, strict=True)]
        take.layout = tuple(sorted(items, key=lambda item: -item.front))
        _tell(take, group, frame)


def members_of(shot: Shot) -> tuple[Product, ...]:
    """The product, with the photo it is made from, and the others of the group."""
    return (shot.product.model_copy(update={"images": shot.images[:1]}), *shot.companions)


def brief_of(shot: Shot) -> GroupShotBrief:
    """The shot's brief; the studio's own defaults where the template says nothing."""
    brief = shot.template.brief
    if brief is not None and not isinstance(brief, GroupShotBrief):
        raise StepError(f"a group shot has no use for a brief of {brief.kind}")
    return brief or GroupShotBrief()


@dataclass(frozen=True, slots=True)
class _Frame:
    """The group on the canvas: pixels per millimetre, and the canvas point of x = 0 on the front line z = 0."""

    scale: float
    x: float
    y: float

    @classmethod
    def of(cls, pieces: list[Piece], spots: tuple[Spot, ...], canvas: tuple[int, int], rules: Composition) -> _Frame:
        """The composition's rules, applied to the box of all of the group."""
        left, low, right, high = extent(pieces, spots)
        box = (0, 0, max(1, round((right - left) * TENTHS)), max(1, round((high - low) * TENTHS)))
        whole = Extent(box, box)
        scale = scale_of(whole, canvas, rules) * TENTHS
        wide, tall = (right - left) * scale, (high - low) * scale
        x, y = offset_of((0, 0, round(wide), round(tall)), whole, canvas, rules)
        return cls(scale, x - left * scale, y + tall + low * scale)


def _member(take: Take, product: Product) -> Member:
    matte = cut_of(take, product.images[0])
    alpha = without_haze(matte.alpha)
    found = extent_of(alpha, matte.cropped)
    size = size_of(product)
    return Member(product, alpha, found, size, seen((found.solid[2], found.solid[3]), size))


def _standing(take: Take, member: Member, spot: Spot, frame: _Frame) -> Standing:
    """Resize a product and stand the middle of its solid box's lower side on its spot; whole pixels."""
    image = member.product.images[0]
    matte = cut_of(take, image)
    scale = frame.scale / member.seen.scale
    height, width = member.alpha.shape
    crop = padded(member.extent.soft, max(2, round(REACH / min(scale, 1.0))), (width, height))
    size = max(1, round(crop[2] * scale)), max(1, round(crop[3] * scale))
    rgb, alpha = resampled_source(matte.foreground, member.alpha, crop, size)
    solid = box_of(alpha > 0.5) or (0, 0, *size)
    left = round(frame.x + spot.x * frame.scale - solid[2] / 2) - solid[0]
    top = round(frame.y - spot.rise * frame.scale) - solid[1] - solid[3]
    canvas = take.shot.destination.width, take.shot.destination.height
    x, y = max(0, left), max(0, top)
    w, h = min(canvas[0], left + size[0]) - x, min(canvas[1], top + size[1]) - y
    window = slice(y - top, y - top + h), slice(x - left, x - left + w)
    return Standing(
        sku=member.product.sku,
        image=image,
        matte=matte,
        window=(x, y, w, h),
        rgb=rgb[window],
        alpha=alpha[window],
        box=(left + solid[0], top + solid[1], solid[2], solid[3]),
        scale=scale,
        front=spot.z * frame.scale,
        depth=member.size.depth * frame.scale,
    )


def _tell(take: Take, group: list[Member], frame: _Frame) -> None:
    odd = strangers([member.product for member in group])
    take.measurements |= {
        "px_per_mm": round(frame.scale, 6),
        "dimension_misfit": round(max(member.seen.misfit for member in group), 6),
        "dimension_stranger": round(max(odd.values()), 6),
    }
    for place, member in enumerate(group, 1):
        worst = max(member.seen.misfit, odd[member.product.sku])
        take.measurements[f"dimension_outlier_{place}"] = round(worst, 6)
