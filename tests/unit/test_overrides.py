"""Edits: whatever is valid gives a valid template or an error that names the field; nothing given is ever ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from serve_apps.request.edits import Edits
from serve_apps.request.overrides import apply_edits
from serve_apps.request.refused import BadEdit
from studio.destination import Destination
from studio.errors import InputError, NotSupported, PackshotError
from studio.qa.policy import limits
from studio.template import Template
from tests import shipped

LIBRARY = shipped.library()
STORED = "ab" * 32
OTHER = "cd" * 32
UNIT = (0.0, 0.31, 1.0)
COLOURS = ("#000000", "#2a6fb0", "#FFFFFF")
SIDE = (0, 0.1, "5%", "12.5%", "40px", {"top": "3%", "left": 0.2})

VALUES: dict[str, tuple[Any, ...]] = {
    "cutout.model": ("birefnet", "fake-matte"),
    "cutout.refiner": ("closed_form", "none"),
    "cutout.despill": (False,),
    "cutout.keep_alpha": ("never",),
    "cutout.second_pass": (False,),
    "cutout.roi": ({"x": 0.1, "y": 0.2, "width": 0.5, "height": 0.5}, {"width": 1, "height": 0.4}),
    "cutout.prompt": ("the bottle",),
    "cutout.negative_prompt": ("the hand",),
    "layout.output_size": ({"width": 640, "height": 480},),
    "layout.margin": SIDE,
    "layout.padding": SIDE[1:],
    "layout.reference_box": ("photo",),
    "layout.scaling": ("fill",),
    "layout.align_x": ("left", "right"),
    "layout.align_y": ("top", "bottom"),
    "layout.snap_cropped_sides": (False,),
    "layout.target_fill": (0.3, 1),
    "layout.baseline": (0.5, 0.9),
    "background.color": ("#2a6fb0", "white", "#ffffff", "transparent"),
    "background.gradient": ({"top": "#ffffff", "bottom": "#cccccc"},),
    "background.surface": ({"material": "marble"}, {"material": "linen", "tint": "#ffffff", "horizon": 0.5}),
    "background.image": (STORED, OTHER),
    "background.blur": (0.8, 0.0),
    "background.seed": (0, 2**63 - 1),
    "background.prompt": ("on a beach",),
    "background.negative_prompt": ("people",),
    "background.reference": ({"url": "https://shop.example/look.jpg"}, {"image": STORED, "influence": 0.3}),
    "shadow.mode": ("none", "contact", "soft", "hard", "floating"),
    "shadow.direction": (0, -180, "right", "front_left"),
    "shadow.elevation": (5, 70),
    "shadow.spread": ("short", "long"),
    "shadow.intensity": (0.11, 1.0),
    "shadow.softness": (0.0, 0.95),
    "shadow.color": COLOURS[1:],
    "shadow.pose": ("flat_lay",),
    "shadow.reflection": (0.5,),
    "lighting.mode": ("relight",),
    "lighting.preset": ("window", "softbox", "overhead", "sun", "evening"),
    "lighting.direction": (0, 180),
    "lighting.elevation": (5, 90),
    "lighting.softness": UNIT,
    "lighting.temperature_k": (2000, 9000),
    "lighting.strength": (0.8,),
    "recolour.region": ("colour",),
    "recolour.source": ("#b02a30",),
    "recolour.tolerance": (7, 60),
    "recolour.target": ("#2a6fb0", {"l": 42, "a": 31, "b": -12.5}, {"l": 50, "a": 127, "b": -128}),
    "upscale.model": ("span-x4",),
    "upscale.above": (1, 3.5),
    "export.format": ("webp", "png", "avif", "jpeg"),
    "export.quality": (1, 60, 100),
    "export.subsampling": ("4:2:0",),
    "export.dpi": (72, 1200),
    "export.max_bytes": (1000, 500_000, 10**9),
    "export.icc": ("original",),
    "export.metadata": ("keep",),
    "text_removal": ("artificial", "natural", "all"),
}
"""Values of every field that differ from what `lifestyle-wood` at `shopify` has, or that no engine here can do."""
ALREADY_SO = {
    "shadow.pose": "upright",
    "lighting.mode": "set",
    "export.icc": "srgb",
    "export.metadata": "minimal",
    "recolour.region": "product",
}
"""Values that say what is done anyhow."""
ORDINARY: dict[str, Any] = {"export.format": "jpeg"}
"""A value that the look has already, beside those that change it."""
REFUSED_ELSEWHERE = ("background.color",)
"""Transparent: the fault lies with the format."""
NEEDS: dict[str, dict[str, Any]] = {
    "lighting.strength": {"mode": "relight", "preset": "window"},
    "recolour.region": {"source": "#b02a30", "target": "#2a6fb0"},
    "recolour.source": {"region": "colour", "target": "#2a6fb0"},
    "recolour.tolerance": {"region": "colour", "source": "#b02a30", "target": "#2a6fb0"},
}


def all_fields() -> list[str]:
    names = []
    for group, field in Edits.model_fields.items():
        models = [kind for kind in getattr(field.annotation, "__args__", ()) if hasattr(kind, "model_fields")]
        names += [f"{group}.{name}" for model in models for name in model.model_fields] or [group]
    return names


def nested(fields: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in fields.items():
        group, _, field = name.partition(".")
        if field:
            body.setdefault(group, {})[field] = value
        else:
            body[group] = value
    return body


def attempt(work: Callable[[], Any]) -> Any:
    """What it gives, or the typed error it raises."""
    try:
        return work()
    except (BadEdit, NotSupported, ValidationError) as error:
        return error


def look(name: str = "lifestyle-wood", places: tuple[str, ...] = ("shopify",)) -> tuple[Template, tuple[Destination, ...]]:
    return LIBRARY.template(name), tuple(LIBRARY.destination(place) for place in places)


def edited(body: dict[str, Any], name: str = "lifestyle-wood", places: tuple[str, ...] = ("shopify",)) -> Any:
    return apply_edits(*look(name, places), Edits.model_validate(body), has_blob=lambda digest: digest == STORED)


def test_the_table_knows_every_field() -> None:
    assert set(VALUES) == set(all_fields())


@pytest.mark.parametrize("name", all_fields())
def test_every_field_changes_something_or_is_refused_by_name(name: str) -> None:
    for value in VALUES[name]:
        group, _, field = name.partition(".")
        body = {group: {**NEEDS.get(name, {}), field: value}} if field else {group: value}
        changed = attempt(lambda body=body: edited(body))
        if isinstance(changed, PackshotError):
            assert f"edits.{name}" in changed.message or name in REFUSED_ELSEWHERE, changed.message
        else:
            assert changed != look() or ORDINARY.get(name) == value, f"{name}={value!r} was ignored"


@st.composite
def any_edits(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=8, unique=True))
    fields = {name: draw(st.sampled_from((*VALUES[name], ALREADY_SO.get(name, VALUES[name][0])))) for name in names}
    if any(name.startswith("recolour.") for name in fields):
        fields.setdefault("recolour.target", "#2a6fb0")
    return nested(fields)


@given(
    any_edits(), st.sampled_from(LIBRARY.templates()), st.lists(st.sampled_from(LIBRARY.destinations()), min_size=1, max_size=3)
)
@settings(max_examples=150, deadline=None)
def test_any_edits_give_a_valid_look_or_a_typed_error(
    body: dict[str, Any], template: Template, places: list[Destination]
) -> None:
    edits = attempt(lambda: Edits.model_validate(body))
    if isinstance(edits, ValidationError):
        assert all(item["loc"] for item in edits.errors())
        return
    assert Edits.model_validate_json(edits.model_dump_json()) == edits
    result = attempt(lambda: apply_edits(template, places, edits, has_blob=lambda digest: digest == STORED))
    if isinstance(result, PackshotError):
        assert "edits." in result.message
        assert result.http_status in (422, 501)
        return
    changed, made = result
    assert Template.model_validate_json(changed.model_dump_json()) == changed
    assert [Destination.model_validate_json(place.model_dump_json()) for place in made] == list(made)
    assert (changed.id, changed.version, [place.id for place in made]) == (template.id, template.version, [p.id for p in places])
    for place, before in zip(made, places, strict=True):
        assert place.encoding.format in before.accepts
        assert place.max_bytes <= before.max_bytes
        assert place.encoding.floor <= place.encoding.quality
        assert limits(changed, place)["bytes"].max == place.max_bytes


@given(st.sampled_from(LIBRARY.templates()))
def test_no_edits_change_nothing(template: Template) -> None:
    places = tuple(LIBRARY.destination(name) for name in template.outputs)
    groups = {name: {} for name in Edits.model_fields if name not in ("text_removal", "recolour")}
    assert apply_edits(template, places, Edits.model_validate(groups), has_blob=lambda _: False) == (template, places)


class TestMeaning:
    def test_margins_in_percent_pixels_and_fractions(self) -> None:
        size = {"output_size": {"width": 1000, "height": 500}}
        template, _ = edited({"layout": {**size, "margin": {"top": "50px", "left": "50px", "right": "7%", "bottom": 0.1}}})
        assert template.composition.margins.model_dump() == {"top": 0.1, "left": 0.05, "right": 0.07, "bottom": 0.1}

    def test_padding_adds_to_the_margin_and_decides_the_size(self) -> None:
        template, _ = edited({"layout": {"margin": 0.1, "padding": "5%"}})
        assert template.composition.margins.left == pytest.approx(0.15)
        assert template.composition.fill == 1.0

    def test_pixels_need_one_size(self) -> None:
        with pytest.raises(BadEdit, match=r"edits\.layout\.margin: pixels"):
            edited({"layout": {"margin": "40px"}}, places=("shopify", "web-hero"))

    def test_margins_leave_room(self) -> None:
        with pytest.raises(BadEdit, match=r"edits\.layout\.padding"):
            edited({"layout": {"margin": 0.4, "padding": 0.4}})

    def test_alignment_takes_the_baseline_out(self) -> None:
        template, _ = edited({"layout": {"align_y": "top"}})
        assert (template.composition.align_y, template.composition.baseline) == ("top", None)

    def test_a_shadow_falls_where_the_light_does_not_come_from(self) -> None:
        template, _ = edited({"shadow": {"direction": "left", "spread": "long", "mode": "hard", "intensity": 0.5}})
        assert (template.light.azimuth_deg, template.light.elevation_deg) == (90, 25)
        assert (template.shadow.cast, template.light.softness) == (0.5, 0.1)

    def test_shadow_and_light_must_agree(self) -> None:
        with pytest.raises(BadEdit, match=r"edits\.shadow\.direction"):
            edited({"shadow": {"direction": "left"}, "lighting": {"direction": -90}})
        template, _ = edited({"shadow": {"direction": "left"}, "lighting": {"direction": 90, "preset": "evening"}})
        assert template.light.temperature_k == 3400

    def test_a_destination_insists_on_its_ground(self) -> None:
        with pytest.raises(BadEdit, match=r"edits\.background\.color: destination amazon-main wants a white"):
            edited({"background": {"color": "#2a6fb0"}}, "amazon-white", ("amazon-main",))
        template, _ = edited({"background": {"color": "#FFFFFF"}}, "amazon-white", ("amazon-main",))
        assert template.background.kind == "white"

    def test_transparency_needs_a_format_that_has_it(self) -> None:
        with pytest.raises(BadEdit, match=r"edits\.export\.format"):
            edited({"background": {"color": "transparent"}})
        _, (place,) = edited({"background": {"color": "transparent"}, "export": {"format": "png"}})
        assert place.encoding.format == "png"

    def test_a_background_picture_must_be_there(self) -> None:
        with pytest.raises(BadEdit, match=r"edits\.background\.image"):
            edited({"background": {"image": OTHER}})
        template, _ = edited({"background": {"image": STORED, "blur": 0.4}})
        assert (template.background.digest, template.background.blur) == (STORED, 0.4)

    def test_models_are_known_by_task(self) -> None:
        with pytest.raises(BadEdit, match=r"edits\.cutout\.model: no matting model 'span-x2'"):
            edited({"cutout": {"model": "span-x2"}})

    def test_a_template_limit_on_what_was_changed_is_dropped_and_a_destinations_is_not(self) -> None:
        template, (place,) = edited({"layout": {"target_fill": 0.95}})
        assert "fill" not in template.qa
        amazon, (main,) = edited({"layout": {"target_fill": 0.5}}, "amazon-white", ("amazon-main",))
        assert limits(amazon, main)["fill"].min == 0.85

    def test_a_bare_cut_out_has_no_layout(self) -> None:
        bare = next((t for t in LIBRARY.templates() if t.recipe == "cutout"), None)
        template = bare or LIBRARY.template("transparent").model_copy(update={"recipe": "cutout"})
        place = LIBRARY.destination("web-transparent")
        for body in ({"layout": {"margin": 0.1}}, {"shadow": {"mode": "soft"}}, {"background": {"color": "white"}}):
            with pytest.raises(BadEdit, match=f"edits.{next(iter(body))}"):
                apply_edits(template, (place,), Edits.model_validate(body), has_blob=lambda _: True)

    def test_a_colour_outside_srgb_is_refused(self) -> None:
        with pytest.raises(BadEdit, match=r"edits\.recolour\.target"):
            edited({"recolour": {"target": {"l": 50, "a": 127, "b": -128}}})

    def test_a_generator_paints_what_is_asked(self) -> None:
        template, places = look()

        def painted(body: dict[str, Any], name: str = "sdxl") -> Template:
            made, _ = apply_edits(
                template, places, Edits.model_validate({"background": body}), has_blob=lambda d: d == STORED, generator=name
            )
            return made

        made = painted({"prompt": "a sandy beach at noon", "negative_prompt": "people", "seed": 7})
        assert (made.scene.engine, made.scene.model, made.scene.mode, made.scene.seed) == ("diffusers", "sdxl", "inpaint", 7)
        assert (made.prompt.scene, made.prompt.negative) == ("a sandy beach at noon", ("people",))
        assert painted({"prompt": "a beach"}, "qwen-image-edit-2509").scene.mode == "edit"
        followed = painted({"reference": {"image": STORED, "influence": 0.3}})
        assert (followed.scene.reference_digest, followed.scene.influence) == (STORED, 0.3)
        assert followed.prompt == template.prompt
        with pytest.raises(BadEdit, match=r"background\.reference\.image"):
            painted({"reference": {"image": OTHER}})
        white = LIBRARY.template("amazon-white"), (LIBRARY.destination("amazon-main"),)
        with pytest.raises(BadEdit, match="amazon-main wants a white ground"):
            apply_edits(*white, Edits.model_validate({"background": {"prompt": "a beach"}}), has_blob=bool, generator="sdxl")

    def test_what_no_engine_can_do_answers_501(self) -> None:
        with pytest.raises(NotSupported) as caught:
            edited({"background": {"prompt": "on a beach"}})
        assert (caught.value.code, caught.value.http_status) == ("not_supported", 501)
        assert not isinstance(caught.value, InputError)
        assert isinstance(caught.value, PackshotError)


def test_what_a_look_cannot_have_is_refused_by_its_field() -> None:
    edits = Edits.model_validate({"layout": {"align_y": "top"}})
    with pytest.raises(BadEdit) as refused:
        apply_edits(LIBRARY.template("photography-angles"), LIBRARY.destinations()[:1], edits, has_blob=lambda _: True)
    assert refused.value.field.startswith("edits.layout")
    assert "same_scale" in refused.value.message
