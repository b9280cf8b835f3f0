"""The words of an HTML fragment, as shops write them into product descriptions."""

from __future__ import annotations

import re
from html import unescape

_HIDDEN = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}


def text_of(markup: str) -> str:
    """Text without tags, comments, scripts and styles; entities decoded, spaces collapsed to one line.

    One pass over the text: the standard library's parser needs minutes for a hostile 150 kB and raises for some marked sections.
    """
    if "<" in markup:
        markup = _without_tags(markup)
    return " ".join(unescape(markup).split())


def _without_tags(markup: str) -> str:
    parts: list[str] = []
    at = 0
    while (start := markup.find("<", at)) >= 0:
        parts.append(markup[at:start])
        if not _opens_tag(markup, start):
            parts.append("<")
            at = start + 1
            continue
        parts.append(" ")
        at = _after(markup, start)
        if at < 0:
            return "".join(parts)
    return "".join([*parts, markup[at:]])


def _opens_tag(markup: str, start: int) -> bool:
    following = markup[start + 1 : start + 2]
    return following in ("/", "!", "?") or (following.isascii() and following.isalpha())


def _after(markup: str, start: int) -> int:
    """Where the text goes on behind a tag, comment or hidden element; -1 when it is never closed."""
    if markup.startswith("<!--", start):
        end = markup.find("-->", start + 4)
        return end + 3 if end >= 0 else -1
    end = markup.find(">", start)
    name = markup[start + 1 : start + 7].lower()
    for hidden, closing in _HIDDEN.items():
        if end >= 0 and name.startswith(hidden):
            close = closing.search(markup, end)
            end = markup.find(">", close.start()) if close else -1
    return end + 1 if end >= 0 else -1
