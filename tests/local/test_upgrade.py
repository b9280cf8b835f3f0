"""A home folder that an earlier release filled and left in the middle of its work, taken over by this one."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from connectors.online.endpoints import Endpoints
from connectors.online.keys import ApiKeys
from connectors.online.orders import Orders, OrderState
from connectors.online.outbox import Outbox
from connectors.online.products import Products
from connectors.records import Records
from pipelines.ledger import read_ledger
from pipelines.plan import Tally
from pipelines.runfiles import RunFiles
from tests import desk, old_home, sample
from tests.local.test_publisher import items, marks

RELEASE = "c0ea5d4"
"""The commit before connections, costs and the console came."""
ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / ".packshot" / "models"


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder, written by that release's own code in processes of their own, two of which died at work."""
    code, folder = tmp_path_factory.mktemp("old"), tmp_path_factory.mktemp("home")
    found = subprocess.run(["git", "archive", RELEASE], cwd=ROOT, capture_output=True)
    if found.returncode:
        pytest.skip(f"commit {RELEASE} is not in this checkout")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(code, filter="data")
    (code / "tests" / "old_home.py").write_bytes(Path(old_home.__file__).read_bytes())
    (code / ".packshot").mkdir()
    (code / ".packshot" / "models").symlink_to(WEIGHTS)
    for stage, ended in (("done", 0), ("run", old_home.DIED), ("desk", old_home.DIED)):
        command = [sys.executable, "-m", "tests.old_home", stage, str(folder)]
        done = subprocess.run(command, cwd=code, env=os.environ | {"PYTHONPATH": str(code)}, capture_output=True, text=True)
        assert done.returncode == ended, done.stderr
    return folder


def test_the_old_code_wrote_it(before: Path) -> None:
    """Tables of today are not there yet."""
    with create_engine(old_home.settings(before).records).connect() as records:
        tables = {row[0] for row in records.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))}
    assert "galleries" in tables
    assert "sync_waiting" not in tables


def test_a_night_that_ended_is_not_made_again(before: Path) -> None:
    """Nothing is due but for steps that say that they have changed since; no photo is read, what was cut out stays cut out."""
    tree, tally = old_home.settings(before), Tally()
    due = list(old_home.night(before, "whole").plan(tally))
    risen = risen_steps(before)
    assert {item.why for item in due} == ({"code"} if risen else set())
    assert sum(tally.unchanged.values()) + len(due) == old_home.CATALOGUE
    assert tally.images_read == 0
    known = {record.shot_id: record.parts for record in Records(tree.records).shots(str(before / "whole" / "catalog.csv"))}
    for item in due:
        assert {name for name, value in item.parts.items() if known[item.shot.id].get(name) != value} == {"code"}
    summary = old_home.night(before, "whole").run()
    assert (summary.due, summary.released, summary.exit_code) == (len(due), len(due), 0)
    assert "cutout" in risen or not summary.model_calls
    assert len(sample.tree(before / "out-whole")) == old_home.CATALOGUE
    assert list(old_home.night(before, "whole").plan(Tally())) == []
    assert Products(tree.online).get("SKU-00003").title == "Product 3"


def test_a_run_that_was_killed_is_taken_up(before: Path) -> None:
    """By its old plan and journal: what was made is not made again, every picture is there once."""
    known = Records(old_home.settings(before).records)
    cut = next(run for run in known.runs() if run.state != "done")
    made = {record.shot_id: record.updated_at for record in known.shots(cut.catalog)}
    assert 0 < len(made) < old_home.BEGUN
    summary = old_home.night(before, "begun").run(cut.id)
    assert (summary.run, summary.due, summary.released, summary.state) == (cut.id, old_home.BEGUN, old_home.BEGUN, "done")
    after = {record.shot_id: record for record in known.shots(cut.catalog)}
    assert Counter(record.status for record in after.values()) == {"released": old_home.BEGUN}
    rows = list(read_ledger(RunFiles(str(before / "home" / "runs"), cut.id)))
    assert Counter(row["shot_id"] for row in rows) == dict.fromkeys(after, 1)
    assert {item.why for item in old_home.night(before, "begun").plan(Tally())} <= {"code"}


def test_orders_that_nobody_finished_are_carried_out(before: Path) -> None:
    """Those that ended stay as they were, the others end once, and the endpoint of old hears of each."""
    tree = old_home.settings(before)
    orders = Orders(tree.online)
    ended = {order.id: order for order in orders.list(limit=100)[0] if order.state.ended}
    events = {name: orders.events(name) for name in ended}
    assert len(ended) >= old_home.ENDED

    async def work() -> None:
        async with desk.open_desk(tree) as open_desk:
            await desk.all_ended(open_desk.orders, 60)

    asyncio.run(work())
    found = {order.id: order for order in orders.list(limit=100)[0]}
    assert Counter(order.state for order in found.values()) == {OrderState.SUCCEEDED: old_home.ENDED + old_home.OPEN}
    assert {name: found[name] for name in ended} == ended
    assert {name: orders.events(name) for name in ended} == events
    for order in found.values():
        told = Counter(event.type for event in orders.events(order.id))
        assert told["order.succeeded"] == told["order.started"] == 1
        assert len(orders.publications(order.id)) == told["asset.published"] == 2
    assert len(list((before / "shop").rglob("*.jpg"))) == len(found)
    assert _told(tree.online) == dict.fromkeys(found, 1)


def test_a_key_of_old_opens(before: Path) -> None:
    key = ApiKeys(old_home.settings(before).online).verify((before / "key").read_text())
    assert key.scopes == {"write"}


def test_galleries(before: Path) -> None:
    """What is live is not published again and can be rolled back; a set that got no answer is finished by the new release."""
    records, walls = old_home.galleries(before)
    with create_engine(old_home.settings(before).records).begin() as database:
        database.execute(text("UPDATE galleries SET held_until = '2000-01-01 00:00:00.000000'"))
    wall, half = walls["live"], walls["begun"]
    calls = len(wall.calls)
    assert old_home.publisher(before, wall).publish("1", "MUG-1", items("bc")).outcome == "unchanged"
    assert len(wall.calls) == calls
    assert old_home.publisher(before, wall).rollback("1").outcome == "live"
    assert wall.names == [*marks("ab"), "person"]
    pending = records.get("shop", "2")
    assert pending is not None
    assert pending.state == "pending"
    assert old_home.publisher(before, half).publish("2", "MUG-2", items("de")).outcome == "live"
    assert half.names == [*marks("de"), "person"]
    assert len(half.data) == 2


def risen_steps(before: Path) -> set[str]:
    """Steps that make other pixels than in that release, by their own word."""
    then, now = json.loads((before / "versions").read_text()), old_home.versions()
    return {name for name in {**then, **now} if then.get(name) != now.get(name)}


def _told(online: str) -> Counter[str]:
    """Deliveries by order, to the endpoint that the earlier release made."""
    (endpoint,) = Endpoints(online).list(key_id="key_a")
    outbox = Outbox(online)
    found, _ = outbox.deliveries(endpoint.id, limit=100)
    outbox.close()
    return Counter(delivery.order_id for delivery in found)
