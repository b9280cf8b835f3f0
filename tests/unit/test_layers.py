"""Layers of a style: which file has the last word, where each value is from, and which file an error is of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import TemplateError, UnknownTemplate
from studio.product import Product
from templates.layers import Layer, fields_of, stacked
from templates.library import Library
from templates.reading import merged

SHOP = "id: shop\ntitle: Shop\nwidth: 64\nheight: 64\nmax_bytes: 1000\nsources: [{title: made for tests, date: 2026-11-22}]\n"
STYLE = "id: clog\ntitle: Clog\noutputs: [shop]\n"
BRAND = """
id: acme
title: Acme
matches: [Acme, "ACME Ltd"]
palette: {primary: "#aa0000", paper: "#fafafa"}
forbidden_looks: {materials: [wood], relights: [rim]}
style: {shadow: {colour: $primary}}
by_use:
  lifestyle: {background: {kind: gradient, top: $paper, bottom: $primary}}
"""


def folder(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"destinations/shop.yaml": SHOP, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def library(root: Path, **files: str) -> Library:
    names = {"base": "styles/base.yaml", "industry": "styles/shoes/industry.yaml", "style": "styles/shoes/clog.yaml"}
    names |= {"brand": "brands/acme.yaml", "selection": "selection.yaml", "other": "styles/other.yaml"}
    return Library(folder(root, {names[name]: text for name, text in files.items()}))


def refused(root: Path, **files: str) -> str:
    with pytest.raises(TemplateError) as caught:
        library(root, **files)
    return caught.value.message


class TestOrder:
    BASE = "shadow: {contact: 0.1, cast: 0.1, colour: '#000001'}\n"
    INDUSTRY = "industry: shoes\nshadow: {contact: 0.2, cast: 0.2}\n"

    def test_base_then_industry_then_style(self, tmp_path: Path) -> None:
        made = library(tmp_path, base=self.BASE, industry=self.INDUSTRY, style=STYLE + "shadow: {contact: 0.3}\n")
        look = made.template("clog")
        assert (look.shadow.contact, look.shadow.cast, look.shadow.colour, look.industry) == (0.3, 0.2, "#000001", "shoes")
        assert [t.id for t in made.templates()] == ["clog"]

    def test_a_style_elsewhere_does_not_see_the_industry(self, tmp_path: Path) -> None:
        made = library(tmp_path, base=self.BASE, industry=self.INDUSTRY, other=STYLE)
        assert made.template("clog").shadow.contact == 0.1

    def test_a_kept_version_stands_on_its_own(self, tmp_path: Path) -> None:
        files = {"styles/base.yaml": self.BASE, "styles/clog@1.yaml": STYLE, "styles/clog.yaml": STYLE + "version: 2\n"}
        made = Library(folder(tmp_path, files))
        assert (made.template("clog@1").shadow.contact, made.template("clog").shadow.contact) == (0.6, 0.1)

    def test_a_kept_version_is_what_its_name_says(self, tmp_path: Path) -> None:
        with pytest.raises(TemplateError, match=r"clog@1\.yaml: version: .*clog@2"):
            Library(folder(tmp_path, {"styles/clog@1.yaml": STYLE + "version: 2\n"}))

    def test_origins(self, tmp_path: Path) -> None:
        made = library(tmp_path, base=self.BASE, industry=self.INDUSTRY, style=STYLE + "qa: {fill: {max: 0.9}}\n", brand=BRAND)
        look, origin = made.explained("clog", "acme")
        assert look == made.for_product(made.template("clog"), Product(sku="1", brand=" acme LTD "))
        assert look.key == "clog@1+acme"
        assert origin["shadow.contact"] == "styles/shoes/industry.yaml"
        assert origin["shadow.colour"] == origin["brand"] == "brands/acme.yaml"
        assert (origin["qa.fill.max"], origin["qa.fill.min"]) == ("styles/shoes/clog.yaml", "default")
        assert origin["light.azimuth_deg"] == "default"
        assert set(origin) == {".".join(field) for field, _ in fields_of(look.model_dump(mode="json"))}

    def test_without_brand_the_base_has_its_word(self, tmp_path: Path) -> None:
        _, origin = library(tmp_path, base=self.BASE, style=STYLE).explained("clog")
        assert origin["shadow.colour"] == "styles/base.yaml"

    def test_another_kind_of_ground_forgets_the_old_one(self, tmp_path: Path) -> None:
        industry = "background: {kind: surface, material: slate, wall: '#101010'}\n"
        style = STYLE + "background: {kind: colour, colour: '#ff0000'}\n"
        look, origin = library(tmp_path, industry=industry, style=style).explained("clog")
        assert look.background.model_dump() == {"kind": "colour", "colour": "#ff0000"}
        assert "background.wall" not in origin

    def test_pictures_are_found_from_the_file_that_names_them(self, tmp_path: Path) -> None:
        folder(tmp_path, {"styles/shoes/wall.jpg": "one", "styles/wall.jpg": "two"})
        industry = "backgrounds: {hero: {kind: image, path: wall.jpg}}\nscene: {reference: ../wall.jpg}\n"
        made = library(tmp_path, industry=industry, style=STYLE)
        look = made.template("clog")
        assert made.asset(look.backgrounds["hero"].model_dump()["digest"]) == b"one"
        assert made.asset(look.scene.reference_digest) == b"two"


class TestErrors:
    def test_the_file_that_states_it_is_named(self, tmp_path: Path) -> None:
        said = refused(tmp_path, industry="shadow: {contact: 3}\n", style=STYLE)
        assert "industry.yaml: shadow.contact" in said
        assert "clog.yaml" not in said

    def test_also_when_the_layers_only_clash_together(self, tmp_path: Path) -> None:
        industry = "fallback: [{composition: {fill: 0.9}}]\ncomposition: {margins: {left: 0.1}}\n"
        said = refused(tmp_path, industry=industry, style=STYLE + "composition: {fll: 0.1}\n")
        assert "clog.yaml: composition.fll: Extra inputs" in said

    def test_kinds_are_not_taken_for_fields(self, tmp_path: Path) -> None:
        said = refused(tmp_path, style=STYLE + "background: {kind: surface, material: velvet}\n")
        assert "clog.yaml: background.material: " in said

    def test_types_are_not_taken_for_fields(self, tmp_path: Path) -> None:
        said = refused(tmp_path, style=STYLE + "recolour: {target: red}\n")
        assert "clog.yaml: recolour.target: " in said

    def test_all_are_told_at_once(self, tmp_path: Path) -> None:
        said = refused(tmp_path, style=STYLE + "titel: x\n", brand="id: acme\ntitel: Acme\n", selection="rule: []\n")
        assert all(f"{name}.yaml" in said for name in ("clog", "acme", "selection"))

    def test_a_shared_file_is_checked_without_a_style(self, tmp_path: Path) -> None:
        assert "industry.yaml: shadows" in refused(tmp_path, industry="shadows: {}\n")

    def test_rules_name_templates_that_exist(self, tmp_path: Path) -> None:
        rules = "rules: [{id: all, templates: [clogs], because: why}]\n"
        assert "selection.yaml: rules.all.templates: no template 'clogs'; close: clog" in refused(
            tmp_path, style=STYLE, selection=rules
        )


class TestBrands:
    def test_the_palette_is_written_in(self, tmp_path: Path) -> None:
        made = library(tmp_path, style=STYLE + "use: lifestyle\n", brand=BRAND)
        look = made.for_product(made.template("clog"), Product(sku="1", brand="Acme"))
        assert (look.shadow.colour, look.background.model_dump()["bottom"]) == ("#aa0000", "#aa0000")

    def test_only_lifestyle_styles_get_what_is_for_them(self, tmp_path: Path) -> None:
        made = library(tmp_path, style=STYLE, brand=BRAND)
        assert made.for_product(made.template("clog"), Product(sku="1", brand="Acme")).background.kind == "white"

    @pytest.mark.parametrize("brand", ["", "Acm", "Acme Inc"])
    def test_other_products_keep_the_style(self, tmp_path: Path, brand: str) -> None:
        made = library(tmp_path, style=STYLE, brand=BRAND)
        look = made.template("clog")
        assert made.for_product(look, Product(sku="1", brand=brand)) is look

    def test_worked_out_once_and_never_twice(self, tmp_path: Path) -> None:
        made = library(tmp_path, style=STYLE, brand=BRAND)
        product = Product(sku="1", brand="Acme")
        look = made.for_product(made.template("clog"), product)
        assert made.for_product(made.template("clog"), product) is look
        assert made.for_product(look, product) is look

    def test_a_changed_look_keeps_its_change(self, tmp_path: Path) -> None:
        made = library(tmp_path, style=STYLE, brand=BRAND)
        look = made.template("clog").model_copy(update={"upscale": made.template("clog").upscale.model_copy(update={"above": 3})})
        branded = made.for_product(look, Product(sku="1", brand="Acme"))
        assert (branded.upscale.above, branded.shadow.colour) == (3, "#aa0000")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (BRAND + "logo: {uri: x, clear: 1}\n", "logo.clear"),
            (BRAND.replace("$primary", "$primry"), "style: Value error, $primry is not in the palette, which has paper, primary"),
            (BRAND.replace("shadow: {colour", "version: 2, shadow: {colour"), "a brand changes no version"),
            (BRAND.replace("shadow: {colour", "shdow: {colour"), "a brand changes no shdow"),
            (BRAND.replace("aa0000", "aa00"), "palette.primary"),
        ],
    )
    def test_typing_errors(self, tmp_path: Path, text: str, said: str) -> None:
        told = refused(tmp_path, style=STYLE, brand=text)
        assert "acme.yaml" in told
        assert said in told

    def test_a_rule_that_fits_no_style_names_both(self, tmp_path: Path) -> None:
        made = library(tmp_path, style=STYLE, brand=BRAND.replace("shadow: {colour", "shadow: {tint"))
        with pytest.raises(TemplateError, match=r"acme\.yaml: style\.shadow\.tint: .*clog@1"):
            made.explained("clog", "acme")

    def test_forbidden_looks(self, tmp_path: Path) -> None:
        style = STYLE + "backgrounds: {hero: {kind: surface, material: wood}}\nrelight: {preset: rim}\n"
        made = library(tmp_path, style=style, brand=BRAND)
        with pytest.raises(TemplateError, match=r"acme\.yaml: forbidden_looks: clog@1 has .*hero\.material: wood.*rim"):
            made.for_product(made.template("clog"), Product(sku="1", brand="Acme"))

    def test_no_two_brands_of_one_name(self, tmp_path: Path) -> None:
        twin = BRAND.replace("id: acme", "id: twin").replace('"ACME Ltd"', "acme ltd")
        with pytest.raises(TemplateError, match=r"twin\.yaml.*'acme'.*acme\.yaml"):
            Library(folder(tmp_path, {"styles/c.yaml": STYLE, "brands/acme.yaml": BRAND, "brands/twin.yaml": twin}))

    def test_unknown(self, tmp_path: Path) -> None:
        with pytest.raises(UnknownTemplate, match="acme"):
            library(tmp_path, style=STYLE, brand=BRAND).explained("clog", "acmee")


VALUES = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "kind"]), inner, max_size=3),
    max_leaves=6,
)
DATA = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES, max_size=3), min_size=1, max_size=4)


@settings(max_examples=80, deadline=None)
@given(DATA)
def test_every_field_is_from_the_last_layer_that_says_it(datas: list[dict[str, Any]]) -> None:
    layers = [Layer(str(i), Path(str(i)), data) for i, data in enumerate(datas)]
    data, origins = stacked(layers)
    expected: dict[str, Any] = {}
    for layer in datas:
        expected = merged(expected, layer)
    assert data == expected
    for field, value in fields_of(data):
        assert (field, value) in list(fields_of(origins[field].data))
    assert set(origins) == {field for field, _ in fields_of(data)}
