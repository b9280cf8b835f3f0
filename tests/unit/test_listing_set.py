"""Sets of a product page: what they expand to, names, alternative texts, rules, the spin's manifest, the zip."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipelines.listing_files import Entry, identifier, named, packed, spin_files, write_set
from pipelines.listing_rules import held
from studio.alt_text import WORDS, alt_text, shortened
from studio.briefs.listing_set import Frame, ListingSetBrief
from studio.destination import Naming
from studio.errors import InputError, MissingInput, TemplateError
from studio.keys import digest_bytes
from studio.models.base import LocalModels
from studio.models.registry import Registry
from studio.product import Dimensions, ImageRole, Product, ProductImage
from studio.recipes.catalogue import recipe
from studio.recipes.listing_set import expanded
from studio.setups import fitting
from studio.shot import Asset, Done, Failed, Report, Shot
from studio.steps.crop import rank_of
from studio.template import Template
from templates.shotlist import NoRelatives, ShotList
from tests import shipped

LIBRARY = shipped.library()
FAMILY = ShotList(LIBRARY, NoRelatives())


KNOWN: dict[str, Any] = {
    "attributes": {"material": "Stoneware", "care": "Dishwasher safe", "colour": "White"},
    "dimensions": Dimensions(width_mm=118.1, height_mm=95.0),
}


def photo(role: ImageRole, number: int = 1) -> ProductImage:
    return ProductImage(uri=f"{role}-{number}.jpg", role=role, digest=digest_bytes(f"{role}{number}".encode()))


def product(*roles: ImageRole, **more: Any) -> Product:
    images = tuple(photo(role, k) for k, role in enumerate((ImageRole.FRONT, *roles), start=1))
    facts: dict[str, Any] = {"sku": "NL-MUG-01", "title": "Classic Mug", "images": images, **more}
    return Product(**facts)


def jpeg(side: int = 40, grey: int = 200) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), (grey, grey, grey)).save(file, "JPEG")
    return file.getvalue()


def entries(of: Product, template: str = "listing-shopify") -> tuple[list[Entry], dict[str, bytes]]:
    """The set as if every picture had been made and released."""
    blobs: dict[str, bytes] = {}
    found = []
    for place, (frame, setup) in enumerate(expanded(of, LIBRARY.template(template), FAMILY).pictures):
        assert setup.template is not None
        for shot in FAMILY.shots(of, setup.template, setup):
            data = jpeg(grey=place * 9 % 256)
            blobs[digest_bytes(data)] = data
            asset = Asset(digest=digest_bytes(data), media_type="image/jpeg", width=40, height=40, bytes=len(data))
            found.append(Entry(frame, shot, Done(asset=asset, report=Report(measurements={"scale": 1.5}))))
    return found, blobs


def with_brief(**more: Any) -> Template:
    base = LIBRARY.template("listing-shopify")
    return base.model_copy(update={"brief": ListingSetBrief(**more)})


def test_slots_follow_the_frames_and_say_what_is_left_out() -> None:
    found = expanded(product(ImageRole.ANGLE, ImageRole.ANGLE, **KNOWN), LIBRARY.template("listing-shopify"), FAMILY)
    slots = [setup.slot for _, setup in found.pictures]
    assert slots == ["01-main", "02-scene", "03-detail", "04-measures", "05-features", "07-size", "08-angle-1", "08-angle-2"]
    assert found.left_out.keys() == {"colours", "spin"}
    assert all("NL-MUG-01" in why for why in found.left_out.values())


def test_what_the_data_lacks_is_left_out_before_anything_is_made() -> None:
    found = expanded(product(), LIBRARY.template("listing-shopify"), FAMILY)
    assert {"measures", "features", "size"} <= found.left_out.keys()
    assert "width_mm" in found.left_out["measures"]
    assert "material" in found.left_out["features"]


def test_a_spin_keeps_its_order_and_its_own_place() -> None:
    found = expanded(product(*[ImageRole.SPIN] * 12), LIBRARY.template("listing-shopify"), FAMILY)
    turns = [setup for frame, setup in found.pictures if frame.name == "spin"]
    assert [setup.images[0].uri for setup in turns] == [f"spin-{k}.jpg" for k in range(2, 14)]
    assert len({setup.slot for setup in turns}) == 12
    assert {setup.outputs for setup in turns} == {("web-square",)}


def test_what_a_frame_needs_is_an_error_unless_it_is_optional() -> None:
    frames = (Frame(name="main", template="amazon-white"), Frame(name="turn", template="listing-spin"))
    with pytest.raises(MissingInput, match=r"NL-MUG-01: turn.*spin"):
        expanded(product(), with_brief(frames=frames), FAMILY)


def test_a_set_inside_a_set_is_refused() -> None:
    with pytest.raises(TemplateError, match="listing set itself"):
        expanded(product(), with_brief(frames=(Frame(name="main", template="listing-ebay"),)), FAMILY)


def test_names_of_frames_are_told_apart() -> None:
    with pytest.raises(ValueError, match="twice"):
        ListingSetBrief(frames=(Frame(name="a", template="x"), Frame(name="a", template="y")))


def test_every_picture_is_an_ordinary_setup_of_its_own_look() -> None:
    template, one = LIBRARY.template("listing-amazon"), product()
    made = recipe("listing-set").setups(one, template, fitting(one, template), FAMILY)
    looks = [setup.template for setup in made]
    assert all(look is not None and look.recipe != "listing-set" for look in looks)
    assert made[0].outputs == ("amazon-main",)


@pytest.mark.parametrize(("slot", "rank"), [("detail", 1), ("detail-2", 2), ("04-detail-3", 3), ("04-detail-b-1", 1)])
def test_a_slot_says_which_detail_it_is(slot: str, rank: int) -> None:
    assert rank_of(slot) == rank


def test_amazon_names_have_no_dashes_and_variant_codes() -> None:
    naming = LIBRARY.destination("amazon-main").naming
    assert naming is not None
    assert identifier(product(attributes={"ASIN": "B000123456"}), naming) == "B000123456"
    assert identifier(product(), naming) == "NLMUG01"
    assert [named(naming, "B000123456", k, "01-main") for k in (0, 1, 12)] == [
        "B000123456.MAIN",
        "B000123456.PT01",
        "B000123456.PT12",
    ]


@given(st.text(min_size=1, max_size=200).filter(lambda text: bool(text.strip())))
def test_any_sku_gives_a_plain_file_name_or_an_error(sku: str) -> None:
    one = Product(sku=sku)
    try:
        name = identifier(one, Naming())
    except InputError as error:
        assert "supply" in error.message  # noqa: PT017 - either outcome is right
        return
    assert name
    assert "/" not in name
    assert not name.startswith(".")


def test_files_are_numbered_without_gaps_and_held_against_the_rules(tmp_path: Path) -> None:
    of = product(
        ImageRole.SPIN, ImageRole.SPIN, attributes={"material": "Stoneware", "care": "Dishwasher safe", "colour": "White"}
    )
    found, blobs = entries(of, "listing-shopify")
    found[1].outcome = Failed(code="missing_input", message="no")
    place = LIBRARY.destination("shopify")
    write_set(of, found, place, tmp_path, blobs.__getitem__, "en")
    names = [entry.name for entry in found]
    assert names[:3] == ["NL-MUG-01.jpg", "", "NL-MUG-01-detail.jpg"]
    assert names[-2:] == ["NL-MUG-01-spin-01.jpg", "NL-MUG-01-spin-02.jpg"]
    assert all((tmp_path / name).is_file() for name in names if name)
    rules = {rule.rule: rule for rule in held(of, found, place, LIBRARY.destination, LocalModels(Registry(tmp_path))).rules}
    assert not rules["released"].passed
    assert rules["main_first"].passed
    assert rules["names"].passed
    assert rules["spin_scale"].passed
    assert rules["alt_text"].passed


def test_amazon_files_are_main_and_parts_in_order(tmp_path: Path) -> None:
    of = product(**KNOWN)
    found, blobs = entries(of, "listing-amazon")
    write_set(of, found, LIBRARY.destination("amazon-main"), tmp_path, blobs.__getitem__, "en")
    assert [entry.name for entry in found][:3] == ["NLMUG01.MAIN.jpg", "NLMUG01.PT01.jpg", "NLMUG01.PT02.jpg"]


def test_a_spin_has_a_manifest_and_a_film(tmp_path: Path) -> None:
    of = product(*[ImageRole.SPIN] * 4)
    found, blobs = entries(of)
    write_set(of, found, LIBRARY.destination("shopify"), tmp_path, blobs.__getitem__, "en")
    about, film = spin_files(found, tmp_path)
    said = json.loads(about.read_text())
    assert said["step_degrees"] == 90
    assert [frame["degrees"] for frame in said["frames"]] == [0, 90, 180, 270]
    assert [(tmp_path / frame["file"]).is_file() for frame in said["frames"]] == [True] * 4
    with Image.open(film) as picture:
        assert getattr(picture, "n_frames", 1) == 4
    assert spin_files([entry for entry in found if not entry.spin], tmp_path) == ()


def test_the_same_files_give_the_same_zip(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.jpg", "b.jpg")]
    for file in files:
        file.write_bytes(jpeg())
    one, other = packed(files, tmp_path / "one.zip"), packed(files, tmp_path / "two.zip")
    assert one.read_bytes() == other.read_bytes()
    assert zipfile.ZipFile(one).namelist() == ["a.jpg", "b.jpg"]


TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=1, max_size=60)


@given(
    TEXTS,
    st.dictionaries(st.sampled_from(["colour", "material", "care"]), TEXTS),
    st.integers(20, 200),
    st.sampled_from(["en", "de"]),
)
def test_alternative_texts_keep_the_limit_and_say_nothing_unknown(
    title: str, attributes: dict[str, str], limit: int, language: str
) -> None:
    one = Product(sku="SKU", title=title, attributes=attributes, dimensions=Dimensions(width_mm=100))
    phrases = " ".join(WORDS[language].values())
    for name in ("amazon-white", "listing-dimensions", "listing-callouts", "listing-detail", "listing-variants"):
        look = LIBRARY.template(name)
        text = alt_text(one, look, ImageRole.FRONT, limit=limit, language=language)
        assert 0 < len(text) <= limit
        known = " ".join([title, *attributes.values(), phrases, "10 10,0 cm mm in", "SKU"])
        assert all(word.strip(",;:") in known for word in text.split())


def test_alternative_texts_by_look() -> None:
    one = product(
        attributes={"colour": "White", "material": "Glazed stoneware"}, dimensions=Dimensions(width_mm=118.1, height_mm=95)
    )
    say = {name: alt_text(one, LIBRARY.template(name), ImageRole.FRONT) for name in ("amazon-white", "listing-dimensions")}
    assert say["amazon-white"] == "Classic Mug, White, Glazed stoneware"
    assert say["listing-dimensions"] == "Classic Mug: 11.8\u00a0cm wide, 9.5\u00a0cm high".replace("\u00a0", " ")
    with pytest.raises(InputError, match="phrases"):
        alt_text(one, LIBRARY.template("amazon-white"), ImageRole.FRONT, language="xx")


def test_shortening_ends_between_words() -> None:
    assert shortened("a mug, white, glazed stoneware", 20) == "a mug, white"
    assert shortened("abcdefghij" * 3, 20) == "abcdefghij" * 2


def test_a_key_does_not_depend_on_the_set_it_is_in() -> None:
    one = product()
    for template in ("listing-amazon", "listing-ebay"):
        found = expanded(one, LIBRARY.template(template), FAMILY)
        frame, setup = found.pictures[0]
        assert frame.name == "main"
        assert setup.template is not None
        (shot,) = FAMILY.shots(one, setup.template, setup)
        assert isinstance(shot, Shot)
        assert recipe(shot.template.recipe).first(shot) == recipe("photography").first(shot)
