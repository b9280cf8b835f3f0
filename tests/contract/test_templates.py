"""Every packaged style loads, names things that exist, keeps its promises on a small canvas; wrong files say what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from studio.errors import TemplateError, UnknownTemplate
from studio.keys import digest_bytes
from studio.models.base import ModelCard
from studio.qa.policy import known_checks, limits
from studio.recipes.catalogue import NAMES, recipe
from studio.steps.compose import Compose
from studio.steps.ground import Ground
from studio.steps.place import Place
from studio.steps.scene import SceneStep, ground_of
from studio.take import Take
from studio.template import Template
from templates.library import Library
from tests import shipped
from tests.golden.pictures import matte, run, shot, small, without_model

LIBRARY = shipped.library()
STARTER = {"amazon-white", "shopify-square", "lifestyle-wood", "soft-gradient", "dark-luxury", "transparent"}
STYLE = "id: plain\ntitle: Plain\noutputs: [shop]\n"
SHOP = "id: shop\ntitle: Shop\nwidth: 64\nheight: 64\nmax_bytes: 1000\nsources: [{title: made for tests, date: 2026-11-22}]\n"


def folder(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"destinations/shop.yaml": SHOP, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def card(name: str) -> ModelCard:
    return ModelCard(name, "fake", name, "1", "", "Apache-2.0", True, 1)


def test_the_starter_set_is_there() -> None:
    assert {t.id for t in LIBRARY.templates() if t.industry == "starter"} >= STARTER


@pytest.mark.parametrize("template", LIBRARY.templates(), ids=lambda t: t.key)
class TestEach:
    def test_tells_people_what_it_is(self, template: Template) -> None:
        assert template.title
        assert len(template.description) > 40

    def test_names_what_exists(self, template: Template) -> None:
        assert template.recipe in NAMES
        assert set(template.qa) <= known_checks()
        for output in template.outputs:
            assert set(limits(template, LIBRARY.destination(output))) <= known_checks()

    def test_what_the_destination_demands_is_what_it_shows(self, template: Template) -> None:
        """A style may be sent to a destination that insists on white or none, but its own outputs should not need that."""
        for output in template.outputs:
            assert ground_of(shot(template, LIBRARY.destination(output))) == template.background

    @pytest.mark.parametrize("sku", ["NL-MUG-01", "NL-STL-01", "NL-RNG-01"])
    def test_product_lies_within_its_own_limits(self, template: Template, sku: str) -> None:
        for output in template.outputs:
            where = LIBRARY.destination(output)
            take = Take(shot(without_model(template), small(where, 160)), b"", matte=matte(sku))
            run(take, (Place(), SceneStep(), Ground(), Compose()))
            assert take.placed is not None
            assert take.image is not None
            height, width = take.image.shape[:2]
            fill = max(take.placed.box[2] / width, take.placed.box[3] / height)
            rule = limits(template, where).get("fill")
            if rule is not None:
                assert (rule.min or 0) - 0.007 <= fill <= (rule.max or 1) + 0.007


class TestKeys:
    def keys(self, template: Template, sku: str = "A") -> dict[str, str]:
        made = shot(template, LIBRARY.destination("shopify"), sku)
        return {step.name: key for step, key in recipe(template.recipe).keys(made, card) if step.applies(made)}

    def changed(self, **update: object) -> list[str]:
        template = LIBRARY.template("soft-gradient")
        before, after = self.keys(template), self.keys(template.model_copy(update=update))
        return [name for name in before if before[name] != after[name]]

    def test_another_background_reuses_cut_out_and_placing(self) -> None:
        wall = LIBRARY.template("dark-luxury").background
        assert self.changed(background=wall) == ["scene", "ground", "compose", "encode", "inspect"]

    def test_thresholds_and_words_change_no_key(self) -> None:
        qa = LIBRARY.template("dark-luxury").qa
        assert self.changed(qa=qa, title="Another", description="Another", samples=("x",)) == []

    def test_another_composition_reuses_the_cut_out(self) -> None:
        assert self.changed(composition=LIBRARY.template("dark-luxury").composition)[0] == "place"

    def test_a_shadow_is_not_part_of_the_set(self) -> None:
        assert self.changed(shadow=LIBRARY.template("amazon-white").shadow)[0] == "ground"

    def test_the_product_is_no_part_of_a_procedural_picture(self) -> None:
        template = LIBRARY.template("soft-gradient")
        assert self.keys(template, "A") == self.keys(template, "B")


class TestRecipes:
    @pytest.mark.parametrize("name", NAMES)
    def test_named_as_asked_and_made_once(self, name: str) -> None:
        assert recipe(name).name == name
        assert recipe(name) is recipe(name)

    def test_reads_top_to_bottom(self) -> None:
        steps = [step.name for step in recipe("photography").steps]
        product = ["decode", "calibrate", "cutout", "cut-others", "recolour", "place", "transmit"]
        surroundings = ["backdrop", "scene", "generate", "focus", "ground", "see-through"]
        picture = ["relight", "gleam", "harmonise", "compose", "encode", "examine", "inspect"]
        assert steps == [*product, *surroundings, *picture]

    def test_unknown(self) -> None:
        with pytest.raises(TemplateError, match="photography"):
            recipe("photographie")


class TestLibrary:
    def test_highest_version_by_id_and_any_by_key(self, tmp_path: Path) -> None:
        files = {f"styles/p{v}.yaml": f"{STYLE}version: {v}\n" for v in (1, 10, 9)}
        library = Library(folder(tmp_path, files))
        assert library.template("plain").version == 10
        assert library.template("plain@9").version == 9
        assert [t.version for t in library.templates()] == [1, 9, 10]

    def test_extra_folders_add(self, tmp_path: Path) -> None:
        library = Library.default(extra=(folder(tmp_path, {"styles/a/b/p.yaml": STYLE}),))
        assert library.template("plain").outputs == ("shop",)
        assert library.template("amazon-white").outputs == ("amazon-main",)
        assert "shop" in [d.id for d in library.destinations()]

    @pytest.mark.parametrize(("asked", "offered"), [("amazon-whit", "amazon-white"), ("amazon-white@7", "amazon-white@1")])
    def test_unknown_names_list_close_ones(self, asked: str, offered: str) -> None:
        with pytest.raises(UnknownTemplate, match=offered):
            LIBRARY.template(asked)

    def test_unknown_destination(self) -> None:
        with pytest.raises(UnknownTemplate, match="shopify"):
            LIBRARY.destination("shopfy")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (STYLE + "shadow: {contact: 2}\n", "shadow.contact"),
            (STYLE + "shadows: {contact: 1}\n", "shadows: Extra"),
            (STYLE + "qa: {fill: {}}\n", "qa.fill"),
            (STYLE + "background: {kind: velvet}\n", "background"),
            (STYLE.replace("shop", "shopp"), "outputs: no destination 'shopp'; close: shop"),
            (STYLE + "title: Again\n", "title is written twice"),
            ("[1, 2]\n", "a mapping is expected"),
            ("id: [\n", "while parsing"),
            (STYLE + "background: {kind: image, path: none.jpg}\n", "background.path: none.jpg"),
        ],
    )
    def test_errors_name_file_and_field(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(TemplateError) as caught:
            Library(folder(tmp_path, {"styles/wrong.yaml": text}))
        assert "wrong.yaml" in caught.value.message
        assert said in caught.value.message

    def test_bytes_that_are_not_text(self, tmp_path: Path) -> None:
        folder(tmp_path, {})
        (tmp_path / "destinations" / "bad.yaml").write_bytes(b"id: \xff\xfe")
        with pytest.raises(TemplateError, match=r"bad\.yaml"):
            Library(tmp_path)

    def test_duplicates_name_both_files(self, tmp_path: Path) -> None:
        with pytest.raises(TemplateError, match=r"b\.yaml.*plain@1.*a\.yaml"):
            Library(folder(tmp_path, {"styles/a.yaml": STYLE, "styles/b.yaml": STYLE}))
        with pytest.raises(TemplateError, match="destination shop"):
            Library(folder(tmp_path / "two", {"destinations/z.yaml": SHOP}))

    def test_no_such_folder(self, tmp_path: Path) -> None:
        with pytest.raises(TemplateError, match="nowhere"):
            Library(tmp_path / "nowhere")

    def test_base_is_merged_deeply_and_loses(self, tmp_path: Path) -> None:
        base = "shadow: {contact: 0.1, cast: 0.2}\nbackground: {kind: surface, material: wood}\nrecipe: cutout\n"
        style = STYLE + 'shadow: {cast: 0.9}\nbackground: {kind: colour, colour: "#ff0000"}\n'
        library = Library(folder(tmp_path, {"styles/base.yaml": base, "styles/p.yaml": style}))
        template = library.template("plain")
        assert (template.shadow.contact, template.shadow.cast, template.recipe) == (0.1, 0.9, "cutout")
        assert template.background.model_dump() == {"kind": "colour", "colour": "#ff0000"}

    def test_pictures_come_with_their_digest(self, tmp_path: Path) -> None:
        style = STYLE + "background: {kind: image, path: ../assets/wall.jpg}\n"
        root = folder(tmp_path, {"assets/wall.jpg": "not really a picture", "styles/p.yaml": style})
        library = Library(root)
        digest = digest_bytes(b"not really a picture")
        assert library.template("plain").background.model_dump()["digest"] == digest
        assert library.asset(digest) == b"not really a picture"
        assert list(library.assets()) == [(digest, b"not really a picture")]
        with pytest.raises(UnknownTemplate):
            library.asset("0" * 64)
