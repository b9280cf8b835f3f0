"""Words compared the way people compare them: without case, accents, punctuation and plural."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """The words of a text, lower case, without accents. A hyphen parts words, an apostrophe does not."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return tuple(re.findall(r"[^\W_]+", bare.replace("'", "").replace("\u2019", "")))


def singular(word: str) -> str:
    """An English plural's singular, by its ending; other words as they are."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and re.search(r"(s|x|z|ch|sh)es$", word):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not re.search(r"(ss|us|is)$", word):
        return word[:-1]
    return word


@lru_cache(maxsize=4096)
def singulars(text: str) -> tuple[str, ...]:
    """The words of a text, each in the singular."""
    return tuple(singular(word) for word in words(text))


def within(needle: Sequence[str], hay: Sequence[str]) -> bool:
    """Whether some words follow each other in others."""
    size = len(needle)
    return size > 0 and any(tuple(hay[at : at + size]) == tuple(needle) for at in range(len(hay) - size + 1))


def spoken(text: str, forbidden: Iterable[str]) -> tuple[str, ...]:
    """Which forbidden words or phrases a text has, in the singular or plural."""
    said, exact = singulars(text), words(text)
    return tuple(word for word in forbidden if within(singulars(word), said) or within(words(word), exact))
