"""How generators are called, what their options mean, and what is given up without memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import LicenceForbidden, ModelNotConfigured, SettingsError, TemplateError
from studio.models.configured import parse
from studio.models.diffusion.brief import Brief, Painted
from studio.models.diffusion.ladder import Ladder, Relief
from studio.models.diffusion.options import fingerprint, read
from studio.models.diffusion.words import CachedWords
from studio.models.presets import PRESETS, preset
from studio.models.registry import Registry
from studio.take import U8

NAMES = sorted(set(PRESETS) - {"fake-scene"})
PICTURE = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_is_a_model_whose_sizes_a_network_can_make(name: str) -> None:
    card, chosen = Registry(Path()).card(name), preset(name)
    assert (card.task, card.id, card.licence) == ("generation", chosen.hub, chosen.licence)
    assert chosen.modes
    assert all(side % 16 == 0 for size in chosen.buckets for side in size)
    areas = [width * height for width, height in chosen.buckets]
    assert max(areas) / min(areas) < 1.8


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_the_users(name: str) -> None:
    with pytest.raises(ModelNotConfigured, match=f"models.configured.{name}"):
        Registry(Path()).create(name)


def test_an_unknown_generator_names_the_known_ones() -> None:
    with pytest.raises(TemplateError, match="sdxl-lightning"):
        preset("sdxl-lightening")


@given(st.integers(256, 4000), st.integers(256, 4000), st.sampled_from(sorted(PRESETS)))
@settings(max_examples=80, deadline=None)
def test_the_bucket_is_the_one_of_nearest_aspect(width: int, height: int, name: str) -> None:
    chosen = preset(name)
    found = chosen.bucket(width, height)

    def gap(size: tuple[int, int]) -> float:
        return abs(math.log(size[0] / size[1]) - math.log(width / height))

    assert found in chosen.buckets
    assert gap(found) <= min(gap(size) for size in chosen.buckets) + 1e-5
    assert chosen.bucket(2 * width, 2 * height) == found


@pytest.mark.parametrize(
    "text",
    ["a/b,step=4", "a/b,dtype=half", "a/b,compile=yes", "a/b,steps=0", "a/b,steps=2.5", "a/b,offload=gpu", "a/b,caching=-1"],
)
def test_wrong_options_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="sdxl|write"):
        read("sdxl", parse(text))


def test_options_are_read() -> None:
    told = read("sdxl", parse("a/b,dtype=float16,steps=12,guidance=3.5,compile=true,caching=0.1,quantisation=fp8,offload=model"))
    assert (told.dtype, told.steps, told.guidance, told.compile, told.caching) == ("float16", 12, 3.5, True, 0.1)
    assert (told.quantisation, told.offload, told.batch) == ("fp8", "model", 1)
    assert read("sdxl", parse("a/b")).guidance is None


def test_options_that_change_pixels_change_the_card() -> None:
    def key(text: str) -> dict[str, str]:
        return Registry(Path(), configured={"sdxl": text}).card("sdxl").key

    plain = key("a/b,revision=1")
    assert plain["revision"] == "1"
    assert key("a/b,revision=1,offload=model,device=cuda:1") == plain
    keys = [key(f"a/b,revision=1,{more}")["revision"] for more in ("steps=4", "steps=8", "dtype=float16", "guidance=2")]
    assert len({*keys, "1"}) == 5


def test_other_weights_count_by_what_is_in_them(tmp_path: Path) -> None:
    file = tmp_path / "unet.safetensors"
    file.write_bytes(b"one")
    first = fingerprint(parse(f"a/b,unet={file}"))
    file.write_bytes(b"other")
    assert fingerprint(parse(f"a/b,unet={file}")) != first


def test_non_commercial_generators_need_permission() -> None:
    with pytest.raises(LicenceForbidden, match="FLUX"):
        Registry(Path(), configured={"custom-scene": "black-forest-labs/FLUX.1-Fill-dev"}).create("custom-scene")


def test_equal_briefs_have_equal_digests_and_every_field_counts() -> None:
    brief = Brief("a table", (64, 48), 1, "inpaint", image=PICTURE, mask=PICTURE[..., 0])
    assert brief.digest == replace(brief, image=PICTURE.copy()).digest
    changed = [
        replace(brief, prompt="a chair"),
        replace(brief, negative="text"),
        replace(brief, seed=2),
        replace(brief, size=(48, 64)),
        replace(brief, mode="edit"),
        replace(brief, image=PICTURE[::-1]),
        replace(brief, mask=None),
        replace(brief, reference=PICTURE),
        replace(brief, influence=0.5),
        replace(brief, control="canny"),
        replace(brief, shape=PICTURE),
        replace(brief, steps=3),
    ]
    assert len({brief.digest, *(other.digest for other in changed)}) == 13


def test_painted_pictures_survive_the_store() -> None:
    kept = Painted.unpack(Painted(PICTURE, ("batch 1", "tiled decoding")).pack())
    assert kept is not None
    assert kept.rungs == ("batch 1", "tiled decoding")
    assert kept.rgb is not None
    assert np.array_equal(kept.rgb, PICTURE)
    for broken in (b"", b"\0\0", b"\xff\xff\xff\xffrest", b"\2\0\0\0[]", b"\2\0\0\0[]nothing"):
        assert Painted.unpack(broken) is None


class Card:
    """A graphics card that holds so many pictures at once, and more as reliefs are taken."""

    def __init__(self, holds: float, gains: dict[str, float]) -> None:
        self.holds, self.gains, self.calls = holds, gains, []

    def reliefs(self) -> tuple[Relief, ...]:
        def taker(name: str) -> Relief:
            def apply() -> bool:
                self.holds += self.gains[name]
                return self.gains[name] >= 0

            return Relief(name, apply)

        return tuple(taker(name) for name in self.gains)

    def paint(self, briefs: Sequence[Brief]) -> list[U8]:
        self.calls.append(len(briefs))
        if len(briefs) > self.holds:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return [np.full((8, 8, 3), brief.seed % 256, np.uint8) for brief in briefs]


def briefs(count: int) -> list[Brief]:
    return [Brief("a table", (8, 8), seed) for seed in range(count)]


@pytest.mark.parametrize(
    ("holds", "gains", "rungs"),
    [
        (4, {"tiling": 1.0}, ()),
        (3, {"tiling": 1.0}, ("batch 2",)),
        (1, {"tiling": 1.0}, ("batch 1",)),
        (0, {"tiling": 1.0}, ("batch 1", "tiling")),
        (0, {"tiling": 0.5, "offload": 0.5}, ("batch 1", "tiling", "offload")),
        (0, {"tiling": -1.0, "offload": 9.0}, ("batch 1", "offload")),
    ],
)
def test_the_ladder_goes_no_further_than_it_must_and_says_how_far(
    holds: float, gains: dict[str, float], rungs: tuple[str, ...]
) -> None:
    card = Card(holds, gains)
    ladder = Ladder(card.reliefs(), batch=4)
    made = ladder.paint(briefs(6), card.paint)
    assert [int(one.rgb[0, 0, 0]) for one in made if one.rgb is not None] == list(range(6))
    assert {one.rungs for one in made} <= {(), rungs}
    assert made[-1].rungs == rungs
    before = len(card.calls)
    assert [one.rungs for one in ladder.paint(briefs(2), card.paint)] == [rungs, rungs]
    assert len(card.calls) - before <= 2


def test_at_the_end_of_the_ladder_nothing_is_painted_and_nothing_is_hidden() -> None:
    card = Card(0, {"tiling": 0.0})
    made = Ladder(card.reliefs(), batch=2).paint(briefs(2), card.paint)
    assert [one.rgb for one in made] == [None, None]
    assert made[0].rungs == ("batch 1", "tiling", "none fits")


def test_other_errors_are_not_taken_for_want_of_memory() -> None:
    def broken(_: Sequence[Brief]) -> list[U8]:
        raise RuntimeError("expected scalar type Half but found Float")

    with pytest.raises(RuntimeError, match="Half"):
        Ladder((), batch=2).paint(briefs(2), broken)


def test_briefs_of_different_kinds_are_not_mixed() -> None:
    card = Card(9, {})
    mixed = [*briefs(2), replace(briefs(1)[0], size=(16, 8)), *briefs(1)]
    assert len(Ladder((), batch=8).paint(mixed, card.paint)) == 4
    assert card.calls == [2, 1, 1]


def test_prompts_are_encoded_once_and_pictures_always() -> None:
    asked = []
    words = CachedWords(lambda *args, **named: asked.append((args, named)) or len(asked), kept=2)
    assert words("a table", ["b", "c"], negative_prompt=None) == words("a table", ["b", "c"], negative_prompt=None)
    assert words("a table", ["b", "c"], negative_prompt="text") == 2
    assert words("a table", PICTURE) != words("a table", PICTURE)
    words("b")
    words("c")
    assert words("a table", ["b", "c"], negative_prompt=None) == 7
    assert words.encoded == 7
