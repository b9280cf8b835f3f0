"""What the studio `ad-poster` is told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from studio.briefs.files import File
from studio.briefs.lettering import Lettering
from studio.fields import Fraction, HexColour, Slug
from studio.product import Frozen

OTHER_LETTERS = frozenset({"ar", "fa", "ur", "ps", "sd", "he", "yi", "el", "ru", "uk", "bg", "sr", "mk", "be", "kk", "mn"})
OTHER_LETTERS |= frozenset({"ko", "ka", "hy", "am", "hi", "mr", "ne", "bn", "ta", "te", "kn", "ml", "gu", "pa", "th", "lo"})
"""Languages that are not written in Latin, Chinese or Japanese letters."""
Role = Literal["headline", "sub", "price", "was", "badge", "cta", "legal"]
ROLES: tuple[Role, ...] = ("headline", "sub", "price", "was", "badge", "cta", "legal")
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Z]{2}|\d{3}))?$")]
Layout = Literal["auto", "stack", "side", "low"]
"""`stack`: words above and below the product. `side`: a column of words beside it. `low`: the product, all words under it.
`auto`: `side` on a wide canvas, `stack` on an upright one, on a square one whichever shows the product larger."""


class Words(Frozen):
    """The words, by their part in the picture; `{title}`, `{price}`, `{any attribute}` are the product's. Empty: none."""

    headline: Text = ""
    sub: Text = ""
    price: Text = ""
    was: Text = ""
    """The former price: set smaller beside `price` and struck through."""
    badge: Text = ""
    cta: Text = ""
    legal: Text = ""


class Variant(Words):
    """Another version for an A/B test: what is said here replaces the brief's."""

    locale: Locale | None = None
    layout: Layout | None = None
    accent: HexColour | None = None


class AdPosterBrief(Frozen):
    """A product with words around it, in the brand's type and colours."""

    kind: Literal["ad-poster"] = "ad-poster"
    words: Words = Words(headline="{title}")
    optional: tuple[Role, ...] = ()
    """Words that are left out where the product lacks what they name; any other lack is an error."""
    variants: dict[Slug, Variant] = Field(default_factory=dict)
    """One picture each, beside none of the brief itself."""
    locale: Locale = "en-GB"
    """How prices are written, which letter forms are used, and to which side neutral text runs."""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    """ISO 4217; the product's attribute `currency` wins."""
    layout: Layout = "auto"
    mirrored: bool = False
    """`side`: the words on the other side."""
    lettering: Lettering = Lettering()
    ink: HexColour = "#15181c"
    paper: HexColour = "#ffffff"
    accent: HexColour = "#b3202a"
    """Price, badge and button, wherever it can be read."""
    palette: tuple[HexColour, ...] = ()
    """Further colours for words where ink cannot be read; the library adds the brand's."""
    contrast: Annotated[float, Field(ge=4.5, le=21)] = 4.5
    """WCAG ratio that every word has on its real ground."""
    scrim: bool = True
    """A soft veil may be laid under words that no colour makes readable."""
    logo: File | None = None
    logo_on_dark: File | None = None
    """PNG with transparency, and another for dark grounds; the brand's where none is named."""
    logo_clear: Fraction = 0.25
    """Free room around the logo, as a share of its height."""
    logo_least_px: Annotated[int, Field(ge=8)] = 96
    focus: tuple[Fraction, Fraction, Fraction, Fraction] | None = None
    """x, y, width, height of a part of the set that neither words nor product cover."""
    read_back: bool = True
    """Headline and price are read in the finished picture, where the reader knows the locale's letters."""

    @field_validator("variants")
    @classmethod
    def _not_empty(cls, value: dict[str, Variant]) -> dict[str, Variant]:
        for name, variant in value.items():
            if variant == Variant():
                raise ValueError(f"variant {name} changes nothing")
        return value

    @property
    def reads_back(self) -> bool:
        """Whether headline and price are read back: the reader knows Latin, Chinese and Japanese letters."""
        return self.read_back and self.locale.replace("-", "_").split("_")[0] not in OTHER_LETTERS

    def as_(self, name: str) -> AdPosterBrief:
        """The brief with one variant's words and settings, and no variants left. Raises KeyError."""
        said = self.variants[name].model_dump(exclude_defaults=True)
        words: dict[str, Any] = {role: said.pop(role) for role in ROLES if role in said}
        return self.model_copy(update={**said, "words": self.words.model_copy(update=words), "variants": {}})
