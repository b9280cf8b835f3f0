"""Every destination file validates, is self-consistent, and states the numbers of the sources it names."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
import yaml

from studio.destination import Destination
from studio.qa.policy import known_checks, limits
from studio.template import Template

FOLDER = Path(__file__).resolve().parents[2] / "templates" / "destinations"
FILES = sorted(FOLDER.glob("*.yaml"))
LOOK = Template(id="look", title="look", outputs=("any",))
WANTED = {
    "amazon-main", "amazon-secondary", "google-merchant", "ebay", "walmart", "zalando", "tiktok-shop", "shopify",
    "meta-catalog", "etsy", "bigcommerce", "web-hero", "web-square", "web-transparent",
}  # fmt: skip
PRODUCED = {
    "pixels_longest": lambda d: max(d.width, d.height),
    "pixels_shortest": lambda d: min(d.width, d.height),
    "megapixels": lambda d: d.width * d.height / 1e6,
}


def load(path: Path) -> Destination:
    return Destination.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_all_are_there() -> None:
    assert {path.stem for path in FILES} >= WANTED


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
class TestEach:
    def test_validates_under_its_own_name(self, path: Path) -> None:
        assert load(path).id == path.stem

    def test_limits_name_known_checks_and_resolve(self, path: Path) -> None:
        destination = load(path)
        assert set(destination.qa) <= known_checks()
        assert set(destination.qa) <= set(limits(LOOK, destination))

    def test_what_we_produce_meets_its_own_limits(self, path: Path) -> None:
        destination = load(path)
        for name, produced in PRODUCED.items():
            rule = destination.qa.get(name)
            if rule is not None:
                assert (rule.min or 0) <= produced(destination) <= (rule.max or float("inf")), name

    def test_format_is_accepted_and_can_carry_the_ground(self, path: Path) -> None:
        destination = load(path)
        assert destination.encoding.format in destination.accepts
        assert destination.background != "transparent" or destination.encoding.format in {"png", "webp", "avif"}
        assert destination.encoding.floor <= destination.encoding.quality

    def test_white_grounds_are_held_to_white_by_the_destination_itself(self, path: Path) -> None:
        destination = load(path)
        if destination.background == "white":
            assert destination.qa["white_far"].max == 0
            assert {"white_purity_error", "white_border"} <= set(destination.qa)

    def test_sources_are_dated_in_the_past(self, path: Path) -> None:
        for source in load(path).sources:
            assert datetime.date(2026, 1, 1) <= datetime.date.fromisoformat(source.date)
            assert source.title


@pytest.mark.parametrize(
    ("name", "size", "most_bytes"),
    [
        ("amazon-main", (2000, 2000), 10_000_000),
        ("google-merchant", (2000, 2000), 16_000_000),
        ("ebay", (1600, 1600), 12_000_000),
        ("walmart", (2200, 2200), 5_000_000),
        ("zalando", (1801, 2600), 20_000_000),
        ("tiktok-shop", (1200, 1200), 5_000_000),
        ("shopify", (2048, 2048), 20_000_000),
        ("bigcommerce", (1600, 1600), 8_000_000),
    ],
)
def test_published_numbers(name: str, size: tuple[int, int], most_bytes: int) -> None:
    destination = load(FOLDER / f"{name}.yaml")
    assert (destination.width, destination.height) == size
    assert destination.max_bytes <= most_bytes


def test_fill_rules() -> None:
    assert load(FOLDER / "amazon-main.yaml").qa["fill"].min == 0.85
    assert load(FOLDER / "tiktok-shop.yaml").qa["fill"].min == 0.80
    google = load(FOLDER / "google-merchant.yaml").qa["fill"]
    assert (google.min, google.max) == (0.75, 0.90)


def test_zalando_ratio() -> None:
    zalando = load(FOLDER / "zalando.yaml")
    assert zalando.height / zalando.width == pytest.approx(1.44, abs=0.005)
