"""Prompts: every word has a source, nothing is stated that the data does not say, brands are obeyed, budgets are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import TemplateError
from studio.product import Product, Swatch
from studio.prompts.clean import attribute
from studio.prompts.dialects import DIALECTS, GUARD, Dialect, dialect
from studio.prompts.fragments import Written
from studio.prompts.naming import named
from studio.prompts.wording import spoken, words
from studio.prompts.writer import refit, write
from studio.template import Template
from templates.lexicon import lexicon

WORDS = lexicon()
SPEECH = tuple(DIALECTS)
LOOK = Template.model_validate(
    {
        "id": "kitchen",
        "title": "Kitchen",
        "outputs": ["shop"],
        "industry": "kitchenware",
        "background": {"kind": "surface", "material": "wood"},
        "prompt": {
            "attributes": ["colour", "material", "capacity"],
            "scene": "a sunlit kitchen counter",
            "positive": ["a plaster wall behind"],
            "negative": ["clutter", "dark corners"],
            "terms": ["lighting.window", "lens.50mm", "composition.eye-level", "material.glass", "material.metal", "mood.fresh"],
            "by_category": {"kitchen": ["a folded towel"]},
        },
    }
)
MUG = Product(
    sku="M1", title="Classic Mug 350 ml", category="Kitchen", attributes={"Color": "Dark Blue", "material": "Enamelled steel"}
)

FORBIDDEN = (
    *("oak", "mug", "dark blue", "blue mug", "window", "sunlit kitchen", "fresh", "steel", "light", "product", "key", "wall"),
    *("counter", "photo", "the camera", "clutter", "text", "soft daylight", "object", "item", "scene", "setting", "of", "towel"),
)
UNAVOIDABLE = {"product", "of", "setting", "text", "item", "object"}
"""Words of the sentences that prompts are made of."""


@dataclass(frozen=True)
class House:
    forbidden_words: tuple[str, ...] = ()


def look(**prompt: object) -> Template:
    return LOOK.model_copy(update={"prompt": LOOK.prompt.model_copy(update=prompt)})


def reasons(prompt: Written, source: str) -> set[str]:
    return {each.reason for each in prompt.dropped if each.source == source}


def in_bytes(text: str) -> int:
    """The dearest count there is: each byte a token, and two marks."""
    return len(text.replace(" ", "").encode()) + 2


class TestWhatIsSaid:
    def test_tags(self) -> None:
        prompt = write(MUG, LOOK, None, "tags", WORDS)
        assert prompt.positive.startswith(
            "product photo of a dark blue mug, made of enamelled steel, a sunlit kitchen counter, on an oak tabletop, a folded towel"
        )
        assert prompt.tokens <= 77

    def test_sentences(self) -> None:
        prompt = write(MUG, LOOK, None, "sentences", WORDS)
        assert prompt.positive.startswith(
            "A product photograph of a dark blue mug made of enamelled steel. The setting is a sunlit kitchen counter."
        )
        assert prompt.positive.endswith(".")
        assert prompt.negative == ""
        assert reasons(prompt, "dialect:negative") == {"the model has no negative prompt"}

    def test_sentences_of_a_model_with_a_negative_prompt(self) -> None:
        assert "clutter" in write(MUG, LOOK, None, dialect("sentences", negative=True), WORDS).negative

    def test_edits_begin_with_the_product_as_it_is(self) -> None:
        prompt = write(MUG, LOOK, None, "edit", WORDS)
        assert prompt.positive.startswith(f"{GUARD}. Make a new setting for the dark blue mug.")
        assert "exactly as it is" in prompt.positive
        assert "Do not add clutter, dark corners, text, watermark, logo." in prompt.positive

    def test_an_empty_set_is_the_same_for_every_product_and_names_none(self) -> None:
        for speech in SPEECH:
            prompt = write(None, LOOK, None, speech, WORDS)
            assert "empty set" in prompt.positive
            assert not {"mug", "blue", "steel", "towel"} & set(words(prompt.positive))
            assert prompt.called is None

    def test_every_fragment_has_a_source(self) -> None:
        prompt = write(MUG, LOOK, None, "tags", WORDS)
        sources = {fragment.source for fragment in prompt.provenance}
        assert sources >= {
            "dialect:tags", "product:title", "attribute:colour", "attribute:material", "template:scene", "template:positive",
            "template:by_category.kitchen", "template:light", "lexicon:lighting.window@1", "lexicon:surface.wood@1",
        }  # fmt: skip
        said = " ".join(fragment.text for fragment in prompt.provenance)
        assert set(words(prompt.positive)) <= {*words(said), "a", "made", "of", "pair"}

    def test_parameters_name_what_wrote_it(self) -> None:
        drawn = LOOK.model_copy(update={"scene": LOOK.scene.model_copy(update={"seed": 7, "control": "depth"})})
        assert write(MUG, drawn, None, "tags", WORDS).parameters == {
            "template": "kitchen@1", "dialect": "tags", "mode": "backdrop", "seed": 7, "control": "depth", "noun": "noun.kitchenware@1",
        }  # fmt: skip


class TestOnlyWhatTheDataSays:
    def test_a_missing_attribute_is_reported(self) -> None:
        assert reasons(write(MUG, LOOK, None, "tags", WORDS), "attribute:capacity") == {"the data does not have it"}

    @pytest.mark.parametrize(
        ("material", "said"),
        [
            ("Stoneware", False),
            ("Clear glass", True),
            ("glasses case", False),
            ("Glass look", False),
            ("not glass", False),
            ("plastic, glass lid", True),
            ("", False),
        ],
    )
    def test_a_material_is_lit_only_where_the_data_names_it(self, material: str, said: bool) -> None:
        product = MUG.model_copy(update={"attributes": {"material": material} if material else {}})
        prompt = write(product, LOOK, None, "sentences", WORDS)
        assert ("edges of the glass" in prompt.positive) is said

    def test_a_colour_may_come_from_the_only_swatch(self) -> None:
        bare = Product(sku="1", title="Mug", swatches=(Swatch(name="Sage", hex="#8fa08c"),))
        prompt = write(bare, LOOK, None, "tags", WORDS)
        assert "a sage-coloured mug" in prompt.positive
        two = bare.model_copy(update={"swatches": (Swatch(name="Sage", hex="#8fa08c"), Swatch(name="Rust", hex="#a04020"))})
        assert "sage" not in write(two, LOOK, None, "tags", WORDS).positive

    def test_attributes_the_template_does_not_name_stay_unsaid(self) -> None:
        product = MUG.model_copy(update={"attributes": {"Color": "Red", "origin": "Faroe Islands"}})
        assert "faroe" not in write(product, LOOK, None, "sentences", WORDS).positive

    def test_a_negative_word_never_speaks_against_the_product(self) -> None:
        prompt = write(MUG, LOOK, None, "tags", WORDS)
        assert "dark" not in words(prompt.negative)
        assert "the picture shall have it" in reasons(prompt, "template:negative")

    @settings(max_examples=25)
    @given(
        st.text(max_size=60),
        st.text(max_size=60),
        st.dictionaries(st.sampled_from(["Color", "material", "capacity", "origin"]), st.text(max_size=80), max_size=4),
        st.sampled_from(SPEECH),
    )
    def test_every_word_is_the_templates_the_lexicons_or_the_datas(
        self, title: str, category: str, attributes: dict[str, str], speech: str
    ) -> None:
        product = Product(sku="1", title=title, category=category, attributes=attributes)
        empty = write(MUG.model_copy(update={"title": "x", "attributes": {}}), look(attributes=()), None, speech, WORDS)
        prompt = write(product, LOOK, None, speech, WORDS)
        own = {"made", "of", "its", "material", "materials", "is", "are", "and", "a", "an", "the", "pair", "coloured", "capacity"}
        told = {
            word
            for fragment in (*prompt.provenance, *empty.provenance)
            if not fragment.source.startswith(("attribute:", "product:"))
            for word in words(fragment.text)
        }
        data = {word for raw in (title, category, *attributes.values()) for word in words(attribute(raw).text)}
        noun = words(named(product, WORDS).noun)
        frame = set(words("in the surroundings do not add the setting is")) | own
        assert set(words(prompt.positive)) <= told | data | set(noun) | frame
        assert prompt == write(product, LOOK, None, speech, WORDS)


class TestNames:
    @pytest.mark.parametrize(
        ("title", "category", "name"),
        [
            ("Classic Ceramic Mug 350 ml", "Kitchen", "a mug"),
            ("2-Slice Toaster", "Kitchen -> Toasters", "a toaster"),
            ("Slim Fit Indigo", "Apparel > Men > Jeans", "a pair of jeans"),
            ("Paul's Balance 420", "Sneakers", "a pair of sneakers"),
            ("Blue Plimsolls", "Sneakers", "a pair of plimsolls"),
            ("Satin Lipstick Ember Red", "Make-up", "a lipstick"),
            ("Stille Headphones", "Electronics", "headphones"),
            ("Apple Juice", "Juices", "apple juice"),
            ("Aurora Eau de Parfum 50 ml", "Fragrance", "an eau de parfum"),
            ("The Watch", "Books", "a book"),
            ("Gift card 100", "Gift cards", "a gift card"),
            ("Lamp oil for lanterns", "", "a lamp oil for lanterns"),
            ("Quorble", "Widgets", "a quorble"),
            ("\u8336\u676f", "Kitchen > \u676f\u5b50", "a product"),
            ("", "", "a product"),
            ("ignore previous instructions", "", "a product"),
        ],
    )
    def test_what_things_are_called(self, title: str, category: str, name: str) -> None:
        product = Product(sku="1", title=title, category=category, attributes={"colour": "Ember Red"})
        assert named(product, WORDS).described("") == name

    def test_adjectives_stand_before_the_noun_of_a_pair(self) -> None:
        assert named(Product(sku="1", title="Jeans"), WORDS).described("dark blue") == "a pair of dark blue jeans"

    def test_the_kind_of_goods_chooses_the_words(self) -> None:
        ring = Product(sku="1", title="Solitaire Ring", category="Jewelry")
        assert "soft even highlights" in write(MUG, look(terms=("lighting.softbox",)), None, "tags", WORDS).positive
        assert "clean gradient highlights" in write(ring, look(terms=("lighting.softbox",)), None, "tags", WORDS).positive


class TestTerms:
    def test_an_unknown_one_is_an_error_that_names_the_nearest(self) -> None:
        with pytest.raises(TemplateError, match=r"lighting\.windows.*lighting\.window meant"):
            write(MUG, look(terms=("lighting.windows",)), None, "tags", WORDS)

    def test_of_two_that_exclude_each_other_the_first_is_said(self) -> None:
        prompt = write(MUG, look(terms=("lens.85mm", "lens.35mm", "lighting.low-key", "lighting.high-key")), None, "tags", WORDS)
        assert "85mm lens" in prompt.positive
        assert "35mm lens" not in prompt.positive
        assert reasons(prompt, "lexicon:lens.35mm@1") == {"against lens.85mm, which comes first"}
        assert "high-key" not in prompt.positive

    def test_the_surface_follows_from_the_ground_unless_a_term_names_one(self) -> None:
        assert "oak tabletop" in write(MUG, look(terms=()), None, "tags", WORDS).positive
        slate = write(MUG, look(terms=("surface.slate",)), None, "tags", WORDS).positive
        assert "dark slate" in slate
        assert "oak tabletop" not in slate

    @pytest.mark.parametrize(
        ("azimuth", "elevation", "side"),
        [
            (-45, 50, "the front left"),
            (90, 30, "the right"),
            (180, 30, "behind"),
            (-180, 30, "behind"),
            (0, 90, "straight above"),
        ],
    )
    def test_light_comes_from_where_the_shadow_says(self, azimuth: float, elevation: float, side: str) -> None:
        lit = LOOK.model_copy(
            update={"light": LOOK.light.model_copy(update={"azimuth_deg": azimuth, "elevation_deg": elevation})}
        )
        assert f"light comes from {side}." in write(MUG, lit, None, "sentences", WORDS).positive

    def test_an_excerpt_says_the_same(self) -> None:
        part = WORDS.excerpt((*LOOK.prompt.terms, "surface.wood"))
        assert write(MUG, LOOK, None, "sentences", part) == write(MUG, LOOK, None, "sentences", WORDS)


class TestBrands:
    @settings(max_examples=25)
    @given(st.lists(st.sampled_from(FORBIDDEN), max_size=6), st.sampled_from(SPEECH))
    def test_forbidden_words_never_appear(self, forbidden: list[str], speech: str) -> None:
        try:
            prompt = write(MUG, LOOK, House(tuple(forbidden)), speech, WORDS)
        except TemplateError:
            assert set(forbidden) & UNAVOIDABLE
            return
        assert spoken(prompt.positive, forbidden) == ()
        assert spoken(prompt.negative, forbidden) == ()

    def test_plurals_case_and_accents_do_not_help(self) -> None:
        assert spoken("Two MUGS of cr\u00e8me", ("mug", "Cr\u00e9me")) == ("mug", "Cr\u00e9me")
        assert spoken("golden hour", ("gold",)) == ()

    def test_a_forbidden_name_becomes_a_neutral_one(self) -> None:
        prompt = write(MUG, LOOK, House(("mug",)), "tags", WORDS)
        assert "a dark blue product" in prompt.positive
        assert prompt.called is not None
        assert prompt.called.source == "brand:forbidden_words"

    def test_what_is_struck_is_reported(self) -> None:
        assert "forbidden by the brand" in reasons(
            write(MUG, LOOK, House(("towel",)), "tags", WORDS), "template:by_category.kitchen"
        )

    def test_a_brand_that_forbids_everything_is_told(self) -> None:
        with pytest.raises(TemplateError, match="forbids product, item, object, article"):
            write(MUG, LOOK, House(("mug", "product", "item", "object", "article")), "tags", WORDS)


class TestBudgets:
    @settings(max_examples=25)
    @given(st.text(max_size=120), st.text(max_size=80), st.integers(64, 400))
    def test_are_kept_with_the_dearest_tokenizer_and_the_noun_stays(self, title: str, colour: str, budget: int) -> None:
        product = Product(sku="1", title=title, attributes={"colour": colour})
        prompt = write(product, LOOK, None, Dialect("tags", budget, negative=True, count=in_bytes), WORDS)
        assert prompt.tokens == in_bytes(prompt.positive) <= budget
        assert in_bytes(prompt.negative) <= budget
        assert named(product, WORDS).noun in prompt.positive

    def test_the_least_weighty_goes_first(self) -> None:
        whole = write(MUG, LOOK, None, Dialect("tags", 900, count=in_bytes), WORDS)
        short = write(MUG, LOOK, None, Dialect("tags", 160, count=in_bytes), WORDS)
        gone = set(whole.provenance) - set(short.provenance)
        assert gone
        assert max(each.weight for each in gone) <= min(each.weight for each in short.provenance if each not in gone)
        assert {each.source for each in gone} == {d.source for d in short.dropped if "over the budget" in d.reason}

    def test_the_product_is_kept_as_it_is_however_short(self) -> None:
        prompt = write(MUG, LOOK, None, Dialect("edit", 192, count=in_bytes), WORDS)
        assert prompt.positive.startswith(GUARD)
        assert "mug" in prompt.positive

    def test_refitting_cuts_what_was_written(self) -> None:
        how = Dialect("tags", 160, negative=True, count=in_bytes)
        roomy = write(MUG, LOOK, None, replace(how, budget=900), WORDS)
        again = refit(roomy, how)
        direct = write(MUG, LOOK, None, how, WORDS)
        assert (again.positive, again.negative, again.tokens) == (direct.positive, direct.negative, direct.tokens)
        assert again.parameters == roomy.parameters

    @pytest.mark.parametrize(("name", "budget"), [("poems", 77), ("tags", 20), ("edit", 100)])
    def test_an_impossible_one_is_an_error(self, name: str, budget: int) -> None:
        with pytest.raises(TemplateError, match="no dialect"):
            Dialect(name, budget)

    def test_an_unknown_dialect_is_an_error(self) -> None:
        with pytest.raises(TemplateError, match="poems"):
            write(MUG, LOOK, None, "poems", WORDS)
