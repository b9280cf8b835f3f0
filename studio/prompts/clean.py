"""Text of strangers made harmless: what comes out is a few plain words, or nothing.

Attributes and titles come from catalogues that anybody may have filled in. Instead of looking for every attack, only what a
product attribute can be is let through: short runs of Latin letters and digits. What is refused is said, never guessed at.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass

MAX_RAW = 400
"""Characters of an attribute before cleaning; a longer text is a description, or an attack."""
MAX_BYTES, MAX_WORDS, MAX_WORD = 80, 12, 30
"""Bounds of a cleaned attribute: UTF-8 bytes, words, characters of one word."""
MAX_PHRASE = 300
"""Characters of a template author's phrase."""

_BLOCKS = re.compile(r"<(script|style)\b.*?(</\1\s*>|$)", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"<[^<>]{0,200}>")
_ADDRESS = re.compile(
    r"\w{2,12}://|\bwww\.|\bdata:|\bjavascript:|\S@\S+\.\w|\b[\w-]+\.(com|net|org|io|ai|dev|info|biz|co|shop|xyz|ru|cn|de|uk)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"[{}$`\\#=~^]|__|--|\|\||&&")
_SPLIT = re.compile(r"[,;|\n\r\t\u2022\u00b7\u3001\uff0c]|(?<!\d)/|/(?!\d)|[.!?](?=\s|$)")
_WEIGHT = re.compile(r":\s*[+-]?\d*\.?\d+(?=\s*[)\]>])")
_EMPTY = re.compile(
    r"(n/?a|n a|none|null|nil|nan|unknown|undefined|tb[da]|other|various|diverse|misc|true|false|yes|default|not set"
    r"|not applicable|see description)$"
)
"""What catalogues write where they have nothing to say."""
_NEGATION = re.compile(r"\b(no|not|non|without|none|never|neither|nor|ohne|keine?|sans|sin|senza|zonder|\w+n't)\b")
_INSTRUCTION = re.compile(
    r"\b(ignor\w*|disregard\w*|forget|overrid\w*|bypass\w*|vergiss|oublie\w*|olvida\w*)\s+(\w+\s+){0,4}"
    r"(previous|above|prior|earlier|before|instruct\w*|rules?|prompts?|everything|all|system|anweisung\w*|vorherig\w*|instruccion\w*)\b"
    r"|\b(instructions?|prompts?|jailbreak\w*|chatgpt|assistant|system message|you are|you must|as an ai|act as|anweisung\w*|"
    r"instrucciones)\b"
    r"|^(ignore|disregard|draw|render|generate|replace|delete|remove|create|change|turn|put|add|show|write|output|pretend|imagine)\s"
)
_UNSAFE = re.compile(r"\b(nsfw|porn\w*|hentai|nudity|naked|xxx)\b")
_LOOSE = re.compile(r"[^\w\s'&%.+/-]|_")
_AFTER = (
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), ""),
    (re.compile(r"(?<=\d),(?=\d)"), "."),
    (re.compile(r"(?<=\d)\s*[\"\u2033]"), " inch "),
    (re.compile(r"(?<=\d):(?=\d)"), " to "),
    (re.compile(r"&"), " and "),
)
"""Signs that are said as words; a comma between digits parts thousands or decimals."""
_MARKS = (
    re.compile(r"(?<![^\W\d_])'|'(?![^\W\d_])"),
    re.compile(r"(?<!\w)-|-(?!\w)"),
    re.compile(r"(?<!\d)\.|\.(?!\d)"),
    re.compile(r"(?<!\d)/|/(?!\d)"),
    re.compile(r"(?<!\d)%"),
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`parts`: what may be said, in order, lower case. `reasons`: why something was left out or changed, without its text."""

    parts: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The parts as one phrase: "glass and metal cap"."""
        return listed(self.parts)


def listed(parts: tuple[str, ...]) -> str:
    """One phrase of several: a, b and c."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def attribute(raw: str, max_bytes: int = MAX_BYTES, max_words: int = MAX_WORDS) -> Cleaned:
    """A catalogue's text as parts of plain words, at most `max_bytes` of UTF-8 and `max_words` words together. Never raises."""
    if len(raw) > MAX_RAW:
        return Cleaned((), ("too long for an attribute",))
    text, reasons = _plain(raw)
    words = " ".join(re.findall(r"[a-z']+", _folded(text)))
    refused = _refusal(text, words)
    if refused:
        return Cleaned((), (refused,))
    if _EMPTY.match(text.strip().lower()):
        return Cleaned()
    parts: list[str] = []
    for segment in _SPLIT.split(_unwrapped(text)):
        part, reason = _segment(segment)
        if reason:
            reasons.append(reason)
        elif part and part not in parts:
            parts.append(part)
    if _INSTRUCTION.search(" ".join(parts)) or any(_INSTRUCTION.search(part) for part in parts):
        return Cleaned((), ("reads like an instruction",))
    kept = _within(parts, max_bytes, max_words)
    if len(kept) < len(parts):
        reasons.append("shortened")
    return Cleaned(tuple(kept), tuple(dict.fromkeys(reasons)))


def phrase(raw: str) -> str:
    """A template author's phrase on one line: any script and case, at most MAX_PHRASE characters, no prompt syntax."""
    text, _ = _plain(raw[:MAX_RAW])
    text = _WEIGHT.sub("", text)
    text = re.sub(r"[\[\](){}<>|\\^~`*_#=\"\u201c\u201d\u201e]|--+|\+\++", " ", text)
    text = re.sub(r"\b(BREAK|AND)\b", lambda found: found.group().lower(), text)
    return " ".join(text.split())[:MAX_PHRASE].strip(" ,;.:")


def _plain(raw: str) -> tuple[str, list[str]]:
    """Entities, markup, control and invisible characters, symbols and stacked marks taken away."""
    reasons: list[str] = []
    text = html.unescape(html.unescape(raw))
    bare = _TAGS.sub(" ", _BLOCKS.sub(" ", text))
    if bare != text:
        reasons.append("markup")
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", bare))
    kept = []
    for character in text:
        kind = unicodedata.category(character)
        if character in "\n\r\t" or kind in {"Zs", "Zl", "Zp"}:
            kept.append("\n" if character in "\n\r\t" or kind != "Zs" else " ")
        elif kind[0] == "C":
            reasons.append("invisible characters")
        elif kind[0] == "M":
            reasons.append("stacked marks")
        elif kind in {"So", "Sk"} and character not in "^`":
            reasons.append("symbols")
            kept.append(" ")
        else:
            kept.append("x" if character == "\u00d7" else "'" if character == "\u2019" else "-" if kind == "Pd" else character)
    return "".join(kept), list(dict.fromkeys(reasons))


def _refusal(text: str, words: str) -> str:
    """Why the whole of a text is not used; empty when it may be."""
    if _ADDRESS.search(text):
        return "an address"
    if _CODE.search(text):
        return "code"
    if _INSTRUCTION.search(words):
        return "reads like an instruction"
    if _UNSAFE.search(words):
        return "not for product pictures"
    return ""


def _unwrapped(text: str) -> str:
    """Brackets and weights of prompt languages taken off; what stood in them stays."""
    text = _WEIGHT.sub(" ", text)
    for pattern, said in _AFTER:
        text = pattern.sub(said, text)
    return re.sub(r"(?<=\s)\+(?=\s)", "and", text)


def _segment(segment: str) -> tuple[str, str]:
    """A part of an attribute as plain words, or why it is left out; both empty when there is nothing in it."""
    text = _LOOSE.sub(" ", segment).replace("+", " ")
    for pattern in _MARKS:
        text = pattern.sub(" ", text)
    text = "".join(c for c in unicodedata.normalize("NFC", text.lower()) if not unicodedata.combining(c))
    words = [word for at, word in enumerate(text.split()) if at == 0 or word != text.split()[at - 1]]
    while words and words[0] == "and":
        del words[0]
    while words and words[-1] == "and":
        del words[-1]
    said = " ".join(words)
    if not words or _EMPTY.match(said):
        return "", ""
    if any(character.isalpha() and not _latin(character) for character in said):
        return "", "not in Latin letters"
    if any(character.isnumeric() and not character.isascii() for character in said):
        return "", "strange digits"
    if any(len(word) > MAX_WORD for word in words):
        return "", "not a word"
    if _NEGATION.search(said):
        return "", "a negation: generators paint what is named"
    return said, ""


def _within(parts: list[str], max_bytes: int, max_words: int) -> list[str]:
    """The first parts that fit, whole: half a statement may be a wrong one. A single long part is dropped altogether."""
    kept: list[str] = []
    for part in parts:
        whole = listed((*kept, part))
        if len(whole.encode()) > max_bytes or len(whole.split()) > max_words:
            break
        kept.append(part)
    return kept


def _latin(character: str) -> bool:
    return unicodedata.name(character, "").startswith("LATIN ")


def _folded(text: str) -> str:
    """Lower case without accents."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return " ".join(bare.split())
