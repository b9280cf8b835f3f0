"""`packshot template` as a person meets it, on a small catalogue and the fake matting model."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from pipelines import template_cli
from studio.errors import InputError, PackshotError, TemplateError
from templates.library import Library
from tests import sample

COUNT = 4
STYLE = sample.TEMPLATE + f"samples: [{', '.join(f'SKU-{i:05}' for i in range(COUNT))}]\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    sample.catalogue(tmp_path, COUNT)
    sample.art(tmp_path / "art")
    write(tmp_path, STYLE)
    return tmp_path


def write(shop: Path, text: str) -> None:
    (shop / "art" / "styles" / "tiny-grey.yaml").write_text(text)


def invoke(shop: Path, *words: str) -> Result:
    app = typer.Typer()
    template_cli.register(app)
    env = {"PACKSHOT_HOME": str(shop / "home"), "PACKSHOT_TEMPLATE_FOLDERS": json.dumps([str(shop / "art")]), "COLUMNS": "200"}
    return CliRunner().invoke(app, list(words), env=os.environ | env)


def trial(shop: Path, *words: str) -> dict[str, Any]:
    result = invoke(shop, "test", "tiny-grey", "--catalog", str(shop / "catalog.csv"), "--json", *words)
    assert result.exit_code in {0, 3}, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document | {"code": result.exit_code}


def release(shop: Path, *words: str) -> Result:
    return invoke(shop, "release", *words, "--catalog", str(shop / "catalog.csv"))


def locked(shop: Path) -> list[str]:
    """What the shop's own folder has released; Packshot's own looks have a lock of their own."""
    return [key for key in Library.default((shop / "art",)).locked() if key.startswith("tiny-")]


def refused(result: Result) -> PackshotError:
    assert isinstance(result.exception, PackshotError), result.output
    return result.exception


class TestLint:
    def test_nothing_wrong(self, shop: Path) -> None:
        assert invoke(shop, "lint").exit_code == 0
        assert invoke(shop, "lint", str(shop / "art" / "styles")).output.strip() == "nothing wrong"

    def test_one_line_a_problem(self, shop: Path) -> None:
        write(shop, STYLE + "shadw: {}\nlight: {ratio: 99}\n")
        style = shop / "art" / "styles" / "tiny-grey.yaml"
        (shop / "art" / "styles" / "b.yaml").write_text(
            "id: b\ntitle: B\noutputs: [tyny]\nqa: {fil: {max: 1}}\nprompt: {terms: [mood.calmm]}\n"
        )
        result = invoke(shop, "lint")
        assert result.exit_code == 3
        lines = result.output.splitlines()
        assert [line.split(": ")[0] for line in lines] == [
            f"{style.with_name('b.yaml')}:outputs",
            f"{style.with_name('b.yaml')}:prompt.terms",
            f"{style.with_name('b.yaml')}:qa.fil",
            f"{style}:light.ratio",
            f"{style}:shadw",
        ]
        assert "close: tiny" in lines[0]
        one = invoke(shop, "lint", str(style), "--json")
        assert [row["field"] for row in json.loads(one.stdout)] == ["light.ratio", "shadw"]

    @pytest.mark.parametrize("path", ["catalog.csv", "nowhere.yaml"])
    def test_paths_outside(self, shop: Path, path: str) -> None:
        assert isinstance(refused(invoke(shop, "lint", str(shop / path))), InputError)


class TestShowAndDiff:
    def test_every_value_with_its_origin(self, shop: Path) -> None:
        (shop / "art" / "styles" / "base.yaml").write_text("light: {softness: 0.25}\n")
        shown = json.loads(invoke(shop, "show", "tiny-grey", "--brand", "havn-lys", "--json").stdout)
        assert shown["template"]["light"]["softness"] == 0.25
        assert shown["origin"]["light.softness"] == "styles/base.yaml"
        assert shown["origin"]["light.temperature_k"] == "brands/havn-lys.yaml"
        table = invoke(shop, "show", "tiny-grey").output
        assert "light.softness" in table
        assert "styles/base.yaml" in table

    def test_differences(self, shop: Path) -> None:
        result = invoke(shop, "diff", "tiny-grey", "amazon-white", "--json")
        assert result.exit_code == 3
        assert json.loads(result.stdout)["outputs"] == {"before": ["tiny"], "after": ["amazon-main"]}
        assert invoke(shop, "diff", "tiny-grey", "tiny-grey@1").exit_code == 0


class TestTrial:
    def test_a_style_that_was_never_released(self, shop: Path) -> None:
        document = trial(shop)
        assert (document["code"], document["model_calls"]) == (0, {"fake-matte": COUNT})
        assert [row["status"] for row in document["samples"]] == ["released"] * COUNT
        page = Path(document["page"]).read_text()
        assert page.count("data:image/jpeg") == COUNT
        assert "nothing to compare with" in page

    def test_another_ground_reuses_every_cut_out(self, shop: Path) -> None:
        assert release(shop, "tiny-grey").exit_code == 0
        write(shop, STYLE.replace("version: 1", "version: 2").replace("#f4f4f4", "#ddeeff"))
        document = trial(shop)
        assert document["model_calls"] == {}
        assert not any(row["same"] for row in document["samples"])
        page = Path(document["page"]).read_text()
        assert page.count("data:image/jpeg") == 2 * COUNT
        assert "background.colour" in page
        assert "Compared with the released tiny-grey@1" in page

    def test_what_changes_no_pixel_makes_the_same_files(self, shop: Path) -> None:
        release(shop, "tiny-grey")
        write(shop, STYLE.replace("version: 1", "version: 2").replace("Tiny grey", "Tiny"))
        assert all(row["same"] for row in trial(shop)["samples"])

    def test_samples_must_be_there(self, shop: Path) -> None:
        write(shop, sample.TEMPLATE)
        assert "samples: none is named" in refused(invoke(shop, "test", "tiny-grey")).message
        write(shop, sample.TEMPLATE + "samples: [NO-SUCH]\n")
        assert "NO-SUCH is not in" in refused(invoke(shop, "test", "tiny-grey")).message


class TestRelease:
    def test_a_release_locks(self, shop: Path) -> None:
        result = release(shop, "tiny-grey")
        assert result.exit_code == 0, result.output
        assert (shop / "art" / "released" / "tiny-grey@1.json").is_file()
        assert locked(shop) == ["tiny-grey@1"]
        assert "nothing to release" in release(shop, "tiny-grey").output
        write(shop, STYLE.replace("#f4f4f4", "#ddeeff"))
        wrong = refused(invoke(shop, "show", "tiny-grey"))
        assert isinstance(wrong, TemplateError)
        assert "tiny-grey@1 is released and would change in background.colour; raise version" in wrong.message

    def test_one_under_its_thresholds_is_refused(self, shop: Path) -> None:
        write(shop, STYLE.replace("halo: {max: 100}", "halo: {max: 100}, fill: {min: 0.99}"))
        result = release(shop, "tiny-grey")
        assert result.exit_code == 3
        assert "refused tiny-grey@1: 4 of 4 samples fell" in result.output
        assert not (shop / "art" / "released").exists()
        assert locked(shop) == []

    def test_names_or_all(self, shop: Path) -> None:
        assert release(shop).exit_code == 2
        assert release(shop, "tiny-grey", "--all").exit_code == 2
