"""The report: complete in itself, honest about what it leaves out, and deaf to what rows try to inject."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections import Counter
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cluster.metering.tariff import Tariff
from cluster.settings import Prices
from pipelines.ledger import LedgerWriter, ledger_row, read_ledger
from pipelines.report import write_report
from pipelines.report_cards import choose
from pipelines.report_consistency import Earlier, earlier_runs, keep_medians
from pipelines.report_figures import figure, figures
from pipelines.runfiles import RunFiles
from studio.errors import NotStored
from studio.shot import Report
from studio.template import Template

RUN: dict[str, Any] = {"run": "r1", "catalog": "catalog.csv", "wall_s": 12.5, "currency": "EUR"}
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}--><!--\u202e\x00"


def picture(colour: tuple[int, int, int], form: str = "WEBP") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(file, form)
    return file.getvalue()


BLOBS = {
    "a": picture((200, 30, 30)),
    "b": picture((30, 200, 30), "JPEG"),
    "c": picture((30, 30, 200), "PNG"),
    "x": b"<svg onload=alert(1)>",
}


def image(digest: str) -> bytes:
    if digest not in BLOBS:
        raise NotStored(f"no blob {digest}")
    return BLOBS[digest]


def row(number: int = 0, **changes: Any) -> dict[str, Any]:
    facts = {
        "run": "r1", "key": "k", "shot_id": f"S{number}", "sku": f"SKU-{number}", "title": "Mug", "template": "white@1",
        "destination": "amazon-main", "slot": "front", "status": "released", "reason": "", "detail": "", "code": "", "asset": "d",
        "media_type": "image/jpeg", "width": 2000, "height": 2000, "bytes": 300_000, "path": f"S{number}.jpg", "why": "new",
        "cached": False, "attempts": 1, "engine": "procedural", "seconds": {"decode": 0.1}, "model_calls": {"u2netp": 1},
        "reused": [],
        "measurements": {"fill": 0.8 + number / 1000, "halo": 1.0}, "cpu_s": 0.5, "gpu_s": 0.1, "cost": 0.01,
        "previews": {"source": "a", "cutout": "c", "result": "b"},
    }  # fmt: skip
    return facts | changes


class Page(HTMLParser):
    """Counts elements and keeps every attribute and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.text += " "
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(tmp_path: Path, *rows: Mapping[str, Any], **options: Any) -> Page:
    return Page(write_report(rows, tmp_path / "deep" / "report.html", run=RUN, image=image, **options))


def test_the_page_is_complete_in_itself(tmp_path: Path) -> None:
    made = page(tmp_path, row())
    sources = [value for tag, name, value in made.attributes if name in {"src", "href"} and not value.startswith("#")]
    assert len(sources) == 3
    assert all(re.match(r"data:image/(webp|jpeg|png);base64,", source) for source in sources)
    assert not re.search(r"https?://", made.source)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["report.html"]


def test_only_the_pages_own_script_may_run(tmp_path: Path) -> None:
    made = page(tmp_path, row())
    script = made.source.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(value for _, name, value in made.attributes if name == "content" and "default-src" in value)
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")


@pytest.mark.parametrize(
    "field", ["sku", "title", "template", "destination", "slot", "reason", "detail", "path", "why", "engine", "status"]
)
def test_hostile_text_stays_text(tmp_path: Path, field: str) -> None:
    held = {"status": "rejected", "reason": "fill", "detail": "fill is 0.1"}
    plain = page(tmp_path, row(**held))
    made = page(tmp_path, row(**held | {field: HOSTILE}))
    assert made.tags["script"] == 1
    assert made.tags["img"] == plain.tags["img"]
    assert not [name for _, name, _ in made.attributes if name.startswith("on")]
    assert "{{7*7}}" in made.source


def test_hostile_names_in_maps_and_run_stay_text(tmp_path: Path) -> None:
    rows = [
        row(number, measurements={HOSTILE: number}, seconds={HOSTILE: number}, model_calls={HOSTILE: 1}) for number in range(3)
    ]
    out = write_report(
        rows, tmp_path / "r.html", run=RUN | {"run": HOSTILE, "catalog": HOSTILE, "problems": [HOSTILE]}, image=image
    )
    made = Page(out)
    assert made.tags["script"] == 1
    assert not [name for _, name, _ in made.attributes if name.startswith("on")]


def test_a_preview_that_is_no_picture_or_is_gone_is_left_out(tmp_path: Path) -> None:
    made = page(tmp_path, row(previews={"source": "x", "cutout": "gone", "result": "b"}), row(1, previews={}))
    assert made.tags["img"] == 1
    assert made.text.count("no picture") == 5


def test_an_empty_run_says_so(tmp_path: Path) -> None:
    made = page(tmp_path)
    assert "Nothing was due" in made.text
    assert made.tags["article"] == 0


def test_totals(tmp_path: Path) -> None:
    rows = [row(0), row(1, cached=True), row(2, status="rejected", reason="fill"), row(3, status="failed", reason="empty_image")]
    text = re.sub(r"\s+", " ", page(tmp_path, *rows).text)
    assert "Released 2 Rejected, for review 1 Failed 1 Wall time 12.5 s" in text
    assert "Cost 0.04 EUR 0.01 an image" in text
    assert "From the store 1 " in text
    assert "Model calls 4 u2netp 4" in text


def test_bad_rows_are_shown_first_and_the_cut_is_stated(tmp_path: Path) -> None:
    rows = [row(n) for n in range(40)] + [
        row(40, status="failed", reason="empty_image"),
        row(41, status="rejected", reason="halo"),
    ]
    made = page(tmp_path, *rows, thumbnails=10)
    assert made.tags["article"] == 10
    assert "10 of 42 images are shown with pictures (at most 10)" in made.text
    assert made.text.index("SKU-41") < made.text.index("SKU-40") < made.text.index("SKU-0")
    assert made.tags["tr"] > 42  # every row is in the table


def test_thousands_of_rows(tmp_path: Path) -> None:
    rows = (row(n, status="rejected" if n % 50 == 0 else "released", reason="fill" if n % 50 == 0 else "") for n in range(3000))
    out = write_report(rows, tmp_path / "r.html", run=RUN, image=image)
    assert out.stat().st_size < 4_000_000


def test_choice_is_spread_and_deterministic() -> None:
    rows = [row(n) for n in range(1000)]
    picked = [chosen["sku"] for chosen in choose(rows, 10)]
    assert picked == [f"SKU-{n}" for n in range(0, 1000, 100)]
    assert choose(rows, 0) == []


def test_histogram_holds_every_value() -> None:
    drawn = figure("fill", "", "", [0.0, 0.5, 0.5, 1.0], [True, False, False, False])
    assert sum(int(bar.label.rsplit(" ", 1)[1]) for bar in drawn.bars) == 4
    assert (drawn.low, drawn.high, drawn.median, drawn.rejected) == (0.0, 1.0, 0.5, 1)
    assert max(bar.height for bar in drawn.bars) <= 72


def test_figures_skip_what_never_varies_and_survive_odd_values() -> None:
    rows = [
        row(n, measurements={"fill": 0.8 + n / 100, "halo": 1.0, "haze": float("nan"), "bytes": float("inf")}) for n in range(5)
    ]
    drawn = figures(rows)
    assert [shown.name for shown in drawn.main] == ["fill"]
    assert drawn.more == []
    assert [shown.name for shown in drawn.steps] == ["decode"]


def test_the_same_rows_make_the_same_page(tmp_path: Path) -> None:
    rows = [row(n) for n in range(5)]
    assert page(tmp_path, *rows).source == page(tmp_path, *rows).source


FEATURES = {"fill": 0.86, "centring_x": 0.0, "centring_y": 0.0, "ground_l": 97.0, "ground_a": 0.0, "ground_b": 0.0}


def test_consistency_names_sets_categories_and_weak_features(tmp_path: Path) -> None:
    rows = [row(n, category="Mugs", measurements=FEATURES) for n in range(9)]
    rows += [row(9, category="Lamps", measurements=FEATURES | {"fill": 0.5}), row(10, status="rejected", reason="halo")]
    text = re.sub(r"\s+", " ", page(tmp_path, *rows).text)
    assert "every feature inside its tolerance: 9 of 10" in text
    assert "90 % 9 of 10 59.58 % to 98.21 %" in text
    assert "Lamps 0/1, Mugs 9/9" in text
    assert "fill 90 %" in text
    assert "no earlier run" in text


def test_drift_is_told_by_run(tmp_path: Path) -> None:
    before = Earlier("20260101-000000-aaaa", {("white@1", "amazon-main"): FEATURES | {"fill": 0.80}})
    other = Earlier("20251231-000000-bbbb", {("other@1", "amazon-main"): FEATURES})
    made = page(tmp_path, row(0, measurements=FEATURES), earlier=[before, other])
    assert "20260101-000000-aaaa: fill 2" in made.text
    assert "bbbb" not in made.text


def test_a_templates_own_tolerances_count(tmp_path: Path) -> None:
    wide = Template(id="white", title="white", outputs=("d",), consistency={"fill": {"within": 0.5}})
    rows = [row(n, measurements=FEATURES | {"fill": 0.5 + n / 10}) for n in range(4)]
    assert "tolerance: 0 of 4" in page(tmp_path, *rows).text
    assert "tolerance: 4 of 4" in page(tmp_path, *rows, template={"white@1": wide}.get).text


def test_earlier_runs_are_those_before_over_the_same_catalogue(tmp_path: Path) -> None:
    for name, catalog, fill in (("20260101-a", "c.csv", 0.8), ("20260102-b", "other.csv", 0.7), ("20260104-d", "c.csv", 0.6)):
        write_run(tmp_path, name, catalog, fill)
    (tmp_path / "20260100-broken").mkdir()
    found = earlier_runs(RunFiles(str(tmp_path), "20260103-c"), "c.csv")
    assert [(run.run, run.medians["white@1", "amazon-main"]["fill"]) for run in found] == [("20260101-a", 0.8)]


def test_a_run_that_left_its_medians_need_not_keep_its_ledger(tmp_path: Path) -> None:
    write_run(tmp_path, "20260101-a", "c.csv", 0.8)
    files = RunFiles(str(tmp_path), "20260101-a")
    keep_medians(files, read_ledger(files))
    Path(files.path("ledger.parquet")).unlink()
    (found,) = earlier_runs(RunFiles(str(tmp_path), "20260103-c"), "c.csv")
    assert found.medians["white@1", "amazon-main"]["fill"] == 0.8


def write_run(folder: Path, name: str, catalog: str, fill: float) -> None:
    files = RunFiles(str(folder), name)
    files.make()
    files.write_json("run.json", {"catalog": catalog})
    asset = {"digest": "d", "media_type": "image/jpeg", "width": 9, "height": 9, "bytes": 1}
    report = Report(measurements={"fill": fill}, uncertainty=0.25, attempts=2, tried=("refiner",), cure="refiner")
    outcome = {"status": "released", "asset": asset, "report": report.model_dump(mode="json")}
    place = {"template": "white@1", "destination": "amazon-main", "slot": "front", "category": "Mugs"}
    result = place | {"key": "k", "shot_id": "s", "sku": "S", "title": "T", "why": "new", "outcome": outcome}
    ledger = LedgerWriter(files)
    ledger.write([ledger_row(name, result, Tariff(Prices()))])
    ledger.close()
    (kept,) = read_ledger(files)
    assert (kept["category"], kept["uncertainty"], kept["tried"], kept["cure"]) == ("Mugs", 0.25, ["refiner"], "refiner")


def test_the_least_certain_verdicts_come_first() -> None:
    rows = [row(n, status="rejected", reason="halo", uncertainty=n / 10) for n in range(5)]
    rows.append(row(5, status="rejected", reason="product_found", action="reject", uncertainty=0.9))
    assert [chosen["sku"] for chosen in choose(rows, 3)] == ["SKU-4", "SKU-3", "SKU-2"]
    assert choose(rows, 9)[-1]["sku"] == "SKU-5"
