"""What can be wrong with words."""

from __future__ import annotations

from studio.errors import InputError, StepError


class MissingGlyph(InputError):
    """No font of the chain has a character; the message names it."""

    code = "missing_glyph"


class BadFont(InputError):
    """The bytes are not a font that can be read."""

    code = "bad_font"


class TextOverflow(StepError):
    """The words do not fit their room at the smallest size allowed, or would be cut."""

    code = "text_overflow"


class LowContrast(StepError):
    """No colour on offer can be read on that ground."""

    code = "low_contrast"
