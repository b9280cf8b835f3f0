"""Steps where a picture should run smoothly: too few levels, posterised or quantised too hard."""

from __future__ import annotations

import cv2
import numpy as np

from studio.qa.check import Check
from studio.qa.subject import Subject
from studio.take import U8

FLAT_PX = 5
"""Pixels on both sides of a step that must be level for it to be a band's edge."""
LEAST, MOST = 2, 40
"""Heights of steps, in levels, that are bands; higher ones are edges."""
EVERY = 6
"""Every sixth row is looked at."""


def banding(subject: Subject) -> float:
    """Share of the picture's looked-at pixels that are the edge of a flat band in the delivered bytes and were none before they
    were written: of the product as placed and of the set as built. What was drawn flat, like a printed label, does not count.
    """
    product, ground = subject.inner, subject.background
    before = steps(subject.placed.rgb, product)
    after = steps(subject.final.rgb, product)
    if subject.take.ground is not None:
        before += steps(subject.take.ground, ground)
        after += steps(subject.final.rgb, ground)
    looked = cv2.countNonZero(product[::EVERY]) + cv2.countNonZero(ground[::EVERY])
    return max(0, after - before) / looked if looked else 0.0


def steps(rgb: U8, mask: U8) -> int:
    """Edges of flat bands along the rows of an uint8 (H, W, 3) picture, under a mask: a step between two pixels, level ground on
    both sides, and as much between the means of both sides, which grain of a level or two does not have.
    """
    grey, under = cv2.cvtColor(np.ascontiguousarray(rgb[::EVERY]), cv2.COLOR_RGB2GRAY), mask[::EVERY]
    span = FLAT_PX
    if grey.shape[1] <= 2 * span + 1:
        return 0
    left, here = grey[:, span : -span - 1], grey[:, span + 1 : -span]
    height = cv2.absdiff(left, here)
    level = np.maximum(cv2.absdiff(left, grey[:, : -2 * span - 1]), cv2.absdiff(here, grey[:, 2 * span + 1 :]))
    means, half = cv2.blur(grey.astype(np.float32), (span, 1)), span // 2
    rise = cv2.absdiff(means[:, span - half : -span - 1 - half], means[:, span + 1 + half : -span + half])
    edge = (height >= LEAST) & (height <= MOST) & (level <= 1) & (rise >= LEAST - 0.5)
    inside = (under[:, : -2 * span - 1] > 0) & (under[:, 2 * span + 1 :] > 0)
    return int(np.count_nonzero(edge & inside))


CHECKS = (Check("banding", "detail", "share", "low", "edges of flat bands that the file has and the picture had not", banding),)
