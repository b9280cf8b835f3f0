"""The facade's fields against the vendor's own file, and what their values become."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.facade.fields import EDIT, NOT_HERE, SEGMENT, Asked, Field, checked
from serve_apps.facade.lengths import canvas, colour, elevation, margins, shrunk
from serve_apps.facade.wanted import CUTOUT, PICTURE, edited, segmented
from studio.errors import InputError, NotSupported

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "schemas" / "photoroom" / "openapi.yaml"
ASSET = "a" * 64
WHITE = {"background.color": "FFFFFF"}


@lru_cache(maxsize=1)
def contract() -> dict[str, Any]:
    if not FILE.is_file():
        pytest.skip("the vendor's OpenAPI file is not at hand")
    document: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return document


def theirs(path: str) -> dict[str, Any]:
    """Fields of a call: of its query, which says more where there is one, and of its form."""
    document = contract()
    schema = document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    query = {one["name"]: one["schema"] for one in document["paths"][path].get("get", {}).get("parameters", ())}
    return {**schema["properties"], **query}


def agrees(ours: Field, schema: dict[str, Any]) -> bool:
    kinds = {schema.get("type")} if not isinstance(schema.get("type"), list) else set(schema["type"])
    for one in schema.get("anyOf", ()):
        kinds.add(one.get("type"))
    if ours.type == "binary":
        return schema.get("format") == "binary"
    wanted = {"length": {"number", "string"}}.get(ours.type, {ours.type})
    bounds = (schema.get("maximum"), schema.get("minimum"))
    return wanted <= kinds and (ours.most is None or bounds[0] == ours.most) and ours.values == tuple(schema.get("enum", ()))


@pytest.mark.parametrize(("path", "known"), [("/v1/segment", SEGMENT), ("/v2/edit", EDIT)])
def test_every_field_is_the_vendors_with_its_type_and_values(path: str, known: dict[str, Field]) -> None:
    fields = theirs(path)
    assert set(known) <= set(fields)
    wrong = [name for name, ours in known.items() if not agrees(ours, fields[name])]
    assert wrong == []


def test_every_field_of_the_vendors_is_taken_or_refused_by_name() -> None:
    assert set(theirs("/v1/segment")) == set(SEGMENT)
    rest = {name.replace("{key}", "1") for name in theirs("/v2/edit")} - set(EDIT)
    assert {name for name in rest if not NOT_HERE.fullmatch(name)} == set()
    assert not any(NOT_HERE.fullmatch(name) for name in EDIT)


@pytest.mark.parametrize(
    "name", ["textRemoval.mode", "background.blur.radius", "virtualModel.pose", "segmentation.prompt", "templateId"]
)
def test_what_nothing_here_does_is_named(name: str) -> None:
    with pytest.raises(NotSupported, match=name):
        checked(Asked({name: "x"}), EDIT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crop", "true"),
        ("export.format", "gif"),
        ("removeBackground", "yes"),
        ("export.dpi", "71"),
        ("export.dpi", "1e3"),
        ("shadow.mode", ""),
        ("imageFile", "not a file"),
        ("background.guidance.scale", "nan"),
        ("background.prompt", "a\0b"),
        ("backgroundColor", "red"),
    ],
)
def test_wrong_fields_are_named(name: str, value: str) -> None:
    with pytest.raises(InputError, match=name):
        checked(Asked({name: value}), EDIT)


@given(st.dictionaries(st.sampled_from([*EDIT, "textRemoval.mode", "nothing"]), st.text(max_size=12), max_size=6))
def test_any_form_is_an_order_or_refused(texts: dict[str, str]) -> None:
    try:
        wanted = edited(checked(Asked(texts), EDIT), ASSET, (640, 480), dict.fromkeys(("background.imageUrl",), ASSET))
    except (InputError, NotSupported, KeyError, ValueError):
        return
    assert (wanted.template, wanted.priority) == ("transparent", "urgent")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "outputSize": st.sampled_from(["auto", "originalImage", "200x400", "64x32"]),
            "margin": st.sampled_from(["0", "0.1", "12%", "10px"]),
            "paddingTop": st.sampled_from(["0.2", "20%", "5px"]),
            "background.color": st.sampled_from(["red", "00FF00", "FFF", "transparent", "12345600"]),
            "export.format": st.sampled_from(["png", "webp", "avif"]),
            "shadow.mode": st.sampled_from(["ai.soft", "ai.hard", "ai.preset-soft", "ai.auto-with-overrides"]),
            "verticalAlignment": st.sampled_from(["top", "bottom"]),
            "lighting.mode": st.sampled_from(["ai.auto"]),
            "export.dpi": st.sampled_from(["72", "300"]),
        },
    )
)
def test_what_is_allowed_is_an_order(texts: dict[str, str]) -> None:
    wanted = edited(checked(Asked(texts), EDIT), ASSET, (640, 480), {})
    clear = texts.get("background.color", "transparent") in ("transparent", "12345600")
    assert wanted.destinations == (CUTOUT if clear else PICTURE,)


def test_lengths_are_shares_of_what_margins_leave() -> None:
    found = margins(Asked({"margin": "0.1", "marginLeft": "100px", "padding": "50%", "paddingTop": "20px"}), (1000, 500))
    assert found["margin"].model_dump() == {"top": 0.1, "right": 0.1, "bottom": 0.1, "left": 0.1}
    assert found["padding"].model_dump() == {"top": 0.04, "right": 0.4, "bottom": 0.4, "left": 0.4}
    for wrong in ({"margin": "50%"}, {"padding": "1"}, {"marginTop": "600px"}, {"margin": "-1"}, {"margin": "ten"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            margins(Asked(wrong), (1000, 500))


def test_sizes() -> None:
    assert canvas(Asked({}), (3000, 2000)) == (3000, 2000)
    assert canvas(Asked({"outputSize": "200x400"}), (3000, 2000)) == (200, 400)
    assert canvas(Asked({"maxWidth": "300", "maxHeight": "1000"}), (3000, 2000)) == (300, 200)
    assert shrunk((3000, 2000), 250_000) == (612, 408)
    for wrong in ("0x10", "20000x20", "8000x8000", "big"):
        with pytest.raises(InputError, match="outputSize"):
            canvas(Asked({"outputSize": wrong}), (10, 10))
    with pytest.raises(NotSupported, match="croppedSubject"):
        canvas(Asked({"outputSize": "croppedSubject"}), (10, 10))
    with pytest.raises(InputError, match="maxWidth"):
        canvas(Asked({"outputSize": "20x20", "maxWidth": "30"}), (10, 10))


def test_colours() -> None:
    known = {"red": "#ff0000", "FF0000": "#ff0000", "#0f0": "#00ff00", "FF0000ff": "#ff0000", "FF000000": "transparent"}
    assert {text: colour("bg_color", text) for text in known} == known
    for wrong in ("reddish", "#12", "rgb(1,2,3)", "hsl(0,0%,0%)", "ff00gg"):
        with pytest.raises(InputError, match="bg_color"):
            colour("bg_color", wrong)
    with pytest.raises(NotSupported, match="bg_color"):
        colour("bg_color", "FF000080")


def test_shadows() -> None:
    texts = {
        "shadow.mode": "ai.auto-with-overrides",
        "shadow.directionOverride": "right",
        "shadow.spreadOverride": "long",
        **WHITE,
    }
    edits = edited(Asked(texts), ASSET, (64, 64), {}).edits
    assert edits is not None
    assert edits.shadow is not None
    assert (edits.shadow.mode, edits.shadow.direction, edits.shadow.elevation) == ("soft", -90, 25)
    assert [elevation(spread) for spread in (10.0, 45.0, 90.0)] == [65, 45, 25]
    for wrong in ({"shadow.directionOverride": "left"}, {"shadow.mode": "ai.soft", "shadow.intensityOverride": "1"}):
        with pytest.raises(InputError, match="auto-with-overrides"):
            edited(Asked(wrong), ASSET, (64, 64), {})
    with pytest.raises(NotSupported, match="subjectPose"):
        edited(Asked({**texts, "shadow.subjectPoseOverride": "flatlay"}), ASSET, (64, 64), {})


def test_one_ground_only() -> None:
    for other in ("background.prompt", "background.imageUrl"):
        with pytest.raises(InputError, match="exclude"):
            edited(Asked({other: "https://x.example/y", **WHITE}), ASSET, (64, 64), {other: ASSET})
    with pytest.raises(InputError, match="goes with"):
        edited(Asked({"background.negativePrompt": "people"}), ASSET, (64, 64), {})
    with pytest.raises(InputError, match="transparency"):
        segmented(Asked({"format": "jpg"}), ASSET, (64, 64))
