"""What has been kept long enough: orders that ended, people whose consent has expired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from connectors.online.order import NewOrder, OrderState
from connectors.online.orders import Orders
from connectors.retention import Retention
from pipelines.erase import expired
from pipelines.erase_cli import register
from studio.errors import InputError
from tests import sample

PEOPLE = """
title: Two
people:
- {id: ann, photo: ann.jpg, licence: own, body_type: average, skin_tone: 5, age: 25-34, stance: front,
   consent: {given: 2020-01-01, expires: 2021-01-01, document: C-1, uses: [shop]}}
- {id: ben, photo: ben.jpg, licence: own, body_type: average, skin_tone: 5, age: 25-34, stance: front,
   consent: {given: 2020-01-01, expires: 2999-01-01, document: C-2, uses: [shop]}}
"""


def test_only_ended_orders_of_before(tmp_path: Path) -> None:
    url = str(tmp_path / "online.db")
    orders = Orders(url)

    def new(name: str) -> NewOrder:
        return NewOrder(key_id=name, priority="standard", spec={}, sku="MUG-1", template="tiny@1")

    ended = [orders.finished(new(key), {}, state=OrderState.SUCCEEDED).id for key in ("key_a", "key_b")]
    orders.accept(new("key_a"))
    now = datetime.now(UTC)
    assert sorted(Retention(url).ended(now + timedelta(minutes=1))) == sorted(ended)
    assert Retention(url).ended(now + timedelta(minutes=1), key_id="key_b") == (ended[1],)
    assert Retention(url).ended(now - timedelta(days=1)) == ()
    assert len(Retention(url).ended(now + timedelta(minutes=1), limit=1)) == 1


def test_people_whose_consent_has_expired(tmp_path: Path) -> None:
    settings = sample.settings(tmp_path)
    (tmp_path / "art" / "people").mkdir()
    (tmp_path / "art" / "people" / "two.yaml").write_text(PEOPLE)
    assert expired(settings) == ("ann",)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "say what to erase"),
        (["--photo", "not a digest"], "64 hex digits"),
        (["--photo", "ab" * 32, "--sku", "MUG-1"], "two calls"),
    ],
)
def test_the_command_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], problem: str) -> None:
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)
    answer = CliRunner().invoke(app, ["erase", *words])
    assert isinstance(answer.exception, InputError)
    assert problem in answer.exception.message
