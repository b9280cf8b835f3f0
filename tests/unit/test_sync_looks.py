"""Which looks a connection's product is ordered in."""

from __future__ import annotations

import pytest

from serve_apps.sync.making import looks
from studio.errors import UnknownTemplate
from studio.product import Product
from studio.selection import choose
from tests import shipped

LIBRARY = shipped.library()
MUG = Product(sku="MUG-1", title="Mug", category="Home > Kitchen > Mugs")


def test_auto_is_everything_that_the_rules_choose_in_its_newest_version() -> None:
    chosen = choose(MUG, LIBRARY.rules()).templates
    assert chosen
    assert looks(LIBRARY, ["auto"], MUG) == [LIBRARY.template(name).key for name in chosen]


def test_each_look_is_ordered_once() -> None:
    first = choose(MUG, LIBRARY.rules()).templates[0]
    assert looks(LIBRARY, [first, "auto", first], MUG) == looks(LIBRARY, ["auto"], MUG)
    assert looks(LIBRARY, ["amazon-white"], MUG) == [LIBRARY.template("amazon-white").key]


def test_a_look_that_there_is_not_is_named() -> None:
    with pytest.raises(UnknownTemplate, match="no-such-look"):
        looks(LIBRARY, ["no-such-look"], MUG)
