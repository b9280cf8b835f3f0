"""Every release, publication, rollback and key change leaves one line in the audit log, whatever is done again."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.audit import Audit, acting_as
from connectors.publications import Publications
from pipelines.cli import app
from pipelines.nightly import Night, Request
from pipelines.screen import Quiet
from studio.errors import SettingsError
from tests import sample
from tests.desk import made, new_order, open_desk
from tests.local.test_publisher import Wall, items, publisher

COUNT = 3


def lines(folder: Path) -> list[tuple[str, str, str]]:
    found = Audit(sample.settings(folder).records)
    assert found.verify().broken == ""
    return [(line.entry.actor, line.entry.action, line.entry.target) for line in found.lines()]


def test_a_night_tells_every_release_once(tmp_path: Path) -> None:
    sample.catalogue(tmp_path, COUNT)
    settings = sample.settings(tmp_path)
    request = Request(str(tmp_path / "catalog.csv"), mode="inline", out=tmp_path / "out")
    summary = Night(settings, request, Quiet()).run()
    Night(settings, request, Quiet()).run(summary.run)
    Night(settings, request, Quiet()).run()
    expected = {(f"night:{summary.run}", "asset.released", f"SKU-{number:05}") for number in range(COUNT)}
    assert Counter(lines(tmp_path)) == Counter(expected)


def test_an_order_tells_its_release_once(tmp_path: Path) -> None:
    settings = sample.settings(tmp_path)

    async def one() -> Any:
        async with open_desk(settings) as desk:
            return await made(desk, new_order(settings, 1))

    order = asyncio.run(one())
    assert lines(tmp_path) == [(f"order:{order.id}", "asset.released", "SKU-001")]


def test_key_changes_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import entry_points

    for entry in entry_points(group="packshot.commands"):
        entry.load()(app)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACKSHOT_HOME", str(tmp_path / "home"))
    run = CliRunner().invoke
    assert run(app, ["keys", "issue", "my shop"]).exit_code == 0
    key = lines(tmp_path)[0][2]
    assert run(app, ["keys", "revoke", key]).exit_code == 0
    assert [(action, target) for _, action, target in lines(tmp_path)] == [("key.issued", key), ("key.revoked", key)]
    shown = run(app, ["audit", "log", "--action", "key.revoked"])
    assert (shown.exit_code, key in shown.stdout, shown.stdout.count("\n")) == (0, True, 1)
    assert run(app, ["audit", "verify"]).exit_code == 0


@pytest.mark.parametrize("field", ["certificates", "key"])
def test_a_key_for_signing_is_a_reference_or_refused(tmp_path: Path, field: str) -> None:
    with pytest.raises(SettingsError, match="env:NAME") as caught:
        sample.settings(tmp_path, provenance={field: "-----BEGIN PRIVATE KEY----- MIGH"})
    assert "MIGH" not in caught.value.message


def test_a_database_address_may_be_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDS", "postgresql+psycopg://packshot:secret@db/packshot")
    settings = sample.settings(tmp_path, records_url="env:RECORDS")
    assert settings.records.endswith("secret@db/packshot")
    assert "secret@" not in repr(settings)
    with pytest.raises(SettingsError, match="online_url"):
        assert sample.settings(tmp_path, online_url="env:NOT_SET").online


def test_what_shoppers_see_and_who_did_it(tmp_path: Path) -> None:
    """A publication and its line are there together; a publisher that was killed tells when it is done."""
    records = f"sqlite:///{tmp_path / 'records.db'}"
    shop = publisher(tmp_path, Wall())
    with acting_as("key:key_1"):
        shop.publish("1", "MUG-1", items("ab"))
        shop.publish("1", "MUG-1", items("ab"))
        shop.publish("1", "MUG-1", items("c"))
    shop.rollback("1")
    audit = Audit(records)
    found = [(line.entry.actor.partition(":")[0], line.entry.action, line.entry.target) for line in audit.lines()]
    assert found == [
        ("key", "gallery.published", "MUG-1"),
        ("key", "gallery.published", "MUG-1"),
        ("user", "gallery.rolled_back", "MUG-1"),
    ]
    told = [line.entry.detail["publication"] for line in audit.lines()]
    assert sorted(told) == sorted(one.id for one in Publications(records).history("shop", "1"))
