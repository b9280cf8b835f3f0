"""Everything a template, its light and the lexicon have to say about a picture, as fragments in one dialect."""

from __future__ import annotations

from collections.abc import Iterator

from studio.grounds import SurfaceGround
from studio.product import Product
from studio.prompts.clean import phrase
from studio.prompts.facts import facts, supported
from studio.prompts.fragments import WEIGHTS, Dropped, Fragment, Role
from studio.prompts.lexicon import Family, Lexicon, Term, Wording
from studio.prompts.naming import Name
from studio.template import Light, Template

ROLES: dict[str, Role] = {
    "lighting": "light",
    "lens": "lens",
    "composition": "view",
    "mood": "mood",
    "surface": "surface",
    "material": "look",
}
"""Family of the lexicon -> what its terms are about; further families are details."""
NEVER_ADDED = ("text", "watermark", "logo")
"""Things that no generator shall add."""
FLAWS = ("blurry", "deformed")
"""What a picture shall not be; only said where there is a negative prompt."""
EMPTY_AGAINST = ("product", "people", "hands")
"""What a set without its product shall not have besides."""
SIDES = ("the front", "the front right", "the right", "the back right", "behind", "the back left", "the left", "the front left")
"""Every 45 degrees of azimuth."""
WARM_K, COOL_K, OVERHEAD_DEG = 4300.0, 6800.0, 75.0

Said = Iterator[Fragment | Dropped]


def fragment(text: str, role: Role, source: str, name: str = "") -> Fragment:
    """A fragment with its role's weight."""
    return Fragment(text, role, source, WEIGHTS[role], name)


def about_product(product: Product, template: Template, name: Name) -> Said:
    """The noun, and the attributes the template names."""
    yield fragment(name.noun, "noun", name.source, name.entry)
    for reason in name.reasons:
        yield Dropped("product:title", reason)
    yield from facts(product, template.prompt.attributes, name.noun)


def about_scene(template: Template, product: Product | None) -> Said:
    """The template's own words: where it stands, and details, of the product's category too."""
    prompt = template.prompt
    yield from _own("scene", "template:scene", prompt.scene)
    if product is not None:
        for category, phrases in prompt.by_category.items():
            if product.category.lower().startswith(category.lower()):
                for each in phrases:
                    yield from _own("detail", f"template:by_category.{category}", each)
    for each in prompt.positive:
        yield from _own("detail", "template:positive", each)


def about_light(light: Light, form: str) -> Said:
    """Where the key light comes from and how warm it is: the shadow that is composed later falls away from it."""
    side = direction(light)
    colour = "warm " if light.temperature_k < WARM_K else "cool " if light.temperature_k > COOL_K else ""
    told = {
        "tags": f"{colour}light from {side}",
        "sentences": f"The {colour}key light comes from {side}",
        "edit": f"Let the {colour}key light come from {side}",
    }
    yield fragment(told[form], "angle", "template:light")


def direction(light: Light) -> str:
    """The side a light comes from, in words: azimuth in eight sectors, or above."""
    if light.elevation_deg >= OVERHEAD_DEG:
        return "straight above"
    return SIDES[round(light.azimuth_deg / 45) % 8]


def about_terms(template: Template, product: Product | None, kind: str, lexicon: Lexicon, form: str) -> Said:
    """The template's lexicon terms, and the surface of its ground where no term names one. Raises TemplateError for a term that
    does not exist."""
    said: list[str] = []
    for name in _terms(template, lexicon):
        family, term = lexicon.family(name), lexicon.term(name)
        source = f"lexicon:{name}@{term.version}"
        unfit = _unfit(name, family, term, product, kind, said)
        if unfit:
            yield Dropped(source, unfit)
            continue
        said.append(name)
        role = ROLES.get(family.family, "detail")
        for text in _in_dialect(term.wording(kind), form):
            yield fragment(text, role, source, name)
        for text in term.negative if form != "edit" else ():
            yield fragment(text, "against", source)


def against(template: Template, form: str, empty: bool) -> Said:
    """What shall not be in the picture, besides what terms add."""
    for each in template.prompt.negative:
        yield from _own("against", "template:negative", each)
    for text in (*NEVER_ADDED, *(EMPTY_AGAINST if empty else ()), *(FLAWS if form != "edit" else ())):
        yield Fragment(text, "against", "dialect:negative", 0.9)


def aims(template: Template, lexicon: Lexicon) -> bool:
    """Whether a term of the template says where the light comes from."""
    return any(lexicon.term(name).aims for name in template.prompt.terms)


def _own(role: Role, source: str, raw: str) -> Said:
    told = phrase(raw)
    if told:
        yield fragment(told, role, source)
    elif raw.strip():
        yield Dropped(source, "nothing is said in it")


def _terms(template: Template, lexicon: Lexicon) -> tuple[str, ...]:
    terms = tuple(dict.fromkeys(template.prompt.terms))
    ground = template.background
    if isinstance(ground, SurfaceGround) and not any(term.startswith("surface.") for term in terms):
        implied = f"surface.{ground.material}"
        return terms if lexicon.unknown((implied,)) else (*terms, implied)
    return terms


def _unfit(name: str, family: Family, term: Term, product: Product | None, kind: str, said: list[str]) -> str:
    """Why a term is not said; empty when it is."""
    if product is None and (family.about == "product" or not term.empty):
        return "the set is empty"
    if term.categories and kind not in term.categories:
        return "not for this kind of goods"
    if not supported(product, term.needs):
        return "the data names no such " + " or ".join(term.needs)
    rivals = [other for other in said if other in term.clashes or (family.one_of and other.startswith(f"{family.family}."))]
    return f"against {rivals[0]}, which comes first" if rivals else ""


def _in_dialect(wording: Wording, form: str) -> tuple[str, ...]:
    if form == "tags":
        return wording.tags
    told = wording.edit if form == "edit" else wording.sentence
    return (told,) if told else ()
