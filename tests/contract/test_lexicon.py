"""Every entry of the lexicon: complete, in every dialect, and with a version that rises when its words change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from studio.errors import TemplateError
from studio.keys import digest_of
from studio.prompts.clean import attribute, phrase
from studio.prompts.dialects import GUARD
from studio.prompts.lexicon import Term
from studio.prompts.wording import singulars, spoken, words
from templates.lexicon import lexicon, read_lexicon
from templates.reading import read_yaml
from tests import shipped
from tests.golden.prompts import FOLDER

WORDS = lexicon()
LOCK = FOLDER / "lexicon.lock.yaml"
INDUSTRIES = {
    *("electronics", "cosmetics", "skincare", "fashion", "footwear", "bags", "jewellery", "watches", "eyewear", "home-decor"),
    *("furniture", "lighting", "kitchenware", "appliances", "beverages", "food", "toys", "baby", "pet", "sports", "outdoor"),
    *("tools", "automotive", "books"),
}
PROMISED = """
    lighting: softbox window rim top golden-hour high-key low-key
    lens: 35mm 50mm 85mm 100mm-macro
    composition: centred eye-level three-quarter top-down negative-space rule-of-thirds
    material: wood marble linen concrete paper slate tile terrazzo sand metal glass chrome leather fabric ceramic plastic
    surface: wood marble linen concrete paper slate tile terrazzo sand metal
    mood: calm fresh luxury playful rugged
"""


def digests() -> dict[str, str]:
    """What every entry says, by id@version."""
    terms = {f"{name}@{WORDS.term(name).version}": WORDS.term(name) for name in WORDS.ids()}
    kinds = {f"noun.{slug}@{kind.version}": kind for slug, kind in WORDS.nouns.kinds.items()}
    return {name: digest_of(entry.model_dump(mode="json"))[:12] for name, entry in sorted({**terms, **kinds}.items())}


def test_what_styles_may_rely_on_is_there() -> None:
    for line in PROMISED.split("\n"):
        family, _, entries = line.strip().partition(":")
        assert {f"{family}.{entry}" for entry in entries.split()} <= set(WORDS.ids())
    assert set(WORDS.nouns.kinds) == INDUSTRIES


def test_changed_words_have_a_new_version() -> None:
    """`python -m tests.contract.test_lexicon` writes the lock again; a changed entry needs a higher version first."""
    locked = read_yaml(LOCK)
    assert {name: digest for name, digest in digests().items() if locked.get(name, digest) != digest} == {}
    assert set(digests()) <= set(locked)


@pytest.mark.parametrize("name", WORDS.ids())
class TestEach:
    def test_says_it_plainly_in_every_dialect(self, name: str) -> None:
        term = WORDS.term(name)
        for wording in (term, *term.variants):
            for text in (*wording.tags, wording.sentence, wording.edit, *term.negative):
                assert phrase(text) == text
            assert all(len(tag.split()) <= 6 for tag in wording.tags)
            assert wording.sentence[0].isupper()
            assert wording.edit or WORDS.family(name).about == "product"

    def test_names_kinds_of_goods_that_exist(self, name: str) -> None:
        term = WORDS.term(name)
        named = set(term.categories) | {category for variant in term.variants for category in variant.categories}
        assert named <= INDUSTRIES

    def test_speaks_of_the_product_only_where_the_data_does(self, name: str) -> None:
        about, term = WORDS.family(name).about, WORDS.term(name)
        assert bool(term.needs) is (about == "product")
        for needed in term.needs.values():
            assert all(attribute(word).text == word for word in needed)

    def test_an_edit_never_changes_the_product(self, name: str) -> None:
        edit = WORDS.term(name).edit
        assert not re.search(r"\b(change|alter|replace|recolou?r|resize|reshape|restyle)\b", edit.lower())
        assert not spoken(edit, ("product",)) or "around the product" in edit

    def test_does_not_speak_against_itself(self, name: str) -> None:
        term: Term = WORDS.term(name)
        for against in term.negative:
            assert not set(words(against)) <= set(words(" ".join(term.tags)))


def test_nouns_are_clean_and_said_once_a_kind() -> None:
    for kind in WORDS.nouns.kinds.values():
        for noun, others in kind.nouns.items():
            for name in (noun, *others, kind.generic):
                assert attribute(name).text == name
                assert name == kind.generic or kind.known[singulars(name)] == noun


def test_packaged_styles_use_known_terms() -> None:
    for template in shipped.library().templates():
        assert WORDS.unknown(template.prompt.terms) == (), template.key


def test_the_guard_is_an_instruction_about_the_whole_product() -> None:
    assert GUARD.startswith("Keep the product exactly as it is")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "family: light\nabout: picture\nterms: {a: {tags: [soft], sentence: Soft light, oops: 1}}\n",
            r"light\.yaml: terms\.a\.oops",
        ),
        ("family: light\nabout: picture\nterms: {a: {tags: [], sentence: Soft light}}\n", r"light\.yaml: terms\.a\.tags"),
        ("family: lens\nabout: picture\nterms: {a: {tags: [soft], sentence: Soft}}\n", r"light\.yaml: family"),
        (
            "family: light\nabout: picture\nterms: {a: {tags: [soft], sentence: Soft, clashes: [light.b]}}\n",
            r"clashes with light\.b",
        ),
        ("terms: {}\n", r"light\.yaml: family"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "light.yaml").write_text(text)
    with pytest.raises(TemplateError, match=problem):
        read_lexicon(tmp_path)


if __name__ == "__main__":
    import yaml

    LOCK.write_text(yaml.safe_dump(digests()), encoding="utf-8")
