"""What a poster says: a brief's words with the product's facts in them, prices as the locale writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_FLOOR, Decimal, InvalidOperation

from babel import Locale, UnknownLocaleError
from babel.numbers import NumberFormatError, format_currency, format_percent

from studio.briefs.ad_poster import ROLES, AdPosterBrief, Role
from studio.errors import MissingInput
from studio.product import Product

HOLE = re.compile(r"\{([^{}]+)\}")
ZEROS = {"arab": "\u0660", "arabext": "\u06f0", "deva": "\u0966", "beng": "\u09e6", "mymr": "\u1040"}
"""Numbering system -> its digit zero."""
AMOUNT = re.compile(r"\d{1,12}(\.\d{1,4})?")


def words_of(brief: AdPosterBrief, product: Product) -> dict[Role, str]:
    """Role -> words, for every role that says something, in order of weight.

    Raises MissingInput, naming the SKU, for a hole that the product cannot fill, unless the role is `optional`.
    """
    found: dict[Role, str] = {}
    for role in ROLES:
        text = getattr(brief.words, role)
        if not text:
            continue
        try:
            found[role] = _filled(text, brief, product)
        except MissingInput:
            if role not in brief.optional:
                raise
    if not found:
        raise MissingInput(f"{product.sku}: the poster says nothing; give the brief a headline")
    if "price" not in found:
        found.pop("was", None)
    return found


def money(amount: str, currency: str, locale: str) -> str:
    """A price as the locale writes it (CLDR): "1249.9", "EUR", "de-DE" -> "1.249,90 €"."""
    where = _locale(locale)
    return _in_digits(format_currency(Decimal(amount), currency, locale=where, numbering_system=_system(where)), where)


def _filled(text: str, brief: AdPosterBrief, product: Product) -> str:
    def fill(hole: re.Match[str]) -> str:
        name = hole[1].strip()
        value = FACTS[name](brief, product) if name in FACTS else product.attributes.get(name, "")
        if not value.strip():
            raise MissingInput(f"{product.sku}: the poster says {{{name}}}, and the product has none; supply it as an attribute")
        return value.strip()

    return HOLE.sub(fill, text)


def _price(name: str) -> Callable[[AdPosterBrief, Product], str]:
    def written(brief: AdPosterBrief, product: Product) -> str:
        amount = _amount(product, name)
        if amount is None:
            return ""
        try:
            return money(str(amount), product.attributes.get("currency", brief.currency).strip().upper(), brief.locale)
        except NumberFormatError as error:
            raise MissingInput(f"{product.sku}: {name}: {error}") from error

    return written


def _saving(brief: AdPosterBrief, product: Product) -> str:
    """Per cent off the former price, rounded down; nothing where the price did not fall."""
    now, before = _amount(product, "price"), _amount(product, "was_price")
    if now is None or before is None or not now < before:
        return ""
    percent = ((before - now) / before * 100).to_integral_value(ROUND_FLOOR)
    where = _locale(brief.locale)
    return _in_digits(format_percent(percent / 100, locale=where, numbering_system=_system(where)), where) if percent else ""


def _amount(product: Product, name: str) -> Decimal | None:
    text = product.attributes.get(name, "").strip()
    if not text:
        return None
    if not AMOUNT.fullmatch(text):
        raise MissingInput(f"{product.sku}: {name} is {text!r}; supply a plain number such as 49.90")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise MissingInput(f"{product.sku}: {name} is {text!r}") from error


def _system(locale: Locale) -> str:
    return locale.default_numbering_system if locale.default_numbering_system in ZEROS else "latn"


def _in_digits(text: str, locale: Locale) -> str:
    """Babel knows a numbering system's signs but writes its digits as 0-9; here they become the system's own."""
    zero = ZEROS.get(_system(locale), "0")
    return "".join(chr(ord(zero) + int(c)) if c in "0123456789" else c for c in text)


def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError) as error:
        raise MissingInput(f"no locale {name!r}: {error}") from error


FACTS: Mapping[str, Callable[[AdPosterBrief, Product], str]] = {
    "title": lambda _, product: product.title,
    "brand": lambda _, product: product.brand,
    "sku": lambda _, product: product.sku,
    "category": lambda _, product: product.category,
    "price": _price("price"),
    "was_price": _price("was_price"),
    "saving": _saving,
}
"""What a hole may name beside the product's attributes."""
