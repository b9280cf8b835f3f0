"""Where a line may end: the rules of UAX 14 that headlines need, over their main classes.

Words of scripts that are written without spaces and need a dictionary (Thai, Lao, Khmer, Burmese) are never broken inside.
"""

from __future__ import annotations

import unicodedata

from studio.typesetting.fonts import UNSEEN

GLUE = frozenset("\u00a0\u202f\u2060\u2007\ufeff\u2011")
HYPHENS = frozenset("-\u2010\u00ad\u2013")
CLOSERS = frozenset("!%),.:;?]}¢°’”›»…‰′″℃、。〉》」』】〕〗〙〟！％），．：；？］｝｡｣､")
OPENERS = frozenset("([{“‘‹«¿¡£¥$€₹₪₩〈《「『【〔〖〘〝（［｛｢￥＄")
NON_STARTERS = frozenset("ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶー々〻ヽヾゝゞ・～〜‼⁇⁈⁉")
DASH = "\u2014"
DASHES = frozenset("\u2013\u2014")
"""After a space these stay with the words before them, as books are set."""
SPACE = "\u200b"


def pieces(text: str) -> list[str]:
    """The text cut wherever a line may end; the pieces joined are the text, and spaces stay at the end of theirs."""
    cuts = [i for i in range(1, len(text)) if _may_end(text, i)]
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)] if text else []


def _may_end(text: str, i: int) -> bool:
    """Whether a line may end before `text[i]`."""
    before, after = text[i - 1], text[i]
    if before in GLUE or after in GLUE or after.isspace() or _clings(after) or (before.isspace() and after in DASHES):
        return False
    if before == SPACE or (before.isspace() and after not in CLOSERS - frozenset("°%")):
        return True
    if (
        after in CLOSERS
        or after in NON_STARTERS
        or (_katakana(before) and _katakana(after))
        or before in OPENERS
        or before.isspace()
    ):
        return False
    if before in HYPHENS:
        return _inside_word(text, i) and not after.isdigit()
    return before == DASH or ((_wide(before) or _wide(after)) and not (_prefix(before) and after.isdigit()))


def _inside_word(text: str, i: int) -> bool:
    return i >= 2 and text[i - 2].isalnum() and text[i].isalnum()


def _clings(c: str) -> bool:
    return unicodedata.category(c)[0] == "M" or (c in UNSEEN and c != SPACE)


def _katakana(c: str) -> bool:
    """Letters of foreign words, which stay whole as in careful Japanese setting."""
    return "\u30a1" <= c <= "\u30fa" or c == "\u30fc"


def _prefix(c: str) -> bool:
    return unicodedata.category(c) == "Sc"


def _wide(c: str) -> bool:
    """Ideographs, kana and Hangul syllables of a run without spaces; Hangul words stay whole, as headlines are set."""
    return unicodedata.east_asian_width(c) in "WF" and not 0xAC00 <= ord(c) <= 0xD7A3 and unicodedata.category(c)[0] in "LNS"
