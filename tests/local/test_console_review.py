"""The review queue over a real service: what was held back, decided, undone, made anew, and what follows from it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.approvals import Approvals
from connectors.audit import Audit
from connectors.online.orders import OrderState
from connectors.records import ShotRecord
from connectors.review import Item, Reviewer, Wanted
from serve_apps.console.review_acts import resume
from serve_apps.request.schema import OrderResult, OrderSpec
from studio.errors import Conflict, NotFound
from tests.local.running import Running, photo, running
from tests.sample import TEMPLATE
from tests.visitor import Visitor

STRICT = TEMPLATE.replace("tiny-grey", "tiny-strict").replace("qa: {", "qa: {fill: {max: 0.3}, ")
CATALOG = "night.csv"


@dataclass
class Desk:
    service: Running
    writer: Visitor

    def held(self, seed: int, sku: str = "", key: str = "writer") -> str:
        """An order whose picture is held back: its id."""
        with self.service.client(key) as client:
            wanted = {"template": "tiny-strict", "product": {"sku": sku or f"SKU-{seed}"}}
            sent = {"request": (None, json.dumps(wanted), "application/json"), "file": ("p.png", photo(seed), "image/png")}
            answer = client.post("/v1/images", files=sent, headers={"prefer": "wait=30"})
            order_id = str(answer.json()["id"])
            assert _ended(self, order_id) is OrderState.REVIEW, answer.text
            return order_id

    def open(self, **which: str) -> list[Item]:
        self.writer.get("/review")
        return self.service.parts.reviews.page(Wanted(**which))  # type: ignore[arg-type]

    def night(self, order_id: str, sku: str) -> ShotRecord:
        """A shot that a night held back, of the picture that an order made."""
        parts = self.service.parts
        (shot,) = OrderResult.model_validate(parts.orders.get(order_id).result).shots
        assert shot.outcome.status == "rejected"
        assert shot.outcome.asset is not None
        record = ShotRecord(
            f"{sku}/tiny-strict/tiny/front",
            shot.key,
            "rejected",
            reason="fill",
            digest=shot.outcome.asset.digest,
            media_type="image/jpeg",
            run="run-1",
        )
        parts.records.remember_shots(CATALOG, [record])
        return record

    def shot(self, record: ShotRecord) -> ShotRecord:
        return self.service.parts.records.shots_of(CATALOG, [record.shot_id])[record.shot_id]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("review")
    style = folder / "art" / "styles" / "tiny-strict.yaml"
    style.parent.mkdir(parents=True)
    style.write_text(STRICT)
    with running(folder, publish=str(folder / "out")) as service:
        writer = Visitor(service)
        yield Desk(service, writer)
        writer.close()


def _ended(desk: Desk, order_id: str) -> OrderState:
    until = time.monotonic() + 120
    while not (order := desk.service.parts.orders.get(order_id)).state.ended and time.monotonic() < until:
        time.sleep(0.05)
    return order.state


def test_an_empty_queue_says_so(desk: Desk) -> None:
    assert "Nothing waits" in desk.writer.get("/review")
    assert "Nothing like this" in desk.writer.get("/review", text="nobody")
    assert "Nothing was decided yet" in desk.writer.get("/review/thresholds")


def test_an_order_held_back_is_released_published_and_undone(desk: Desk) -> None:
    order_id = desk.held(1, "MUG <1>")
    (item,) = desk.open(text="MUG <1>")
    listed = desk.writer.get("/review")
    assert item.id in listed
    assert "MUG &lt;1&gt;" in listed
    shown = desk.writer.get(f"/review/{item.id}")
    assert "broken" in shown
    assert "fill" in shown
    assert "data-knob" in shown
    said = desk.writer.ask("/review/decide", {"item": [item.id], "action": "approve"})
    assert said["decided"] == [item.id]
    parts = desk.service.parts
    order = parts.orders.get(order_id)
    assert order.state is OrderState.SUCCEEDED
    assert order.result["shots"][0]["outcome"]["status"] == "released"
    assert [event.type for event in parts.orders.events(order_id)][-1] == "order.succeeded"
    assert parts.orders.events(order_id)[-1].data["reviewed_by"] == "writer"
    folder = Path(str(parts.settings.api.publish))
    (written,) = [path for path in folder.rglob("*.jpg") if ".packshot" not in path.parts]
    assert written.read_bytes() == parts.storage.get_blob(item.digest)
    desk.writer.get("/review")
    answer = desk.writer.send("/review/undo", {"batch": said["batch"]})
    assert answer.headers["location"] == "/console/review"
    assert parts.orders.get(order_id).state is OrderState.REVIEW
    assert not written.exists()
    assert parts.reviews.get(item.id).state == "open"
    assert desk.writer.ask("/review/undo", {"batch": said["batch"]}, 409)["code"] == "conflict"


def test_a_night_s_shot_is_released_in_the_records_and_back(desk: Desk) -> None:
    record = desk.night(desk.held(2), "NIGHT-1")
    (item,) = desk.open(text="NIGHT-1")
    assert item.origin == "night"
    assert item.uncertainty >= 0
    assert desk.service.parts.reviews.get(item.id).report["measurements"]["fill"] > 0.3
    said = desk.writer.ask("/review/decide", {"item": [item.id], "action": "approve"})
    assert (desk.shot(record).status, desk.shot(record).reason) == ("released", "")
    desk.writer.ask("/review/undo", {})
    assert (desk.shot(record).status, desk.shot(record).reason) == ("rejected", "fill")
    assert said["said"].startswith("1 picture released")
    desk.writer.ask("/review/decide", {"item": [item.id], "action": "approve"})
    desk.service.parts.records.remember_shots(CATALOG, [replace(record, updated_at=datetime.now(UTC))])
    assert [one.id for one in desk.open(text="NIGHT-1")] == [item.id], "what is held back again is asked again"


def test_a_shot_that_was_made_anew_by_a_night_is_not_to_be_decided(desk: Desk) -> None:
    record = desk.night(desk.held(3), "NIGHT-2")
    (item,) = desk.open(text="NIGHT-2")
    desk.service.parts.records.remember_shots(CATALOG, [ShotRecord(record.shot_id, "f" * 64, "released", digest="e" * 64)])
    assert desk.open(text="NIGHT-2") == []
    assert desk.service.parts.reviews.get(item.id).state == "superseded"
    said = desk.writer.ask("/review/decide", {"item": [item.id], "action": "approve"})
    assert said["decided"] == []
    assert "decided by somebody else" in said["said"]
    assert desk.shot(record).key == "f" * 64


def test_made_anew_with_a_change_takes_the_night_s_place(desk: Desk) -> None:
    order_id = desk.held(4, "NEW-1")
    parts = desk.service.parts
    record = desk.night(order_id, "NEW-1")
    items = {item.origin: item for item in desk.open(text="NEW-1")}
    spec = parts.orders.get(order_id).spec
    made = OrderSpec.model_validate(spec)
    parts.products.remember([made.product.model_copy(update={"images": made.setups[0].images})], CATALOG)
    said = desk.writer.ask(
        "/review/decide", {"item": [items["night"].id], "action": "regenerate", "change": "fill", "value": "0.25"}
    )
    assert not said["problems"], said
    (decision,) = parts.reviews.history(items["night"].id)
    assert decision.order_id
    until = time.monotonic() + 30
    while not parts.orders.get(decision.order_id).state.ended and time.monotonic() < until:
        time.sleep(0.05)
    assert parts.orders.get(decision.order_id).state is OrderState.SUCCEEDED
    desk.writer.get("/review")
    assert parts.reviews.get(items["night"].id).state == "replaced"
    now = desk.shot(record)
    assert now.status == "released"
    assert now.digest != record.digest
    assert now.key == record.key, "the next night finds it unchanged"
    with pytest.raises(Conflict):
        parts.reviews.undo(decision.batch, Reviewer(decision.by_key, "writer"))


def test_a_change_that_changes_nothing_is_refused_and_the_item_stays_open(desk: Desk) -> None:
    desk.held(5, "SAME-1")
    (item,) = desk.open(text="SAME-1")
    said = desk.writer.ask("/review/decide", {"item": [item.id], "action": "regenerate", "change": "shadow", "value": "none"})
    assert "no difference" in said["problems"][0]
    assert desk.service.parts.reviews.get(item.id).state == "open"
    wrong = {"item": [item.id], "action": "regenerate", "change": "fill", "value": "much"}
    assert desk.writer.ask("/review/decide", wrong, 422)["code"] == "invalid_input"


def test_rejections_have_reasons_and_become_training_data_and_figures(desk: Desk) -> None:
    desk.held(6, "BAD-1")
    desk.held(7, "BAD-2")
    ids = [item.id for item in desk.open(text="BAD-")]
    assert len(ids) == 2
    desk.writer.ask("/review/decide", {"item": ids, "action": "reject"}, 422)
    desk.writer.ask("/review/decide", {"item": ids, "action": "reject", "reason": "halo", "note": "all round"})
    rows = [json.loads(line) for line in desk.writer.raw("/review/export.jsonl").text.splitlines()]
    bad = [row for row in rows if row["product"].startswith("BAD-")]
    assert [row["kind"] for row in bad] == ["halo", "halo"]
    assert all(row["measured"]["fill"] > 0.3 for row in bad)
    figures = desk.writer.get("/review/thresholds")
    assert "fill" in figures
    shown = desk.writer.get(f"/review/{ids[0]}")
    assert "all round" in shown
    actions = [line.entry.action for line in Audit(desk.service.parts.settings.records).lines(target="sku:BAD-")]
    assert actions == ["asset.rejected", "asset.rejected"]


def test_a_decision_whose_process_died_is_carried_out(desk: Desk) -> None:
    order_id = desk.held(11, "CRASHED")
    (item,) = desk.open(text="CRASHED")
    parts = desk.service.parts
    parts.reviews.decide([item.id], "approve", Reviewer("key_gone", "gone"))
    assert parts.orders.get(order_id).state is OrderState.REVIEW
    desk.writer.get("/review")
    assert parts.orders.get(order_id).state is OrderState.REVIEW, "it may still be under way"
    resume(parts, older_s=0)
    resume(parts, older_s=0)
    assert parts.orders.get(order_id).state is OrderState.SUCCEEDED
    assert [event.type for event in parts.orders.events(order_id)].count("order.succeeded") == 1
    assert parts.reviews.unapplied() == []


def test_what_was_approved_is_released_whoever_asks_again(desk: Desk) -> None:
    order_id = desk.held(21, "KEPT")
    parts = desk.service.parts
    (item,) = desk.open(text="KEPT")
    said = desk.writer.ask("/review/decide", {"item": [item.id], "action": "approve"})
    with desk.service.client("other") as client:
        wanted = {"template": "tiny-strict", "product": {"sku": "KEPT"}}
        sent = {"request": (None, json.dumps(wanted), "application/json"), "file": ("p.png", photo(21), "image/png")}
        later = client.post("/v1/images", files=sent, headers={"prefer": "wait=30"}).json()
        assert later["state"] == "succeeded", later
        assert [asset["hash"] for asset in later["assets"]] == [item.digest]
    parts.storage.drop_action(item.key)
    desk.writer.send(f"/orders/{order_id}/retry", {})
    assert _ended(desk, order_id) is OrderState.SUCCEEDED, "made anew, the same picture is still approved"
    desk.writer.ask("/review/undo", {"batch": said["batch"]})
    assert parts.reviews.unapplied() == []
    assert desk.held(21, "KEPT")


def test_an_approval_is_for_the_limit_that_held_the_picture_back(desk: Desk) -> None:
    desk.held(22, "REASON")
    (item,) = desk.open(text="REASON")
    desk.writer.ask("/review/decide", {"item": [item.id], "action": "approve"})
    approvals = Approvals(desk.service.parts.storage)
    assert approvals.holds(item.key, item.digest, "fill")
    assert not approvals.holds(item.key, item.digest, "halo")
    desk.service.parts.reviews.add([replace(item, reason="halo", detail="a bright edge")])
    assert desk.service.parts.reviews.get(item.id).reason == "halo", "held back again, by another limit"
    desk.writer.ask("/review/decide", {"item": [item.id], "action": "reject", "reason": "halo"})
    assert not approvals.holds(item.key, item.digest, "fill"), "who looked last is right"


def test_a_night_s_approval_holds_for_the_next_order_and_is_taken_back_by_another_process(desk: Desk) -> None:
    order_id = desk.held(23, "BOTH")
    record = desk.night(order_id, "BOTH")
    parts, approvals = desk.service.parts, Approvals(desk.service.parts.storage)
    (item,) = [one for one in desk.open(text="BOTH") if one.origin == "night"]
    (decision,) = parts.reviews.decide([item.id], "approve", Reviewer("key_gone", "gone"))
    assert desk.shot(record).status == "released"
    resume(parts, older_s=0)
    assert approvals.holds(record.key, record.digest, "fill")
    parts.reviews.undo(decision.batch, Reviewer("key_gone", "gone"))
    resume(parts, older_s=0)
    assert not approvals.holds(record.key, record.digest, "fill")
    assert parts.reviews.unapplied() == []
    assert desk.shot(record).status == "rejected"


def test_what_failed_is_drawn(desk: Desk) -> None:
    desk.held(8, "DRAWN")
    (item,) = desk.open(text="DRAWN")
    answer = desk.writer.raw(f"/review/{item.id}/marked")
    assert answer.status_code == 200
    assert answer.content[:2] == b"\xff\xd8"


def test_keys_see_only_their_own_orders_and_readers_only_look(desk: Desk) -> None:
    desk.held(9, "MINE")
    (item,) = desk.open(text="MINE")
    other, reader, root = (Visitor(desk.service, name) for name in ("other", "reader", "root"))
    other.get("/review")
    other.get(f"/review/{item.id}", 404)
    other.ask("/review/decide", {"item": [item.id], "action": "approve"}, 404)
    assert item.id in root.get("/review")
    root.get(f"/review/{item.id}")
    assert "data-act" not in reader.get("/review")
    reader.ask("/review/decide", {"item": [item.id], "action": "approve"}, 403)
    batch = desk.writer.ask("/review/decide", {"item": [item.id], "action": "reject", "reason": "other"})["batch"]
    other.ask("/review/undo", {"batch": batch}, 404)
    root.ask("/review/undo", {"batch": batch})
    for visitor in (other, reader, root):
        visitor.close()


def test_no_other_site_decides(desk: Desk) -> None:
    desk.held(10, "FORGED")
    (item,) = desk.open(text="FORGED")
    desk.writer.get("/review")
    desk.writer.send("/review/decide", {"item": item.id, "action": "approve"}, 403, token="0" * 48)
    assert desk.service.parts.reviews.get(item.id).state == "open"
    answer = desk.writer.send("/review/decide", {"item": item.id, "action": "approve", "then": "https://elsewhere.example/"})
    assert answer.headers["location"] == "/console/"


def test_wrong_addresses_are_answered_as_such(desk: Desk) -> None:
    desk.writer.get("/review/rev_" + "0" * 26, 404)
    desk.writer.get("/review/nonsense", 422)
    desk.writer.get("/review", 422, state="nonsense")
    with pytest.raises(NotFound):
        desk.service.parts.reviews.get("rev_" + "1" * 26)
