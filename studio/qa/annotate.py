"""A picture of what failed and where: bad pixels tinted, the product's box and edges marked, the findings written below."""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from studio.qa.preflight import Finding
from studio.qa.upload import Upload
from studio.take import U8

LONG_SIDE = 1000
"""Longer side of the picture part of the page."""
TINTS = ((230, 0, 110), (255, 120, 0), (0, 120, 255), (150, 0, 220), (0, 160, 90))
"""One a failed rule that can be shown, in the order of the findings."""
BOX = (0, 140, 210)
GOOD, BAD, INK, PAPER = (46, 125, 79), (179, 57, 47), (40, 40, 40), (250, 250, 248)
LINE = 24
GROW = 3
"""Tinted places grow by so many pixels of the page, so that a single bad pixel is seen."""


def annotated(upload: Upload, found: Sequence[Finding], title: str) -> bytes:
    """A PNG page for one checked file: the picture with what failed tinted in it, and a line a finding."""
    page = Image.fromarray(_marked(upload, found))
    pen_colours = _colours(found)
    sheet = Image.new("RGB", (max(page.width, 720), page.height + LINE * (len(found) + 2)), PAPER)
    sheet.paste(page, (0, 0))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    pen.text((12, page.height + 8), title, fill=INK, font=font)
    for row, finding in enumerate(found):
        top = page.height + LINE * (row + 1) + 10
        colour = pen_colours.get(finding.rule.name)
        pen.rectangle((12, top + 3, 24, top + 15), fill=colour or (GOOD if finding.passed else BAD))
        pen.text((32, top), sentence(finding), fill=GOOD if finding.passed else BAD, font=font)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def sentence(finding: Finding) -> str:
    """One line: rule, value, unit, what was wanted."""
    found = "not measured" if finding.value is None else f"{finding.value:.6g}"
    unit = "" if finding.rule.unit == "0/1" else f" {finding.rule.unit}"
    return f"{finding.rule.name}: {found}, wanted {finding.wanted}{unit} ({finding.rule.about})"


def _marked(upload: Upload, found: Sequence[Finding]) -> U8:
    width, height = upload.size
    scale = LONG_SIDE / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = _resized(upload.flat, size)
    for finding in found:
        tint = _colours(found).get(finding.rule.name)
        if tint is not None and finding.rule.mark is not None:
            picture = _tinted(picture, finding.rule.mark(upload), tint)
    if upload.box[2]:
        x, y, w, h = (round(side * scale) for side in upload.box)
        cv2.rectangle(picture, (x, y), (x + w - 1, y + h - 1), BOX, 2)
    return picture


def _tinted(picture: U8, mask: U8, tint: tuple[int, int, int]) -> U8:
    """The tint over a mask of the full picture; the mask is shrunk so that no place of it is lost."""
    height, width = picture.shape[:2]
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) > 0
    grown = cv2.dilate(small.astype(np.uint8), np.ones((2 * GROW + 1, 2 * GROW + 1), np.uint8)) > 0
    picture = picture.copy()
    picture[grown] = np.asarray(picture[grown] * 0.35 + np.array(tint) * 0.65, np.uint8)
    return picture


def _colours(found: Sequence[Finding]) -> dict[str, tuple[int, int, int]]:
    shown = [finding.rule.name for finding in found if not finding.passed and finding.rule.mark is not None]
    return {name: TINTS[place % len(TINTS)] for place, name in enumerate(shown)}


def _resized(rgb: U8, size: tuple[int, int]) -> U8:
    smaller = size[0] < rgb.shape[1]
    return np.array(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC), np.uint8)
