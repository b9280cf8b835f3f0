"""`packshot qa` on files of others: table, JSON, JUnit, marked pictures, exit codes, with the real models."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
import typer
from PIL import Image, ImageDraw, ImageFont
from typer.testing import CliRunner

from pipelines.qa_cli import register

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / ".packshot" / "models"
PHOTO = ROOT / "tests" / "golden" / "inputs"
pytestmark = pytest.mark.skipif(not (WEIGHTS / "u2netp.onnx").is_file(), reason="weights are fetched by `make setup`")


def packshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    monkeypatch.setenv("PACKSHOT_WEIGHTS", str(WEIGHTS))
    monkeypatch.setenv("PACKSHOT_HOME", str(tmp_path / "home"))
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    result = CliRunner().invoke(app, ["qa", *arguments])
    return result.exit_code, result.stdout


def mug(path: Path, side: int = 1600, *, ground: int = 255, fill: float = 0.9, text: str = "") -> Path:
    """The sample mug in the middle of a plain ground, with a line of lettering above it where one is given."""
    rgb = Image.open(PHOTO / "NL-MUG-01.jpg").convert("RGB")
    alpha = Image.open(PHOTO / "NL-MUG-01_alpha.png").convert("L")
    box = alpha.point(lambda v: 255 * (v > 127)).getbbox()
    scale = side * fill / max(box[2] - box[0], box[3] - box[1])
    size = round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale)
    page = Image.new("RGB", (side, side), (ground,) * 3)
    product, mask = rgb.crop(box).resize(size, Image.Resampling.LANCZOS), alpha.crop(box).resize(size, Image.Resampling.LANCZOS)
    page.paste(product, ((side - size[0]) // 2, (side - size[1]) // 2), mask)
    if text:
        ImageDraw.Draw(page).text((side * 0.06, side * 0.05), text, fill=(180, 20, 20), font=ImageFont.load_default(side * 0.05))
    page.save(path, "JPEG", quality=95, subsampling=0, dpi=(300, 300))
    return path


def test_a_good_picture_passes_all_that_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = mug(tmp_path / "good.jpg")
    code, text = packshot(tmp_path, monkeypatch, str(file), "-d", "amazon-main", "--json", "--without", "text_beside")
    document = json.loads(text)
    broken = [finding["rule"] for finding in document["files"][0]["findings"] if not finding["passed"]]
    assert (broken, code) == ([], 0)
    rules = {finding["rule"]: finding for finding in document["files"][0]["findings"]}
    assert rules["fill"]["value"] == pytest.approx(0.9, abs=0.01)
    assert rules["fill"]["min"] == 0.85
    assert "85 % rule" in rules["fill"]["source"]


def test_what_fails_is_named_marked_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grey, small = mug(tmp_path / "grey.jpg", ground=247), mug(tmp_path / "small.jpg", 800)
    report, pages = tmp_path / "report.xml", tmp_path / "pages"
    files = [str(grey), str(small), "-d", "amazon-main", "--without", "text_beside"]
    code, text = packshot(tmp_path, monkeypatch, *files, "--junit", str(report), "--annotate", str(pages))
    assert code == 3
    assert "FAIL" in text
    suites = {suite.get("name"): suite for suite in Xml.parse(report).getroot()}
    failed = {name: {case.get("name") for case in suite if case.find("failure") is not None} for name, suite in suites.items()}
    assert failed[str(grey)] == {"white_purity_error", "white_far", "white_border"}
    assert failed[str(small)] == {"pixels_longest"}
    assert suites[str(grey)].get("failures") == "3"
    page = np.asarray(Image.open(pages / "grey.jpg.png").convert("RGB")).astype(int)
    corner = page[20:60, 20:60].reshape(-1, 3).mean(axis=0)
    assert np.abs(corner - 247).max() > 60, "the off-white ground is tinted"


def test_a_file_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad\u0001.jpg"
    bad.write_bytes(b"no picture")
    report = tmp_path / "report.xml"
    code, text = packshot(
        tmp_path, monkeypatch, str(bad), str(tmp_path / "none.jpg"), "-d", "ebay", "--json", "--junit", str(report)
    )
    assert code == 3
    assert [one["error"]["code"] for one in json.loads(text)["files"]] == ["unknown_format", "invalid_image"]
    assert len(Xml.parse(report).findall(".//error")) == 2


@pytest.mark.skipif(not any("rec" in path.name for path in WEIGHTS.glob("*.onnx")), reason="the reading model is not fetched")
@pytest.mark.parametrize("text", ["", "SALE 50 % OFF"])
def test_lettering_beside_the_product_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    file = mug(tmp_path / "text.jpg", fill=0.7, text=text)
    code, answer = packshot(tmp_path, monkeypatch, str(file), "-d", "ebay", "--json")
    broken = [finding["rule"] for finding in json.loads(answer)["files"][0]["findings"] if not finding["passed"]]
    assert (broken, code) == ((["text_beside"], 3) if text else ([], 0))
