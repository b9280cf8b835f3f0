"""Small fonts drawn on the spot: every character is a box."""

from __future__ import annotations

import io

from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]

LATIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:%€-—"
OTHER = "שלוםבית 漢字仮名カタナー。、אבגČč"


def drawn(characters: str, advance: int = 600) -> bytes:
    """A font in which every character is a box of its own height; a space shows nothing."""
    names = {ord(c): f"u{ord(c):04X}" for c in characters}
    glyphs = {}
    for i, (code, name) in enumerate(sorted(names.items())):
        pen = TTGlyphPen(None)
        if chr(code) != " ":
            top = 400 + 7 * (i % 40)
            pen.moveTo((60, 0))
            pen.lineTo((60, top))
            pen.lineTo((advance - 60, top))
            pen.lineTo((advance - 60, 0))
            pen.closePath()
        glyphs[name] = pen.glyph()
    glyphs[".notdef"] = TTGlyphPen(None).glyph()
    order = [".notdef", *names.values()]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(names)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(order, (advance, 60)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    file = io.BytesIO()
    builder.save(file)
    return file.getvalue()
