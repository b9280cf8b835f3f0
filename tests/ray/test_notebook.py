"""`examples/nightly.ipynb` runs from top to bottom against a cluster, with the real command line."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

pytestmark = pytest.mark.ray
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "nightly.ipynb"
SAMPLES = ROOT / "examples" / "catalog"
ROWS = 2


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The first rows of the sample catalogue, with their pictures."""
    (tmp_path / "shop" / "images").mkdir(parents=True)
    lines = (SAMPLES / "catalog.csv").read_text().splitlines(keepends=True)[: ROWS + 1]
    (tmp_path / "shop" / "catalog.csv").write_text("".join(lines))
    for line in lines[1:]:
        for picture in (SAMPLES / "images").glob(f"{line.split(',')[0]}_*.jpg"):
            shutil.copy(picture, tmp_path / "shop" / "images")
    return tmp_path / "shop"


def with_parameters(notebook: Any, **values: Any) -> Any:
    """The notebook with a cell of assignments after the one tagged `parameters`."""
    place = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    notebook.cells.insert(place + 1, new_code_cell("\n".join(f"{name} = {value!r}" for name, value in values.items())))
    return notebook


def printed(notebook: Any) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output.text for output in outputs if output.output_type == "stream")


def test_the_notebook_runs(cluster: Any, shop: Path, tmp_path: Path) -> None:
    weights = os.environ.get("PACKSHOT_WEIGHTS", str(ROOT / ".packshot" / "models"))
    notebook = with_parameters(
        nbformat.read(NOTEBOOK, as_version=4),
        ADDRESS=cluster.dashboard,
        CATALOG=str(shop / "catalog.csv"),
        OUT=str(tmp_path / "out"),
        MODE="inline",
        JOB_ENV={"PACKSHOT_HOME": str(tmp_path / "home"), "PACKSHOT_WEIGHTS": weights},
        JOB_PYTHON=sys.executable,
        WAIT_S=200,
    )
    NotebookClient(notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()

    text = printed(notebook)
    summary = json.loads(next(line for line in text.splitlines() if line.startswith('{"run":')))
    assert summary["due"] == summary["released"] + summary["rejected"] + summary["failed"]
    assert summary["released"] >= 1
    images = list((tmp_path / "out").rglob("*.jpg"))
    assert len(images) == summary["released"]
    assert f"{len(images)} images in {tmp_path / 'out'}" in text
    assert any("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ()))
    assert ("attached" in text) is (summary["released"] == summary["due"])
    assert "the local Ray is gone" not in text


def test_it_is_kept_without_outputs_or_machine_paths() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert all(
        not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells if cell.cell_type == "code"
    )
    assert "/home/" not in NOTEBOOK.read_text()
