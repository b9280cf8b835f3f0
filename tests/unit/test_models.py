"""The registry, and the models that need no downloaded weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.errors import LicenceForbidden, ModelNotConfigured, SettingsError, UnknownModel, WeightsCorrupt, WeightsMissing
from studio.models.configured import Given, folder_revision, parse
from studio.models.registry import Registry


def square(inside: tuple[int, int, int], outside: tuple[int, int, int]) -> np.ndarray:
    item = np.full((64, 64, 3), outside, np.uint8)
    item[16:48, 20:40] = inside
    return item


def test_every_model_has_a_usable_card(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    assert {"u2netp", "span-x2", "span-x4", "birefnet", "fake-matte"} <= set(registry.names())
    for name in registry.names():
        card = registry.card(name)
        assert card.name == name
        assert card.licence
        assert card.input_px > 0 or card.task != "matting"
        if card.source is not None:
            assert len(card.sha256) == len(card.source.wheel_sha256) == 64
            assert Path(card.source.member).suffix == Path(card.file).suffix


def test_an_unknown_model_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="u2netp"):
        Registry(tmp_path).card("u2net")
    with pytest.raises(UnknownModel, match="birefnet"):
        Registry(tmp_path, configured={"birefnt": "/models/b"})


def test_user_weights_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(ModelNotConfigured, match=r"models\.configured\.birefnet"):
        Registry(tmp_path).create("birefnet")


def test_the_card_of_given_weights_follows_them(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"one" * 1_000_000)
    first = Registry(tmp_path, configured={"birefnet": str(folder)}).card("birefnet")
    (folder / "weights.bin").write_bytes(b"one" * 999_999 + b"two")
    second = Registry(tmp_path, configured={"birefnet": str(folder)}).card("birefnet")
    assert first.id == second.id == str(folder)
    assert first.revision != second.revision
    hub = Registry(tmp_path, configured={"birefnet": "ZhengPeng7/BiRefNet,revision=abc"}).card("birefnet")
    assert (hub.id, hub.revision) == ("ZhengPeng7/BiRefNet", "abc")


def test_a_non_commercial_licence_needs_permission_by_name(tmp_path: Path) -> None:
    configured = {"birefnet": "briaai/RMBG-2.0"}
    with pytest.raises(LicenceForbidden, match="CC-BY-NC"):
        Registry(tmp_path, configured=configured).create("birefnet")
    allowed = Registry(tmp_path, configured=configured, allow=frozenset({"birefnet"})).create("birefnet")
    assert allowed.card.licence == "CC-BY-NC-4.0"
    with pytest.raises(LicenceForbidden):
        Registry(tmp_path, configured={"birefnet": "me/net,commercial_use=false"}).create("birefnet")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Given()),
        ("/models/b", Given("/models/b")),
        ("a/b,revision=1, half=true", Given("a/b", {"revision": "1", "half": "true"})),
        ("delay_s=1.5,poison=#ff00ff", Given("", {"delay_s": "1.5", "poison": "#ff00ff"})),
    ],
)
def test_configured_text(text: str, expected: Given) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["a/b,revision", "delay_s=fast", "poison=pink", "speed=1", "some/folder"])
def test_wrong_options_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        Registry(tmp_path, configured={"fake-matte": text}).create("fake-matte")


def test_a_hub_id_has_no_folder_revision() -> None:
    assert folder_revision("nobody/no-such-folder-here") == ""


@given(st.tuples(*[st.integers(0, 255)] * 3), st.tuples(*[st.integers(0, 255)] * 3))
@settings(max_examples=60, deadline=None)
def test_the_fake_finds_a_square_of_any_colour(inside: tuple[int, int, int], outside: tuple[int, int, int]) -> None:
    model = Registry(Path()).create("fake-matte")
    (mask,) = model.predict([square(inside, outside)])
    assert mask.shape == (64, 64)
    assert mask.dtype == np.float32
    if max(abs(a - b) for a, b in zip(inside, outside, strict=True)) >= 8:
        expected = np.zeros((64, 64), np.float32)
        expected[16:48, 20:40] = 1
        np.testing.assert_array_equal(mask, expected)
    else:
        assert mask.max() == 0


def test_weights_are_checked_before_they_are_used(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with pytest.raises(WeightsMissing, match="packshot models fetch"):
        registry.create("u2netp").load()
    (tmp_path / registry.card("u2netp").file).write_bytes(b"\0" * 1000)
    with pytest.raises(WeightsCorrupt):
        registry.create("u2netp").load()
