"""Artwork from strangers: drawings are drawn, and what could fetch, run or explode is turned away before it is."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from studio.errors import CorruptImage, EmptyImage, ImageError, UnknownFormat
from studio.imaging.codec import decode
from studio.imaging.prints.artwork import read_artwork
from studio.imaging.prints.svg import MAX_ELEMENTS, checked_svg

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 40 20">'


def svg(body: str) -> bytes:
    return f"{HEAD}{body}</svg>".encode()


def pdf(width: int, height: int, pages: int) -> bytes:
    """Pages of a red and a blue half, written by hand."""
    parts = ["<</Type/Catalog/Pages 2 0 R>>"]
    kids = " ".join(f"{3 + 2 * i} 0 R" for i in range(pages))
    parts.append(f"<</Type/Pages/Kids[{kids}]/Count {pages}>>")
    for i in range(pages):
        colour = "1 0 0 rg" if i == 0 else "0 0 1 rg"
        body = f"{colour} 0 0 {width // 2} {height} re f"
        page = f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {4 + 2 * i} 0 R/Resources<<>>>>"
        parts += [page, f"<</Length {len(body)}>>stream\n{body}\nendstream"]
    out, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += f"{number} 0 obj{part}endobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    tail = f"trailer<</Size {len(parts) + 1}/Root 1 0 R>>startxref\n{len(out)}\n%%EOF"
    return out + f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}{tail}".encode()


def test_an_svg_is_drawn_at_the_size_asked_for_and_keeps_its_holes() -> None:
    photo, drawn = read_artwork(svg('<rect width="20" height="20" fill="#ff8000"/>'), long_side=400)
    assert drawn
    assert photo.size == (400, 200)
    assert photo.alpha is not None
    assert tuple(photo.rgb[100, 50]) == (255, 128, 0)
    assert (photo.alpha[100, 50], photo.alpha[100, 350]) == (1, 0)


def test_a_page_of_a_pdf_is_drawn() -> None:
    photo, drawn = read_artwork(pdf(200, 100, 2), page=2, long_side=256)
    assert drawn
    assert photo.size == (256, 128)
    assert photo.alpha is not None
    assert tuple(photo.rgb[64, 30]) == (0, 0, 255)
    assert photo.alpha[64, 200] == 0


def test_a_page_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownFormat, match="has 1 pages, page 3"):
        read_artwork(pdf(200, 100, 1), page=3)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<image href="file:///etc/passwd" width="9" height="9"/>', "only what is inside"),
        ('<image xlink:href="http://127.0.0.1/x.png" width="9" height="9"/>', "only what is inside"),
        ('<image href="data:image/svg+xml;base64,AAAA"/>', "only what is inside"),
        ('<image href="data:image/png;base64,AAAA"/>', "cannot be used"),
        ('<rect style="fill:url(http://x.example/a#b)" width="9" height="9"/>', "only what is inside"),
        ('<style>@import "http://x.example/a.css";</style>', "fetches"),
        ("<script>alert(1)</script>", "<script>"),
        ('<rect onclick="x()" width="9" height="9"/>', "event handler"),
        ("<foreignObject/>", "<foreignobject>"),
        ('<text y="9">Hello</text>', "outlines"),
        ('<g id="a"><use href="#a"/></g>', "contains itself"),
        ("<g>" * 80 + "</g>" * 80, "inside each other"),
        ("<g/>" * (MAX_ELEMENTS + 1), "elements"),
    ],
)
def test_what_an_artwork_may_not_have(body: str, problem: str) -> None:
    with pytest.raises(CorruptImage, match=problem):
        checked_svg(svg(body))


def test_laughter_by_use_is_weighed_before_it_is_drawn() -> None:
    levels = "".join(f'<g id="l{i}">{f"<use href={chr(34)}#l{i - 1}{chr(34)}/>" * 10}</g>' for i in range(1, 12))
    with pytest.raises(CorruptImage, match="through <use>"):
        checked_svg(svg(f'<rect id="l0" width="1" height="1"/>{levels}'))


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"/>',
        b'<?xml-stylesheet href="http://x.example/a.css"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b'<svg xmlns="http://www.w3.org/2000/svg"><g></svg>',
        b'<svg xmlns="http://www.w3.org/2000/svg"/>\xff',
        b"%PDF-1.7\nnothing at all",
        b"<html><body><svg></svg></body></html>",
    ],
)
def test_broken_drawings_are_image_errors(data: bytes) -> None:
    with pytest.raises(ImageError):
        read_artwork(data)


def test_nothing_and_an_empty_drawing() -> None:
    with pytest.raises(EmptyImage):
        read_artwork(b"")
    with pytest.raises(CorruptImage, match="nothing is drawn"):
        read_artwork(svg("<g/>"), long_side=64)


def test_ordinary_photos_still_refuse_drawings() -> None:
    for data in (svg("<g/>"), pdf(10, 10, 1), zlib.compress(svg("<g/>"))):
        with pytest.raises(UnknownFormat):
            decode(data)


def test_drawing_twice_gives_the_same_pixels() -> None:
    data = svg('<circle cx="20" cy="10" r="8" fill="#123456" opacity="0.5"/>')
    first, again = (read_artwork(data, long_side=200)[0] for _ in range(2))
    assert (first.rgb == again.rgb).all()
    assert first.alpha is not None
    assert again.alpha is not None
    assert np.array_equal(first.alpha, again.alpha)
