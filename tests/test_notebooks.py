"""The notebooks run from the first cell to the last, and what is stored is what their scripts say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "docs" / "notebooks").glob("*.cells"))


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_notebooks", ROOT / "scripts" / "write_notebooks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_two() -> None:
    assert [script.stem for script in SCRIPTS] == ["bring-your-own-videos", "compare-methods"]


def test_cells_are_what_stands_between_the_marks(writer: ModuleType) -> None:
    text = "# %% [markdown]\n# # Title\n#\n# words\n\n# %%\nx = 1\n# a remark\n"
    assert writer.cells_of("\n" + text) == [("markdown", "# Title\n\nwords"), ("code", "x = 1\n# a remark")]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_the_stored_notebook_has_the_cells_of_its_script_and_printed_no_error(writer: ModuleType, script: Path) -> None:
    stored = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    nbformat.validate(stored)
    made = writer.notebook_of(script)
    assert [(cell.cell_type, cell.source) for cell in stored.cells] == [
        (cell.cell_type, cell.source) for cell in made.cells
    ], f"run: python scripts/write_notebooks.py {script.stem}"
    outputs = [output for cell in stored.cells for output in cell.get("outputs", [])]
    assert outputs and all(output.output_type != "error" for output in outputs)
    assert script.with_suffix(".ipynb").stat().st_size < 600_000


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_it_runs_from_the_first_cell_to_the_last(writer: ModuleType, script: Path, tmp_path: Path) -> None:
    done = writer.run(writer.notebook_of(script), tmp_path)
    said = "".join(
        output.get("text", "") for cell in done.cells for output in cell.get("outputs", []) if "text" in output
    )
    assert "visavox:" not in said, said  # how an error of a command begins
